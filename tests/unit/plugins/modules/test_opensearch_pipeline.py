# SPDX-License-Identifier: GPL-3.0-or-later
"""opensearch_pipeline: the requests, what counts as a difference, and input that is refused."""

from __future__ import annotations

from typing import Any, Callable

import pytest

from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.answers import error
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.support.script import Script, delete, get, put

Runner = Callable[..., dict[str, Any]]
MakeScript = Callable[..., Script]
NAME = "opensearch_pipeline"
SET = {"processors": [{"set": {"field": "a", "value": 1}}]}
ENTRY = "/_ingest/pipeline/p"


def test_an_unchanged_pipeline_costs_one_request(module: Runner, script: MakeScript) -> None:
    for check_mode in (False, True):
        result = module(
            NAME,
            script(get(ENTRY).answers(200, {"p": SET})),
            name="p",
            type="ingest",
            definition=SET,
            check_mode=check_mode,
        )
        assert (result["changed"], result["actions"]) == (False, [])
        assert result["pipeline"] == {"name": "p", "type": "ingest", "definition": SET}
        assert result["diff"] == {"before": SET, "after": SET}


@pytest.mark.parametrize(
    "stored",
    [
        {"processors": [{"set": {"field": "a", "value": "1"}}]},
        {"processors": [{"set": {"field": "a", "value": True}}]},
        {**SET, "version": 1},
        {"processors": [*SET["processors"], *SET["processors"]]},
        {},
    ],
)
def test_every_difference_counts(module: Runner, script: MakeScript, stored: dict[str, Any]) -> None:
    steps = script(
        get(ENTRY).answers(200, {"p": stored}),
        put(ENTRY, SET).answers(200, {"acknowledged": True}),
        get(ENTRY).answers(200, {"p": SET}),
    )
    result = module(NAME, steps, name="p", type="ingest", definition=SET)
    assert [(action["action"], action["kind"]) for action in result["actions"]] == [("update", "ingest pipeline")]


def test_options_override_the_definition(module: Runner, cluster: FakeCluster) -> None:
    args = {"name": "p", "type": "ingest", "definition": {**SET, "version": 1, "description": "old"}}
    result = module(NAME, cluster, **args, version=2, description="new")
    assert result["pipeline"]["definition"] == {**SET, "version": 2, "description": "new"}


def test_models_are_given_by_name(module: Runner, cluster: FakeCluster) -> None:
    model_id = cluster.add_model("Chat", cluster.add_connector())
    text = {"a": [{"model_id": "${model:Chat}", "other": "about ${model: Chat } and ${parameters.x}"}]}
    args = {"name": "p", "type": "search", "definition": {"response_processors": [{"ml_inference": text}]}}
    result = module(NAME, cluster, **args)
    (sent,) = (exchange.body for exchange in cluster.writes if exchange.method == "PUT")
    assert sent["response_processors"][0]["ml_inference"]["a"] == [
        {"model_id": model_id, "other": f"about {model_id} and ${{parameters.x}}"}
    ]
    assert "${model:Chat}" in str(result["diff"]["after"])
    assert not module(NAME, cluster, **args)["changed"]


def test_a_missing_model(module: Runner, cluster: FakeCluster) -> None:
    processor = {"ml_inference": {"model_id": "${model:Chat}"}}
    args = {"name": "p", "type": "search", "definition": {"request_processors": [processor]}}
    planned = module(NAME, cluster, check_mode=True, **args)
    assert planned["changed"]
    assert "no model 'Chat' yet" in str(planned["warnings"])
    failure = module(NAME, cluster, **args)["failure"]
    assert failure["code"] == "unknown_model"
    assert cluster.writes == []


@pytest.mark.parametrize(
    ("args", "code"),
    [
        ({"name": "a*"}, "invalid_input"),
        ({"name": "a,b"}, "invalid_input"),
        ({"name": " "}, "invalid_input"),
        ({"definition": {"request_processors": []}}, "invalid_input"),
        ({"type": "search"}, "invalid_input"),
        ({"definition": {"processors": {"set": {}}}}, "invalid_input"),
        ({"definition": {"processors": ["set"]}}, "invalid_input"),
        ({"definition": {"processors": [{"set": {}, "rename": {}}]}}, "invalid_input"),
        ({"definition": {"processors": [{"nope": {}}]}}, "unknown_processor"),
    ],
)
@pytest.mark.parametrize("check_mode", [True, False])
def test_bad_input(module: Runner, cluster: FakeCluster, args: dict[str, Any], code: str, check_mode: bool) -> None:
    result = module(NAME, cluster, check_mode=check_mode, **{"name": "p", "type": "ingest", "definition": SET, **args})
    assert result["failure"]["code"] == code
    assert cluster.pipelines.bodies["ingest"] == {}
    if code == "invalid_input":
        assert cluster.exchanges == []


def test_check_mode_without_the_right_to_read_nodes(module: Runner, script: MakeScript) -> None:
    steps = script(
        get(ENTRY).answers(404, {}), get("/_nodes/ingest").answers(403, error(403, "security_exception", "no"))
    )
    assert module(NAME, steps, name="p", type="ingest", definition=SET, check_mode=True)["changed"]


