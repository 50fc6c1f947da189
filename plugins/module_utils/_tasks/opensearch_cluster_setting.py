# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What opensearch_cluster_setting does: reads all settings once, writes the differing ones in one request."""

from __future__ import annotations

from typing import Any, Mapping

from .._errors.exceptions import Failure
from .._kinds import cluster_setting as settings
from .._runtime.module import Module
from .._runtime.run import Run
from .._values.walk import flatten

OPTIONS = {
    "settings": {"type": "dict", "required": True},
    "state": {"type": "str", "default": "present", "choices": ["present", "absent"]},
    "scope": {"type": "str", "default": "persistent", "choices": ["persistent", "transient"]},
    "list_mode": {"type": "str", "default": "exact", "choices": ["exact", "append", "remove"]},
    "only_where_set": {"type": "list", "elements": "str", "default": []},
    "allow_catch_all": {"type": "bool", "default": False},
}


def execute(options: Mapping[str, Any], run: Run) -> dict[str, Any]:
    """Bring the settings to the stated values. Raises Failure."""
    scope, list_mode = options["scope"], options["list_mode"]
    stated = flatten(options["settings"])
    if options["state"] == "absent":
        stated = dict.fromkeys(stated, settings.DEFAULT)
    if not stated:
        raise Failure("invalid_input", "settings: at least one must be named.")
    for name, value in stated.items():
        settings.check_items(name, value)
    if list_mode != "remove":
        for name, value in stated.items():
            settings.check(name, value, allow_catch_all=options["allow_catch_all"])

    strangers = [name for name in options["only_where_set"] if name not in stated]
    if strangers:
        raise Failure(
            "invalid_input", f"only_where_set: {', '.join(strangers)}: not among the settings that are stated."
        )

    current = settings.read(run.client)
    left_alone = {name for name in options["only_where_set"] if settings.is_empty(current.effective(name))}
    stated = {name: value for name, value in stated.items() if name not in left_alone}
    changes = {}
    for name, value in stated.items():
        if not current.knows(name):
            _unknown(run, name)
        wanted = settings.desired_value(current, scope, name, value, list_mode)
        if not settings.is_in_effect(current, scope, name, wanted):
            changes[name] = settings.request_value(wanted)
        if scope == "persistent" and name in current.transient and not settings.same(current.transient[name], wanted):
            run.warn(f"{name}: a transient value is set, which counts until the cluster restarts.")
    after = current
    if changes:
        run.perform(
            "set",
            "cluster setting",
            ", ".join(sorted(changes)),
            lambda: settings.write(run.client, scope, changes),
            scope=scope,
        )
        after = _planned(current, scope, changes) if run.check_mode else _verified(run, scope, changes)
    return {
        "settings": settings.to_result(after, stated),
        "diff": {
            "before": {name: current.scope(scope).get(name, current.effective(name)) for name in changes},
            # A reset is shown as null: which default then counts is not known before.
            "after": {name: after.scope(scope).get(name) for name in changes},
        },
    }


def _planned(current: settings.Settings, scope: str, changes: Mapping[str, Any]) -> settings.Settings:
    """What the cluster would hold after the write, scalars as the server tells them."""
    held = dict(current.scope(scope))
    for name, value in changes.items():
        if value is settings.DEFAULT:
            held.pop(name, None)
        else:
            held[name] = value if isinstance(value, list) else settings.text_of(value)
    return current._replace(**{scope: held})


def _verified(run: Run, scope: str, changes: Mapping[str, Any]) -> settings.Settings:
    after = settings.read(run.client)
    left = [name for name, value in changes.items() if not settings.is_in_effect(after, scope, name, value)]
    if left:
        raise Failure(
            "not_converged",
            f"{', '.join(left)}: written, yet the cluster holds another value. Is somebody else writing it?",
        )
    return after


def _unknown(run: Run, name: str) -> None:
    if name.startswith(settings.ML_PREFIX):
        raise Failure("unknown_setting", f"This cluster has no setting {name!r}.")
    if run.check_mode:
        run.warn(f"{name}: the cluster does not list this setting; it may refuse it.")


MODULE = Module(OPTIONS, execute)
