# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The task of ml_stack: plan, apply, verify, and concurrent controllers."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.exceptions import Failure
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._http.transport import NotSent
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._runtime.run import Run
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._stack import ml_stack
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.support.harness import run_module
from ansible_collections.searchops.opensearch_ml.tests.unit.support.stacks import (
    URL,
    actions_of,
    apply_stack,
    chat_stack,
    connector,
    stack_with_untrusted_connector,
)


def test_apply_to_an_empty_cluster_as_planned_and_then_unchanged(cluster: FakeCluster) -> None:
    planned = apply_stack(cluster, check_mode=True, **chat_stack())
    assert not cluster.writes
    result = apply_stack(cluster, **chat_stack())
    assert sorted(actions_of(result)) == sorted(actions_of(planned))
    assert result["diff"] == planned["diff"]
    assert {model["model_state"] for model in cluster.models.values()} == {"DEPLOYED"}
    assert len(cluster.connectors) == 2
    by_name = {body["name"]: body for body in cluster.groups.values()}
    assert set(by_name) == {"Group", "Chat B"}
    cluster.exchanges.clear()
    again = apply_stack(cluster, **chat_stack())
    assert actions_of(again) == []
    assert not again["changed"]
    assert not cluster.writes
    assert len(cluster.exchanges) <= 10


