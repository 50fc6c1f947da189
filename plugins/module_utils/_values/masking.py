# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Keeps secrets out of everything that is shown, in each form in which they travel."""

from __future__ import annotations

import base64
import json
import re
from typing import Any, Iterable
from urllib.parse import quote, quote_plus

from .walk import map_strings

MASK = "********"

#: A shorter secret is in any text by chance: masking it would spoil ids and hide nothing.
MIN_SECRET_LENGTH = 4

#: Header names whose literal value is a secret.
_SENSITIVE_HEADER = re.compile(
    r"(?i)authorization|cookie|(api|access|auth|secret|subscription)[-_]?(key|token)|token|secret|password"
)

#: What stays readable in such a header: placeholders and the scheme in front of them.
_ONLY_PLACEHOLDERS = re.compile(r"\s*([A-Za-z]+\s+)?(\$\{[^}]*\}\s*)*")


def is_literal_secret(header: str, value: str) -> bool:
    """Whether a header carries a secret in the open instead of a ``${credential...}`` placeholder."""
    return bool(_SENSITIVE_HEADER.search(header)) and not _ONLY_PLACEHOLDERS.fullmatch(value)


def _as_python_writes(text: str) -> set[str]:
    """The text within a longer one: which quotes are escaped depends on those that are in the rest."""
    return {repr(text)[1:-1], repr(f'"{text}')[2:-1]}


class Masker:
    """Replaces each known secret, and its base64, URL-encoded and escaped forms, by :data:`MASK`."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._forms: set[str] = set()
        self.add(*secrets)

    def add(self, *secrets: str) -> None:
        for secret in secrets:
            if len(secret) < MIN_SECRET_LENGTH:
                continue
            raw = secret.encode("utf-8", "surrogateescape")
            escaped = {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
            self._forms.update(
                escaped,
                # A structure in a credential or a parameter travels as JSON inside JSON.
                {json.dumps(form)[1:-1] for form in escaped},
                # A message quotes an answer of a strange shape as Python writes it.
                *[_as_python_writes(form) for form in (secret, *escaped)],
                {
                    secret,
                    base64.b64encode(raw).decode(),
                    base64.urlsafe_b64encode(raw).decode(),
                    quote(secret, safe="", errors="surrogateescape"),
                    quote_plus(secret, errors="surrogateescape"),
                },
            )

    @property
    def forms(self) -> set[str]:
        return set(self._forms)

    def __call__(self, value: Any) -> Any:
        """The same value, at any depth, without secrets. Names of fields stay as they are."""
        return map_strings(value, self._masked)

    def _masked(self, text: str) -> str:
        for form in sorted(self._forms, key=len, reverse=True):
            text = text.replace(form, MASK)
        return text
