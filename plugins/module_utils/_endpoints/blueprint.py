# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Bodies as published blueprints print them: read from a file, and searched for placeholders that were left in."""

from __future__ import annotations

import json
import re
from typing import Any, Iterator, Mapping

from ansible.module_utils.common.yaml import HAS_YAML, SafeLoader

from .._errors.exceptions import Failure

#: A longer file is no blueprint. Bytes.
MAX_FILE_LENGTH = 1 << 20

#: The line of a console in front of a body, as in ``POST /_plugins/_ml/connectors/_create``.
_CONSOLE_LINE = re.compile(r"\A\s*(GET|POST|PUT)\s+\S+[ \t]*\r?\n")

#: Text in triple quotes, as the console writes scripts.
_TRIPLE_QUOTED = re.compile(r'"""(.*?)"""', re.DOTALL)

#: What blueprints write where the reader has to put something: angle brackets around words that ask for it, or around
#: capital letters. Prompts (``<|im_start|>``, ``<context>``, ``<replace_in_file>``) and Painless (``List<String>``) have
#: neither.
_ASKING = re.compile(
    r"<\s*(?:(?i:your(?![A-Za-z])|(?:please|enter|insert|replace|add|fill)\b)[^<>]*|[A-Z][A-Z0-9]*[ _-][A-Z0-9 _-]+)>"
)

#: Where nothing but a value is expected, any text that is angle brackets as a whole asks for one.
_WHOLE = re.compile(r"\A\s*<[^<>]+>\s*\Z")

#: In a URL or a header words in angle brackets do so anywhere, as neither has a use for them.
_ANYWHERE = re.compile(rf"<[A-Za-z][\w .-]*>|{_WHOLE.pattern}")

#: In a credential only where they stand apart: a generated password may hold any characters.
_APART = re.compile(rf"(?<!\w)<[A-Za-z][\w .-]*>(?!\w)|{_WHOLE.pattern}")

#: What asks for a value in the fields of these names, beyond what does so in any text.
_ASKING_IN = {
    "name": _WHOLE,
    "version": _WHOLE,
    # It may be a prompt, with tags of its own.
    "parameters": _WHOLE,
    "credential": _APART,
    "headers": _ANYWHERE,
    "url": _ANYWHERE,
}

_PARAMETER = re.compile(r"\$\{parameters\.([^}:]+)")


def read_file(path: str) -> dict[str, Any]:
    """The mapping that a JSON or YAML file holds; of a console's request, its body. Raises Failure."""
    try:
        with open(path, encoding="utf-8-sig") as file:
            text = file.read(MAX_FILE_LENGTH + 1)
    except (OSError, ValueError) as exc:
        # The latter for bytes that are no text, and for a path with a zero in it.
        raise Failure("invalid_input", f"src: {path} cannot be read: {exc}") from exc
    if len(text) > MAX_FILE_LENGTH:
        raise Failure("invalid_input", f"src: {path} is longer than {MAX_FILE_LENGTH} bytes, which no blueprint is.")
    body = _parsed(text, path)
    if not isinstance(body, dict):
        raise Failure("invalid_input", f"src: {path} holds no mapping.")
    try:
        # Sets, bytes, values that hold themselves and numbers without an end: YAML has them all.
        as_json: dict[str, Any] = json.loads(json.dumps(body, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as exc:
        raise Failure("invalid_input", f"src: {path} holds something that JSON has not: {exc}") from exc
    return as_json


def find_placeholders(fields: Mapping[str, Any]) -> Iterator[str]:
    """The places among a connector's fields at which a placeholder such as ``<YOUR KEY>`` was left in, as in
    ``actions[0].url``."""
    urls = [fields.get("url"), *(action.get("url") for action in fields.get("actions") or [])]
    # A parameter that becomes a part of a URL is no prompt.
    names = _PARAMETER.findall(" ".join(str(url) for url in urls if url))
    yield from _left_in(fields, "", None, {f"parameters.{name}": _ANYWHERE for name in names})


def _left_in(
    value: Any, place: str, asking: re.Pattern[str] | None, by_place: Mapping[str, re.Pattern[str]]
) -> Iterator[str]:
    asking = by_place.get(place, asking)
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from _left_in(
                item, f"{place}.{name}" if place else str(name), asking or _ASKING_IN.get(name), by_place
            )
    elif isinstance(value, (list, tuple)):
        for number, item in enumerate(value):
            yield from _left_in(item, f"{place}[{number}]", asking, by_place)
    elif isinstance(value, str) and (_ASKING.search(value) or (asking and asking.search(value))):
        yield place


def _parsed(text: str, path: str) -> Any:
    text = _TRIPLE_QUOTED.sub(lambda match: json.dumps(match[1]), _CONSOLE_LINE.sub("", text))
    try:
        return json.loads(text)
    except ValueError as exc:
        as_json = str(exc)
    except RecursionError as exc:
        raise Failure("invalid_input", f"src: {path} is nested too deeply.") from exc
    if not HAS_YAML:
        raise Failure(
            "invalid_input", f"src: {path} is no JSON ({as_json}), and for YAML the library PyYAML is missing."
        )
    try:
        return _load_yaml(text)
    except Exception as exc:  # what a YAML library raises has no common base among its versions
        # Not the whole of what it says: that quotes the line, which may hold a key.
        mark, problem = getattr(exc, "problem_mark", None), getattr(exc, "problem", None) or type(exc).__name__
        where = f", line {mark.line + 1}" if mark else ""
        raise Failure(
            "invalid_input", f"src: {path} is neither JSON ({as_json}) nor YAML ({problem}{where})."
        ) from None


def _load_yaml(text: str) -> Any:
    """YAML without its dates: what looks like one, as an API's version does, is the text that it is in JSON."""

    class Loader(SafeLoader):
        yaml_implicit_resolvers = {
            first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
            for first, resolvers in SafeLoader.yaml_implicit_resolvers.items()
        }

    return Loader(text).get_single_data()
