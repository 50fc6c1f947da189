# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Indexes: their settings, mappings and aliases as the server stores them, and which changes need a new index."""

from __future__ import annotations

from typing import Any, Iterator, Mapping

from .._errors.exceptions import Failure, describe_shape
from .._http.client import Client, segment
from .._values.compare import without_none
from .._values.nested import flatten

#: Settings and mapping parameters that cannot be changed. A change is refused before anything is written, in check mode
#: too. There are more of them; the server's own refusal of those has the same code.
FIXED_SETTINGS = ("index.knn", "index.number_of_shards")
FIXED_PARAMETERS = ("type", "dimension", "method")

_FORBIDDEN = ' "*\\<|,>/?#:'


def check_name(name: str) -> None:
    """Raises Failure if the text cannot be the name of an index, or can match several."""
    if name in ("", ".", "..") or name != name.lower() or name[0] in "_-+" or set(name) & set(_FORBIDDEN):
        raise Failure(
            "invalid_input",
            f"{name!r} is not the name of an index: it must be lower case, without a space and any of "
            f"'{_FORBIDDEN.strip()}', and must not begin with '_', '-' or '+'.",
        )


def read(client: Client, name: str) -> dict[str, Any] | None:
    """``settings`` (dotted names), ``mappings`` and ``aliases`` of an index; None if the index does not exist. Raises Failure for an alias."""
    body = client.get(f"/{segment(name)}", {"flat_settings": "true"}, accept=(404,)).body
    if is_missing(body):
        return None
    if not isinstance(body, dict) or "error" in body:
        raise Failure("not_opensearch", f"The server answered the index as {describe_shape(body)}")
    if name not in body:
        raise Failure("invalid_input", f"name: {name!r} is an alias of {', '.join(sorted(body))}; name the index.")
    return {part: dict(body[name].get(part) or {}) for part in ("settings", "mappings", "aliases")}


def is_missing(body: Any) -> bool:
    """Whether the answer reports that the index does not exist."""
    error = body.get("error") if isinstance(body, dict) else None
    return isinstance(error, dict) and error.get("type") == "index_not_found_exception"


