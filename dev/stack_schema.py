# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes docs/stack.schema.json, with which editors check and complete the variables of the role stack. The schema is
derived from the argument specs and the documentation of the modules and the role. `dev/run nox -s derive` calls this."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any, Iterator, Mapping

import yaml
from antsibull_docs_parser.ansible_doc_text import to_ansible_doc_text
from antsibull_docs_parser.parser import Context, parse

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._stack.sections import SECTIONS, Section

COLLECTION = "ansible_collections.searchops.opensearch_ml.plugins"
ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "docs/stack.schema.json"

Schema = dict[str, Any]

#: A template in place of a value, such as a variable of a vault.
TEMPLATE: Schema = {"type": "string", "pattern": r"\{[{%]"}

_TYPES: dict[str, Schema] = {
    "str": {"type": "string"},
    "path": {"type": "string"},
    "bool": {"type": "boolean"},
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "dict": {"type": "object"},
    "list": {"type": "array"},
    "json": {"type": ["string", "object", "array"]},
}


def documented(module: str) -> Mapping[str, Any]:
    """The documented options of a module, including those of its fragments."""
    documentation = yaml.safe_load(importlib.import_module(f"{COLLECTION}.modules.{module}").DOCUMENTATION)
    options: dict[str, Any] = {}
    for fragment in documentation["extends_documentation_fragment"]:
        name, _dot, variable = fragment.removeprefix("searchops.opensearch_ml.").partition(".")
        source = importlib.import_module(f"{COLLECTION}.doc_fragments.{name}").ModuleDocFragment
        options.update(yaml.safe_load(getattr(source, (variable or "documentation").upper())).get("options") or {})
    return {**options, **documentation["options"]}


def description(option: Mapping[str, Any]) -> str:
    """The description of an option and, if documented, of each of its choices."""
    given = option["description"]
    paragraphs = [given] if isinstance(given, str) else list(given)
    choices = option.get("choices")
    if isinstance(choices, dict):
        paragraphs += [f"{choice}: {meaning}" for choice, meaning in choices.items()]
    # As ansible-doc shows it.
    return to_ansible_doc_text(parse(paragraphs, Context()), par_sep="\n")


def value_of(option: Mapping[str, Any]) -> Schema:
    """The value of an option: its type, a template, or null if it is not required."""
    kind = option.get("type", "str")
    value = dict(_TYPES[kind])
    if kind == "list":
        value["items"] = option.get("items") or value_of({**option, "type": option["elements"], "required": True})
    elif "choices" in option:
        value = {"enum": list(option["choices"])}
    elif option.get("suboptions"):
        value = object_of(option["suboptions"])
    # Ansible splits a string at commas.
    if kind == "list" and option.get("elements") == "str":
        return {"anyOf": [value, {"type": "string"}, *([] if option.get("required") else [{"type": "null"}])]}
    # A string may be a template already.
    others = [] if value == {"type": "string"} else [{"$ref": "#/$defs/template"}]
    if not option.get("required"):
        others.append({"type": "null"})
    return {"anyOf": [value, *others]} if others else value


def object_of(options: Mapping[str, Any]) -> Schema:
    """A mapping with these options only."""
    properties = {}
    for name, option in options.items():
        properties[name] = {"description": description(option), **value_of(option)}
        if option.get("default") is not None:
            properties[name]["default"] = option["default"]
    required = [name for name, option in options.items() if option.get("required")]
    return {
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        **({"required": required} if required else {}),
    }


def rules_of(section: Section) -> Iterator[Schema]:
    """The rules of a module about options that require or exclude each other."""
    for names in section.rules.get("required_one_of", []):
        yield {"anyOf": [{"required": [name]} for name in names if name != section.by_id]}
    for names in section.rules.get("mutually_exclusive", []):
        for number, name in enumerate(names):
            yield from ({"not": {"required": [name, other]}} for other in names[number + 1 :])
    for name, value, needed, *one_of in section.rules.get("required_if", []):
        # The condition also holds if the option is not given, as the value is its default.
        assert section.spec[name]["default"] == value
        then = {"anyOf": [{"required": [each]} for each in needed]} if one_of == [True] else {"required": needed}
        yield {"if": {"properties": {name: {"const": value}}}, "then": then}


def item_of(section: Section) -> Schema:
    """An item of a section: the options of its module, without those of the connection and without an id."""
    options = documented(section.module_name)
    item = object_of({name: options[name] for name in options if name in section.spec and name != section.by_id})
    rules = list(rules_of(section))
    return {**item, **({"allOf": rules} if rules else {})}


def with_sections(options: Mapping[str, Any], prefix: str = "") -> Schema:
    """The options of a stack, with the options of the modules as the items of its sections."""
    items = {
        prefix + section.option: {"anyOf": [{"$ref": f"#/$defs/{section.option}"}, {"$ref": "#/$defs/template"}]}
        for section in SECTIONS
    }
    return object_of({
        name: {**option, **({"items": items[name]} if name in items else {})} for name, option in options.items()
    })  # fmt: skip


def schema() -> Schema:
    specs = yaml.safe_load((ROOT / "roles/stack/meta/argument_specs.yml").read_text(encoding="utf-8"))
    variables = specs["argument_specs"]["main"]["options"]
    root = with_sections(variables, "stack_")
    # A file may contain the variables of other roles as well.
    del root["additionalProperties"]
    others = "|".join(name.removeprefix("stack_") for name in variables)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$comment": "Written by `dev/run nox -s derive`.",
        "title": "Variables of the role searchops.opensearch_ml.stack",
        **root,
        "patternProperties": {f"^stack_(?!(?:{others})$)": False},
        "$defs": {
            "template": TEMPLATE,
            **{section.option: item_of(section) for section in SECTIONS},
            "ml_stack": with_sections(documented("ml_stack")),
        },
    }


def text() -> str:
    """The content of the file."""
    return json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8")
    print(f"Written: {TARGET.relative_to(ROOT)}")
