# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The task of opensearch_index: create an index, change its settings, mappings and aliases, or delete it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, Mapping

from .._endpoints import blueprint
from .._errors.exceptions import Failure
from .._kinds import index as indexes
from .._kinds.base import deleted_during_change
from .._operations.references import check_ids_replaced, resolve, restore_references
from .._runtime.module import Module, no_secrets, typed
from .._runtime.run import Run

SPEC = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "default": "present", "choices": ["present", "absent"]},
    "definition": {"type": "dict"},
    "src": {"type": "path"},
}

RULES = {"mutually_exclusive": [("definition", "src")]}


@dataclass(frozen=True)
class Options:
    name: str
    state: str
    definition: Mapping[str, Any] | None


def parse(params: Mapping[str, Any]) -> Options:
    """The typed options of validated parameters. Raises Failure for a file that cannot be read."""
    return typed(Options)(blueprint.with_body(params, "indexes"))


def execute(options: Options, run: Run) -> dict[str, Any]:
    """Apply the desired state of the index. Raises Failure."""
    name = options.name
    desired = _desired(options.definition or {})
    observed = indexes.read(run.client, name)
    if options.state == "absent":
        return _absent(name, run, observed)
    desired, references = _resolved(run, desired, observed)
    if observed is not None:
        observed = _with_defaults(name, run, observed, desired)
    before = {} if observed is None else _restrict(observed, desired)
    if observed is None:
        run.perform("create", "index", name, partial(indexes.create, run.client, name, **desired))
    else:
        _reconcile(name, run, observed, desired)
    after = _verify(name, run, desired) if run.changed and not run.check_mode else observed
    diff = restore_references({"before": before, "after": desired}, references)
    return {"index": indexes.to_result(name, after or desired), "diff": diff}


def _desired(definition: Mapping[str, Any]) -> dict[str, Any]:
    """The desired settings, mappings and aliases. Raises Failure."""
    unknown = sorted(str(part) for part in definition if part not in ("settings", "mappings", "aliases"))
    if unknown or not all(isinstance(part, Mapping) for part in definition.values()):
        settings = [name for name in unknown if name == "index" or name.startswith("index.")]
        raise Failure(
            "invalid_input",
            f"definition: takes the mappings 'settings', 'mappings' and 'aliases' only, not {unknown or definition}."
            + (f" Write {', '.join(settings)} below 'settings'." if settings else ""),
        )
    desired: dict[str, Any] = {
        "settings": indexes.desired_settings(definition.get("settings") or {}),
        "mappings": dict(definition.get("mappings") or {}),
    }
    if definition.get("aliases"):
        desired["aliases"] = indexes.desired_aliases(definition["aliases"])
    return desired


def _with_defaults(name: str, run: Run, observed: dict[str, Any], desired: Mapping[str, Any]) -> dict[str, Any]:
    """The observed index with the desired parameters of fields that have the server's default value."""
    mappings = indexes.with_defaults(run.client, name, observed["mappings"], desired["mappings"])
    return {**observed, "mappings": mappings}


def _resolved(
    run: Run, desired: dict[str, Any], observed: Mapping[str, Any] | None
) -> tuple[dict[str, Any], dict[str, str]]:
    """The desired settings, mappings and aliases with ids in place of references, and the id of each reference. Raises Failure."""

    def is_in_effect(parts: Any) -> bool:
        return observed is not None and _restrict(observed, parts) == parts

    resolved, references = resolve(run, desired, is_in_effect if observed else None)
    return dict(resolved), references


def _absent(name: str, run: Run, observed: Mapping[str, Any] | None) -> dict[str, Any]:
    if observed is not None:
        run.perform("delete", "index", name, partial(indexes.delete, run.client, name))
    return {"index": None, "diff": {"before": observed or {}, "after": {}}}


def _reconcile(name: str, run: Run, observed: Mapping[str, Any], desired: Mapping[str, Any]) -> None:
    """Change the settings, mappings and aliases that differ. Raises Failure if a change needs a new index."""
    settings = indexes.diff(observed["settings"], desired["settings"])
    mappings = {} if indexes.has_mappings(observed["mappings"], desired["mappings"]) else desired["mappings"]
    indexes.check_change(observed, settings, mappings)
    # The mappings first: these are what a server may refuse.
    if mappings:
        put_mapping = partial(indexes.put, run.client, name, "mapping", mappings)
        run.perform("update", "index", name, put_mapping, fields=["mappings"])
    if settings:
        put_settings = partial(indexes.put, run.client, name, "settings", settings)
        run.perform("update", "index", name, put_settings, fields=sorted(settings))
    aliases = indexes.diff_aliases(observed["aliases"], desired.get("aliases", {}))
    if aliases:
        put_aliases = partial(indexes.put_aliases, run.client, name, aliases)
        run.perform("update", "index", name, put_aliases, fields=[f"aliases.{alias}" for alias in sorted(aliases)])


def _restrict(observed: Mapping[str, Any], desired: Mapping[str, Any]) -> dict[str, Any]:
    """The observed values of the desired settings, mappings and aliases."""
    relevant: dict[str, Any] = {
        "settings": {key: observed["settings"].get(key) for key in desired["settings"]},
        "mappings": indexes.restrict_mappings(observed["mappings"], desired["mappings"]),
    }
    if "aliases" in desired:
        relevant["aliases"] = indexes.restrict_aliases(observed["aliases"], desired["aliases"])
    return relevant


def _verify(name: str, run: Run, desired: Mapping[str, Any]) -> dict[str, Any]:
    """Read the index back after a write. Raises Failure if it is gone or still differs."""
    observed = indexes.read(run.client, name)
    if observed is None:
        raise deleted_during_change(f"Index {name!r}")
    observed = _with_defaults(name, run, observed, desired)
    relevant = _restrict(observed, desired)
    if relevant != desired:
        unread = indexes.fields_without_parameters(observed["mappings"], desired["mappings"])
        raise Failure(
            "not_converged",
            f"Index {name!r} was written, but still differs: it has {str(relevant)[:500]}."
            + (
                f" If the server does not store parameters of {', '.join(unread)} because they are its defaults, remove them, or "
                "let the user read the defaults with the permission indices:admin/mappings/fields/get."
                if unread
                else ""
            ),
        )
    return observed


def check(options: Options) -> None:
    """Raises Failure for options that are invalid on every server."""
    indexes.check_name(options.name)
    check_ids_replaced(_desired(options.definition or {})["mappings"], "definition.mappings")


MODULE = Module(SPEC, execute, parse, RULES, secrets=no_secrets, check=check, objects="indexes")
