# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The models and indexes that guardrails name, in tasks of ml_model."""

from __future__ import annotations

from typing import Any, Callable

import pytest

from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster

Runner = Callable[..., dict[str, Any]]


def guarded(model: str, **fields: Any) -> dict[str, Any]:
    side = {"model_id": model, "response_filter": "$.a", "response_validation_regex": "yes"}
    return {
        "name": "Chat",
        "connector": "Local chat",
        "guardrails": {"type": "model", "input_guardrail": side},
        **fields,
    }


@pytest.mark.parametrize("form", ["{name}", "{id}", "${{model:{name}}}", "${{model:{id}}}"])
@pytest.mark.parametrize("where", ["options", "definition"])
def test_the_model_of_a_guardrail(module: Runner, cluster: FakeCluster, form: str, where: str) -> None:
    checking = cluster.add_model("Checker", cluster.add_connector())
    args = guarded(form.format(name="Checker", id=checking))
    if where == "definition":
        args = {"definition": {"connector_id": args.pop("connector"), **args}}
    check = module("ml_model", cluster, check_mode=True, **args)
    made = module("ml_model", cluster, **args)
    assert (made["diff"], "warnings" in made) == (check["diff"], False)
    assert cluster.models[made["model_id"]]["guardrails"]["input_guardrail"]["model_id"] == checking
    assert not module("ml_model", cluster, **args)["changed"]


def test_a_guardrail_without_its_model_is_refused(module: Runner, cluster: FakeCluster) -> None:
    """The server would let every text pass."""
    cluster.add_connector()
    refused = module("ml_model", cluster, **guarded("Checker"))
    assert (refused["failure"]["code"], cluster.models) == ("unknown_model", {})
    assert "There is no model with the name or id 'Checker'" in refused["msg"]
    check = module("ml_model", cluster, check_mode=True, **guarded("Checker"))
    assert "Checker" in str(check["warnings"])


def test_a_guardrail_without_its_index_of_stop_words(module: Runner, cluster: FakeCluster) -> None:
    cluster.add_connector()
    sides = {"output_guardrail": {"stop_words": [{"index_name": "rude", "source_fields": ["word"]}]}}
    for check_mode in (True, False):
        made = module("ml_model", cluster, check_mode=check_mode, name="Chat", connector="Local chat", guardrails=sides)
        assert [text.partition(",")[0] for text in made["warnings"]] == [
            "guardrails.output_guardrail.stop_words[0].index_name: the cluster has no index 'rude'"
        ]


@pytest.mark.parametrize(
    ("guardrails", "text"),
    [
        (
            guarded("your_guardrail_model_id")["guardrails"],
            "guardrails.input_guardrail.model_id: 'your_guardrail_model_id' was not replaced by the name or the id of a model.",
        ),
        (
            {"input_guardrail": {"stop_words": [{"index_name": "<index>", "source_fields": ["word"]}]}},
            "guardrails.input_guardrail.stop_words[0].index_name: '<index>' was not replaced by the name of an index.",
        ),
    ],
)
def test_placeholders_in_guardrails(
    module: Runner, cluster: FakeCluster, guardrails: dict[str, Any], text: str
) -> None:
    refused = module("ml_model", cluster, name="Chat", connector="Local chat", guardrails=guardrails)
    assert (refused["failure"]["code"], cluster.exchanges) == ("placeholder_left_in", [])
    assert text in refused["msg"]


@pytest.mark.parametrize(
    "side",
    ["x", {"model_id": 5}, {"stop_words": "x"}, {"stop_words": ["x"]}, {"stop_words": [{"source_fields": ["x"]}]}],
)
def test_guardrails_of_a_definition_are_of_any_type(module: Runner, cluster: FakeCluster, side: Any) -> None:
    cluster.add_connector()
    definition = {"name": "Chat", "connector_id": "Local chat", "guardrails": {"input_guardrail": side}}
    result = module("ml_model", cluster, definition=definition)
    assert "exception" not in result
    assert not result.get("failed") or result["failure"]["code"] == "unknown_model"
