# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Trusted-endpoint patterns: exact ones from a URL, and a look at foreign ones before the server gets them.

ML Commons matches a pattern with Java's ``Pattern.matches`` against the whole URL, and accepts patterns that do not
compile; each later connector create then fails (seen on 2.19.1 and 3.6.0).
"""

from __future__ import annotations

import re
import warnings

from .._errors.exceptions import Failure

#: Addresses that have nothing in common: a pattern that matches them all trusts everything. They are as long as those of
#: backends are, for patterns that count characters, such as ``.{10,}``.
_STRANGERS = (
    "http://a.host-that-has-a-long-name.example:1/",
    "https://zz-9.test.invalid/some/where?x=y",
    "http://203.0.113.7:65535/v1/chat/completions",
    "https://qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq",
)

#: What Python says of patterns that Java takes: where it says so, nothing is known of the pattern.
_PYTHON_ALONE = re.compile(
    r"look-behind requires fixed-width|invalid group reference|cannot refer to|bad escape \\[GHNVX]"
)

_JAVA_CLASSES = {
    "Alpha": "A-Za-z", "Lower": "a-z", "Upper": "A-Z", "Digit": "0-9", "Alnum": "A-Za-z0-9", "L": "A-Za-z",
    "N": "0-9", "XDigit": "0-9A-Fa-f", "Punct": "!-/:-@\\[-`{-~", "Space": r"\s", "Blank": r" \t", "ASCII": "\x00-\x7f",
    "Lu": "A-Z", "Ll": "a-z", "Nd": "0-9",
}  # fmt: skip

#: Escapes that Python has not, or has for something else.
_ESCAPES = {"\\z": "\\Z", "\\h": r"[ \t]", "\\H": r"[^ \t]", "\\R": r"\n", "\\X": r"[\s\S]", "\\e": "\x1b"}
_IN_CLASS = {"\\h": r" \t", "\\e": "\x1b"}


class _Beyond(re.error):
    """What Java may take and this check does not know."""


def exact_pattern(url: str) -> str:
    """The pattern that matches this URL and no other, for Java and for Python."""
    escaped = re.sub(r"([.\\+*?\[\](){}^$|])", r"\\\1", url)
    return f"^{escaped}$"


def compile_java(pattern: str) -> re.Pattern[str]:
    """The pattern as Python understands it. Raises Failure where Java would not compile it either, or Python cannot tell."""
    try:
        with warnings.catch_warnings():
            # Of what later versions may take for operations on classes.
            warnings.simplefilter("ignore", FutureWarning)
            return re.compile(_to_python(pattern))
    except (re.error, OverflowError, RecursionError) as exc:
        if isinstance(exc, _Beyond) or _PYTHON_ALONE.search(str(exc)):
            raise Failure(
                "invalid_regex",
                f"The pattern {pattern!r} may be right for Java, but this check does not understand it: {exc}",
            ) from exc
        raise Failure("invalid_regex", f"The pattern {pattern!r} does not compile: {exc}") from exc


def is_catch_all(pattern: str) -> bool:
    """Whether the pattern matches addresses that have nothing in common."""
    compiled = compile_java(pattern)
    return all(compiled.fullmatch(url) for url in _STRANGERS)


def _to_python(pattern: str) -> str:
    """Rewrite what Java writes otherwise: quotes, classes, possessive quantifiers, named groups, anchors, flags."""
    out: list[str] = []
    rest, in_class = pattern, 0
    flags = ""
    while rest:
        taken, text = 1, rest[0]
        if rest.startswith("\\Q"):
            quoted, _end, _tail = rest[2:].partition("\\E")
            taken, text = len(quoted) + (4 if _end else 2), re.escape(quoted)
        elif found := re.match(r"\\([pP])(?:\{(?:Is|java)?([^{}]+)\}|(\w))", rest):
            inside = _JAVA_CLASSES.get(found.group(2) or found.group(3))
            if inside is None:
                raise _Beyond(f"unknown class {found.group()}", pattern)
            negated = "^" if found.group(1) == "P" else ""
            taken, text = found.end(), inside if in_class and not negated else f"[{negated}{inside}]"
        elif found := re.match(r"\\k<([A-Za-z][A-Za-z0-9]*)>", rest):
            taken, text = found.end(), f"(?P={found.group(1)})"
        elif found := re.match(r"\\x\{([0-9A-Fa-f]{1,6})\}|\\c([@-_a-z])", rest):
            char = int(found.group(1), 16) if found.group(1) else ord(found.group(2)) ^ 64
            taken, text = found.end(), re.escape(chr(char)) if char < 0x110000 else rest
        elif rest.startswith("\\N{"):
            raise _Beyond("a character by its name", pattern)
        elif rest.startswith("\\b{g}") and not in_class:
            # Between any two characters of a URL.
            taken, text = 5, "(?:)"
        elif rest.startswith("\\"):
            if len(rest) == 1:
                raise re.error("nothing follows the last backslash", pattern)
            taken, text = 2, (_IN_CLASS if in_class else _ESCAPES).get(rest[:2], rest[:2])
        elif found := re.match(r"\[(\^?)\]", rest):
            # A bracket that closes nothing yet is one of the characters.
            in_class += 1
            taken, text = found.end(), f"[{found.group(1)}\\]" if in_class == 1 else f"{found.group(1)}\\]"
        elif rest[0] == "[":
            in_class += 1
            text = "[" if in_class == 1 else ""
        elif rest[0] == "]" and in_class:
            in_class -= 1
            text = "]" if in_class == 0 else ""
        elif not in_class and (found := re.match(r"\(\?<([A-Za-z][A-Za-z0-9]*)>", rest)):
            taken, text = found.end(), f"(?P<{found.group(1)}>"
        elif not in_class and rest.startswith("(?>"):
            taken, text = 3, "(?:"
        elif not in_class and (found := re.match(r"\(\?([idmsuxU]*)(?:-[idmsuxU]+)?\)", rest)):
            # Python knows flags at the beginning only; those that Java has alone do not matter for URLs.
            flags += re.sub("[duU]", "", found.group(1))
            taken, text = found.end(), ""
        elif not in_class and re.match(r"\(\?(?![:=!]|<[=!]|[imsx]*(-[imsx]+)?:)", rest):
            raise re.error("a kind of group that Java does not know", pattern)
        elif not in_class and (found := re.match(r"([*+?]|\{\d+(?:,\d*)?\})\+", rest)):
            taken, text = found.end(), found.group(1)
        elif not in_class and rest[0] == "{" and not re.match(r"\{\d+(,\d*)?\}", rest):
            raise re.error("'{' begins no quantifier; write \\{", pattern)
        out.append(text)
        rest = rest[taken:]
    prefix = f"(?{''.join(sorted(set(flags)))})" if flags else ""
    return prefix + "".join(out)
