# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Replaces the ids of models, agents, connectors and memory containers by references such as ``${model:name}``, for the
export."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any, Iterable, Iterator, Mapping

from .._kinds.base import Doc
from .._operations.references import ID_KEYS
from .._values.compare import text_of
from .._values.nested import map_strings

#: A word that may be an id. An id that is part of a longer word is not one.
_WORD = re.compile(r"[A-Za-z0-9_-]+")


class References:
    """Replaces ids by references. :meth:`obstacle` returns why a value cannot be expressed by references."""

    def __init__(self, docs_of: Mapping[str, Iterable[Doc]]) -> None:
        """``docs_of``: the word of a reference, such as ``model``, -> all objects of its kind."""
        self._references: dict[str, str] = {}
        self._obstacles: dict[str, str] = {}
        self._descriptions: dict[str, str] = {}
        for kind, docs in ((kind, list(docs)) for kind, docs in docs_of.items()):
            times = Counter(doc.name for doc in docs)
            for doc in docs:
                description = f"It uses {kind.replace('_', ' ')} {doc.name!r}"
                self._descriptions[doc.id] = description
                self._references[doc.id] = f"${{{kind}:{doc.name}}}"
                if times[doc.name] > 1:
                    self._obstacles[doc.id] = f"{description}, which is one of {times[doc.name]} of this name."
                elif "}" in doc.name or doc.name != doc.name.strip():
                    self._obstacles[doc.id] = f"{description}, whose name no reference can hold."

    def exclude(self, object_id: str) -> None:
        """Record that the declaration does not contain this object, so that nothing in it can refer to the object."""
        if object_id in self._descriptions:
            self._obstacles.setdefault(object_id, f"{self._descriptions[object_id]}, which is left out.")

    def replace_ids(self, value: Any) -> Any:
        """The value with references in place of ids, at any depth."""
        return map_strings(value, self._replace_in_text)

    def _replace_in_text(self, text: str) -> str:
        return _WORD.sub(lambda word: self._references.get(word[0], word[0]), text)

    def obstacle(self, value: Any) -> str | None:
        """Why a value cannot be declared with references; None if it can."""
        words = dict.fromkeys(_WORD.findall(text_of(value)))
        known = next((self._obstacles[word] for word in words if word in self._obstacles), None)
        missing = (each for each in used_ids(value) if each not in self._references and each not in self._obstacles)
        return known or next((f"It uses {each}, which is gone." for each in missing), None)


def used_ids(value: Any) -> Iterator[str]:
    """The ids under :data:`references.ID_KEYS` at any depth, without the placeholders that are filled when the agent runs."""
    if isinstance(value, Mapping):
        for name, each in value.items():
            if name in ID_KEYS and isinstance(each, str) and each and "${" not in each:
                yield each
            else:
                yield from used_ids(each)
    elif isinstance(value, list):
        for each in value:
            yield from used_ids(each)
