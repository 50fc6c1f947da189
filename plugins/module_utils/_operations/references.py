# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""References in texts: ``${model:NAME}``, ``${agent:NAME}``, ``${connector:NAME}`` and ``${memory_container:NAME}`` are
replaced by the object's id.

Also the checks of the ids that a body has in place of references.
"""

from __future__ import annotations

import re
from typing import Any, Callable, Iterator, Mapping, NamedTuple

from .._coordination.duplicates import pick_named_or_id, unknown
from .._errors.exceptions import ApiError, Failure
from .._kinds.agent import Agent
from .._kinds.base import Doc, Kind
from .._kinds.connector.resource import Connector
from .._kinds.memory_container import MemoryContainer
from .._kinds.model import Model
from .._runtime.run import Run
from .._values.compare import decoded
from .._values.nested import map_strings, scalars

#: The word before the colon -> the kind of the object.
KINDS: dict[str, type[Kind]] = {
    "model": Model, "agent": Agent, "connector": Connector, "memory_container": MemoryContainer,
}  # fmt: skip

#: The keys under which agents, tools and processors have the id of an object -> its kind.
ID_KEYS: Mapping[str, type[Kind]] = {
    "agent_id": Agent,
    "connector_id": Connector,
    "default_model_id": Model,
    "embedding_model_id": Model,
    "llm_id": Model,
    "mcp_connector_id": Connector,
    "memory_container_id": MemoryContainer,
    "model_id": Model,
    "search_model_id": Model,
}

#: What documentation and templates have in place of an id.
_LEFT_IN = re.compile(
    r"\s*(<[^<>]*>|.*\{\{.*\}\}.*|(?i:your[_-])[\w-]+|\$\{(?i:your[_-])[\w-]+\}|[A-Z_]+_ID)\s*", re.DOTALL
)

_REFERENCE = re.compile(r"\$\{(" + "|".join(KINDS) + r"):([^}]+)\}")


class _Target(NamedTuple):
    """The object that a reference means; ``name`` can also be its id."""

    kind: type[Kind]
    name: str


class _Id(NamedTuple):
    """A text in the place of an id, and the kind of its object."""

    place: str
    kind: type[Kind]
    text: str

    @property
    def reference(self) -> str:
        """How to write a name in this place."""
        [word] = [word for word, kind in KINDS.items() if kind is self.kind]
        return f"${{{word}:NAME}}"


def check_replaced(given: Mapping[str, Any], meant: str) -> None:
    """Raises Failure for a placeholder of documentation or a template in place of what is meant: a name or an id.

    ``given`` has the values by their places.
    """
    places = [place for place, text in given.items() if _LEFT_IN.fullmatch(str(text))]
    if places:
        text = str(given[places[0]])
        raise Failure(
            "placeholder_left_in", f"{', '.join(places)}: {text!r} was not replaced by {meant}.", places=places
        )


def check_ids_replaced(body: Any, place: str) -> None:
    """Raises Failure for a placeholder of documentation or a template in the place of an id."""
    given = list(_ids_given(decoded(body), place))
    for reference in dict.fromkeys(each.reference for each in given):
        texts = {each.place: each.text for each in given if each.reference == reference}
        check_replaced(texts, f"an id, or by {reference} for a name")


def check_ids(run: Run, body: Any, place: str) -> None:
    """Raises Failure for a name in the place of an id, warns of an id that no object has: the server accepts both, and fails
    when it uses them."""
    given = [each for each in _ids_given(decoded(body), place) if "${" not in each.text]
    for kind in dict.fromkeys(each.kind for each in given):
        try:
            _check_ids_of(run, kind, [each for each in given if each.kind is kind])
        except ApiError:
            # The user may not see such objects.
            continue


def _check_ids_of(run: Run, kind: type[Kind], given: list[_Id]) -> None:
    found = run.reader.find(kind, [(field, each.text) for each in given for field in ("_id", "name")])
    ids, names = {doc.id for doc in found}, {doc.name for doc in found}
    for each in given:
        # A search can be a second behind.
        if each.text in ids or run.reader.get(kind, each.text) is not None:
            continue
        if each.text in names:
            written = each.reference.replace("NAME", each.text)
            raise Failure(
                kind.UNKNOWN_CODE,
                f"{each.place}: {each.text!r} is the name of a {kind.LABEL}, and the server takes it for an id. Write {written}.",
            )
        run.warn(
            f"{each.place}: the cluster has no {kind.LABEL} with the id {each.text!r}, or hides it from this user. Write "
            f"{each.reference} for the id of the {kind.LABEL} with this name."
        )


def _ids_given(value: Any, place: str) -> Iterator[_Id]:
    """The texts under the keys of ids, at any depth."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key in ID_KEYS and isinstance(item, str):
                yield _Id(f"{place}.{key}", ID_KEYS[key], item)
            else:
                yield from _ids_given(item, f"{place}.{key}")
    elif isinstance(value, (list, tuple)):
        for number, item in enumerate(value):
            yield from _ids_given(item, f"{place}[{number}]")


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
            run.warn_missing(kind.LABEL, name)
        ids[reference] = doc.id if doc else reference
    return ids


def _with_ids(value: Any, ids: Mapping[str, str]) -> Any:
    return map_strings(value, lambda text: _REFERENCE.sub(lambda match: ids[match[0]], text))
