# SPDX-License-Identifier: GPL-3.0-or-later
"""Invalid input of every module: it is refused before anything is sent, and no secret in it reaches the result."""

from __future__ import annotations

import copy
import itertools
import json
from pathlib import Path
from typing import Any, Iterator, Mapping

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.catalogue import SECTIONS
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._http.transport import NotSent
from ansible_collections.searchops.opensearch_ml.tests.unit.support import harness
from ansible_collections.searchops.opensearch_ml.tests.unit.support.harness import MODULES, task_of

INVALID = {*SECTIONS["Invalid input, refused before anything is changed"], "invalid_pattern", "ollama_invalid_file"}

ACTION = {"url": "http://chat:8080/v1", "headers": {"Authorization": "Bearer ${credential.key}"}}
CONNECTOR = {"name": "Chat", "credential": {"key": "s"}, "actions": [ACTION]}
LONG = "x" * 300

#: By module, options that are wrong on every server.
WRONG: dict[str, list[dict[str, Any]]] = {
    "ml_agent": [
        {"name": LONG},
        {"name": {"name": "a"}},
        {"name": "a", "parameters": {"_searchops": "x"}},
        {"name": "a", "tools": [{"type": "AgentTool"}, {"type": "AgentTool"}]},
        {"name": "a", "llm": {"model_id": {"name": "m"}}},
    ],
    "ml_agent_execute": [{"agent": "a"}, {"agent": "a", "question": "q", "expect_pattern": "("}, {"agent": ["a"]}],
    "ml_agent_info": [{"name": {"name": "a"}}],
    "ml_connector": [
        {**CONNECTOR, "name": LONG},
        {**CONNECTOR, "credential": {"key": "<YOUR API KEY>"}},
        {**CONNECTOR, "credential": {"other": "s"}},
        {**CONNECTOR, "credential": {"key": "line\nbreak"}},
        {**CONNECTOR, "parameters": {"_searchops": "x"}},
        {**CONNECTOR, "actions": [{**ACTION, "url": "chat:8080"}]},
        {**CONNECTOR, "actions": [{**ACTION, "url": "http://<host>/v1"}]},
        {
            **CONNECTOR,
            "parameters": {},
            "probe": {"a": "b"},
            "actions": [{**ACTION, "request_body": "${parameters.gone}"}],
        },
        {"definition": {"name": "Chat", "protocol": "htp"}},
        {"definition": {}},
        {"name": "Chat", "src": "/no/such/file"},
        {"name": "Chat", "src": {"path": "x"}},
        {"name": "Chat", "base_url": "http://chat"},
    ],
    "ml_connector_info": [{"connector_id": ["x"]}],
    "ml_controller": [{"model": "m", "user_rate_limiter": {"joe": {"limit": 0, "unit": "DAYS"}}}],
    "ml_controller_info": [{"model": {"name": "m"}}],
    "ml_dedupe": [{"name_pattern": ["x"]}],
    "ml_mcp_tool": [{"name": "a,b"}, {"name": LONG}, {"name": "-"}, {"name": "a", "extra_fields": {"type": "x"}}],
    "ml_mcp_tool_info": [{"name_pattern": ["x"]}],
    "ml_memory_container": [
        {"name": LONG},
        {"name": "m", "configuration": {"max_infer_size": 11}},
        {"name": "m", "configuration": {"embedding_model_type": "dense"}},
        {"name": "m", "configuration": {"strategies": [{"type": "SUMMARI"}]}},
        {"name": "m", "delete_all_memories": True},
        {"definition": {"description": "x"}},
        {"name": "m", "configuration": {"extra_fields": {"llm_id": "x"}}},
    ],
    "ml_memory_container_info": [{"name": {"name": "m"}}],
    "ml_model": [
        {"name": LONG},
        {"name": "m", "connector": {"name": "c"}},
        {"name": "m", "guardrails": {"input_guardrail": {"regex": [{"x": 1}]}}},
        {"name": ""},
        {"name": "m", "wait_timeout": "nan"},
    ],
    "ml_model_group": [{"name": LONG}, {"name": "g", "backend_roles": [["a"]]}],
    "ml_model_group_info": [{"name": ["g"]}],
    "ml_model_info": [{"connector": {"name": "c"}}],
    "ml_predict": [{"model": "m"}, {"model": "m", "parameters": {"x": 1}, "expect_pattern": "("}, {"model": ["m"]}],
    "ml_profile_info": [{"model": {"name": "m"}}],
    "ml_stack": [
        {"connectors": [{**CONNECTOR, "provder": "ollama"}]},
        {"connectors": [{**CONNECTOR, "credential": {"key": "<YOUR API KEY>"}}]},
        {"models": [{"name": "m", "connector": {"name": "c"}}]},
        {"settings": [{"settings": {"plugins.ml_commons.trusted_connector_endpoints_regex": ["("]}}]},
        {"settings": [{"settings": {}}]},
        {"model_groups": [{"name": "g"}, {"name": "g"}]},
        {"agents": [{"name": LONG}]},
        {"controllers": [{"model": "m", "user_rate_limiter": {"joe": 1}}]},
        {"pipelines": [{"name": "a,b", "type": "search", "definition": {}}]},
        {"name": "a*b"},
        {"parallel": 0},
    ],
    "ml_stack_info": [{"name": "a*b"}],
    "ml_task_info": [{"model": ["m"]}],
    "ml_tool_call_check": [{"model": ["m"]}, {"model": "m", "max_predictions": 1}],
    "ollama_model": [
        {"name": "m", "wait_timeout": 0},
        {"name": "m", "system": "x"},
        {"name": "m", "from_model": "m"},
        {"name": "m", "from_file": "/no/such/file"},
        {"name": "m", "parameters": {"temperature": "warm"}},
        {"name": "m", "template": ["x"]},
    ],
    "ollama_model_info": [{"name": ["m"]}],
    "opensearch_cluster_setting": [
        {"settings": {}},
        {"settings": {"plugins.ml_commons.trusted_connector_endpoints_regex": [".*"]}},
        {"settings": {"a.b": 1}, "only_where_set": ["c.d"]},
    ],
    "opensearch_cluster_setting_info": [{"patterns": [["x"]]}],
    "opensearch_document": [{"index": "A", "documents": []}, {"index": "a", "documents": [{"id": "1"}]}],
    "opensearch_index": [{"name": "A"}, {"name": "a", "definition": {"mapping": {}}}],
    "opensearch_pipeline": [
        {"name": "a,b", "type": "search", "definition": {}},
        {"name": "a", "type": "search", "definition": {"processors": []}},
    ],
    "opensearch_pipeline_info": [{"name": ["x"]}],
    "opensearch_search": [{"index": "A"}, {"index": "a", "expect_pattern": "("}],
}


