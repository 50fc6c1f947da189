# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What opensearch_index does: an index with the stated settings and mappings."""

from __future__ import annotations

from typing import Any, Mapping

from .._errors.exceptions import Failure
from .._kinds import index as indexes
from .._kinds.base import deleted_during_change
from .._runtime.module import Module
from .._runtime.run import Run

OPTIONS = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "default": "present", "choices": ["present", "absent"]},
    "body": {"type": "dict", "default": {}},
}


def execute(options: Mapping[str, Any], run: Run) -> dict[str, Any]:
    """Bring the index to the stated state. Raises Failure."""
    name, body = options["name"], options["body"]
    indexes.check_name(name)
    surplus = sorted(str(part) for part in body if part not in ("settings", "mappings"))
    if surplus or not all(isinstance(part, Mapping) for part in body.values()):
        raise Failure("invalid_input", f"body: may hold the mappings 'settings' and 'mappings', not {surplus or body}.")
    stored = indexes.read(run.client, name)
    if options["state"] == "absent":
        if stored is not None:
            run.perform("delete", "index", name, lambda: indexes.delete(run.client, name))
        return {"index": None, "diff": {"before": stored or {}, "after": {}}}

    wanted = {"settings": indexes.flat(body.get("settings") or {}), "mappings": dict(body.get("mappings") or {})}
    before = {} if stored is None else _shown(stored, wanted)
    if stored is None:
        run.perform("create", "index", name, lambda: indexes.create(run.client, name, **wanted))
    else:
        _change(run, name, stored, wanted)
    after = stored
    if run.changed and not run.check_mode:
        after = _written(run, name, wanted)
    return {"index": indexes.to_result(name, after or wanted), "diff": {"before": before, "after": wanted}}


def _change(run: Run, name: str, stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    settings = indexes.diff(stored["settings"], wanted["settings"])
    mappings = wanted["mappings"]
    if indexes.holds(stored["mappings"], mappings):
        mappings = {}
    indexes.check_change(stored, settings, mappings)
    # The mappings first: they are what a server refuses.
    if mappings:
        run.perform(
            "update", "index", name, lambda: indexes.put(run.client, name, "mapping", mappings), fields=["mappings"]
        )
    if settings:
        run.perform(
            "update",
            "index",
            name,
            lambda: indexes.put(run.client, name, "settings", settings),
            fields=sorted(settings),
        )


def _shown(stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The stated part of what is stored."""
    return {
        "settings": {key: stored["settings"].get(key) for key in wanted["settings"]},
        "mappings": indexes.shown(stored["mappings"], wanted["mappings"]),
    }


def _written(run: Run, name: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    stored = indexes.read(run.client, name)
    if stored is None:
        raise deleted_during_change(f"Index {name!r}")
    if _shown(stored, wanted) != wanted:
        raise Failure(
            "not_converged", f"The index {name!r} was written, yet holds {str(_shown(stored, wanted))[:500]}."
        )
    return stored


MODULE = Module(OPTIONS, execute)
