# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Short texts that a regular expression matches, one for each of its alternatives."""

from __future__ import annotations

import re

#: Maximum number of samples of one pattern.
MAX_SAMPLES = 64

#: Maximum number of repetitions in a sample.
_MAX_REPETITIONS = 300

#: The characters of which samples consist where the pattern leaves a choice, the preferred ones first.
_CHOICE = "a0A-._~:/?#[]@!$&'()*+,;=% \t\n<>\"\\^`{|}"

_QUANTIFIER = re.compile(r"(?:([*+?])|\{(\d+)(?:,\d*)?\})[?+]?")
_GROUP = re.compile(r"\((?:\?(?:P<\w+>|[imsx-]*:|[imsx]+(?=\))|<?[=!]))?")
_CLASS = re.compile(r"\[\^?\]?(?:\\[\s\S]|[^\]\\])*\]")
_ESCAPE = re.compile(r"\\(?:x[0-9a-fA-F]{2}|[\s\S])")


class _CannotSample(Exception):
    """The pattern has syntax that samples do not support."""


def samples(pattern: re.Pattern[str]) -> list[str]:
    """Texts that the pattern matches as a whole. Empty if none is found.

    A part that may be missing is left out and, if it is optional (``?``), added. A dot that stands alone is sampled as a
    dot, which most authors of patterns for URLs mean.
    """
    try:
        found = _Sampler(pattern.pattern).alternatives()
    except _CannotSample:
        return []
    return [text for text in found if pattern.fullmatch(text)]


class _Sampler:
    """Reads a pattern from left to right, and returns the samples of what it has read."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def alternatives(self) -> list[str]:
        """The samples of all alternatives up to a closing bracket or the end."""
        found = self._sequence()
        while self._text[self._at : self._at + 1] == "|":
            self._at += 1
            found += self._sequence()
        return list(dict.fromkeys(found))[:MAX_SAMPLES]

    def _sequence(self) -> list[str]:
        found = [""]
        while self._at < len(self._text) and self._text[self._at] not in "|)":
            piece = self._repeated()
            found = list(dict.fromkeys(before + after for before in found for after in piece))[:MAX_SAMPLES]
        return found

    def _repeated(self) -> list[str]:
        """The samples of the next atom with its quantifier."""
        start = self._at
        atom = self._atom()
        is_dot = self._text[start : self._at] == "."
        quantifier = _QUANTIFIER.match(self._text, self._at)
        if quantifier is None:
            return ["."] if is_dot else atom
        self._at = quantifier.end()
        if quantifier[1] == "?":
            return ["", *atom]
        times = min(int(quantifier[2] or quantifier[1] == "+"), _MAX_REPETITIONS)
        return [each * times for each in atom]

    def _atom(self) -> list[str]:
        char = self._text[self._at]
        if char == "(":
            return self._group()
        if char in "[\\":
            match = (_CLASS if char == "[" else _ESCAPE).match(self._text, self._at)
            if match is None:
                raise _CannotSample
            self._at = match.end()
            return [_character(match[0])]
        self._at += 1
        if char == ".":
            return ["a"]
        return [""] if char in "^$" else [char]

    def _group(self) -> list[str]:
        opening = _GROUP.match(self._text, self._at)
        if opening is None or self._text.startswith("(?P=", self._at):
            raise _CannotSample
        self._at = opening.end()
        inner = self.alternatives()
        if self._text[self._at : self._at + 1] != ")":
            raise _CannotSample
        self._at += 1
        # What surrounds a position matches no character itself.
        return [""] if opening[0].endswith(("=", "!")) else inner


def _character(piece: str) -> str:
    """A character that a class or an escape matches; empty for an escape that matches a position."""
    if piece in ("\\b", "\\B", "\\A", "\\Z"):
        return ""
    try:
        one = re.compile(piece)
    except re.error as exc:
        raise _CannotSample from exc
    found = next((char for char in _CHOICE if one.fullmatch(char)), None)
    if found is None:
        # A literal, or a class of other characters.
        found = next((char for char in map(chr, range(128)) if one.fullmatch(char)), None)
    if found is None:
        raise _CannotSample
    return found
