# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Memory containers on real servers: created, changed, used by clients and agents, and deleted with or without memories."""

from __future__ import annotations

import pytest

from ansible_collections.searchops.opensearch_ml.tests.integration._stack import ML, index_of, two_of_one_name, until

CONTAINER = "ml_memory_container"
on_3 = pytest.mark.parametrize("cluster", ["3.6.0"], indirect=True)
on_2 = pytest.mark.parametrize("cluster", ["2.19.1-tls"], indirect=True)

FACTS = {"type": "semantic", "namespace": ["user_id"]}

FACT = "Ada drinks green tea in the morning."

#: The form of the model's answer, which the server that runs the model enforces. It permits a single fact, as the tiny model has
#: not learnt to find any.
FORMAT = {
    "type": "object",
    "properties": {"facts": {"type": "array", "items": {"enum": [FACT]}, "minItems": 1, "maxItems": 1}},
    "required": ["facts"],
}

#: The prompts of the container, as messages.
MESSAGES = '[{"role": "system", "content": "${parameters.system_prompt}"}, {"role": "user", "content": "${parameters.user_prompt}"}]'


@pytest.fixture
def prefix(name):
    return index_of(name)


def indexes(cluster, prefix):
    """The types of the memories with an index of this prefix."""
    found = cluster.must("GET", f"/_cat/indices/.plugins-ml-am-{prefix}-memory-*?expand_wildcards=all&format=json")
    return {each["index"].rpartition("-memory-")[2] for each in found}


def remember(cluster, container, text, **fields):
    """Add a message of Ada to the container."""
    body = {
        "messages": [{"role": "user", "content": [{"type": "text", "text": text}]}],
        "payload_type": "conversational",
        **fields,
    }
    return cluster.must("POST", f"{ML}/memory_containers/{container}/memories", body)


def memories(cluster, container, type_, query):
    answer = cluster.must("POST", f"{ML}/memory_containers/{container}/memories/{type_}/_search", {"query": query})
    return [hit["_source"] for hit in answer["hits"]["hits"]]


@on_3
def test_the_life_of_a_container(cluster, converges, module, name, prefix):
    args = {"name": name, "description": "One", "configuration": {"index_prefix": prefix}}
    made = converges(CONTAINER, ["create"], **args)
    object_id = made["memory_container_id"]
    assert cluster.get("memory_containers", object_id)["configuration"]["index_prefix"] == prefix
    assert indexes(cluster, prefix) == {"sessions", "working"}
    (listed,) = module("ml_memory_container_info", name=name)["memory_containers"]
    assert listed == made["memory_container"]

    model = cluster.make_model(name, cluster.make_connector(name))
    changed = converges(CONTAINER, ["update"], **{**args, "description": "Two"})
    assert changed["memory_container_id"] == object_id
    converges(CONTAINER, ["update"], name=name, configuration={"llm_id": name, "max_infer_size": 3})
    converges(CONTAINER, ["update"], name=name, configuration={"max_infer_size": 4})
    stored = cluster.get("memory_containers", object_id)["configuration"]
    assert (stored["llm_id"], stored["max_infer_size"]) == (model, 4)
    converges(CONTAINER, ["update"], memory_container_id=object_id, name=f"{name} renamed")
    for change in ({"index_prefix": "other"}, {"disable_history": True}, {"parameters": {"a": "b"}}):
        module.refuses(
            "memory_container_not_changeable", CONTAINER, memory_container_id=object_id, configuration=change
        )

    converges(CONTAINER, ["delete"], memory_container_id=object_id, state="absent", delete_all_memories=True)
    assert indexes(cluster, prefix) == set()


