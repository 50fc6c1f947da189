# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The task of ml_stack: plan, apply, verify, and concurrent controllers."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.exceptions import Failure
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._http.transport import NotSent
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._runtime.lease import DOCUMENT
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._runtime.run import Run
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._stack import ml_stack
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.support.harness import run_module
from ansible_collections.searchops.opensearch_ml.tests.unit.support.stacks import (
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
        ("GET", "/_search/pipeline/%2A", "starting"),
        ("POST", "/connectors/_create", "conflict"),
        ("PUT", "/_search/pipeline/answers", "lost_before"),
    ):
        cluster.fail_next(method, ending, fault)
    result = run_module("ml_stack", stack, cluster, check_mode_violations)
    assert (result.get("failed", False), result["retries"]) == (fails, 4)
    assert sorted(line.split(":")[0] for line in lines) == [
        "GET /_search/pipeline/%2A answered 503",
        "POST /_plugins/_ml/connectors/_create answered 409",
        "POST /_plugins/_ml/connectors/_search answered 503",
        "PUT /_search/pipeline/answers brought no answer",
    ]


def test_retries_while_planning_are_counted(check_mode_violations: list[str]) -> None:
    cluster = FakeCluster("2.19.1")
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

    def other_controller() -> None:
        """Create a duplicate, long after the first one, while the last item is applied."""
        cluster.connectors[cluster.add_connector("B")]["created_time"] += 60_000

    cluster.before("PUT", "/_search/pipeline/answers", other_controller)
    with pytest.raises(Failure) as raised:
        apply_stack(cluster, **broken)
    assert raised.value.code == "stack_failed"
    assert [each["place"] for each in raised.value.details["failed"]] == ["connectors[0]"]
    [left] = raised.value.details["left"]
    assert left.startswith("connectors[1] 'B': 2 connectors have the name 'B'")
    assert "not matching the trusted" in raised.value.message
    assert left.rstrip(".") in raised.value.message


def test_remaining_difference_is_not_applied_again(cluster: FakeCluster) -> None:
    """Another controller, which does not take the lease, changes a connector while the last item is applied."""

    def other_controller() -> None:
        for body in cluster.connectors.values():
            body["description"] = "theirs"

    cluster.before("PUT", "/_search/pipeline/answers", other_controller)
    result = run_module("ml_stack", chat_stack(), cluster, [])
    assert result["failure"]["code"] == "not_converged"
    assert [line.split("(")[0] for line in result["failure"]["details"]["left"]] == ["~ change connector 'B' "]
    assert len(actions_of(result)) == 9


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
    assert found == ["s3cret-1"]


class TestConcurrentControllers:
    """Each object exists once, whichever controller was first."""

    DECLARED: dict[str, Any] = {
        "connectors": [connector("C0"), connector("C1")],
        "models": [{"name": "M0", "connector": "C0"}, {"name": "M1", "connector": "C1"}],
        # Both controllers create in the same order, so that the same one was first with a connector and with its model.
        "parallel": 1,
    }

    def apply_as_another_controller(self, cluster: FakeCluster) -> None:
        """Copied, as the workers of another stack would wait for the request that this one answers."""
        other = FakeCluster()
        cluster._created = 100
        apply_stack(other, **self.DECLARED)
        for kind in ("connectors", "groups", "models"):
            getattr(cluster, kind).update(getattr(other, kind))

    def assert_each_exists_once(self, cluster: FakeCluster) -> None:
        for kind, letter in ((cluster.connectors, "C"), (cluster.models, "M"), (cluster.groups, "M")):
            assert sorted(body["name"] for body in kind.values()) == [f"{letter}0", f"{letter}1"]
        assert actions_of(apply_stack(cluster, **self.DECLARED)) == []

    def test_another_controller_has_the_lease_first(self, cluster: FakeCluster) -> None:
        """What this run reads under the lease is final."""
        cluster.records_leases = True
        cluster.before("PUT", DOCUMENT, lambda: self.apply_as_another_controller(cluster))
        result = run_module("ml_stack", self.DECLARED, cluster, [])
        assert (result["changed"], result["plan"]) == (False, [])
        self.assert_each_exists_once(cluster)

    def test_another_controller_does_not_take_the_lease(self, cluster: FakeCluster) -> None:
        """It creates everything between the plan of this run and its first create."""
        cluster.before("POST", "/connectors/_create", lambda: self.apply_as_another_controller(cluster))
        result = run_module("ml_stack", self.DECLARED, cluster, [])
        assert not result.get("failed"), result
        assert len([text for text in result["warnings"] if "the module ml_dedupe deletes" in text]) == 4
        run_module("ml_dedupe", {"apply": True, "trust_credentials": True}, cluster, [])
        self.assert_each_exists_once(cluster)

    def test_run_that_starts_over_waits_for_its_deployments(self, cluster: FakeCluster) -> None:
        """Another controller deletes the pipeline before it is verified, while the model is being deployed."""
        path, stored = "/_search/pipeline/answers", cluster.pipelines.bodies["search"]
        cluster.deploying_reads = 30
        cluster.before("PUT", path, lambda: cluster.before("GET", path, stored.clear))
        chat = chat_stack(model_groups=[], controllers=[], agents=[])
        result = run_module("ml_stack", {**chat, "models": chat["models"][1:]}, cluster, [])
        assert not result.get("failed"), result
        assert list(stored) == ["answers"]
        assert [body["model_state"] for body in cluster.models.values()] == ["DEPLOYED"]
