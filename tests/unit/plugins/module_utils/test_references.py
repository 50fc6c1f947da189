# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What objects refer to: a search tells it where nothing changes for it, and never decides a change."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors import Failure
from ansible_collections.searchops.opensearch_ml.tests.unit.support.cluster import ML, FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.support.harness import execute

LONG = 10**6


def apply(cluster: FakeCluster, module: str, **options: Any) -> dict[str, Any]:
    return execute(cluster, module, **options)


def did(result: dict[str, Any]) -> list[str]:
    return [action["action"] for action in result["actions"]]


def rename(cluster: FakeCluster, kind: str, object_id: str, name: str) -> None:
    """By somebody else, and no search sees it for now."""
    cluster.change_lag = LONG
    cluster.call("PUT", f"{ML}/{kind}/{object_id}", {"name": name})


def refused(cluster: FakeCluster, module: str, **options: Any) -> Failure:
    for check_mode in (True, False):
        with pytest.raises(Failure) as caught:
            apply(cluster, module, check_mode=check_mode, **options)
    assert not cluster.writes
    return caught.value


class TestText:
    """References inside the texts of agents and pipelines."""

    @pytest.fixture
    def models(self, cluster: FakeCluster) -> list[str]:
        connector_id = cluster.add_connector()
        return [cluster.add_model(name, connector_id, state="UNDEPLOYED") for name in ("Chat", "Other")]

    @staticmethod
    def pipeline(*references: str) -> dict[str, Any]:
        processors = [{"ml_inference": {"model_id": reference}} for reference in references]
        return {"name": "p", "type": "search", "definition": {"request_processors": processors}}

    def test_two_that_change_places(self, cluster: FakeCluster, models: list[str]) -> None:
        apply(cluster, "opensearch_pipeline", **self.pipeline("${model:Chat}", "${model:Other}"))
        assert did(apply(cluster, "opensearch_pipeline", **self.pipeline("${model:Other}", "${model:Chat}"))) == [
            "update"
        ]
        stored = cluster.pipelines.bodies["search"]["p"]["request_processors"]
        assert [each["ml_inference"]["model_id"] for each in stored] == models[::-1]

    @pytest.mark.parametrize("module", ["opensearch_pipeline", "ml_agent"])
    def test_nothing_is_changed_by_what_a_search_tells(
        self, cluster: FakeCluster, models: list[str], module: str
    ) -> None:
        tool = {"type": "MLModelTool", "parameters": {"model_id": "${model:Chat}"}}
        stated = {"name": "House", "type": "flow", "tools": [tool]}
        if module == "opensearch_pipeline":
            stated = self.pipeline("${model:Chat}")
        apply(cluster, module, **stated)
        written = len(cluster.writes)
        rename(cluster, "models", models[0], "Old")
        with pytest.raises(Failure) as caught:
            apply(cluster, module, **stated, description="New")
        assert caught.value.code == "unknown_model"
        assert len(cluster.writes) == written

    def test_namesakes_are_still_ambiguous(self, cluster: FakeCluster, models: list[str]) -> None:
        stated = self.pipeline("${model:Chat}")
        apply(cluster, "opensearch_pipeline", **stated)
        cluster.exchanges.clear()
        other = cluster.add_model("Chat", next(iter(cluster.connectors)))
        failure = refused(cluster, "opensearch_pipeline", **stated)
        assert (failure.code, failure.details["ids"]) == ("ambiguous_name", [models[0], other])
