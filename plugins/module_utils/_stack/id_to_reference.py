# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Names in the places of ids: the references of a declaration to models and agents, and what none can be made to."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any, Iterable, Iterator, Mapping

from .._kinds.base import Doc
from .._values.compare import text_of
from .._values.walk import map_strings

#: What an id is made of; one that is a part of a longer word is none.
_WORD = re.compile(r"[A-Za-z0-9_-]+")

#: Under which names agents, tools and processors state what they use.
_USING = frozenset({"model_id", "default_model_id", "agent_id"})


class References:
    """Turns ids into references. ``obstacle`` tells why that cannot be done."""

    def __init__(self, models: Iterable[Doc], agents: Iterable[Doc], connectors: Iterable[Doc]) -> None:
        self._references: dict[str, str] = {}
        self._obstacles: dict[str, str] = {}
        self._told: dict[str, str] = {}
        for kind, docs in (("model", list(models)), ("agent", list(agents))):
            times = Counter(doc.name for doc in docs)
            for doc in docs:
                self._told[doc.id] = f"It uses {kind} {doc.name!r}"
                self._references[doc.id] = f"${{{kind}:{doc.name}}}"
                if times[doc.name] > 1:
                    self._obstacles[doc.id] = f"{self._told[doc.id]}, which is one of {times[doc.name]} of this name."
                elif "}" in doc.name or doc.name != doc.name.strip():
                    self._obstacles[doc.id] = f"{self._told[doc.id]}, whose name no reference can hold."
        for doc in connectors:
            self._obstacles[doc.id] = f"It names connector {doc.name!r} by its id."

    def leave_out(self, object_id: str) -> None:
        """Take in that an object is no part of the declaration, so that nothing in it can refer to it."""
        self._obstacles.setdefault(object_id, f"{self._told[object_id]}, which is left out.")

    def by_name(self, value: Any) -> Any:
        """The value with references in the places of ids, at any depth."""
        return map_strings(value, lambda text: _WORD.sub(lambda word: self._references.get(word[0], word[0]), text))

    def obstacle(self, value: Any) -> str | None:
        """Why a value cannot be stated by name; None where it can."""
        used = dict.fromkeys(_WORD.findall(text_of(value)))
        known = next((self._obstacles[each] for each in used if each in self._obstacles), None)
        gone = (each for each in _using(value) if each not in self._references and each not in self._obstacles)
        return known or next((f"It uses {each}, which is gone." for each in gone), None)


def _using(value: Any) -> Iterator[str]:
    """What is stated to be used, at any depth, unless it is only known when it is used."""
    if isinstance(value, Mapping):
        for name, each in value.items():
            if name in _USING and isinstance(each, str) and each and "${" not in each:
                yield each
            else:
                yield from _using(each)
    elif isinstance(value, list):
        for each in value:
            yield from _using(each)
