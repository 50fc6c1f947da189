# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""References in texts: ``${model:NAME}``, ``${agent:NAME}`` and ``${connector:NAME}`` are replaced by the object's id."""

from __future__ import annotations

import re
from typing import Any, Callable, Mapping, NamedTuple

from .._coordination.duplicates import pick_named_or_id, unknown
from .._kinds.agent import Agent
from .._kinds.base import Doc, Kind
from .._kinds.connector.resource import Connector
from .._kinds.model import Model
from .._runtime.run import Run
from .._values.nested import map_strings, scalars

#: The word before the colon -> the kind of the object.
KINDS: dict[str, type[Kind]] = {"model": Model, "agent": Agent, "connector": Connector}

_REFERENCE = re.compile(r"\$\{(" + "|".join(KINDS) + r"):([^}]+)\}")


class _Target(NamedTuple):
    """The object that a reference means; ``name`` can also be its id."""

    kind: type[Kind]
    name: str


def references_in(text: str) -> list[tuple[str, str]]:
    """The references in a text, as (one of :data:`KINDS`, name or id)."""
    return [(kind, name.strip()) for kind, name in _REFERENCE.findall(text)]


def resolve(run: Run, value: Any, is_in_effect: Callable[[Any], bool] | None) -> tuple[Any, dict[str, str]]:
    """Replace the references in a value, at any depth, by ids. Returns the new value, and the id of each reference.

    ``is_in_effect`` returns whether the server already has the new value; None if the object does not exist yet. If the
    server has it, one search per kind is enough. For a change each object is read, as a search can be a second behind.

    Raises Failure if an object does not exist. In check mode the run warns instead and the reference stays, because an
    earlier task may create the object.
    """
    targets = _targets(value)
    found: dict[type[Kind], list[Doc]] = {}
    for kind in dict.fromkeys(target.kind for target in targets.values()):
        names = {target.name for target in targets.values() if target.kind is kind}
        found[kind] = run.reader.find(kind, [(field, name) for name in names for field in ("name", "_id")])
    if is_in_effect and sum(map(len, found.values())) == len(set(targets.values())):
        ids = _ids(run, targets, found)
        if is_in_effect(_with_ids(value, ids)):
            return _with_ids(value, ids), ids
    ids = _ids(run, targets, {kind: run.reader.reread(kind, docs) for kind, docs in found.items()})
    return _with_ids(value, ids), ids


def restore_references(value: Any, ids: Mapping[str, str]) -> Any:
    """The value with references instead of ids, for results: an id is not known before its object is created."""

    def restored(text: str) -> str:
        for reference, object_id in ids.items():
            text = text.replace(object_id, reference)
        return text

    return map_strings(value, restored)


def _targets(value: Any) -> dict[str, _Target]:
    """Each reference in the value -> the object that it means."""
    matches = (match for text in scalars(value) if isinstance(text, str) for match in _REFERENCE.finditer(text))
    return {match[0]: _Target(KINDS[match[1]], match[2].strip()) for match in matches}


def _ids(run: Run, targets: Mapping[str, _Target], found: Mapping[type[Kind], list[Doc]]) -> dict[str, str]:
    """The id of the object that each reference means; the reference itself if it does not exist."""
    ids = {}
    for reference, (kind, name) in targets.items():
        doc = pick_named_or_id(run, kind, found[kind], name)
        if doc is None and not run.check_mode:
            raise unknown(kind, name)
        if doc is None:
            run.warn_missing(f"{kind.LABEL} {name!r}")
        ids[reference] = doc.id if doc else reference
    return ids


def _with_ids(value: Any, ids: Mapping[str, str]) -> Any:
    return map_strings(value, lambda text: _REFERENCE.sub(lambda match: ids[match[0]], text))
