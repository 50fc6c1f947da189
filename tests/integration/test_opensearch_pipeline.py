# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Search and ingest pipelines on real servers."""

from __future__ import annotations

import json

import pytest
import yaml

from ansible_collections.searchops.opensearch_ml.plugins.modules.opensearch_pipeline import EXAMPLES
from ansible_collections.searchops.opensearch_ml.tests.integration._stack import OLLAMA

PIPELINE = "opensearch_pipeline"

#: Values that a server could convert. The stack's 2.19 has only the processors of plugins.
AWKWARD = {
    "processors": [
        {
            "ml_inference": {
                "model_id": "m",
                "tag": "größe",
                "if": "ctx.a == null",
                "ignore_failure": True,
                "max_prediction_tasks": 2,
                "model_config": {
                    "a": 1.50,
                    "b": "5",
                    "c": 1e10,
                    "d": {"z": [1, "2", None, False], "a": {}},
                    "e": '{"t": 1}',
                },
                "input_map": [{"x": "a"}],
                "on_failure": [{"ml_inference": {"model_id": "n", "input_map": [{"x": "a"}]}}],
            }
        }
    ],
    "on_failure": [{"ml_inference": {"model_id": "o", "input_map": [{"x": "a"}]}}],
}


@pytest.fixture
def model(cluster, name):
    connector = cluster.make_connector(name)
    return cluster.make_model(name, connector, deploy=True)


def test_create_change_and_delete_an_ingest_pipeline(cluster, converges, name):
    args = {"name": f"{name} a/b", "type": "ingest", "definition": AWKWARD}
    converges(PIPELINE, ["create"], **args, version=3, description="One")
    path = f"/_ingest/pipeline/{name} a%2Fb"
    assert cluster.must("GET", path)[args["name"]] == {**AWKWARD, "version": 3, "description": "One"}
    converges(PIPELINE, ["update"], **args)
    assert cluster.must("GET", path)[args["name"]] == AWKWARD
    converges(PIPELINE, ["delete"], name=args["name"], type="ingest", state="absent")
    assert cluster.pipelines(name) == {}


def test_a_search_pipeline_with_models_by_name(cluster, converges, module, name, model):
    question = {
        "ml_inference": {
            "model_id": f"${{model:{name}}}",
            "function_name": "remote",
            "input_map": [{"messages": "query.match.text.query"}],
            "output_map": [{"query.match.text.query": "choices[0].message.content"}],
            "ignore_failure": True,
            "max_prediction_tasks": 2,
        }
    }
    answer = {
        "retrieval_augmented_generation": {
            "model_id": f"${{model:{model}}}", "context_field_list": ["text"], "system_prompt": "Be brief.",
        }
    }  # fmt: skip
    definition = {"request_processors": [question], "response_processors": [answer]}
    args = {"name": name, "type": "search", "definition": definition, "version": 1}
    converges(PIPELINE, ["create"], **args)
    (stored,) = cluster.pipelines(name).values()
    assert stored["request_processors"][0]["ml_inference"]["model_id"] == model
    assert stored["response_processors"][0]["retrieval_augmented_generation"]["model_id"] == model

    definition["response_processors"] = []
    converges(PIPELINE, ["update"], **args)
    listed = module("opensearch_pipeline_info", name=f"{name}*")
    assert [entry["definition"] for entry in listed["pipelines"]] == list(cluster.pipelines(name).values())
    converges(PIPELINE, ["delete"], name=name, type="search", state="absent")


def test_a_model_that_an_earlier_task_creates(module, name):
    processor = {"retrieval_augmented_generation": {"model_id": f"${{model:{name}}}", "context_field_list": ["text"]}}
    args = {"name": name, "type": "search", "definition": {"response_processors": [processor]}}
    assert f"no model {name!r} yet" in str(module(PIPELINE, check=True, **args)["warnings"])
    module.refuses("unknown_model", PIPELINE, **args)


@pytest.mark.parametrize(
    ("kind", "definition", "code"),
    [
        ("ingest", {"processors": [{"nope": {}}]}, "unknown_processor"),
        ("search", {"request_processors": [{"nope": {}}]}, "unknown_processor"),
        ("search", {"response_processors": [{"nope": {}}]}, "unknown_processor"),
        ("ingest", {"processors": [{"ml_inference": {"model_id": "m", "ignore_failure": "yes"}}]}, "invalid_pipeline"),
        ("ingest", {"processors": [], "nope": 1}, "invalid_pipeline"),
        ("search", {"request_processors": [], "nope": 1}, "invalid_pipeline"),
        (
            "search",
            {"response_processors": [{"retrieval_augmented_generation": {"model_id": "m"}}]},
            "invalid_pipeline",
        ),
        ("search", {"response_processors": [{"ml_inference": {"nope": 1}}]}, "invalid_pipeline"),
        ("search", {"processors": []}, "invalid_input"),
    ],
)
def test_refusals(cluster, module, name, kind, definition, code):
    args = {"name": name, "type": kind, "definition": definition}
    assert module.fails(PIPELINE, **args)["code"] == code
    if code.startswith("unknown"):
        module.refuses(code, PIPELINE, check=True, **args)
    assert cluster.pipelines(name) == {}


