# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What Ansible's validation of options lacks: it turns a mapping into text, does not say how to write a list, and does not
suggest a name for a misspelt option. Also the options as results may show them, valid or not."""

from __future__ import annotations

import difflib
from typing import Any, Iterable, Iterator, Mapping

from .._values.masking import MASK
from .._values.nested import scalars

#: The types of options that take one text.
_TEXT_TYPES = ("str", "path")

#: The types of options that take a structure. Ansible also accepts its JSON.
_STRUCTURES = ("dict", "list")

Spec = Mapping[str, Mapping[str, Any]]


def option_faults(spec: Spec, given: Mapping[str, Any], place: str = "") -> Iterator[str]:
    """The unknown options among the given ones, and the mappings and lists in place of a text, and mappings in place of a list
    of mappings, at any depth.

    ``given`` are the options before Ansible converts them; ``place`` is put in front of their names.
    """
    for name, value in given.items():
        option = spec.get(str(name))
        if option is None:
            where = f"{place.rstrip('.')}: " if place else ""
            yield f"{where}unknown option {str(name)!r}{did_you_mean(str(name), spec)}"
            continue
        where = f"{place}{name}"
        if _type(option) in _TEXT_TYPES:
            yield from _text_fault(where, str(name), value, option)
        elif option.get("elements") in _TEXT_TYPES and isinstance(value, (list, tuple)):
            for number, item in enumerate(value):
                yield from _text_fault(f"{where}[{number}]", str(name), item, option)
        if option.get("elements") == "dict" and isinstance(value, Mapping):
            yield f"{where}: takes a list, not a mapping; write the mapping as an item of a list, '- ' before its first key"
            continue
        for index, inner in _inner(option, value):
            yield from option_faults(option["options"], inner, f"{where}{index}.")


def structure_faults(spec: Spec, given: Mapping[str, Any]) -> list[str]:
    """The values of a wrong structure. Ansible reports unknown options by itself."""
    return list(option_faults(spec, {name: value for name, value in given.items() if name in spec}))


def redacted(spec: Spec, given: Mapping[str, Any]) -> dict[str, Any]:
    """The options as results show them: without the values of 'no_log' options, and those that may have a secret because
    they are invalid: the values of unknown options, and texts in place of a structure, at any depth."""
    return {name: _shown(spec.get(str(name)), value) for name, value in given.items()}


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown name: the most similar known one, if any is similar."""
    near = difflib.get_close_matches(name.lower(), list(known), n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else ""


def _shown(option: Mapping[str, Any] | None, value: Any) -> Any:
    if value is None:
        return None
    if option is None or option.get("no_log"):
        return MASK
    if _type(option) in _STRUCTURES and isinstance(value, str):
        return MASK
    if option.get("elements") == "dict" and isinstance(value, (list, tuple)):
        return [_inner_shown(option, item) for item in value]
    if "options" in option and isinstance(value, Mapping):
        return _inner_shown(option, value)
    return value


def _inner_shown(option: Mapping[str, Any], value: Any) -> Any:
    if not isinstance(value, Mapping):
        return MASK
    return redacted(option["options"], value) if "options" in option else value


def _text_fault(where: str, name: str, value: Any, option: Mapping[str, Any]) -> Iterator[str]:
    if not isinstance(value, (Mapping, list, tuple)):
        return
    if name == "connector" and isinstance(value, Mapping) and {"actions", "protocol"} & set(value):
        yield f"{where}: takes the name of a connector, not its body; create it with ml_connector, and write {name}: NAME"
        return
    found = "a mapping" if isinstance(value, Mapping) else "a list"
    texts = [item for item in scalars(value) if isinstance(item, (str, int, float)) and not isinstance(item, bool)]
    known = len(texts) == 1 and not option.get("no_log")
    yield f"{where}: takes one text, not {found}; write {name}: {texts[0] if known else 'TEXT'}"


def _inner(option: Mapping[str, Any], value: Any) -> list[tuple[str, Mapping[str, Any]]]:
    """The mappings whose options the spec of this option names, each with its index as it is written."""
    if "options" not in option:
        return []
    if isinstance(value, Mapping):
        return [("", value)]
    items = enumerate(value) if isinstance(value, (list, tuple)) else ()
    return [(f"[{number}]", item) for number, item in items if isinstance(item, Mapping)]


def _type(option: Mapping[str, Any]) -> str:
    return str(option.get("type", "str"))
