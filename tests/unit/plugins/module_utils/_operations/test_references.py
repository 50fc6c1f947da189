# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""References: a search result is enough if nothing changes, but never for a change."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.exceptions import Failure
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import ML, FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.support.harness import execute

CHAT = {"name": "Chat", "connector": "Local chat", "state": "present"}
LONG = 10**6


def apply(cluster: FakeCluster, module: str = "ml_model", **options: Any) -> dict[str, Any]:
    return execute(cluster, module, **options)


def did(result: dict[str, Any]) -> list[str]:
    return [action["action"] for action in result["actions"]]


def rename(cluster: FakeCluster, kind: str, object_id: str, name: str) -> None:
    """Rename an object as another controller; searches still return the old name."""
    cluster.change_lag = LONG
    cluster.call("PUT", f"{ML}/{kind}/{object_id}", {"name": name})


def refused(cluster: FakeCluster, module: str = "ml_model", **options: Any) -> Failure:
    for check_mode in (True, False):
        with pytest.raises(Failure) as caught:
            apply(cluster, module, check_mode=check_mode, **options)
    assert not cluster.writes
    return caught.value


class TestModel:
    def test_the_state_is_never_taken_from_a_search(self, cluster: FakeCluster) -> None:
        model_id = cluster.add_model("Chat", cluster.add_connector())
        cluster.state_lag = LONG
        cluster.call("POST", f"{ML}/models/{model_id}/_undeploy")
        desired = {"name": "Chat", "connector": "Local chat", "model_group": "Chat", "state": "deployed"}
        assert did(apply(cluster, **desired, check_mode=True)) == ["deploy"]
        assert did(apply(cluster, **desired)) == ["deploy"]

    def test_it_is_not_moved_to_a_connector_that_was_just_renamed(self, cluster: FakeCluster) -> None:
        first, second = cluster.add_connector(), cluster.add_connector("Better")
        cluster.add_model("Chat", second, state="UNDEPLOYED")
        rename(cluster, "connectors", first, "Old")
        with pytest.raises(Failure) as caught:
            apply(cluster, **CHAT)
        assert caught.value.code == "unknown_connector"
        assert not cluster.writes

    def test_it_is_not_moved_to_a_group_that_was_just_renamed(self, cluster: FakeCluster) -> None:
        cluster.add_model("Chat", cluster.add_connector())
        rename(cluster, "model_groups", cluster.add_group("Chats"), "Old")
        assert did(apply(cluster, name="Chat", model_group="Chats")) == ["create", "update"]
        groups = {group["name"]: group_id for group_id, group in cluster.groups.items()}
        assert [model["model_group_id"] for model in cluster.models.values()] == [groups["Chats"]]

    @pytest.mark.parametrize("delete_empty_group", [True, False])
    def test_a_group_that_was_just_renamed_does_not_count(self, cluster: FakeCluster, delete_empty_group: bool) -> None:
        cluster.add_model("Chat", cluster.add_connector(), state="UNDEPLOYED")
        rename(cluster, "model_groups", next(iter(cluster.groups)), "Kept")
        absent = {"model_group": "Chat", "state": "absent", "delete_empty_group": delete_empty_group}
        assert did(apply(cluster, name="Chat", **absent)) == []
        assert did(apply(cluster, model_id=next(iter(cluster.models)), **absent)) == ["delete"]
        assert [group["name"] for group in cluster.groups.values()] == ["Kept"]

    def test_two_connectors_with_one_name_are_ambiguous(self, cluster: FakeCluster) -> None:
        ids = [cluster.add_connector() for _count in range(2)]
        cluster.connectors[ids[1]]["created_time"] += 60_000
        cluster.add_model("Chat", ids[0])
        failure = refused(cluster, **CHAT)
        assert (failure.code, failure.details["ids"]) == ("ambiguous_name", ids)

    def test_a_name_takes_precedence_over_an_id(self, cluster: FakeCluster) -> None:
        first = cluster.add_connector()
        second = cluster.add_connector(first)
        cluster.add_model("Chat", first)
        assert did(apply(cluster, **{**CHAT, "connector": first})) == ["update"]
        assert [model["connector_id"] for model in cluster.models.values()] == [second]

    @pytest.mark.parametrize("by_id", [True, False])
    def test_a_deleted_connector_is_unknown(self, cluster: FakeCluster, by_id: bool) -> None:
        connector_id = cluster.add_connector()
        cluster.add_model("Chat", connector_id)
        cluster.connectors.clear()
        desired = {**CHAT, "connector": connector_id} if by_id else CHAT
        with pytest.raises(Failure) as caught:
            apply(cluster, **desired)
        assert caught.value.code == "unknown_connector"
        assert "no connector" in str(apply(cluster, **desired, check_mode=True)["warnings"])


