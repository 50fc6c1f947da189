# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Reads the request bodies of published blueprints from files."""

from __future__ import annotations

import json
import re
from typing import Any

from ansible.module_utils.common.yaml import HAS_YAML, SafeLoader

from .._errors.exceptions import Failure

#: Maximum length of a blueprint file, in characters.
MAX_FILE_LENGTH = 1 << 20

#: The request line of the Dev Tools console before a body, as in ``POST /_plugins/_ml/connectors/_create``.
_CONSOLE_LINE = re.compile(r"\A\s*(GET|POST|PUT)\s+\S+[ \t]*\r?\n")

#: Text in triple quotes, in which the Dev Tools console writes scripts.
_TRIPLE_QUOTED = re.compile(r'"""(.*?)"""', re.DOTALL)


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
        problem = re.sub(r"(['\"]).*\1", "...", str(problem))
        where = f", line {mark.line + 1}" if mark else ""
        raise Failure(
            "invalid_input", f"src: {path} is neither JSON ({json_error}) nor YAML ({problem}{where})."
        ) from None


def _load_yaml(text: str) -> Any:
    """Read YAML. What looks like a date, such as the version of an API, stays text as in JSON."""

    class Loader(SafeLoader):
        yaml_implicit_resolvers = {
            first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
            for first, resolvers in SafeLoader.yaml_implicit_resolvers.items()
        }

    return Loader(text).get_single_data()