class Unreachable:
    """A server that cannot be reached."""

    def send(self, *args: Any) -> Any:
        raise NotSent("refused")

    stream = send


def test_each_module_has_wrong_options() -> None:
    assert sorted(WRONG) == MODULES


@pytest.mark.no_cover
@pytest.mark.parametrize(
    ("module", "options"), [(module, options) for module in WRONG for options in WRONG[module]], ids=str
)
@pytest.mark.parametrize("check_mode", [True, False])
def test_it_is_refused_before_the_server_is_contacted(module: str, options: dict[str, Any], check_mode: bool) -> None:
    results = [harness.run_module(module, options, Unreachable(), [], check_mode=check_mode)]
    if harness.CONTROLLER:
        results.append(harness.run_in_process(module, options, Unreachable(), [], check_mode=check_mode))
    for result in results:
        assert result["failed"]
        assert result["failure"]["code"] in INVALID, result["msg"]
        assert result["failure"]["message"].rstrip(".") in result["msg"]


#: A key of a backend. Its letters are in one case, so that a message that changes the case shows it as well.
KEY = "sk-q7f3w9z1x5"

#: Values of a wrong type or content for any option.
VALUES: list[Any] = [
    KEY,
    f"key={KEY}",
    json.dumps({"key": KEY}),
    [KEY],
    {"key": KEY},
    [[KEY]],
    [{"nested": {"key": KEY}}],
]

CREDENTIALS: list[Any] = [KEY, {"key": KEY}, {"a": {"b": [KEY]}}, json.dumps({"key": KEY}), [KEY]]

