# SPDX-License-Identifier: GPL-3.0-or-later
"""Searching for models."""

from __future__ import annotations

from typing import Any, Callable

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._kinds.model import Model, using_connectors
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.answers import hits
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import ML, FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.support.harness import make_run
from ansible_collections.searchops.opensearch_ml.tests.unit.support.script import get, post


def test_connector_query_matches_on_every_version() -> None:
    """3.x analyses the field and indexes its words in lower case; 2.19 indexes the whole id."""
    query = Model.query_for(("connector_id", each) for each in ("nH9-C6IBQpKL7wbg5p2u", "QexaDKIBXD2OATL0GEu7"))
    assert query == {
        "terms": {
            "connector_id": ["QexaDKIBXD2OATL0GEu7", "c6ibqpkl7wbg5p2u", "nH9-C6IBQpKL7wbg5p2u", "qexadkibxd2oatl0geu7"]
        }
    }


def test_using_connectors_drops_false_matches(script: Callable[..., Any]) -> None:
    answer = hits(("m1", {"name": "a", "connector_id": "abc-def"}), ("m2", {"name": "b", "connector_id": "def-abc"}))
    run = make_run(
        script(
            post(f"{ML}/models/_search").answers(200, answer),
            get(f"{ML}/models/m1").answers(200, {"name": "a", "connector_id": "abc-def"}),
        )
    )
    assert [doc.id for doc in using_connectors(run.reader, ["abc-def"])] == ["m1"]


def test_chunks_of_local_models_are_not_found(cluster: FakeCluster) -> None:
    model_id = cluster.add_model("Chat", cluster.add_connector())
    cluster.models["chunk"] = {**cluster.models[model_id], "chunk_number": 0}
    assert [doc.id for doc in Model.all_named(make_run(cluster).reader, "Chat")] == [model_id]
