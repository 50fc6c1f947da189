# SPDX-License-Identifier: GPL-3.0-or-later
"""The names of built-in functions, by version."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._endpoints.providers import CAPABILITIES
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.exceptions import Failure
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._kinds.connector import functions
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._runtime.versions import Version
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.support.harness import execute
from ansible_collections.searchops.opensearch_ml.tests.unit.support.operations import CHAT, URL


def check(version: tuple[int, int], **action: Any) -> None:
    functions.check(Version(*version), {"actions": [action]})


@pytest.mark.parametrize("version", [(2, 19), (3, 6), (3, 9)])
@pytest.mark.parametrize(
    "action",
    [
        {},
        *[capability.functions for capability in CAPABILITIES.values()],
        {"post_process_function": "connector.post_process.bedrock.batch_job_arn"},
        # Scripts.
        {"pre_process_function": "return params.text_docs;"},
        {"pre_process_function": "params.text_docs"},
        {"post_process_function": "\n  def x = params.data[0].embedding;\n  return x;\n"},
        {"post_process_function": "${parameters.function}"},
    ],
)
def test_accepted(version: tuple[int, int], action: dict[str, Any]) -> None:
    check(version, **action)


@pytest.mark.parametrize(
    ("action", "near"),
    [
        ({"pre_process_function": "connector.pre_process.openai.embeddings"}, "connector.pre_process.openai.embedding"),
        ({"pre_process_function": "connector.preprocess.openai.embedding"}, "connector.pre_process.openai.embedding"),
        ({"pre_process_function": "connector.post_process.cohere.rerank"}, "connector.pre_process.cohere.rerank"),
        ({"pre_process_function": "openai.embedding"}, "connector.pre_process.openai.embedding"),
        (
            {"pre_process_function": "connector.pre_process.openai.embedding\n"},
            "connector.pre_process.openai.embedding",
        ),
        ({"post_process_function": "connector.post_process.cohere.reranking"}, "connector.post_process.cohere.rerank"),
        ({"post_process_function": "connector.post_process.ollama.xyzzy"}, None),
    ],
)
def test_a_misspelt_name(action: dict[str, Any], near: str | None) -> None:
    with pytest.raises(Failure) as caught:
        check((3, 6), **action)
    [(option, name)] = action.items()
    asked = f" Did you mean {near!r}?" if near else ""
    assert caught.value.message == f"actions[0].{option}: OpenSearch 3.6 has no function {name!r}.{asked}"
    assert caught.value.code == "unknown_function"


def test_a_function_of_a_later_version() -> None:
    later = {"post_process_function": "connector.post_process.mlcommons.passthrough"}
    check((3, 3), **later)
    with pytest.raises(Failure, match=r"needs OpenSearch 3\.3; this cluster has 2\.19") as caught:
        check((2, 19), **later)
    assert caught.value.code == "unsupported_version"


def test_a_version_that_may_have_more_functions() -> None:
    check((3, 9), pre_process_function="connector.pre_process.voyage.embedding")
    with pytest.raises(Failure):
        check((3, 9), pre_process_function="connector.post_process.voyage.embedding")


def test_nothing_is_sent(cluster: FakeCluster) -> None:
    actions = [{"url": URL, "pre_process_function": "connector.pre_process.openai.embeddings"}]
    with pytest.raises(Failure, match="has no function"):
        execute(cluster, "ml_connector", **{**CHAT, "actions": actions})
    assert cluster.writes == []


def body(request_body: str, function: str = "default.embedding", **parameters: Any) -> list[str]:
    """The warnings about a body, and a pre-processing function."""
    action = {"request_body": request_body, "pre_process_function": f"connector.pre_process.{function}", "url": URL}
    return list(functions.warnings({"actions": [action], "parameters": parameters}))


class TestBodies:
    """The parameters that a function makes of the texts of a pipeline, and those that the body uses."""

    @pytest.mark.parametrize(
        "warnings",
        [
            body('{"input": ${parameters.input}, "model": "${parameters.model}"}'),
            body('{"input": ${parameters.input}}', "openai.embedding", input_type="query"),
            body('{"texts": ${parameters.texts}}', "cohere.embedding"),
            body('{"inputText": "${parameters.inputText}"}', "bedrock.embedding"),
            body('{"inputText": "${parameters.inputText:-null}"}', "bedrock.multimodal_embedding"),
            body('{"documents": ${parameters.documents}, "query": "${parameters.query}"}', "cohere.rerank"),
            # The connector has it.
            body('{"input": ${parameters.text}}', text=["a"]),
            body("{}"),
            # A script, and a function whose parameters are not known.
            body("${parameters.text}", "bedrock.nova.embedding"),
            list(functions.warnings({"actions": [{"pre_process_function": "return params.text_docs;", "url": URL}]})),
        ],
    )
    def test_fit(self, warnings: list[str]) -> None:
        assert warnings == []

    def test_the_body_uses_another_parameter(self) -> None:
        [warning] = body('{"model": "${parameters.model}", "input": "${parameters.texts}"}', model="m")
        assert warning == (
            "actions[0].request_body: connector.pre_process.default.embedding makes ${parameters.input} of the texts of a "
            "pipeline, and the body does not use it but ${parameters.texts}. Write ${parameters.input}, without quotes, as it is "
            "a list."
        )

    def test_text_needs_quotes(self) -> None:
        [warning] = body('{"prompt": "${parameters.prompt}"}', "bedrock.embedding")
        assert warning.endswith("Write ${parameters.inputText}.")

    def test_a_list_in_quotes(self) -> None:
        [warning] = body('{"input": "${parameters.input}"}')
        assert "${parameters.input} is in quotes" in warning

    def test_the_names_are_those_of_the_functions(self) -> None:
        assert set(functions._MAKES) <= set(functions.SINCE)
        for capability in CAPABILITIES.values():
            assert "pre_process_function" not in capability.functions or (
                capability.functions["pre_process_function"] in functions._MAKES
            )
