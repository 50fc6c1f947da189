# SPDX-License-Identifier: GPL-3.0-or-later
"""Searches that return more than one page."""

from __future__ import annotations

import json
from typing import Any, Callable

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.exceptions import (
    Failure,
)
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._http import client as http_client
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._kinds.connector.resource import Connector
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.answers import hits
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import ML, FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.support.harness import make_run
from ansible_collections.searchops.opensearch_ml.tests.unit.support.script import post


class TestSearch:
    """A page has three objects, so that a few objects fill it."""

    @pytest.fixture(autouse=True)
    def _small_pages(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(http_client, "PAGE_SIZE", 3)

    @pytest.mark.parametrize(("count", "requests"), [(0, 1), (2, 1), (3, 2), (7, 3)])
    def test_returns_all(self, cluster: FakeCluster, count: int, requests: int) -> None:
        ids = [cluster.add_connector(f"Chat {number}") for number in range(count)]
        run = make_run(cluster)
        assert [doc.id for doc in Connector.search(run.client, {"match_all": {}})] == ids
        assert run.client.reads == requests

    def test_returns_only_matches(self, cluster: FakeCluster) -> None:
        for number in range(8):
            cluster.add_connector("Even" if number % 2 == 0 else "Odd")
        found = Connector.search(make_run(cluster).client, {"term": {"name.keyword": "Odd"}})
        assert [doc.name for doc in found] == ["Odd"] * 4

    def test_object_that_changes_between_two_pages_is_returned_once(self, script: Callable[..., Any]) -> None:
        first = hits(*[(f"c{number}", {"name": "old"}) for number in range(3)])
        for number, hit in enumerate(first["hits"]["hits"]):
            hit["sort"] = [number]
        sent = script(
            post(f"{ML}/connectors/_search").answers(200, first),
            post(f"{ML}/connectors/_search").answers(200, hits(("c0", {"name": "new"}))),
        )
        found = Connector.search(make_run(sent).client, {"match_all": {}})
        assert [(doc.id, doc.name) for doc in found] == [("c0", "new"), ("c1", "old"), ("c2", "old")]
        assert [json.loads(content).get("search_after") for _m, _u, _h, content, _t in sent.sent] == [None, [2]]

    @pytest.mark.parametrize(("again", "requests"), [(True, 2), (False, 4)])
    def test_search_without_an_end_fails(
        self, script: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, again: bool, requests: int
    ) -> None:
        """A server that always answers a whole page: the same one, or always another one."""
        monkeypatch.setattr(http_client, "MAX_OBJECTS", 10)
        pages = [[(f"c{number}", {}) for number in range(3 * page, 3 * page + 3)] for page in range(requests)]
        sent = script(
            *[
                post(f"{ML}/connectors/_search").answers(200, hits(*pages[0 if again else page]))
                for page in range(requests)
            ]
        )
        with pytest.raises(Failure, match="does not end"):
            Connector.search(make_run(sent).client, {"match_all": {}})
