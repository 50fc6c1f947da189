# SPDX-License-Identifier: GPL-3.0-or-later
"""The JSON schema of a stack for editors: it matches the code, accepts valid declarations and refuses invalid ones."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any, Iterator

import pytest
import yaml
from jsonschema import Draft202012Validator

from ansible_collections.searchops.opensearch_ml.dev import stack_schema
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._stack import declaration
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._stack.sections import SECTIONS
from ansible_collections.searchops.opensearch_ml.plugins.modules import ml_stack

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "docs/stack.schema.json").read_text(encoding="utf-8"))

#: One item of each section, with options at every depth.
ITEMS: dict[str, dict[str, Any]] = {
    "settings": {"settings": {"plugins.ml_commons.only_run_on_ml_node": False}, "list_mode": "append"},
    "model_groups": {"name": "House", "access_mode": "restricted", "backend_roles": ["chat"]},
    "connectors": {
        "name": "House",
        "protocol": "http",
        "actions": [{"url": "https://llm.example.com/v1/chat/completions", "method": "POST", "request_body": "{}"}],
        "client_config": {"read_timeout": 60},
        "credential": {"key": "{{ vault_key }}"},
    },
    "models": {
        "name": "House",
        "connector": "House",
        "is_enabled": True,
        "rate_limiter": {"limit": 2, "unit": "MINUTES"},
        "guardrails": {"input_guardrail": {"stop_words": [{"index_name": "words", "source_fields": ["word"]}]}},
    },
    "controllers": {"model": "House", "user_rate_limiter": {"bob": {"limit": 1, "unit": "HOURS"}}},
    "memory_containers": {
        "name": "House",
        "configuration": {
            "llm_id": "House",
            "max_infer_size": 3,
            "strategies": [{"type": "SEMANTIC", "namespace": ["user_id"]}],
        },
    },
    "agents": {
        "name": "House",
        "type": "flow",
        "tools": [{"type": "MLModelTool", "parameters": {"model_id": "${model:House}"}}],
        "memory": {"type": "conversation_index", "window_size": 5},
    },
    "pipelines": {"name": "house", "type": "search", "definition": {"response_processors": []}},
}


def problems(value: Any, definition: str = "") -> list[str]:
    schema = {"$ref": f"#/$defs/{definition}", "$defs": SCHEMA["$defs"]} if definition else SCHEMA
    return [error.message for error in Draft202012Validator(schema).iter_errors(value)]


def places(value: Any, schema: Any) -> Iterator[tuple[Any, ...]]:
    """The paths of the mappings of options in an item: those for which the schema lists the keys."""
    if "$ref" in schema:
        return
    branches = [schema, *schema.get("anyOf", [])]
    for branch in branches:
        if isinstance(value, dict) and branch.get("additionalProperties") is False:
            yield ()
            for name, each in value.items():
                yield from ((name, *place) for place in places(each, branch["properties"][name]))
        if isinstance(value, list) and "items" in branch:
            for number, each in enumerate(value):
                yield from ((number, *place) for place in places(each, branch["items"]))


def test_the_file_is_up_to_date() -> None:
    assert stack_schema.TARGET.read_text(encoding="utf-8") == stack_schema.text(), "dev/run nox -s derive"


def test_it_is_a_valid_schema_without_markup() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    assert re.findall(r"\b(?:[BCEIMOPV]|RV)\([^)]*\)", json.dumps(SCHEMA)) == []


def test_the_examples_of_the_module_are_accepted() -> None:
    tasks = yaml.safe_load(ml_stack.EXAMPLES)
    examples = [task["searchops.opensearch_ml.ml_stack"] for task in tasks]
    assert examples
    assert [problems(each, "ml_stack") for each in examples] == [[]] * len(examples)


def test_examples_of_the_role_are_accepted() -> None:
    shown = re.findall(r"```yaml\n(.*?)```", (ROOT / "roles/stack/README.md").read_text(encoding="utf-8"), re.DOTALL)
    declared = [each for each in map(yaml.safe_load, shown) if "stack_connectors" in each]
    assert declared
    declared.append(yaml.safe_load((ROOT / "roles/stack/defaults/main.yml").read_text(encoding="utf-8")))
    assert [problems(each) for each in declared] == [[]] * len(declared)


def test_other_variables_and_templates_are_accepted() -> None:
    declared = {
        "llm_url": "http://ollama.example.internal:11434",
        "verify_ask": False,
        "stack_parallel": "{{ many }}",
        "stack_models": "{{ base_models + own_models }}",
        "stack_agents": ["{{ house_agent }}"],
    }
    assert problems(declared) == []


@pytest.mark.parametrize(
    "declared",
    [
        {"stack_conectors": []},
        {"stack_models": {"name": "House"}},
        {"stack_models": "House"},
        {"stack_prune": "some"},
        {"stack_parallel": "many"},
        {"stack_models": [{"connector": "House"}]},
        {"stack_models": [{"name": "House", "model_id": "aB1"}]},
        {"stack_models": [{"name": "House", "state": "there"}]},
        {"stack_models": [{"name": "House", "rate_limiter": {"unit": "FORTNIGHTS"}}]},
        {"stack_connectors": [{"name": "House", "provider": "ollama", "definition": {}}]},
        {"stack_connectors": [{"name": "House", "hosts": []}]},
        {"stack_controllers": [{"model": "House"}]},
        {"stack_pipelines": [{"name": "house", "type": "search"}]},
    ],
    ids=lambda declared: json.dumps(declared)[1:-1],
)
def test_invalid_declarations_are_refused(declared: dict[str, Any]) -> None:
    assert problems(declared)


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.option)
def test_a_misspelt_key_is_refused_at_any_depth(section: Any) -> None:
    item = ITEMS[section.option]
    declaration.make_item(section, "", item)
    assert problems({f"stack_{section.option}": [item]}) == []
    found = list(places(item, SCHEMA["$defs"][section.option]))
    assert () in found
    for place in found:
        wrong = copy.deepcopy(item)
        at: Any = wrong
        for step in place:
            at = at[step]
        at["nmae"] = "House"
        assert problems({f"stack_{section.option}": [wrong]}), place
