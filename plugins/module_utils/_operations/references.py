# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Ids by name inside texts: ``${model:NAME}`` stands for the id of the model of that name, ``${agent:NAME}`` for an agent's."""

from __future__ import annotations

import re
from typing import Any, Callable, Mapping, Tuple, Type

from .._coordination.duplicates import find, need
from .._http.client import Client
from .._kinds.agent import Agent
from .._kinds.base import Kind
from .._kinds.model import Model
from .._runtime.run import Run
from .._values.walk import map_strings

#: What may stand in front of the colon, and where it is looked up.
KINDS: dict[str, type[Kind]] = {"model": Model, "agent": Agent}

#: The kind and the name or id of a reference.
_Asked = Tuple[Type[Kind], str]

_REFERENCE = re.compile(r"\$\{(" + "|".join(KINDS) + r"):([^}]+)\}")


def references_in(text: str) -> list[tuple[str, str]]:
    """The references in a text, as ("model" or "agent", name or id)."""
    return [(kind, name.strip()) for kind, name in _REFERENCE.findall(text)]


def resolve(run: Run, value: Any, fulfilled: Callable[[Any], bool] | None) -> tuple[Any, dict[str, str]]:
    """The value, at any depth, with the ids in place of the references; and which reference became which id.

    ``fulfilled`` tells of a value with ids whether all of it is so already; None where nothing is there yet. What is so
    takes one search of each kind; what a search tells may be a second old, so for a change each object is read anew.

    Raises Failure where there is no such object. In check mode a warning is noted instead and the reference stays, as
    an earlier task may be about to make the object.
    """
    asked: dict[str, _Asked] = {}

    def note(match: re.Match[str]) -> str:
        asked[match[0]] = (KINDS[match[1]], match[2].strip())
        return match[0]

    map_strings(value, lambda text: _REFERENCE.sub(note, text))
    if fulfilled:
        told = _told(run.client, asked)
        if told is not None and fulfilled(_with(value, told)):
            return _with(value, told), told
    found: dict[str, str] = {}
    for reference, (kind, name) in asked.items():
        doc = find(kind, run.client, name) if run.check_mode else need(kind, run.client, name)
        if doc is None:
            run.warn(f"There is no {kind.LABEL} {name!r} yet; this check assumes that an earlier task makes it.")
        found[reference] = doc.id if doc else reference
    return _with(value, found), found


def _told(client: Client, asked: Mapping[str, _Asked]) -> dict[str, str] | None:
    """The id for each reference as searches tell them; None unless they tell exactly one for each."""
    found: dict[str, str] = {}
    for kind in dict.fromkeys(kind for kind, _name in asked.values()):
        names = {reference: name for reference, (other, name) in asked.items() if other is kind}
        listed = list(dict.fromkeys(names.values()))
        query = {"bool": {"should": [{"terms": {"name.keyword": listed}}, {"ids": {"values": listed}}]}}
        docs = kind.search(client, query)
        for reference, name in names.items():
            ids = [doc.id for doc in docs if name in (doc.name, doc.id)]
            if len(ids) != 1:
                return None
            found[reference] = ids[0]
    return found


def _with(value: Any, found: Mapping[str, str]) -> Any:
    return map_strings(value, lambda text: _REFERENCE.sub(lambda match: found[match[0]], text))


def restore_references(value: Any, found: Mapping[str, str]) -> Any:
    """The value with references in place of the ids again, for showing: an id is not known before its object is made."""

    def restored(text: str) -> str:
        for reference, object_id in found.items():
            text = text.replace(object_id, reference)
        return text

    return map_strings(value, restored)
