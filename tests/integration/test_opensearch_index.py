# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Indexes on real servers."""

from __future__ import annotations

import pytest

from ansible_collections.searchops.opensearch_ml.tests.integration._stack import index_of

INDEX = "opensearch_index"
VECTOR = {"type": "knn_vector", "dimension": 4, "method": {"name": "hnsw", "engine": "lucene", "space_type": "l2"}}
MAPPINGS = {
    "dynamic": False,
    "properties": {
        "text": {"type": "text", "analyzer": "standard", "fields": {"raw": {"type": "keyword", "ignore_above": 64}}},
        "embedding": VECTOR,
        "meta": {"type": "object", "properties": {"at": {"type": "date", "format": "epoch_second"}}},
    },
}
DATED = {"properties": {"at": {"type": "date"}}}
SETTINGS = {"index": {"knn": True, "number_of_replicas": 0}, "index.search.idle.after": "20s", "refresh_interval": None}


def test_create_change_and_delete(cluster, converges, name):
    args = {"name": index_of(name)}
    converges(INDEX, ["create"], **args, definition={"settings": SETTINGS, "mappings": MAPPINGS})
    (stored,) = cluster.indexes(name).values()
    assert stored["mappings"]["properties"]["embedding"]["dimension"] == 4
    more = {**MAPPINGS, "properties": {"meta": {"properties": {"by": {"type": "keyword"}}}}}
    settings = {"search.idle.after": None, "search": {"default_pipeline": "p"}, "number_of_replicas": "0"}
    converges(INDEX, ["update", "update"], **args, definition={"settings": settings, "mappings": more})
    (stored,) = cluster.indexes(name).values()
    assert stored["mappings"]["properties"]["meta"]["properties"].keys() == {"at", "by"}
    assert stored["settings"]["index"]["search"] == {"default_pipeline": "p"}
    converges(INDEX, [], **args)
    converges(INDEX, ["delete"], **args, state="absent")
    assert cluster.indexes(name) == {}


@pytest.mark.parametrize(
    ("body", "early"),
    [
        ({"settings": {"number_of_shards": 3}}, True),
        ({"settings": {"knn": False}}, True),
        ({"settings": {"codec": "best_compression"}}, False),
        ({"mappings": {"properties": {"text": {"type": "keyword"}}}}, True),
        ({"mappings": {"properties": {"text": {"analyzer": "simple"}}}}, False),
        ({"mappings": {"properties": {"embedding": {**VECTOR, "dimension": 5}}}}, True),
    ],
)
def test_settings_and_mappings_that_cannot_change(cluster, module, name, body, early):
    args = {"name": index_of(name)}
    module(INDEX, **args, definition={"settings": SETTINGS, "mappings": MAPPINGS})
    before = cluster.indexes(name)
    if early:
        module.refuses("index_not_changeable", INDEX, check=True, **args, definition=body)
        module.refuses("index_not_changeable", INDEX, **args, definition=body)
    else:
        # A field of a mapping must always have its type.
        for field in body.get("mappings", {}).get("properties", {}).values():
            field["type"] = "text"
        assert module.fails(INDEX, **args, definition=body)["code"] == "index_not_changeable"
    assert cluster.indexes(name) == before


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"settings": {"nope": 1}}, "unknown_setting"),
        ({"settings": {"number_of_replicas": "many"}}, "invalid_setting_value"),
        ({"mappings": {"properties": {"a": {"type": "nope"}}}}, "invalid_mapping"),
    ],
)
def test_refusals(cluster, module, name, body, code):
    assert module.fails(INDEX, name=index_of(name), definition=body)["code"] == code
    assert cluster.indexes(name) == {}


def test_an_alias_is_not_an_index(cluster, module, name):
    module(INDEX, name=index_of(name))
    cluster.must("PUT", f"/{index_of(name)}/_alias/{index_of(name)}-alias")
    for state in ("present", "absent"):
        module.refuses("invalid_input", INDEX, name=f"{index_of(name)}-alias", state=state)


@pytest.mark.full_on("2.19.1-tls")
def test_a_semantic_field_with_a_remote_model(cluster, converges, module, name):
    """The field embeds its text and that of queries by the model that the definition names."""
    module(
        "ml_connector", name=name, provider="ollama", base_url="http://ollama:11434", model="tiny-chat", capability="embedding"
    )  # fmt: skip
    config = {"model_type": "text_embedding", "framework_type": "huggingface_transformers", "embedding_dimension": 96}
    if cluster.is_3:
        config["additional_config"] = {"space_type": "l2"}
    converges("ml_model", ["create", "register_and_deploy"], name=name, connector=name, model_config=config)
    # The default engine is faiss, whose library the stack's k-NN plugin lacks: a first document would end the node.
    engine = {"method": {"name": "hnsw", "engine": "lucene"}}
    field = {"type": "semantic", "model_id": f"${{model:{name}}}", "dense_embedding_config": engine}
    args = {
        "name": index_of(name),
        "definition": {"settings": {"index.knn": True}, "mappings": {"properties": {"passage": field}}},
    }
    if not cluster.is_3:
        assert module.fails(INDEX, **args)["code"] == "invalid_mapping"
        return
    created = converges(INDEX, ["create"], **args)
    mapped = created["index"]["mappings"]["properties"]
    assert mapped["passage"]["model_id"] == cluster.one("models", name).id
    assert mapped["passage_semantic_info"]["properties"]["embedding"]["dimension"] == 96

    texts = {"sky": "Air scatters blue light most.", "hours": "Open from nine to five."}
    documents = [{"id": each, "source": {"passage": text}} for each, text in texts.items()]
    converges("opensearch_document", ["index"], index=index_of(name), documents=documents)
    query = {"neural": {"passage": {"query_text": texts["sky"]}}}
    hits = module("opensearch_search", index=index_of(name), definition={"query": query})["hits"]
    assert hits[0]["id"] == "sky"
    assert hits[0]["score"] > 0.999
    converges(INDEX, ["delete"], name=index_of(name), state="absent")
    converges("ml_model", ["delete", "delete"], name=name, state="absent", delete_empty_group=True)
    converges("ml_connector", ["delete"], name=name, state="absent")


def test_aliases(cluster, converges, module, name):
    index, today, library = (f"{index_of(name)}{end}" for end in ("", "-today", "-library"))
    args = {"name": index}
    recent = {"filter": {"range": {"at": {"gte": "now/d"}}}, "routing": 1}
    converges(INDEX, ["create"], **args, definition={"mappings": DATED, "aliases": {today: recent, library: {}}})
    stored = cluster.must("GET", f"/{index}/_alias")[index]["aliases"]
    assert stored == {today: {"filter": recent["filter"], "index_routing": "1", "search_routing": "1"}, library: {}}
    # An alias of another client stays.
    cluster.must("POST", "/_aliases", {"actions": [{"add": {"index": index, "alias": f"{index}-theirs"}}]})
    changed = {today: {"search_routing": "2"}, library: None, f"{index}-new": {"is_write_index": True}}
    converges(INDEX, ["update"], **args, definition={"aliases": changed})
    stored = cluster.must("GET", f"/{index}/_alias")[index]["aliases"]
    assert stored.keys() == {today, f"{index}-theirs", f"{index}-new"}
    assert (stored[today]["filter"], stored[today]["search_routing"]) == (recent["filter"], "2")
    converges(INDEX, ["delete"], **args, state="absent")
