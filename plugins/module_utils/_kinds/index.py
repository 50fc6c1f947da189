# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Indexes: what the server stores of their settings and mappings, and what differs from what is stated."""

from __future__ import annotations

from typing import Any, Mapping

from .._errors.exceptions import Failure
from .._errors.printable import describe_shape
from .._http.client import Client, segment
from .._values.walk import flatten

#: What an index keeps for good. A change is refused before anything is written, in check mode too; there are more
#: settings and parameters of that kind, and the server's own refusal of those has the same code.
FIXED_SETTINGS = ("index.knn", "index.number_of_shards")
FIXED_PARAMETERS = ("type", "dimension", "method")

_FORBIDDEN = ' "*\\<|,>/?#:'


def check_name(name: str) -> None:
    """Raises Failure for a name that is none, or that could stand for more than one index."""
    if not name or name != name.lower() or name[0] in "_-+." or set(name) & set(_FORBIDDEN):
        raise Failure(
            "invalid_input",
            f"{name!r} is no name of an index: lower case, without a space and any of {_FORBIDDEN.strip()}, and "
            "not beginning with one of _-+.",
        )


def read(client: Client, name: str) -> dict[str, Any] | None:
    """``settings``, flat, and ``mappings`` of an index; None where there is none. Raises Failure for an alias."""
    body = client.get(f"/{segment(name)}", {"flat_settings": "true"}, accept=(404,)).body
    if missing(body):
        return None
    if not isinstance(body, dict) or "error" in body:
        raise Failure("not_opensearch", f"An index was asked for, and the answer is none: {describe_shape(body)}")
    if name not in body:
        raise Failure("invalid_input", f"name: {name!r} is an alias of {', '.join(sorted(body))}; name the index.")
    return {part: dict(body[name].get(part) or {}) for part in ("settings", "mappings")}


def missing(body: Any) -> bool:
    """Whether an answer says that there is no such index."""
    error = body.get("error") if isinstance(body, dict) else None
    return isinstance(error, dict) and error.get("type") == "index_not_found_exception"


def flat(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as the server stores them: one level, beginning with ``index.``, values as text; None is the default."""
    return {
        name if name.startswith("index.") else f"index.{name}": _text(value)
        for name, value in flatten(settings).items()
    }


def diff(stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that differ, with the values that are wanted."""
    return {name: value for name, value in wanted.items() if stored.get(name) != value}


def holds(stored: Any, wanted: Any) -> bool:
    """Whether mappings hold all that is stated. Numbers and booleans count by their text, as the server stores some so."""
    if isinstance(wanted, Mapping):
        return isinstance(stored, Mapping) and all(
            holds(stored[key], value) if key in stored else _implied(key, value) for key, value in wanted.items()
        )
    if isinstance(wanted, list):
        return isinstance(stored, list) and len(stored) == len(wanted) and all(map(holds, stored, wanted))
    return bool(_text(stored) == _text(wanted))


def shown(stored: Any, wanted: Any) -> Any:
    """What is stored of what is stated, written as it is stated where it is the same."""
    if holds(stored, wanted):
        return wanted
    if isinstance(stored, Mapping) and isinstance(wanted, Mapping):
        return {
            key: shown(stored.get(key), value) for key, value in wanted.items() if key in stored or _implied(key, value)
        }
    return stored


def check_change(stored: Mapping[str, Any], settings: Mapping[str, Any], mappings: Mapping[str, Any]) -> None:
    """Raises Failure where a difference needs a new index. ``settings`` are the differing ones."""
    fixed = [name for name in FIXED_SETTINGS if name in settings]
    fixed += _fixed_fields(stored["mappings"], mappings, "")
    if fixed:
        raise Failure("index_not_changeable", f"An index keeps these for good, and they differ: {', '.join(fixed)}.")


def create(client: Client, name: str, settings: Mapping[str, Any], mappings: Mapping[str, Any]) -> None:
    body = {"settings": {key: value for key, value in settings.items() if value is not None}, "mappings": mappings}
    client.change("PUT", f"/{segment(name)}", {part: value for part, value in body.items() if value})


def put(client: Client, name: str, part: str, body: Mapping[str, Any]) -> None:
    """Change the ``settings`` or the ``mapping`` of an index."""
    client.change("PUT", f"/{segment(name)}/_{part}", body)


def delete(client: Client, name: str) -> None:
    """Delete an index with its documents. One that is gone already is no error."""
    client.change("DELETE", f"/{segment(name)}", accept=(404,))


def to_result(name: str, stored: Mapping[str, Any]) -> dict[str, Any]:
    """An index as modules return it."""
    return {"name": name, "settings": stored["settings"], "mappings": stored["mappings"]}


def _fixed_fields(stored: Mapping[str, Any], wanted: Mapping[str, Any], path: str) -> list[str]:
    found: list[str] = []
    for name, field in (wanted.get("properties") or {}).items():
        there = (stored.get("properties") or {}).get(name)
        if there is None or not isinstance(field, Mapping):
            continue
        found += [
            f"{path}{name}.{parameter}"
            for parameter in FIXED_PARAMETERS
            if parameter in field and not holds({"type": "object", **there}.get(parameter), field[parameter])
        ]
        found += _fixed_fields(there, field, f"{path}{name}.")
    return found


def _implied(key: str, value: Any) -> bool:
    """Whether the server leaves this out: a field with fields below it is an object."""
    return key == "type" and value == "object"


def _text(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_text(item) for item in value]
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, (int, float)) else value
