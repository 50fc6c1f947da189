# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Headers whose values are taken from parameters, which OpenSearch 3.7 and later restrict.

The rules are those of the published source (ml-commons, ``AbstractConnector.validateConnectorHeaders``); they were not run on
a real server of these versions. The server checks them at each prediction, too.
"""

from __future__ import annotations

import re
from typing import Any, Iterator, Mapping

from ..._errors.exceptions import Failure
from ..._runtime import versions
from ..._runtime.run import Run
from ..._values.compare import text_of

#: Headers that must not be taken from a parameter, in lower case.
_IDENTIFYING = frozenset(
    {
        "authorization", "proxy-authorization", "cookie", "x-api-key", "x-auth-token", "x-auth-header",
        "x-forwarded-for", "x-real-ip", "x-client-ip", "cf-connecting-ip", "true-client-ip", "x-originating-ip",
        "host", "x-forwarded-host", "x-forwarded-server", "forwarded",
    }
)  # fmt: skip

_FROM_PARAMETER = re.compile(r"\$\{parameters\.[^}]+\}")


def check_parameters(run: Run, fields: Mapping[str, Any]) -> None:
    """Raises Failure for headers from parameters that the server refuses; warns if only later versions do."""
    refused = [f"{place}: the header {name!r}" for place, name in _refused(fields)]
    if not refused:
        return
    problem = f"{', '.join(refused)} takes its value from a parameter, which OpenSearch 3.7 and later refuse."
    if versions.supports(run.version, "header_checks"):
        raise Failure("header_placeholder_refused", problem)
    run.warn(f"{problem} After an upgrade, every prediction fails; use 'credential' instead.")


def _refused(fields: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The place and the name of each header that the server refuses."""
    is_mcp = str(fields.get("protocol")).startswith("mcp_")
    places = [("headers", fields.get("headers"))]
    places += [
        (f"actions[{number}]", action.get("headers")) for number, action in enumerate(fields.get("actions") or [])
    ]
    for place, headers in places:
        for name, value in (headers or {}).items():
            if _FROM_PARAMETER.search(text_of(value)) and (is_mcp or str(name).lower() in _IDENTIFYING):
                yield place, str(name)