@on_3
def test_what_was_said_is_found_in_another_session(cluster, module, name, prefix):
    configuration = {"index_prefix": prefix}
    container = module(CONTAINER, name=name, configuration=configuration)["memory_container_id"]
    remember(cluster, container, "I like green tea.", namespace={"user_id": "ada", "session_id": "one"})
    remember(cluster, container, "I like coffee.", namespace={"user_id": "bob", "session_id": "two"})
    of_ada = {"term": {"namespace.user_id": "ada"}}
    (found,) = memories(cluster, container, "working", of_ada)
    assert found["messages"][0]["content"][0]["text"] == "I like green tea."

    # Without its memories, another container with the same prefix finds the indexes as they were.
    module(CONTAINER, name=name, state="absent")
    assert indexes(cluster, prefix) == {"sessions", "working"}
    again = module(CONTAINER, name=name, configuration=configuration)["memory_container_id"]
    assert memories(cluster, again, "working", of_ada) == []
    module(CONTAINER, name=name, state="absent", delete_memories=["working"])
    assert indexes(cluster, prefix) == {"sessions"}
    module(CONTAINER, name=name, configuration=configuration)
    module(CONTAINER, name=name, state="absent", delete_all_memories=True)


@pytest.fixture
def models(module, name):
    """A model that extracts facts, and one that turns them into vectors."""
    of_ollama = {"provider": "ollama", "base_url": "http://ollama:11434", "model": "tiny-chat"}
    response_format = {"type": "json_schema", "json_schema": {"name": "facts", "schema": FORMAT}}
    module(
        "ml_connector", name=f"{name} chat", parameters={"messages": MESSAGES},
        # The model puts blanks between the parts of its answer. Ollama enforces the format only when a model that can reason does not.
        extra_body={"response_format": response_format, "max_tokens": 128, "reasoning_effort": "none"}, **of_ollama,
    )  # fmt: skip
    module("ml_connector", name=f"{name} embed", capability="embedding", **of_ollama)
    for model in ("chat", "embed"):
        module("ml_model", name=f"{name} {model}", connector=f"{name} {model}", state="deployed")
    return {
        "llm_id": f"{name} chat",
        "embedding_model_id": f"{name} embed",
        "embedding_model_type": "text_embedding",
        "embedding_dimension": 96,
        "parameters": {"llm_result_path": "$.choices[0].message.content"},
    }


@pytest.fixture
def ingest(cluster, prefix):
    """The ingest pipeline for facts, which the server makes and does not delete."""
    pipeline = f".plugins-ml-am-{prefix}-memory-long-term-embedding"
    yield pipeline
    cluster.send("DELETE", f"/_ingest/pipeline/{pipeline}")


@on_3
def test_facts_are_extracted_and_found_in_another_session(cluster, converges, module, name, prefix, models, ingest):
    made = converges(
        CONTAINER, ["create"], name=name, configuration={"index_prefix": prefix, **models, "strategies": [FACTS]}
    )
    container = made["memory_container_id"]
    assert indexes(cluster, prefix) == {"sessions", "working", "long-term", "history"}
    remember(
        cluster, container, "Every morning I drink tea.", namespace={"user_id": "ada", "session_id": "one"}, infer=True
    )
    query = {"bool": {"must": [{"match": {"memory": "tea"}}, {"term": {"namespace.user_id": "ada"}}]}}
    until(lambda: bool(memories(cluster, container, "long-term", query)), "the fact to be stored")
    (fact,) = memories(cluster, container, "long-term", query)
    assert (fact["memory"], fact["namespace"]) == (FACT, {"user_id": "ada"})

    # A strategy that is left out is disabled: nothing is extracted any more.
    converges(CONTAINER, ["update"], name=name, configuration={"strategies": []})
    (stored,) = cluster.get("memory_containers", container)["configuration"]["strategies"]
    assert stored["enabled"] is False
    summary = {"type": "summary", "namespace": ["session_id"]}
    converges(CONTAINER, ["update"], name=name, configuration={"strategies": [FACTS | {"enabled": True}, summary]})
    types = [each["type"] for each in cluster.get("memory_containers", container)["configuration"]["strategies"]]
    assert sorted(types) == ["SEMANTIC", "SUMMARY"]
    module.refuses(
        "memory_container_not_changeable", CONTAINER, name=name, configuration={**models, "embedding_dimension": 8}
    )
    converges(CONTAINER, ["delete"], name=name, state="absent", delete_all_memories=True)
    assert indexes(cluster, prefix) == set()
    # The server leaves the ingest pipeline.
    assert cluster.send("GET", f"/_ingest/pipeline/{ingest}").status_code == 200


