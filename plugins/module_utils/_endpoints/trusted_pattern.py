# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Trusted-endpoint patterns: creates exact ones from a URL, and compiles those of the user as Java does.

ML Commons matches a pattern with Java's ``Pattern.matches`` against the whole URL, and accepts patterns that do not
compile; each later connector create then fails (seen on 2.19.1 and 3.6.0).
"""

from __future__ import annotations

import re
import warnings
from typing import Callable, NamedTuple

from .._errors.exceptions import Failure

#: Python's errors for patterns that Java accepts. After one of these, the pattern cannot be checked.
_PYTHON_ONLY_ERRORS = re.compile(
    r"look-behind requires fixed-width|invalid group reference|cannot refer to|bad escape \\[GHNVX]"
)

#: Java's named character classes, as the inside of a Python class.
_JAVA_CLASSES = {
    "Alpha": "A-Za-z", "Lower": "a-z", "Upper": "A-Z", "Digit": "0-9", "Alnum": "A-Za-z0-9", "L": "A-Za-z",
    "N": "0-9", "XDigit": "0-9A-Fa-f", "Punct": "!-/:-@\\[-`{-~", "Space": r"\s", "Blank": r" \t", "ASCII": "\x00-\x7f",
    "Lu": "A-Z", "Ll": "a-z", "Nd": "0-9",
}  # fmt: skip

#: Java's escapes that Python does not have, or uses for something else: outside and inside of a character class.
_ESCAPES = {"\\z": "\\Z", "\\h": r"[ \t]", "\\H": r"[^ \t]", "\\R": r"\n", "\\X": r"[\s\S]", "\\e": "\x1b"}
_ESCAPES_IN_CLASS = {"\\h": r" \t", "\\e": "\x1b"}


class _NotChecked(re.error):
    """Java may accept the pattern; this check does not support its syntax."""


def exact_pattern(url: str) -> str:
    """The pattern that matches this URL and no other, for Java and for Python."""
    escaped = re.sub(r"([.\\+*?\[\](){}^$|])", r"\\\1", url)
    return f"^{escaped}$"


def compile_java(pattern: str) -> re.Pattern[str]:
    """The Java pattern, compiled for Python.

    Raises Failure ``invalid_regex`` if Java would not compile it either, or if this check does not support its syntax.
    """
    try:
        with warnings.catch_warnings():
            # About syntax that later versions of Python may use for set operations on classes.
            warnings.simplefilter("ignore", FutureWarning)
            return re.compile(_to_python(pattern))
    except (re.error, OverflowError, RecursionError) as exc:
        if isinstance(exc, _NotChecked) or _PYTHON_ONLY_ERRORS.search(str(exc)):
            raise Failure(
                "invalid_regex",
                f"The pattern {pattern!r} may be valid for Java, but this check does not support it: {exc}",
            ) from exc
        raise Failure("invalid_regex", f"The pattern {pattern!r} does not compile: {exc}") from exc


class _Translation:
    """State of one translation: ``class_depth`` counts the open brackets, ``flags`` collects those of ``(?i)``."""

    def __init__(self) -> None:
        self.class_depth = 0
        self.flags = ""


def _to_python(pattern: str) -> str:
    """Translate Java's syntax: quotes, classes, possessive quantifiers, named groups, anchors, flags."""
    translation = _Translation()
    translated: list[str] = []
    position = 0
    while position < len(pattern):
        syntax, match = _syntax_at(pattern, position, bool(translation.class_depth))
        if isinstance(syntax.python, str):
            translated.append(match.expand(syntax.python))
        else:
            translated.append(syntax.python(match, translation))
        position = match.end()
    flags = "".join(sorted(set(translation.flags)))
    return (f"(?{flags})" if flags else "") + "".join(translated)


def _syntax_at(pattern: str, position: int, in_class: bool) -> tuple[_Syntax, re.Match[str]]:
    """The first entry of the table that matches at a position, and its match."""
    for syntax in _SYNTAX:
        match = syntax.java.match(pattern, position) if syntax.in_class or not in_class else None
        if match:
            return syntax, match
    raise AssertionError("the last entry matches any character")


def _quoted(match: re.Match[str], _translation: _Translation) -> str:
    return re.escape(match[1])


def _named_class(match: re.Match[str], translation: _Translation) -> str:
    inside = _JAVA_CLASSES.get(match[2] or match[3])
    if inside is None:
        raise _NotChecked(f"unknown class {match[0]}", match.string)
    if match[1] == "P":
        return f"[^{inside}]"
    return inside if translation.class_depth else f"[{inside}]"


