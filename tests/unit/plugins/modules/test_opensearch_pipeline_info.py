# SPDX-License-Identifier: GPL-3.0-or-later
"""opensearch_pipeline_info: the pipelines and processors that it lists; it never writes."""

from __future__ import annotations

from typing import Any, Callable

import pytest

from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.pipelines import KNOWN, WITH_NEURAL_SEARCH

Runner = Callable[..., dict[str, Any]]


@pytest.mark.parametrize("check_mode", [True, False])
@pytest.mark.parametrize(
    ("args", "listed"),
    [
        ({}, [("search", "answer"), ("search", "other"), ("ingest", "answer")]),
        ({"type": "search"}, [("search", "answer"), ("search", "other")]),
        ({"name": "an*"}, [("search", "answer"), ("ingest", "answer")]),
        ({"name": "answer", "type": "ingest"}, [("ingest", "answer")]),
        ({"name": "nope"}, []),
    ],
)
def test_listed_pipelines(
    module: Runner, cluster: FakeCluster, args: dict[str, Any], listed: list[tuple[str, str]], check_mode: bool
) -> None:
    body = {"description": "One", "version": 1}
    cluster.pipelines.bodies = {"search": {"other": {}, "answer": body}, "ingest": {"answer": body}}
    result = module("opensearch_pipeline_info", cluster, check_mode=check_mode, **args)
    assert [(pipeline["type"], pipeline["name"]) for pipeline in result["pipelines"]] == listed
    assert all(pipeline["definition"] in (body, {}) for pipeline in result["pipelines"])
    assert (result["changed"], result["actions"]) == (False, [])
    assert cluster.writes == []
    assert "processors" not in result


def test_processors_that_all_nodes_know(module: Runner, cluster: FakeCluster) -> None:
    def processors(**args: Any) -> dict[str, Any]:
        result: dict[str, Any] = module("opensearch_pipeline_info", cluster, with_processors=True, **args)["processors"]
        return result

    cluster.pipelines.nodes = [WITH_NEURAL_SEARCH, WITH_NEURAL_SEARCH]
    known = processors()
    assert known["ingest"]["processors"] == ["ml_inference", "rename", "set", "text_embedding"]
    assert known["ingest"]["on_failure"] == known["ingest"]["processors"]
    assert "rerank" in known["search"]["response_processors"]
    cluster.pipelines.nodes = [WITH_NEURAL_SEARCH, KNOWN]
    common = ["ml_inference", "rename", "set"]
    assert processors(type="ingest") == {"ingest": {"processors": common, "on_failure": common}}
    assert "rerank" not in processors(type="search")["search"]["response_processors"]
    cluster.pipelines.nodes = None
    assert processors() == {"search": None, "ingest": None}