def desired_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as the server stores them: dotted names with the prefix ``index.``, values as text. None resets one."""
    return {
        name if name.startswith("index.") else f"index.{name}": _text(value)
        for name, value in flatten(settings).items()
    }


def diff(observed: Mapping[str, Any], desired: Mapping[str, Any]) -> dict[str, Any]:
    """The desired settings that differ."""
    return {name: value for name, value in desired.items() if observed.get(name) != value}


def desired_aliases(aliases: Mapping[str, Any]) -> dict[str, dict[str, Any] | None]:
    """Aliases as the server stores them: ``routing`` is that of indexing and of searches. None removes one. Raises Failure."""
    desired: dict[str, dict[str, Any] | None] = {}
    for alias, given in aliases.items():
        if given is None:
            desired[str(alias)] = None
            continue
        if not isinstance(given, Mapping):
            raise Failure(
                "invalid_input", f"definition: aliases: {alias} must be a mapping, such as {{}}, or null to remove it."
            )
        fields = {name: value for name, value in given.items() if value is not None and name != "routing"}
        if given.get("routing") is not None:
            fields = {"index_routing": given["routing"], "search_routing": given["routing"], **fields}
        routing = {name: str(fields[name]) for name in ("index_routing", "search_routing") if name in fields}
        desired[str(alias)] = {**fields, **routing}
    return desired


def diff_aliases(
    observed: Mapping[str, Any], desired: Mapping[str, dict[str, Any] | None]
) -> dict[str, dict[str, Any] | None]:
    """The desired aliases that differ. Of an alias, only the given fields are compared."""
    return {
        alias: None if fields is None else {**observed.get(alias, {}), **fields}
        for alias, fields in desired.items()
        if (alias in observed if fields is None else not _has_alias(observed, alias, fields))
    }


def restrict_aliases(
    observed: Mapping[str, Any], desired: Mapping[str, dict[str, Any] | None]
) -> dict[str, dict[str, Any] | None]:
    """The observed values of the desired aliases; None for one that does not exist."""
    return {
        alias: fields if fields is not None and _has_alias(observed, alias, fields) else observed.get(alias)
        for alias, fields in desired.items()
    }


def _has_alias(observed: Mapping[str, Any], alias: str, fields: Mapping[str, Any]) -> bool:
    return alias in observed and has_mappings(observed[alias], fields)


def has_mappings(observed: Any, desired: Any) -> bool:
    """Whether the observed mappings have all of the desired ones.

    Numbers and booleans are compared by their text, because the server stores some of them as text.
    """
    if isinstance(desired, Mapping):
        return isinstance(observed, Mapping) and all(
            has_mappings(observed[key], value) if key in observed else _is_implied(key, value)
            for key, value in desired.items()
        )
    if isinstance(desired, list):
        return (
            isinstance(observed, list) and len(observed) == len(desired) and all(map(has_mappings, observed, desired))
        )
    return bool(_text(observed) == _text(desired))


def with_defaults(client: Client, name: str, observed: Any, desired: Any) -> Any:
    """The observed mappings, with the values of those desired parameters of fields that the server does not store: it leaves out
    those that are its defaults, such as a ``search_analyzer`` that is the ``analyzer``. One request if there are any, which a
    user may not be permitted: then the observed mappings as they are."""
    fields = fields_without_parameters(observed, desired)
    if not fields:
        return observed
    path = f"/{segment(name)}/_mapping/field/{segment(','.join(fields))}"
    answer = client.get(path, {"include_defaults": "true"}, accept=(403, 404)).body
    entries = ((answer.get(name) if isinstance(answer, Mapping) else None) or {}).get("mappings") or {}
    defaults = {
        field: parameters
        for field, entry in entries.items()
        for parameters in (entry.get("mapping") or {}).values()
        if isinstance(parameters, Mapping)
    }
    return _completed(observed, desired, defaults, "")


def fields_without_parameters(observed: Any, desired: Any) -> list[str]:
    """The full names of the observed fields that lack a desired parameter."""
    return sorted(_fields_without_parameters(observed, desired, ""))


def _fields_without_parameters(observed: Any, desired: Any, path: str) -> Iterator[str]:
    for part in ("properties", "fields"):
        for name, field in (desired.get(part) or {}).items():
            have = (observed.get(part) or {}).get(name)
            if not isinstance(have, Mapping) or not isinstance(field, Mapping):
                continue
            if any(key not in have and key not in ("properties", "fields", "type") for key in field):
                yield f"{path}{name}"
            yield from _fields_without_parameters(have, field, f"{path}{name}.")


def _completed(observed: Any, desired: Any, defaults: Mapping[str, Mapping[str, Any]], path: str) -> Any:
    """The observed mappings with the desired parameters that ``defaults`` has of their fields, by full name."""
    completed = dict(observed)
    for part in ("properties", "fields"):
        for name, field in (desired.get(part) or {}).items():
            have = (observed.get(part) or {}).get(name)
            if not isinstance(have, Mapping) or not isinstance(field, Mapping):
                continue
            known = defaults.get(f"{path}{name}", {})
            missing = {key: known[key] for key in field if key not in have and known.get(key) is not None}
            inner = _completed(have, field, defaults, f"{path}{name}.")
            completed[part] = {**completed[part], name: {**inner, **missing}}
    return completed


def restrict_mappings(observed: Any, desired: Any) -> Any:
    """The observed mappings without keys that are not among the desired ones.

    Parts that are the same are returned as they are written in the desired ones.
    """
    if has_mappings(observed, desired):
        return desired
    if isinstance(observed, Mapping) and isinstance(desired, Mapping):
        return {
            key: restrict_mappings(observed.get(key), value)
            for key, value in desired.items()
            if key in observed or _is_implied(key, value)
        }
    return observed


def check_change(observed: Mapping[str, Any], settings: Mapping[str, Any], mappings: Mapping[str, Any]) -> None:
    """Raises Failure if a change needs a new index. ``settings`` are those that differ."""
    fixed = [name for name in FIXED_SETTINGS if name in settings]
    fixed += _fixed_parameters(observed["mappings"], mappings, "")
    if fixed:
        raise Failure(
            "index_not_changeable", f"These differ and cannot be changed in an existing index: {', '.join(fixed)}."
        )


def create(
    client: Client,
    name: str,
    settings: Mapping[str, Any],
    mappings: Mapping[str, Any],
    aliases: Mapping[str, Any] | None = None,
) -> None:
    body = {"settings": without_none(settings), "mappings": mappings, "aliases": without_none(aliases)}
    client.change("PUT", f"/{segment(name)}", {part: value for part, value in body.items() if value})


def put(client: Client, name: str, part: str, body: Mapping[str, Any]) -> None:
    """Change the ``settings`` or the ``mapping`` of an index."""
    client.change("PUT", f"/{segment(name)}/_{part}", body)


def put_aliases(client: Client, name: str, aliases: Mapping[str, Mapping[str, Any] | None]) -> None:
    """Change aliases of an index, all at once; None removes one."""
    actions = [
        {"remove": {"index": name, "alias": alias}}
        if fields is None
        else {"add": {**fields, "index": name, "alias": alias}}
        for alias, fields in aliases.items()
    ]
    client.change("POST", "/_aliases", {"actions": actions})


def delete(client: Client, name: str) -> None:
    """Delete an index with its documents, if it still exists."""
    client.change("DELETE", f"/{segment(name)}", accept=(404,))


def to_result(name: str, parts: Mapping[str, Any]) -> dict[str, Any]:
    """An index as modules return it."""
    aliases = without_none(parts.get("aliases"))
    return {"name": name, "settings": parts["settings"], "mappings": parts["mappings"], "aliases": aliases}


def _fixed_parameters(observed: Mapping[str, Any], desired: Mapping[str, Any], path: str) -> list[str]:
    """The dotted names of the parameters that differ and cannot be changed, of all fields below ``path``."""
    fixed: list[str] = []
    for name, field in (desired.get("properties") or {}).items():
        observed_field = (observed.get("properties") or {}).get(name)
        if observed_field is None or not isinstance(field, Mapping):
            continue
        with_type = {"type": "object", **observed_field}
        fixed += [
            f"{path}{name}.{parameter}"
            for parameter in FIXED_PARAMETERS
            if parameter in field and not has_mappings(with_type.get(parameter), field[parameter])
        ]
        fixed += _fixed_parameters(observed_field, field, f"{path}{name}.")
    return fixed


def _is_implied(key: str, value: Any) -> bool:
    """Whether the server omits this: the type of a field that has fields below it is object."""
    return key == "type" and value == "object"


def _text(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_text(item) for item in value]
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, (int, float)) else value
