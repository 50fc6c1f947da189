# SPDX-License-Identifier: GPL-3.0-or-later
"""opensearch_pipeline_info: the pipelines that it lists; it never writes."""

from __future__ import annotations

from typing import Any, Callable

import pytest

from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster

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