@pytest.mark.parametrize(
    ("kind", "reason", "code"),
    [
        ("parse_exception", "[field] required property is missing", "invalid_pipeline"),
        (
            "parse_exception",
            "pipeline [p] doesn't support one or more provided configuration parameters [x]",
            "invalid_pipeline",
        ),
        ("illegal_argument_exception", "Invalid processor type x", "unknown_processor"),
    ],
)
def test_refusals_of_the_server(module: Runner, script: MakeScript, kind: str, reason: str, code: str) -> None:
    steps = script(get(ENTRY).answers(404, {}), put(ENTRY).answers(400, error(400, kind, reason)))
    result = module(NAME, steps, name="p", type="ingest", definition=SET)
    assert (result["failure"]["code"], result["changed"]) == (code, False)


def test_another_controller_changes_the_pipeline(module: Runner, script: MakeScript) -> None:
    steps = script(get(ENTRY).answers(404, {}), put(ENTRY).answers(200, {}), get(ENTRY).answers(200, {"p": {}}))
    assert module(NAME, steps, name="p", type="ingest", definition=SET)["failure"]["code"] == "not_converged"


def test_another_controller_deletes_the_pipeline(module: Runner, cluster: FakeCluster) -> None:
    """The task starts over and creates it again."""
    stored = cluster.pipelines.bodies["ingest"]
    cluster.before("PUT", ENTRY, lambda: cluster.before("GET", ENTRY, stored.clear))
    result = module(NAME, cluster, name="p", type="ingest", definition=SET)
    assert [action["action"] for action in result["actions"]] == ["create", "create"]
    assert stored == {"p": SET}


def test_absent(module: Runner, script: MakeScript) -> None:
    absent = {"name": "p", "type": "ingest", "state": "absent"}
    result = module(NAME, script(get(ENTRY).answers(200, {"p": SET}), delete(ENTRY).answers(404)), **absent)
    assert (result["changed"], result["pipeline"], result["diff"]) == (True, None, {"before": SET, "after": {}})
    assert not module(NAME, script(get(ENTRY).answers(404, {})), **absent)["changed"]


def test_an_answer_of_another_server(module: Runner, script: MakeScript) -> None:
    steps = script(get(ENTRY).answers(404, "<html>not found</html>"))
    assert module(NAME, steps, name="p", type="ingest", definition=SET)["failure"]["code"] == "not_opensearch"


def test_a_definition_is_required(module: Runner, cluster: FakeCluster) -> None:
    assert "definition" in module(NAME, cluster, name="p", type="ingest")["msg"]


class TestIds:
    """Texts in the place of ids, which the server does not check."""

    @staticmethod
    def args(model_id: str) -> dict[str, Any]:
        processors = [{"ml_inference": {"model_id": model_id}}]
        return {"name": "p", "type": "search", "definition": {"response_processors": processors}}

    @pytest.mark.parametrize(
        "left_in",
        [
            "<reranker_id>",
            "your_model_id",
            "your-model-id",
            "YOUR_LLM_MODEL_ID",
            "{{ _.model }}",
            "{% raw %}{{model_id}}{% endraw %}",
        ],
    )
    def test_a_placeholder(self, module: Runner, script: MakeScript, left_in: str) -> None:
        failure = module(NAME, script(), **self.args(left_in))["failure"]
        assert failure["code"] == "placeholder_left_in"
        assert failure["details"]["places"] == ["definition.response_processors[0].ml_inference.model_id"]
        assert "${model:NAME}" in failure["message"]

    @pytest.mark.parametrize("check_mode", [True, False])
    def test_a_name(self, module: Runner, cluster: FakeCluster, check_mode: bool) -> None:
        model_id = cluster.add_model("Chat", cluster.add_connector())
        failure = module(NAME, cluster, check_mode=check_mode, **self.args("Chat"))["failure"]
        assert (failure["code"], "Write ${model:Chat}." in failure["message"]) == ("unknown_model", True)
        assert not [each for each in cluster.writes if each.path.startswith("/_search/pipeline")]
        made = module(NAME, cluster, check_mode=check_mode, **self.args(model_id))
        assert (made["changed"], made.get("warnings")) == (True, None)

    def test_an_unknown_id(self, module: Runner, cluster: FakeCluster) -> None:
        made = module(NAME, cluster, **self.args("xBEzU5MBDpIvIC8uBBh1"))
        assert "no model with the id 'xBEzU5MBDpIvIC8uBBh1'" in str(made["warnings"])
        again = module(NAME, cluster, **self.args("xBEzU5MBDpIvIC8uBBh1"))
        assert (again["changed"], again.get("warnings")) == (False, None)


def test_check_mode_knows_that_no_processor_of_a_kind_exists(module: Runner, cluster: FakeCluster) -> None:
    """A node without the plugin neural-search lists no processors of phase results."""
    definition = {"phase_results_processors": [{"normalization-processor": {}}]}
    failure = module(NAME, cluster, check_mode=True, name="p", type="search", definition=definition)["failure"]
    assert failure["code"] == "unknown_processor"
