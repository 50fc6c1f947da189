# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Whether the cluster's settings let a connector call its URLs, and the task that makes them do so."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import Any, Iterator, Mapping

from ..._endpoints import connector_checks, trusted_pattern
from ..._endpoints.connector_checks import Call
from ..._endpoints.pattern_checks import Tester
from ..._endpoints.privacy import is_private
from ..._endpoints.trust_settings import PRIVATE_IP_ENABLED, TRUSTED, TRUSTED_PRIVATE
from ..._endpoints.url import normalize
from ..._errors.exceptions import ApiError, Failure
from ..._runtime.run import Run
from ..._values.compare import as_list
from .. import cluster_setting
from ..cluster_setting import Settings

#: What makes the cluster accept a URL, for the text before the task to add.
_ADD = "Add this task before"

#: The same in check mode, in which an earlier task of the play has changed nothing.
_ADD_OR_PLAN = f"{_ADD}, or give the settings of the one that does it as 'planned_settings'"


def warn_of_refusals(run: Run, fields: Mapping[str, Any], planned: Mapping[str, Any]) -> None:
    """In check mode, warn of URLs that the cluster would refuse with its present settings, or with those that a stack plans.

    ``planned``: the settings that an earlier task of the play would have changed. Reads the settings once. Another task of the
    play may change them, so that the check does not fail.
    """
    if not run.only_planning:
        return
    called = [call for call in connector_checks.calls(fields) if not call.has_unfilled_host]
    settings = run.reader.fact(cluster_setting.read_if_allowed) if called else None
    if settings is None:
        return
    settings = settings.with_effective(planned)
    for call in _unmatched(settings, TRUSTED, called):
        run.warn(_explained(call, TRUSTED, call.url, _ADD_OR_PLAN))
    private = [call for call in called if _is_surely_private(call)]
    if not private or PRIVATE_IP_ENABLED not in settings.names():
        return
    if as_list(settings.effective(PRIVATE_IP_ENABLED)) != ["true"]:
        places = ", ".join(f"{call.place} ({call.url})" for call in private)
        run.warn(
            f"{places} has a private address, and predictions fail until {PRIVATE_IP_ENABLED} is true. "
            f"{_ADD_OR_PLAN}: {_task({PRIVATE_IP_ENABLED: True})}"
        )
    elif not cluster_setting.is_empty(settings.effective(TRUSTED_PRIVATE)):
        for call in _unmatched(settings, TRUSTED_PRIVATE, private):
            run.warn(_explained(call, TRUSTED_PRIVATE, normalize(call.url), _ADD_OR_PLAN))


@contextmanager
def explained_refusals(run: Run, fields: Mapping[str, Any]) -> Iterator[None]:
    """Add to a refusal of the block the action, its URL, and the task that trusts it."""
    try:
        yield
    except ApiError as error:
        name = {"untrusted_endpoint": TRUSTED, "private_endpoint_refused": TRUSTED_PRIVATE}.get(error.code)
        if name and "patterns" not in error.details:
            called = connector_checks.calls(fields)
            settings = cluster_setting.read_if_allowed(run.client)
            refused = (_unmatched(settings, name, called) if settings else []) or called
            error.details["patterns"] = [trusted_pattern.exact_pattern(call.url) for call in refused]
            error.details["urls"] = {call.place: call.url for call in refused}
            notes = " ".join(_explained(call, name, call.url, _ADD) for call in refused)
            if run.client.signs:
                notes += (
                    " If Amazon refuses that task with not_offered, use an endpoint that its service trusts by default."
                )
            error.message = f"{error.message.rstrip('.')}. {notes}"
        raise


def _explained(call: Call, name: str, url: str, beginning: str) -> str:
    """That no pattern matches, and ``beginning`` with the task that adds one."""
    if "${" in url:
        return f"{call.place}: no pattern in {name} matches {call.url}."
    pattern = trusted_pattern.exact_pattern(url)
    return f"{call.place}: no pattern in {name} matches {call.url}. {beginning}: {_task({name: [pattern]})}"


def _task(settings: Mapping[str, Any]) -> str:
    """A task that sets the settings, in one line of YAML that can be pasted."""
    names = ", ".join(f"{name}: {_yaml(value)}" for name, value in settings.items())
    module = "searchops.opensearch_ml.opensearch_cluster_setting"
    return f"- {module}: {{settings: {{{names}}}, list_mode: append}}"


def _yaml(value: Any) -> str:
    if isinstance(value, list):
        # In single quotes, in which a backslash stays as it is.
        return "[" + ", ".join("'" + item.replace("'", "''") + "'" for item in value) + "]"
    return json.dumps(value)


def _unmatched(settings: Settings, name: str, called: list[Call]) -> list[Call]:
    """The calls whose URLs surely no pattern of the list matches. Empty if a pattern cannot be checked here."""
    try:
        patterns = [Tester(item) for item in as_list(settings.effective(name))]
    except Failure:
        return []
    return [call for call in called if all(pattern.matches(call.url) is False for pattern in patterns)]


def _is_surely_private(call: Call) -> bool:
    """Whether the address is private without a look-up: this machine may resolve a name otherwise than the nodes."""
    return is_private(call.complete, _taken_for_public)


def _taken_for_public(_host: str) -> list[str]:
    return ["192.0.2.1"]