def test_a_pipeline_that_an_index_uses(cluster, module, name):
    module(PIPELINE, name=name, type="ingest", definition=AWKWARD)
    index = "/" + name.replace(" ", "-")
    cluster.must("PUT", index, {"settings": {"index.default_pipeline": name, "number_of_replicas": 0}})
    try:
        # The server deletes it; afterwards it refuses the documents, with a message that says why.
        assert module(PIPELINE, name=name, type="ingest", state="absent")["changed"]
    finally:
        cluster.must("DELETE", index)


def test_the_first_example_with_a_connector_of_a_provider(cluster, module, name):
    """The documented pipeline, with a text that JSON has to escape."""
    embeddings = f"{name} embeddings"
    module(
        "ml_connector", name=embeddings, provider="ollama", base_url="http://ollama:11434", model="tiny-chat",
        capability="embedding",
    )  # fmt: skip
    module("ml_model", name=embeddings, connector=embeddings)
    [example] = [task for task in yaml.safe_load(EXAMPLES) if "embed-passages" in str(task)]
    options = json.loads(json.dumps(example).replace("Local embeddings", embeddings))[
        f"searchops.opensearch_ml.{PIPELINE}"
    ]
    stated = {option: options[option] for option in ("type", "description", "definition")}
    module(PIPELINE, **stated, name=name)
    documents = [
        {"_source": {"passage": passage}} for passage in ('An "open" engine\nfor search.', "Air scatters light.")
    ]
    simulated = cluster.must("POST", f"/_ingest/pipeline/{name}/_simulate", {"docs": documents})
    vectors = [each["doc"]["_source"]["passage_embedding"] for each in simulated["docs"]]
    assert [len(vector) for vector in vectors] == [96, 96]
    assert vectors[0] != vectors[1]


def test_an_answer_from_an_indexed_document(cluster, module, name, model):
    """Both pipelines together: documents are embedded when they are stored, questions when they are searched."""
    connector = cluster.make_connector(
        f"{name} embeddings", url=OLLAMA.replace("chat/completions", "embeddings"),
        # In quotes: the processor inserts the plain text, which ML Commons escapes.
        request_body='{"model": "${parameters.model}", "input": "${parameters.input}"}',
    )  # fmt: skip
    cluster.make_model(f"{name} embeddings", connector, deploy=True)
    embedding = {"model_id": f"${{model:{name} embeddings}}", "output_map": [{"embedding": "data[0].embedding"}]}
    stored = {"ml_inference": {**embedding, "input_map": [{"input": "passage"}]}}
    module(PIPELINE, name=name, type="ingest", definition={"processors": [stored]})
    query = {"knn": {"embedding": {"vector": "VECTOR", "k": 1}}}
    asking = {"generative_qa_parameters": {"llm_model": "tiny-chat", "llm_question": "Ping", "timeout": 60}}
    template = json.dumps({"size": 1, "_source": ["passage"], "query": query, "ext": asking})
    asked = {
        "ml_inference": {
            **embedding,
            "input_map": [{"input": "query.match.passage.query"}],
            "query_template": template.replace('"VECTOR"', "${embedding}"),
        }
    }
    answered = {"retrieval_augmented_generation": {"model_id": f"${{model:{name}}}", "context_field_list": ["passage"]}}
    # 2.19 loses the question of a search that its request processor rewrites.
    response = [answered] if cluster.is_3 else []
    definition = {"request_processors": [asked], "response_processors": response}
    module(PIPELINE, name=name, type="search", definition=definition)

    index = "/" + name.replace(" ", "-")
    vector = {"type": "knn_vector", "dimension": 96, "method": {"name": "hnsw", "engine": "lucene", "space_type": "l2"}}
    settings = {
        "index.knn": True,
        "number_of_replicas": 0,
        "default_pipeline": name,
        "index.search.default_pipeline": name,
    }
    mappings = {"properties": {"passage": {"type": "text"}, "embedding": vector}}
    cluster.must("PUT", index, {"settings": settings, "mappings": mappings})
    try:
        for number, passage in enumerate(('An "open" engine\nfor search.', "Air scatters blue light most.")):
            cluster.must("PUT", f"{index}/_doc/{number}?refresh=true", {"passage": passage})
        search = {"query": {"match": {"passage": {"query": "Air scatters blue light most."}}}}
        found = cluster.must("POST", f"{index}/_search", search)
        assert [hit["_source"] for hit in found["hits"]["hits"]] == [{"passage": "Air scatters blue light most."}]
        if cluster.is_3:
            assert found["ext"]["retrieval_augmented_generation"]["answer"].strip()
    finally:
        cluster.must("DELETE", index)
