# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Request bodies of published blueprints: reads them from files, and finds placeholders that the user has to replace."""

from __future__ import annotations

import json
import re
from typing import Any, Iterator, Mapping

from ansible.module_utils.common.yaml import HAS_YAML, SafeLoader

from .._errors.exceptions import Failure

#: Maximum length of a blueprint file, in characters.
MAX_FILE_LENGTH = 1 << 20

#: The request line of the Dev Tools console before a body, as in ``POST /_plugins/_ml/connectors/_create``.
_CONSOLE_LINE = re.compile(r"\A\s*(GET|POST|PUT)\s+\S+[ \t]*\r?\n")

#: Text in triple quotes, in which the Dev Tools console writes scripts.
_TRIPLE_QUOTED = re.compile(r'"""(.*?)"""', re.DOTALL)

#: A placeholder in any text: angle brackets around words that ask the reader for a value, or around capital letters.
#: Prompts (``<|im_start|>``, ``<context>``, ``<replace_in_file>``) and Painless (``List<String>``) do not match.
_PLACEHOLDER = re.compile(
    r"<\s*(?:(?i:your(?![A-Za-z])|(?:please|enter|insert|replace|add|fill)\b)[^<>]*|[A-Z][A-Z0-9]*[ _-][A-Z0-9 _-]+)>"
)

#: In a field whose text is a single value: angle brackets around the whole text.
_WHOLE_TEXT = re.compile(r"\A\s*<[^<>]+>\s*\Z")

#: In a URL or a header, which have no other use for angle brackets: around any words.
_ANY_WORDS = re.compile(rf"<[A-Za-z][\w .-]*>|{_WHOLE_TEXT.pattern}")

#: In a credential: around words that are separated from the rest, as a generated password may contain any characters.
_SEPARATE_WORDS = re.compile(rf"(?<!\w)<[A-Za-z][\w .-]*>(?!\w)|{_WHOLE_TEXT.pattern}")

#: Name of a field -> what else is a placeholder in it.
_PLACEHOLDER_IN = {
    "name": _WHOLE_TEXT,
    "version": _WHOLE_TEXT,
    # A parameter may be a prompt, which contains tags.
    "parameters": _WHOLE_TEXT,
    "credential": _SEPARATE_WORDS,
    "headers": _ANY_WORDS,
    "url": _ANY_WORDS,
}

_PARAMETER = re.compile(r"\$\{parameters\.([^}:]+)")


def read_file(path: str) -> dict[str, Any]:
    """The mapping in a JSON or YAML file; for a request of the Dev Tools console, its body. Raises Failure."""
    try:
        with open(path, encoding="utf-8-sig") as file:
            text = file.read(MAX_FILE_LENGTH + 1)
    except (OSError, ValueError) as exc:
        # ValueError: the file is not UTF-8, or the path contains a null character.
        raise Failure("invalid_input", f"src: {path} cannot be read: {exc}") from exc
    if len(text) > MAX_FILE_LENGTH:
        raise Failure("invalid_input", f"src: {path} is longer than {MAX_FILE_LENGTH} characters.")
    body = _parse(text, path)
    if not isinstance(body, dict):
        raise Failure("invalid_input", f"src: {path} does not contain a mapping.")
    try:
        # YAML has sets, bytes, recursive values and infinite numbers, which JSON does not have.
        as_json: dict[str, Any] = json.loads(json.dumps(body, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as exc:
        raise Failure("invalid_input", f"src: {path} contains a value that JSON does not support: {exc}") from exc
    return as_json


def find_placeholders(fields: Mapping[str, Any]) -> Iterator[str]:
    """The places of placeholders such as ``<YOUR KEY>`` in a connector's fields, written as ``actions[0].url``."""
    urls = [fields.get("url"), *(action.get("url") for action in fields.get("actions") or [])]
    # A parameter that is inserted into a URL is not a prompt.
    names = _PARAMETER.findall(" ".join(str(url) for url in urls if url))
    yield from _find_placeholders(fields, "", None, {f"parameters.{name}": _ANY_WORDS for name in names})


def _find_placeholders(
    value: Any, place: str, pattern: re.Pattern[str] | None, pattern_of_place: Mapping[str, re.Pattern[str]]
) -> Iterator[str]:
    """``pattern`` is the field's own one; ``pattern_of_place`` overrides it for single places."""
    pattern = pattern_of_place.get(place, pattern)
    if isinstance(value, Mapping):
        for name, item in value.items():
            inner = f"{place}.{name}" if place else str(name)
            yield from _find_placeholders(item, inner, pattern or _PLACEHOLDER_IN.get(name), pattern_of_place)
    elif isinstance(value, (list, tuple)):
        for number, item in enumerate(value):
            yield from _find_placeholders(item, f"{place}[{number}]", pattern, pattern_of_place)
    elif isinstance(value, str) and (_PLACEHOLDER.search(value) or (pattern and pattern.search(value))):
        yield place


def _parse(text: str, path: str) -> Any:
    text = _TRIPLE_QUOTED.sub(lambda match: json.dumps(match[1]), _CONSOLE_LINE.sub("", text))
    try:
        return json.loads(text)
    except ValueError as exc:
        json_error = str(exc)
    except RecursionError as exc:
        raise Failure("invalid_input", f"src: {path} is nested too deeply.") from exc
    if not HAS_YAML:
        raise Failure(
            "invalid_input", f"src: {path} is not JSON ({json_error}), and reading YAML requires the library PyYAML."
        )
    try:
        return _load_yaml(text)
    except Exception as exc:  # the exceptions of PyYAML's versions have no common base class
        # Without the rest of the error's text, which quotes the line: it may contain a key.
        mark, problem = getattr(exc, "problem_mark", None), getattr(exc, "problem", None) or type(exc).__name__
        where = f", line {mark.line + 1}" if mark else ""
        raise Failure(
            "invalid_input", f"src: {path} is neither JSON ({json_error}) nor YAML ({problem}{where})."
        ) from None


def _load_yaml(text: str) -> Any:
    """Read YAML without its dates: what resembles one, such as the version of an API, stays text as in JSON."""

    class Loader(SafeLoader):
        yaml_implicit_resolvers = {
            first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
            for first, resolvers in SafeLoader.yaml_implicit_resolvers.items()
        }

    return Loader(text).get_single_data()
