# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Masks secrets in all output, in each form in which they are transferred."""

from __future__ import annotations

import base64
import json
import re
from typing import Any, Iterable
from urllib.parse import quote, quote_plus

from .nested import map_strings

MASK = "********"

#: Minimum length. A shorter secret occurs in any text by chance: masking it would damage ids and hide nothing.
MIN_SECRET_LENGTH = 4

#: Names of headers whose value is a secret.
_SENSITIVE_HEADER = re.compile(
    r"(?i)authorization|cookie|(api|access|auth|secret|subscription)[-_]?(key|token)|token|secret|password"
)

#: The values of such a header that are not secret: placeholders, and the scheme before them.
_ONLY_PLACEHOLDERS = re.compile(r"\s*([A-Za-z]+\s+)?(\$\{[^}]*\}\s*)*")


def is_literal_secret(header: str, value: str) -> bool:
    """Whether the value of a header contains a secret itself instead of a ``${credential...}`` placeholder."""
    return bool(_SENSITIVE_HEADER.search(header)) and not _ONLY_PLACEHOLDERS.fullmatch(value)


def _python_literals(text: str) -> set[str]:
    """The text as ``repr`` writes it in a longer one: which quotes it escapes depends on the rest of that."""
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
                # A mapping or list in a credential or a parameter is sent as JSON inside of JSON.
                {json.dumps(form)[1:-1] for form in escaped},
                # Messages quote answers of an unexpected structure with repr.
                *[_python_literals(form) for form in (secret, *escaped)],
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
        """All texts that are masked."""
        return set(self._forms)

    def __call__(self, value: Any) -> Any:
        """A copy of the value with the secrets masked, at any depth. Keys stay as they are."""
        return map_strings(value, self._masked)

    def _masked(self, text: str) -> str:
        for form in sorted(self._forms, key=len, reverse=True):
            text = text.replace(form, MASK)
        return text