#: Options that have the key where a key belongs. Each is combined with an invalid value of each other option.
WITH_KEY: dict[str, list[dict[str, Any]]] = {
    "ml_connector": [
        *({"name": "Chat", "credential": value} for value in CREDENTIALS),
        {"name": "Chat", "provider": "openai", "api_key": KEY},
        {"definition": {"name": "Chat", "credential": {"key": KEY}}},
        {"definition": json.dumps({"name": "Chat", "credential": {"key": KEY}})},
        {"name": "Chat", "actions": [{"url": "http://chat", "headers": {"Authorization": KEY}}]},
        {"name": "Chat", "actions": [{"url": f"http://joe:{KEY}@chat"}]},
        {"name": "Chat", "actions": [{"url": "http://chat", "headers": f"Authorization: Bearer {KEY}"}]},
        {"definition": {"name": "Chat", "Credential": {"key": KEY}}},
    ],
    "ml_stack": [
        *({"connectors": [{"name": "Chat", "credential": value}]} for value in CREDENTIALS),
        {"connectors": json.dumps([{"name": "Chat", "credential": {"key": KEY}}])},
        {"connectors": {"credential": {"key": KEY}}},
        {"connectors": [{"name": "Chat", "actions": 5, "credential": {"key": KEY}}]},
        {"connectors": [{"name": "Chat", "definition": [{"credential": KEY}]}]},
        {"models": [{"name": "Chat", "credential": {"key": KEY}}]},
        {"connectors": [{"name": "Chat", "definition": {"actions": 5, "credential": {"key": KEY}}, "api_key": {}}]},
    ],
    "ml_agent": [
        {"name": "a", "extra_fields": {"model": {"credential": {"key": KEY}}}},
        {"definition": {"name": "a", "tools": [{"type": "T", "config": {"credential": {"key": KEY}}}]}},
        {"name": "a", "parameters": {"headers": {"Authorization": KEY}}},
    ],
    "ml_model": [
        {"name": "m", "connector": {"credential": {"key": KEY}}},
        {"name": "m", "extra_fields": {"connector": {"credential": {"key": KEY}}}},
    ],
    "ollama_model": [{"name": "m", "api_key": KEY}, {"name": "m", "headers": {"Authorization": KEY}}],
    "opensearch_search": [
        {"index": "a", "password": KEY, "username": "joe"},
        {"index": "a", "token": [KEY]},
        {"index": "a", "headers": {"X-Key": KEY}},
        {"index": "a", "headers": KEY},
        {"index": "a", "hosts": f"http://joe:{KEY}@a,http://b"},
        {"index": "a", "hosts": [f"http://joe:{KEY}@a"]},
    ],
}

#: Options with a key that is none to the module, as it cannot read them: they are not shown at all.
UNREADABLE: list[tuple[str, dict[str, Any]]] = [
    ("ml_connector", {"definition": f"name=Chat credential={KEY}"}),
    ("ml_connector", {"definition": f"credential: {{key: {KEY}}}"}),
    ("ml_connector", {"name": "Chat", "actions": f"url=x,headers={KEY}"}),
    ("ml_connector", {"name": "Chat", "api_kye": KEY}),
    ("ml_stack", {"connectors": f"name=Chat,credential={KEY}"}),
    ("ml_stack", {"connectors": [{"name": "Chat", "api_kye": KEY}]}),
    ("ml_stack", {"conectors": [{"name": "Chat", "token": KEY}]}),
    ("opensearch_search", {"index": "a", "pasword": KEY}),
]


def invalid_options(module: str, *, every_value: bool) -> Iterator[dict[str, Any]]:
    """The options with a key, each with a wrong value, or every one, for each other option of the module."""
    spec: Mapping[str, Any] = task_of(module).MODULE.argument_spec()
    values = itertools.cycle(VALUES)
    for given in WITH_KEY[module]:
        yield given
        for name in [name for name in spec if name not in given]:
            for value in VALUES if every_value else [next(values)]:
                yield {**given, name: value}
    for name in ("method", "action_type", "url", "headers", "request_body") if module == "ml_connector" else ():
        action = {"url": "http://chat", name: KEY if name != "headers" else [KEY]}
        yield {"definition": {"name": "Chat", "credential": {"key": KEY}, "actions": [action]}}


def assert_hidden(module: str, options: dict[str, Any]) -> None:
    results = [harness.run_module(module, copy.deepcopy(options), Unreachable(), [])]
    if harness.CONTROLLER:
        results.append(harness.run_in_process(module, copy.deepcopy(options), Unreachable(), []))
    for result in results:
        text = json.dumps(result, ensure_ascii=False)
        assert KEY not in text.lower(), (options, text)


@pytest.mark.no_cover
@pytest.mark.parametrize("module", WITH_KEY)
@pytest.mark.parametrize("every_value", [False, pytest.param(True, marks=pytest.mark.full)])
def test_no_secret_in_invalid_input_is_shown(module: str, every_value: bool) -> None:
    for options in invalid_options(module, every_value=every_value):
        assert_hidden(module, options)


@pytest.mark.parametrize(("module", "options"), UNREADABLE, ids=str)
def test_options_that_the_module_cannot_read_are_not_shown(module: str, options: dict[str, Any]) -> None:
    assert_hidden(module, options)


@pytest.mark.parametrize("key", [KEY, f"*{KEY}", f"!{KEY}", f"&{KEY} x"])
@pytest.mark.parametrize("more", ["method: {key}", "url: [", "other"])
def test_no_secret_in_an_invalid_file_is_shown(tmp_path: Path, key: str, more: str) -> None:
    path = tmp_path / "connector.yml"
    lines = ["name: Chat", "protocol: http", f"credential: {{key: {key}}}", "actions:", f"  - {more.format(key=key)}"]
    path.write_text("\n".join(lines))
    assert_hidden("ml_connector", {"src": str(path)})
    assert_hidden("ml_stack", {"connectors": [{"src": str(path)}]})