class TestText:
    """References in the texts of agents and pipelines."""

    @pytest.fixture
    def models(self, cluster: FakeCluster) -> list[str]:
        connector_id = cluster.add_connector()
        return [cluster.add_model(name, connector_id, state="UNDEPLOYED") for name in ("Chat", "Other")]

    @staticmethod
    def pipeline(*references: str) -> dict[str, Any]:
        processors = [{"ml_inference": {"model_id": reference}} for reference in references]
        return {"name": "p", "type": "search", "definition": {"request_processors": processors}}

    def test_two_references_swap_their_places(self, cluster: FakeCluster, models: list[str]) -> None:
        apply(cluster, "opensearch_pipeline", **self.pipeline("${model:Chat}", "${model:Other}"))
        assert did(apply(cluster, "opensearch_pipeline", **self.pipeline("${model:Other}", "${model:Chat}"))) == [
            "update"
        ]
        stored = cluster.pipelines.bodies["search"]["p"]["request_processors"]
        assert [each["ml_inference"]["model_id"] for each in stored] == models[::-1]

    @pytest.mark.parametrize("module", ["opensearch_pipeline", "ml_agent"])
    def test_an_outdated_search_result_changes_nothing(
        self, cluster: FakeCluster, models: list[str], module: str
    ) -> None:
        tool = {"type": "MLModelTool", "parameters": {"model_id": "${model:Chat}"}}
        desired = {"name": "House", "type": "flow", "tools": [tool]}
        if module == "opensearch_pipeline":
            desired = self.pipeline("${model:Chat}")
        apply(cluster, module, **desired)
        written = len(cluster.writes)
        rename(cluster, "models", models[0], "Old")
        with pytest.raises(Failure) as caught:
            apply(cluster, module, **desired, description="New")
        assert caught.value.code == "unknown_model"
        assert len(cluster.writes) == written

    def test_two_models_with_one_name_are_ambiguous(self, cluster: FakeCluster, models: list[str]) -> None:
        desired = self.pipeline("${model:Chat}")
        apply(cluster, "opensearch_pipeline", **desired)
        cluster.exchanges.clear()
        cluster._time += 60_000
        other = cluster.add_model("Chat", next(iter(cluster.connectors)))
        failure = refused(cluster, "opensearch_pipeline", **desired)
        assert (failure.code, failure.details["ids"]) == ("ambiguous_name", [models[0], other])


def test_a_stack_also_reads_an_unexpected_connector() -> None:
    """The stack reads the model because its description changes, and finds another connector than the search did."""
    cluster = FakeCluster("2.19.1")
    first, second = cluster.add_connector(), cluster.add_connector("Better")
    model_id = cluster.add_model("Chat", first, state="UNDEPLOYED")
    cluster.change_lag = LONG
    cluster.call("PUT", f"{ML}/models/{model_id}", {"connector_id": second})
    result = apply(cluster, "ml_stack", models=[{**CHAT, "description": "New"}], check_mode=True)
    assert [action["fields"] for action in result["actions"]] == [["description", "connector_id"]]
    reads = [each.path.rsplit("/", 1)[1] for each in cluster.exchanges if each.method == "GET"]
    assert reads.index(model_id) < reads.index(first)