def _character_by_code(match: re.Match[str], _translation: _Translation) -> str:
    code = int(match[1], 16) if match[1] else ord(match[2]) ^ 64
    # Python refuses a code beyond Unicode itself.
    return re.escape(chr(code)) if code < 0x110000 else match[0]


def _character_by_name(match: re.Match[str], _translation: _Translation) -> str:
    raise _NotChecked("a character by its name", match.string)


def _escape(match: re.Match[str], translation: _Translation) -> str:
    if len(match[0]) == 1:
        raise re.error("nothing follows the last backslash", match.string)
    return (_ESCAPES_IN_CLASS if translation.class_depth else _ESCAPES).get(match[0], match[0])


def _open_class(match: re.Match[str], translation: _Translation) -> str:
    """Nested classes become one, as Python has none. A ``]`` right after the ``[`` is one of the characters."""
    translation.class_depth += 1
    bracket = "[" if translation.class_depth == 1 else ""
    return f"{bracket}{match[1]}\\]" if match[1] is not None else bracket


def _close_class(match: re.Match[str], translation: _Translation) -> str:
    if not translation.class_depth:
        return match[0]
    translation.class_depth -= 1
    return "" if translation.class_depth else "]"


def _inline_flags(match: re.Match[str], translation: _Translation) -> str:
    """Python accepts flags at the beginning only. Those that only Java has do not matter for URLs."""
    translation.flags += re.sub("[duU]", "", match[1])
    return ""


def _unknown_group(match: re.Match[str], _translation: _Translation) -> str:
    raise re.error("a kind of group that Java does not know", match.string)


def _no_quantifier(match: re.Match[str], _translation: _Translation) -> str:
    variable = re.compile(r"\$\{\w+\}").match(match.string, max(match.start() - 1, 0))
    if variable:
        raise re.error(f"the variable {variable[0]} was not replaced by its value", match.string)
    raise re.error("'{' begins no quantifier; write \\{", match.string)


class _Syntax(NamedTuple):
    """A piece of Java's syntax, and what it is in Python: a template for the match, or a function.

    ``in_class`` is false for what has no meaning in a character class.
    """

    java: re.Pattern[str]
    python: str | Callable[[re.Match[str], _Translation], str]
    in_class: bool = True


#: In order of precedence: the first entry that matches counts.
_SYNTAX = (
    _Syntax(re.compile(r"\\Q([\s\S]*?)(?:\\E|\Z)"), _quoted),
    _Syntax(re.compile(r"\\([pP])(?:\{(?:Is|java)?([^{}]+)\}|(\w))"), _named_class),
    _Syntax(re.compile(r"\\k<([A-Za-z][A-Za-z0-9]*)>"), r"(?P=\1)"),
    _Syntax(re.compile(r"\\x\{([0-9A-Fa-f]{1,6})\}|\\c([@-_a-z])"), _character_by_code),
    _Syntax(re.compile(r"\\N\{"), _character_by_name),
    # A boundary between graphemes is between any two characters of a URL.
    _Syntax(re.compile(r"\\b\{g\}"), "(?:)", in_class=False),
    _Syntax(re.compile(r"\\[\s\S]?"), _escape),
    _Syntax(re.compile(r"\[(?:(\^?)\])?"), _open_class),
    _Syntax(re.compile(r"\]"), _close_class),
    _Syntax(re.compile(r"\(\?<([A-Za-z][A-Za-z0-9]*)>"), r"(?P<\1>", in_class=False),
    # Atomic groups and possessive quantifiers only save time.
    _Syntax(re.compile(r"\(\?>"), "(?:", in_class=False),
    _Syntax(re.compile(r"\(\?([idmsuxU]*)(?:-[idmsuxU]+)?\)"), _inline_flags, in_class=False),
    _Syntax(re.compile(r"\(\?(?![:=!]|<[=!]|[imsx]*(-[imsx]+)?:)"), _unknown_group, in_class=False),
    _Syntax(re.compile(r"([*+?]|\{\d+(?:,\d*)?\})\+"), r"\1", in_class=False),
    _Syntax(re.compile(r"\{(?!\d+(?:,\d*)?\})"), _no_quantifier, in_class=False),
    _Syntax(re.compile(r"[\s\S]"), r"\g<0>"),
)
