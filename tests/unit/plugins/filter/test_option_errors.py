# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter option_errors: what a module would refuse before it sends anything."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.searchops.opensearch_ml.plugins.filter.option_errors import option_errors

CONNECTOR = {"name": "Chat", "provider": "vllm", "base_url": "http://10.0.0.1:8000", "model": "m"}


@pytest.mark.parametrize(
    ("module", "options"),
    [
        ("ml_connector", CONNECTOR),
        ("ml_connector", {**CONNECTOR, "api_key": None}),
        ("ml_predict", {"model": "Chat", "messages": [{"role": "user", "content": "Hi"}]}),
        ("opensearch_index", {"name": "docs"}),
    ],
)
def test_valid_options(module: str, options: dict[str, Any]) -> None:
    assert option_errors(options, module) == []


@pytest.mark.parametrize(
    ("module", "options", "error"),
    [
        ("ml_connector", {**CONNECTOR, "name": " "}, "name: must have 1 to"),
        ("ml_connector", {**CONNECTOR, "provider": "openai"}, "api_key: provider 'openai' requires a key."),
        ("ml_connector", {**CONNECTOR, "base_url": "10.0.0.1"}, "base_url: '10.0.0.1' is not a usable URL"),
        ("ml_connector", {**CONNECTOR, "client_config": {"read_timeout": "soon"}}, "soon"),
        ("ml_predict", {"model": "Chat"}, "messages, parameters or text_docs: one of them is required"),
        ("ml_predict", {"model": "Chat", "parameters": {"a": 1}, "expect_pattern": "("}, "expect_pattern: '('"),
        ("ml_agent_execute", {"agent": "A", "question": "?", "expect_pattern": "("}, "expect_pattern: '('"),
        ("opensearch_search", {"index": "docs", "expect_pattern": "("}, "expect_pattern: '('"),
        ("opensearch_search", {"index": "Docs"}, "'Docs' is not the name of an index"),
        ("opensearch_index", {"name": "Docs"}, "'Docs' is not the name of an index"),
        ("opensearch_document", {"index": "Docs", "documents": []}, "'Docs' is not the name of an index"),
        ("opensearch_document", {"index": "docs", "documents": [{"id": "1"}]}, "documents: without 'source': 1"),
        ("ml_agent", {"name": "A", "tools": [{"name": "x"}]}, "missing required arguments: type found in tools"),
    ],
)
def test_invalid_options(module: str, options: dict[str, Any], error: str) -> None:
    [found] = option_errors(options, module)
    assert error in found
    assert found.endswith(".")


def test_variables_follow_and_secrets_do_not() -> None:
    given = {**CONNECTOR, "api_key": "key\nin-two-lines"}
    [found] = option_errors(given, "ml_connector", names={"api_key": "chat_key"})
    assert found.endswith("This role sets 'api_key' by chat_key.")
    assert "in-two-lines" not in found


@pytest.mark.parametrize(("options", "module"), [("text", "ml_connector"), ({}, "no_such"), ({}, "_http")])
def test_misuse(options: Any, module: str) -> None:
    with pytest.raises(AnsibleFilterError, match="option_errors: "):
        option_errors(options, module)


def test_a_question_keeps_its_mark() -> None:
    [error] = option_errors({"name": "Chat", "protocol": "htp", "url": "http://llm.test"}, "ml_connector")
    assert error.endswith("did you mean 'http'?")
