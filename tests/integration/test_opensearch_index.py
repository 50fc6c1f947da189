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