@pytest.mark.parametrize("fails", [False, True])
def test_retries_of_all_items_are_counted(
    cluster: FakeCluster, check_mode_violations: list[str], monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    """While the cluster is read and while two items are applied."""
    stack = stack_with_untrusted_connector(cluster) if fails else chat_stack()
    lines: list[str] = []
    monkeypatch.setattr(Run, "report_retry", lambda self, line, pause: lines.append(line))
    for method, ending, fault in (
        ("POST", "/connectors/_search", "unavailable"),
        ("GET", "/_search/pipeline/answers", "starting"),
        ("POST", "/connectors/_create", "conflict"),
        ("PUT", "/_search/pipeline/answers", "lost_before"),
    ):
        cluster.fail_next(method, ending, fault)
    result = run_module("ml_stack", stack, cluster, check_mode_violations)
    assert (result.get("failed", False), result["retries"]) == (fails, 4)
    assert sorted(line.split(":")[0] for line in lines) == [
        "GET /_search/pipeline/answers answered 503",
        "POST /_plugins/_ml/connectors/_create answered 409",
        "POST /_plugins/_ml/connectors/_search answered 503",
        "PUT /_search/pipeline/answers brought no answer",
    ]


def test_retries_while_planning_are_counted(cluster: FakeCluster, check_mode_violations: list[str]) -> None:
    apply_stack(cluster, **chat_stack())
    [connector_id] = [key for key, body in cluster.connectors.items() if body["name"] == "B"]
    changed = chat_stack(connectors=[connector("A"), connector("B", description="new")])
    # The plan reads an object that changes once more, by its id.
    cluster.fail_next("GET", f"/connectors/{connector_id}", "unavailable")
    result = run_module("ml_stack", changed, cluster, check_mode_violations, check_mode=True)
    assert (result["changed"], result["retries"]) == (True, 1)


@pytest.mark.parametrize(
    "options", [{"name": "a b"}, {"parallel": 0}, {"prune": "all", "prune_confirm": "other"}], ids=str
)
def test_invalid_options_of_the_stack_are_refused(cluster: FakeCluster, options: dict[str, Any]) -> None:
    with pytest.raises(Failure):
        apply_stack(cluster, **{**chat_stack(), **options})
    assert not cluster.writes


def test_credential_that_is_always_updated_is_not_verified(cluster: FakeCluster) -> None:
    always = chat_stack(connectors=[connector("A", update_credential="always"), connector("B")])
    apply_stack(cluster, **always)
    assert actions_of(apply_stack(cluster, **always)) == [("swap", "connector", "A")]


def test_remaining_differences_are_reported_with_failed_items(cluster: FakeCluster) -> None:
    broken = stack_with_untrusted_connector(cluster)
    # Another controller creates a duplicate while the last item is applied.
    cluster.before("PUT", "/_search/pipeline/answers", lambda: cluster.add_connector("B"))
    with pytest.raises(Failure) as raised:
        apply_stack(cluster, **broken)
    assert raised.value.code == "stack_failed"
    assert [each["place"] for each in raised.value.details["failed"]] == ["connectors[0]"]
    [left] = raised.value.details["left"]
    assert left.startswith("connectors[1] 'B': 2 connectors have the name 'B'")
    assert "not matching the trusted" in raised.value.message
    assert left.rstrip(".") in raised.value.message


def test_unreachable_cluster_does_not_hide_failed_items(cluster: FakeCluster) -> None:
    broken = stack_with_untrusted_connector(cluster)
    cluster.before("PUT", "/_search/pipeline/answers", lambda: cluster.crash("refused", 1))
    with pytest.raises(Failure) as raised:
        # One item after the other, so that the failure comes before the crash.
        apply_stack(cluster, parallel=1, **broken)
    assert raised.value.code == "stack_failed"
    assert "not matching the trusted" in raised.value.message
    assert len(raised.value.details["left"]) == 1


def test_actions_are_reported_if_the_cluster_becomes_unreachable(cluster: FakeCluster) -> None:
    cluster.deploy_outcomes = [("DEPLOY_FAILED", {"node-1": "out of order"})] * 10
    handle = cluster.handle

    def refuse_connection(method: str, path: str, *more: Any) -> Any:
        if (
            method == "GET"
            and "/connectors/" in path
            and any(body.get("model_state") == "DEPLOY_FAILED" for body in cluster.models.values())
        ):
            raise NotSent("connection refused")
        return handle(method, path, *more)

    cluster.handle = refuse_connection  # type: ignore[method-assign] # for this cluster only
    result = run_module("ml_stack", chat_stack(), cluster, [])
    assert result["failure"]["code"] == "stack_failed"
    assert result["changed"]
    assert len(result["actions"]) >= 5


def test_secrets_of_all_items_are_known(cluster: FakeCluster) -> None:
    found = ml_stack.secrets({**dict.fromkeys(ml_stack.SPEC), **chat_stack()}, None)
    assert found == ["s3cret-1", "s3cret-1"]


class TestConcurrentControllers:
    """Each object exists once, whichever controller was first."""

    SIZE = 6

    @property
    def declared(self) -> dict[str, Any]:
        return {
            "connectors": [connector(f"C{number}") for number in range(self.SIZE)],
            "models": [{"name": f"M{number}", "connector": f"C{number}"} for number in range(self.SIZE)],
        }

    def assert_each_exists_once(self, cluster: FakeCluster) -> None:
        for kind, letter in ((cluster.connectors, "C"), (cluster.models, "M"), (cluster.groups, "M")):
            names = sorted(body["name"] for body in kind.values())
            assert names == [f"{letter}{number}" for number in range(self.SIZE)]
        assert actions_of(apply_stack(cluster, **self.declared)) == []

    @pytest.mark.parametrize("parallel", [1, 2, 8])
    def test_another_controller_creates_the_same_connectors_first(self, cluster: FakeCluster, parallel: int) -> None:
        """The other controller creates its connectors between our plan and our first create."""
        other = FakeCluster()
        apply_stack(other, **self.declared)

        def create_theirs() -> None:
            for number in range(self.SIZE):
                twin = cluster.add_connector(f"C{number}")
                [body] = [body for body in other.connectors.values() if body["name"] == f"C{number}"]
                cluster.connectors[twin] = json.loads(json.dumps(body))

        cluster.before("POST", "/connectors/_create", create_theirs)
        result = apply_stack(cluster, parallel=parallel, **self.declared)
        # All of ours were deleted again.
        assert not [each for each in actions_of(result) if each[:2] == ("create", "connector")]
        self.assert_each_exists_once(cluster)

    @pytest.mark.parametrize("searches", [1, 3])
    def test_duplicates_that_another_controller_deletes(self, cluster: FakeCluster, searches: int) -> None:
        """The controllers that created the duplicates delete all but one while this run waits."""
        twins = [cluster.add_connector("C0") for _each in range(3)]
        seen = iter(range(99))

        def delete_duplicates() -> None:
            if next(seen) == searches:
                del cluster.connectors[twins[1]], cluster.connectors[twins[2]]

        cluster.before("POST", "/connectors/_search", delete_duplicates, times=99)
        apply_stack(cluster, **self.declared)
        assert twins[0] in cluster.connectors
        self.assert_each_exists_once(cluster)

    def test_duplicates_that_stay_are_refused(self, cluster: FakeCluster) -> None:
        cluster.add_connector("C0")
        cluster.add_connector("C0")
        with pytest.raises(Failure, match="2 connectors have the name 'C0'") as caught:
            apply_stack(cluster, **self.declared)
        assert [each["code"] for each in caught.value.details["problems"]] == ["ambiguous_name"]
        assert not cluster.writes

    def test_connector_is_deleted_while_its_model_is_deployed(self, cluster: FakeCluster) -> None:
        def delete_connector() -> None:
            models = {body["name"]: body for body in cluster.models.values()}
            if len(models) == self.SIZE and cluster.connectors.pop(models["M0"]["connector_id"], None):
                models["M0"]["model_state"] = "DEPLOY_FAILED"

        cluster.before("POST", "/models/_search", delete_connector, times=99)
        with pytest.raises(Failure, match="Another controller deleted connector") as caught:
            apply_stack(cluster, **self.declared)
        assert [each["code"] for each in caught.value.details["failed"]] == ["concurrent_change"]

    def test_connector_is_deleted_before_its_model_is_created(self, cluster: FakeCluster) -> None:
        cluster.next_ids["connector"] = ["first", "own"]
        searches: list[None] = []

        def create_theirs() -> None:
            if not cluster.connectors:
                cluster.add_connector()

        def delete_first() -> None:
            searches.append(None)
            if len(searches) > 1:
                cluster.connectors.pop("first", None)

        def after_adoption() -> None:
            cluster.before("POST", "/connectors/_search", delete_first, times=9)

        cluster.before("POST", "/_create", create_theirs)
        cluster.before("DELETE", "/own", after_adoption)
        chat = {"name": "Local chat", "actions": [{"url": f"{URL}/v1/chat/completions"}]}
        with pytest.raises(Failure) as caught:
            apply_stack(cluster, connectors=[chat], models=[{"name": "Chat", "connector": "Local chat"}])
        [failed] = caught.value.details["failed"]
        assert (failed["place"], failed["code"]) == ("models[0]", "concurrent_change")
        assert "There is no connector" in failed["message"]

    def test_two_concurrent_runs(self, cluster: FakeCluster) -> None:
        def run(_number: int) -> str:
            try:
                apply_stack(cluster, **self.declared)
            except Failure as failure:
                return failure.code
            return "ok"

        with ThreadPoolExecutor(2) as pool:
            codes = list(pool.map(run, range(2)))
        assert set(codes) <= {"ok", "stack_failed", "not_converged"}
        if codes != ["ok", "ok"]:
            apply_stack(cluster, **self.declared)
        self.assert_each_exists_once(cluster)
