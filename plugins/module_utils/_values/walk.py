# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Walks over nested mappings and lists, such as those of JSON and YAML."""

from __future__ import annotations

from typing import Any, Callable, Iterator, Mapping


def map_scalars(value: Any, change: Callable[[Any], Any]) -> Any:
    """A copy of the value with ``change`` applied to each scalar, at any depth. Keys stay; tuples become lists."""
    if isinstance(value, Mapping):
        return {key: map_scalars(item, change) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [map_scalars(item, change) for item in value]
    return change(value)


def map_strings(value: Any, change: Callable[[str], Any]) -> Any:
    """A copy of the value with ``change`` applied to each string, at any depth. Keys stay; tuples become lists."""
    return map_scalars(value, lambda scalar: change(scalar) if isinstance(scalar, str) else scalar)


def scalars(value: Any) -> Iterator[Any]:
    """Each scalar of the value, at any depth, in order; without the keys."""
    if isinstance(value, Mapping):
        value = value.values()
    elif not isinstance(value, (list, tuple)):
        yield value
        return
    for item in value:
        yield from scalars(item)


def flatten(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings as one mapping with dotted names. A list is one value; an empty mapping adds nothing."""
    flat: dict[str, Any] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping):
            flat.update(flatten(value, f"{prefix}{name}."))
        else:
            flat[f"{prefix}{name}"] = value
    return flat
