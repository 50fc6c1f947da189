# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An export of objects of any shape, made by another client, changes nothing and creates the same on an empty cluster.

What a stack would refuse to create is left out, with what uses it.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.support import fuzzing
from ansible_collections.searchops.opensearch_ml.tests.unit.support.harness import execute
from ansible_collections.searchops.opensearch_ml.tests.unit.support.stacks import ACTION

#: Coverage is measured by the tests of single functions and modules. Here it would take half as long again.
pytestmark = pytest.mark.no_cover

#: Fields that a later version has at any place.
LATER = ("tier", "span")

words = st.sampled_from(["a", "b c", "0.50", "1.0E-4", "true", "{}", '{"z": 1, "a": [2]}', "null", "${parameters.x}"])
scalars = words | st.integers(-3, 10**20) | st.floats(1e-9, 1e12) | st.booleans()
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(words, inner, max_size=2), max_leaves=4
)
maps = st.dictionaries(st.sampled_from(["x", "y", "max_iteration"]), values, max_size=2)
EXPOSED = "sk-in-the-open-77"
EXPOSED_URL = f"https://llm.test/v1?key={EXPOSED}"
descriptions = st.sampled_from(["One", "Two (2)", "(stack: other)", "Of (stack: other)"])


def shape(required: dict[str, Any], **optional: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A mapping with any of the optional fields, and of those that only a later version has."""
    return st.fixed_dictionaries(
        {name: value if isinstance(value, st.SearchStrategy) else st.just(value) for name, value in required.items()},
        optional={**optional, **dict.fromkeys(LATER, values)},
    )


stop_words = st.lists(shape({"index_name": "words", "source_fields": ["text"]}), min_size=1, max_size=2)
guardrail = shape({}, stop_words=stop_words, regex=st.just([".*bad.*"]))
#: A secret that every user may read: the export has a variable in its place.
exposed = st.sampled_from([{}, {"openAI_key": EXPOSED}, {"endpoint": EXPOSED_URL}])
connectors = shape(
    {
        "parameters": st.builds(lambda given, secret: {**given, **secret}, maps, exposed),
        "actions": st.lists(
            shape({**ACTION, "action_type": st.sampled_from(["predict", "EXECUTE"])}), min_size=1, max_size=2
        ),
    },
    description=descriptions,
    version=words,
    client_config=shape({}, read_timeout=st.integers(1, 99), retry_backoff_policy=st.just("CONSTANT")),
)
models = shape(
    {},
    description=descriptions,
    is_enabled=st.booleans(),
    rate_limiter=shape({"limit": st.floats(0.01, 1e9) | st.integers(1, 99), "unit": "DAYS"}),
    guardrails=shape({"type": "local_regex"}, input_guardrail=guardrail, output_guardrail=guardrail),
    interface=st.fixed_dictionaries({"input": st.dictionaries(words, values, max_size=2)}),
    deploy_setting=shape({}, is_auto_deploy_enabled=st.booleans(), model_ttl_minutes=st.integers(1, 9)),
    model_config=shape(
        {"model_type": "bert", "embedding_dimension": 3, "framework_type": "sentence_transformers"},
        pooling_mode=st.just("MEAN"), normalize_result=st.booleans(), all_config=words, additional_config=maps,
    ),
)  # fmt: skip
guarded_models = st.builds(
    lambda model, side: {**model, "guardrails": {"type": "model", "output_guardrail": side}},
    models,
    shape({"model_id": "MODEL", "response_validation_regex": "x"}),
)
limits = shape(
    {"user_rate_limiter": st.just({"ann": {"limit": 0.5, "unit": "HOURS"}, "bob": {"limit": 7, "unit": "DAYS"}})}
)
#: ``MODEL`` and ``CONNECTOR`` are replaced by ids.
ids = st.sampled_from(["MODEL", "CONNECTOR", '[{"mcp_connector_id": "CONNECTOR"}]', "x MODEL, CONNECTOR y"])
tools = st.lists(
    shape(
        {"type": st.sampled_from(["MLModelTool", "ListIndexTool"]), "name": words},
        description=words, parameters=st.dictionaries(st.sampled_from(["x", "y"]), ids | values, max_size=2),
        attributes=maps, config=maps, include_output_in_agent_response=st.booleans(),
    ),
    max_size=2, unique_by=lambda tool: tool["name"],
)  # fmt: skip
agents = shape(
    {"type": st.sampled_from(["flow", "Conversational", "conversational_flow", "later_type"])},
    description=descriptions,
    llm=shape({"model_id": "MODEL"}, parameters=maps),
    tools=tools,
    parameters=st.dictionaries(st.sampled_from(["x", "mcp_connectors"]), ids | values, max_size=2),
    memory=shape(
        {"type": st.sampled_from(["conversation_index", "agentic_memory"])},
        session_id=words, window_size=st.integers(1, 9), memory_container_id=st.just("CONTAINER"),
    ),
    app_type=words,
    context_management=st.fixed_dictionaries({"name": st.just("short"), "hooks": maps}),
)  # fmt: skip
pipelines = st.fixed_dictionaries(
    {"processors": st.lists(st.fixed_dictionaries({"ml_inference": st.dictionaries(words, ids | values)}), max_size=2)},
    optional={"description": descriptions, "version": st.integers(1, 9), "tier": maps},
)
#: Connectors that the server accepts, and that the checks of the collection refuse.
refused_connectors = st.sampled_from(
    [
        {"actions": [{**ACTION, **fault}]}
        for fault in (
            {"pre_process_function": "connector.preprocess.openai.embedding"},
            {"post_process_function": "unheard.of"},
            {"url": "https://<your host>/v1"},
            {"url": "http://a_b.test/v1"},
            {"headers": {"Authorization": "Bearer <YOUR KEY>"}},
            {"headers": {"X-Key": "${credential.of.nothing"}},
            {"request_body": '{"key": "${credential.key}"}'},
            {"request_body": "${parameter.messages}"},
        )
    ]
    + [{"parameters": {"host": "<YOUR HOST>"}}, {"version": "<version>"}]
)
#: Agents of the unified agent API.
unified_agents = shape(
    {"type": "conversational", "model": {"model_id": "gpt", "model_provider": "p", "credential": {"key": "s3cret"}}},
    description=descriptions,
    parameters=st.dictionaries(st.sampled_from(["x"]), values, max_size=1),
)
clusters = st.fixed_dictionaries(
    {
        "version": st.sampled_from(["2.19.1", "3.6.0", "3.9.0"]),
        "group": shape({}, description=st.just("Of all")),
        "connector": connectors,
        "model": models,
        "others": st.lists(st.tuples(connectors, models | guarded_models), max_size=2),
        "limits": st.none() | limits,
        "agents": st.lists(agents | unified_agents, min_size=1, max_size=4),
        "refused": st.none() | refused_connectors,
        "pipelines": st.lists(pipelines, min_size=1, max_size=2),
    }
)


def empty(version: str) -> FakeCluster:
    cluster = FakeCluster(version)
    cluster.later_fields, cluster.later_types = set(LATER), {"later_type"}
    return cluster


def of_version(cluster: FakeCluster, model: dict[str, Any]) -> dict[str, Any]:
    """The model as a server of this version can have it: 2.19 refuses an additional configuration."""
    if not cluster.version.startswith("2.") or "model_config" not in model:
        return model
    config = {name: value for name, value in model["model_config"].items() if name != "additional_config"}
    return {**model, "model_config": config}


def filled(drawn: dict[str, Any]) -> FakeCluster:
    """A cluster with the drawn objects, created as another client would."""
    cluster = empty(drawn["version"])
    ml = "/_plugins/_ml"
    group = cluster.call("POST", f"{ml}/model_groups/_register", {"name": "Group", **drawn["group"]})["model_group_id"]
    connector = cluster.add_connector("Connector", credential={"key": "s3cret"}, **drawn["connector"])
    model = cluster.add_model("Model", connector, model_group_id=group, **of_version(cluster, drawn["model"]))
    if drawn["limits"]:
        cluster.call("POST", f"{ml}/controllers/{model}", drawn["limits"])

    # 2.19 has none, and drops the field that names one.
    container = cluster.add_memory_container("Container") if not cluster.version.startswith("2.") else "none"

    def with_ids(body: Any) -> Any:
        text = json.dumps(body)
        for word, object_id in (("MODEL", model), ("CONNECTOR", connector), ("CONTAINER", container)):
            text = text.replace(word, object_id)
        return json.loads(text)

    for number, (fields, more) in enumerate(drawn["others"]):
        another = cluster.add_connector(f"Other {number}", credential={"key": "s3cret"}, **fields)
        cluster.add_model(f"Other {number}", another, **with_ids(of_version(cluster, more)))
    for number, agent in enumerate(drawn["agents"]):
        llm = {} if "model" in agent else {"llm": {"model_id": "MODEL"}}
        if llm or drawn["version"] != "2.19.1":
            body = with_ids({"name": f"Agent {number}", "parameters": {}, **llm, **agent})
            cluster.call("POST", f"{ml}/agents/_register", body)
    if drawn["refused"]:
        refused = cluster.add_connector("Refused connector", **drawn["refused"])
        asked = cluster.add_model("Refused model", refused)
        cluster.add_agent("Refused agent", tools=[{"type": "MLModelTool", "parameters": {"model_id": asked}}])
        cluster.call(
            "PUT", "/_search/pipeline/refused", {"response_processors": [{"ml_inference": {"model_id": asked}}]}
        )
        cluster.call("POST", f"{ml}/controllers/{asked}", {"user_rate_limiter": {"ann": {"limit": 1, "unit": "DAYS"}}})
    for number, pipeline in enumerate(drawn["pipelines"]):
        cluster.call("PUT", f"/_ingest/pipeline/pipeline-{number}", with_ids(pipeline))
    return cluster


REFUSED = [
    ("connectors", "Refused connector"),
    ("models", "Refused model"),
    ("controllers", "Refused model"),
    ("agents", "Refused agent"),
    ("pipelines", "refused"),
]


def export(cluster: FakeCluster, left_out: list[tuple[str, str]]) -> dict[str, Any]:
    exported = execute(cluster, "ml_stack_info")
    assert [(each["section"], each["name"]) for each in exported["left_out"]] == left_out, exported["left_out"]
    assert EXPOSED not in json.dumps(exported)
    return dict(exported["stack"])


def declaration(exported: dict[str, Any]) -> dict[str, Any]:
    """The stack with the secrets in place of the variables."""
    secrets = {"openai_key": EXPOSED, "url": EXPOSED_URL}
    text = re.sub(
        r"\{\{ \w+?_(openai_key|url|key) \}\}", lambda match: secrets.get(match[1], "s3cret"), json.dumps(exported)
    )
    assert "{{" not in text
    return dict(json.loads(text))


#: Few examples with many shapes each, as an example takes a tenth of a second whatever is in it.
@settings(max_examples=fuzzing.number_of_examples(12, 0.05), deadline=None, phases=[Phase.explicit, Phase.generate])
@given(clusters)
def test_an_export_of_any_objects_is_a_declaration(drawn: dict[str, Any]) -> None:
    cluster = filled(drawn)
    exported = export(cluster, REFUSED if drawn["refused"] else [])
    declared = declaration(exported)
    for item in declared["connectors"]:
        # A credential cannot be compared.
        item["update_credential"] = "on_create"
    before = cluster.snapshot()
    assert (execute(cluster, "ml_stack", **declared)["plan"], cluster.snapshot()) == ([], before)
    other = empty(drawn["version"])
    execute(other, "ml_stack", **declared)
    assert export(other, []) == exported