@on_3
def test_strategies_are_added_later(cluster, converges, name, prefix, models, ingest):
    converges(CONTAINER, ["create"], name=name, configuration={"index_prefix": prefix, **models})
    assert indexes(cluster, prefix) == {"sessions", "working"}
    converges(CONTAINER, ["update"], name=name, configuration={"strategies": [FACTS]})
    assert indexes(cluster, prefix) == {"sessions", "working", "long-term", "history"}


@on_3
def test_shared_indexes_and_several_of_one_name(cluster, module, name, prefix):
    def make():
        body = {"name": name, "configuration": {"index_prefix": prefix}}
        return cluster.must("POST", f"{ML}/memory_containers/_create", body)["memory_container_id"]

    ids = two_of_one_name(cluster, "memory_containers", make)
    refused = module.refuses("ambiguous_name", CONTAINER, name=name)
    assert refused["details"]["ids"] == ids
    gone = {"memory_container_id": ids[0], "state": "absent"}
    assert module.fails(CONTAINER, **gone, delete_all_memories=True)["code"] == "memory_indexes_shared"
    module(CONTAINER, **gone)
    assert not module(CONTAINER, name=name)["changed"]


@on_3
def test_bad_input_is_refused_before_anything_is_sent(module, name, models):
    module.refuses("unknown_model", CONTAINER, name=name, configuration={"llm_id": f"{name} none"})
    module.refuses("unknown_memory_container", CONTAINER, memory_container_id="none")
    for configuration in (
        {"max_infer_size": 11, **models},
        {**models, "embedding_model_type": "dense"},
        {"llm_id": models["llm_id"], "strategies": [FACTS]},
        {**models, "strategies": [{"type": "SUMMARY"}]},
    ):
        module.refuses("invalid_input", CONTAINER, name=name, configuration=configuration)


@on_3
def test_an_agent_stores_its_conversation_in_a_container(cluster, converges, module, name, prefix):
    cluster.make_model(name, cluster.make_connector(name), deploy=True)
    container = module(CONTAINER, name=name, configuration={"index_prefix": prefix})["memory_container_id"]
    messages = '[{"role": "user", "content": "${parameters.question}"}]'
    asked = {"model_id": f"${{model:{name}}}", "messages": messages, "response_filter": "$.choices[0].message.content"}
    agent = {
        "name": name,
        "type": "conversational_flow",
        "app_type": "rag",
        "memory": {"type": "agentic_memory", "memory_container_id": name},
        "tools": [{"type": "MLModelTool", "name": "chat", "parameters": asked}],
    }
    made = converges("ml_agent", ["create"], **agent)
    assert cluster.get("agents", made["agent_id"])["memory"]["memory_container_id"] == container
    answer = module("ml_agent_execute", agent=name, question="Ping")
    assert answer["content"] == "Pong."
    stored = str(memories(cluster, container, "working", {"match_all": {}}))
    assert "Ping" in stored
    assert "Pong." in stored
    module.refuses(
        "unknown_memory_container", "ml_agent", **{**agent, "name": f"{name} 2", "memory": {
            "type": "agentic_memory", "memory_container_id": f"{name} none"}},
    )  # fmt: skip
    converges("ml_agent", ["delete"], name=name, state="absent")


@on_2
def test_an_older_server(module, name):
    for state in ("present", "absent"):
        module.refuses("unsupported_version", CONTAINER, name=name, state=state)
    memory = {"type": "agentic_memory", "memory_container_id": name}
    module.refuses("unsupported_version", "ml_agent", name=name, type="flow", memory=memory)
