# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Ids by name inside texts: ``${model:NAME}`` stands for the id of the model of that name, ``${agent:NAME}`` for an agent's."""

from __future__ import annotations

import re
from typing import Any, Callable, Mapping

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._resource import Kind
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._resources.agent import Agent
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._resources.model import Model
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._run import Run

#: What may stand in front of the colon, and where it is looked up.
KINDS: dict[str, type[Kind]] = {"model": Model, "agent": Agent}

_REFERENCE = re.compile(r"\$\{(" + "|".join(KINDS) + r"):([^}]+)\}")


def resolve(run: Run, value: Any) -> tuple[Any, dict[str, str]]:
    """The value, at any depth, with the ids in place of the references; and which reference became which id.

    Raises Failure where there is no such object. In check mode a warning is noted instead and the reference stays, as
    an earlier task may be about to make the object.
    """
    found: dict[str, str] = {}

    def look_up(match: re.Match[str]) -> str:
        reference, kind, name = match[0], KINDS[match[1]], match[2].strip()
        if reference not in found:
            doc = kind.find(run.client, name) if run.check_mode else kind.need(run.client, name)
            if doc is None:
                run.warn(f"There is no {kind.LABEL} {name!r} yet; this check assumes that an earlier task makes it.")
            found[reference] = doc.id if doc else reference
        return found[reference]

    return _mapped(value, lambda text: _REFERENCE.sub(look_up, text)), found


def by_reference(value: Any, found: Mapping[str, str]) -> Any:
    """The value with references in place of the ids again, for showing: an id is not known before its object is made."""

    def restored(text: str) -> str:
        for reference, object_id in found.items():
            text = text.replace(object_id, reference)
        return text

    return _mapped(value, restored)


def _mapped(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {name: _mapped(item, change) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_mapped(item, change) for item in value]
    return value
