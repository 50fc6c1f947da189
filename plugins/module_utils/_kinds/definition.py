# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The option ``definition``: a body as the API takes it, which other options complete and override."""

from __future__ import annotations

from typing import Any, Collection, Mapping

from .._errors.exceptions import Failure
from .._values.compare import without_none
from .base import Kind

#: A type -> how messages name it.
_TYPES: dict[type, str] = {dict: "a mapping", list: "a list", str: "text"}


def read_definition(kind: type[Kind], definition: Any, types: Mapping[str, type]) -> dict[str, Any]:
    """The fields of a pasted body, without those that only the server sets. ``types``: field -> its type in Python.

    Raises Failure for a value of a wrong type.
    """
    if not isinstance(definition, Mapping):
        raise Failure("invalid_input", f"definition: must be a mapping, not {str(definition)[:80]!r}.")
    fields = without_none({name: definition[name] for name in definition if name not in kind.own_fields()})
    for name, type_ in types.items():
        if name in fields and not isinstance(fields[name], type_):
            what = _TYPES[type_]
            raise Failure("invalid_input", f"definition: {name} must be {what}, not {str(fields[name])[:80]!r}.")
    return fields


def with_definition(
    kind: type[Kind],
    params: Mapping[str, Any],
    definition: Mapping[str, Any],
    merged: Collection[str],
    required: Mapping[str, Collection[str]],
) -> dict[str, Any]:
    """The validated parameters with the fields of a definition. An option overrides what the definition gives for it; of the
    fields ``merged``, each key by itself. Fields that have no option are added to ``extra_fields``.

    Raises Failure if an option lacks a key that is ``required`` in it, and so does the definition.
    """
    fields, extra = dict(definition), kind.extra_names(definition)
    completed = dict(params)
    completed["extra_fields"] = {**{name: fields.pop(name) for name in extra}, **without_none(params["extra_fields"])}
    for name, value in fields.items():
        given = completed[name]
        if given is None:
            completed[name] = value
        elif name in merged and isinstance(given, Mapping):
            completed[name] = {**value, **without_none(given)}
    for name, keys in required.items():
        missing = [key for key in keys if params[name] is not None and completed[name].get(key) is None]
        if missing:
            raise Failure("invalid_input", f"missing required arguments: {', '.join(missing)} found in {name}")
    return completed
