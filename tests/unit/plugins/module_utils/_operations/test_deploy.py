# SPDX-License-Identifier: GPL-3.0-or-later
"""Deploying, repairing, undeploying and deleting models, as the task of ml_model does it."""

from __future__ import annotations

from typing import Any, Callable

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.exceptions import Failure
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._operations import deploy
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import ML, FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.models import VERSION_CONFLICT
from ansible_collections.searchops.opensearch_ml.tests.unit.support.harness import make_run
from ansible_collections.searchops.opensearch_ml.tests.unit.support.models import (
    NEW,
    actions_of,
    add_chat_model,
    apply,
    count_requests,
)

Runner = Callable[..., dict[str, Any]]


@pytest.fixture
def cluster(cluster: FakeCluster) -> FakeCluster:
    """A cluster with the connector 'Local chat'."""
    cluster.add_connector()
    return cluster


class TestDeploy:
    def test_waits_for_the_models_state(self, cluster: FakeCluster) -> None:
        cluster.deploying_reads = 7
        assert apply(cluster, **NEW)["model"]["state"] == "DEPLOYED"

    def test_undeployed_by_its_ttl(self, cluster: FakeCluster) -> None:
        add_chat_model(cluster, "UNDEPLOYED", deploy_setting={"model_ttl_minutes": 5})
        assert actions_of(apply(cluster, name="Chat")) == []

    def test_undeployed_without_a_ttl(self, cluster: FakeCluster) -> None:
        add_chat_model(cluster, "UNDEPLOYED", deploy_setting={"is_auto_deploy_enabled": True})
        assert actions_of(apply(cluster, name="Chat")) == ["deploy"]

    @pytest.mark.parametrize(("auto_deploy", "actions"), [(True, []), (False, ["deploy"])])
    def test_undeployed_by_its_ttl_with_and_without_auto_deploy(
        self, cluster: FakeCluster, auto_deploy: bool, actions: list[str]
    ) -> None:
        setting = {"model_ttl_minutes": 60, "is_auto_deploy_enabled": auto_deploy}
        apply(cluster, **NEW, deploy_setting=setting)
        next(iter(cluster.models.values()))["model_state"] = "UNDEPLOYED"
        assert actions_of(apply(cluster, **NEW, deploy_setting=setting)) == actions

    def test_a_timeout_reports_the_last_state(self, cluster: FakeCluster) -> None:
        cluster.deploying_reads = 10**6
        with pytest.raises(Failure, match="not reached within 20 s; last seen: model_state DEPLOYING") as caught:
            apply(cluster, **NEW, wait_timeout=20)
        assert caught.value.code == "wait_timeout"

    def test_a_timeout_reports_the_reasons_of_the_nodes(self, cluster: FakeCluster) -> None:
        cluster.deploying_reads = 10**6
        cluster.deploy_outcomes = [("DEPLOYED", {"node-1": "still trying"})]
        with pytest.raises(Failure, match=r"is DEPLOYING.*node node-1: still trying"):
            apply(cluster, **NEW, wait_timeout=20)

    @pytest.mark.parametrize("moment", ["before", "verification", "wait"])
    def test_another_controller_deletes_it(self, module: Runner, cluster: FakeCluster, moment: str) -> None:
        """The task starts over and registers the model again. Only the verification is under the lease."""
        model_id = add_chat_model(cluster, "UNDEPLOYED")

        def delete_it() -> None:
            waiting = cluster.leases.document is None
            if cluster.models[model_id]["model_state"] == "DEPLOYING" and waiting == (moment == "wait"):
                cluster.models.clear()

        if moment == "before":
            cluster.before("POST", "/_deploy", cluster.models.clear)
        else:
            cluster.before("GET", model_id, delete_it, times=99)
        result = module("ml_model", cluster, **NEW)
        assert actions_of(result) == [*([] if moment == "before" else ["deploy"]), "register_and_deploy"]
        assert result["model"]["state"] == "DEPLOYED"

    def test_the_lease_is_not_held_during_the_wait(self, module: Runner, cluster: FakeCluster) -> None:
        """A repair takes it again."""
        held: list[bool] = []

        def read() -> None:
            if any(model["model_state"] == "DEPLOYING" for model in cluster.models.values()):
                held.append(cluster.leases.document is not None)

        cluster.deploy_outcomes = [("DEPLOY_FAILED", {"cluster": VERSION_CONFLICT})]
        cluster.before("GET", "", read, times=99)
        assert actions_of(module("ml_model", cluster, **NEW)) == ["create", "register_and_deploy", "repair"]
        # The first read verifies the fields.
        assert held[1:]
        assert not any(held[1:])
        assert [each.method for each in cluster.lease_exchanges] == ["GET", "PUT", "DELETE"] * 2


class TestFailures:
    def test_names_each_node(self, cluster: FakeCluster) -> None:
        add_chat_model(cluster, "UNDEPLOYED")
        cluster.deploy_outcomes = [("DEPLOY_FAILED", {"node-2": "no memory", "node-1": "no disk"})]
        with pytest.raises(
            Failure, match="served by 0 of 1 nodes: node node-1: no disk; node node-2: no memory"
        ) as caught:
            apply(cluster, name="Chat")
        assert caught.value.code == "deploy_failed"
        assert caught.value.details == {
            "nodes": {"node-2": "no memory", "node-1": "no disk"},
            "model_state": "DEPLOY_FAILED",
        }

    def test_in_one_step(self, cluster: FakeCluster) -> None:
        cluster.deploy_outcomes = [("DEPLOY_FAILED", {"node-1": "no disk"})]
        with pytest.raises(Failure, match="node node-1: no disk"):
            apply(cluster, **NEW)

    def test_a_missing_connector(self, cluster: FakeCluster) -> None:
        add_chat_model(cluster, "UNDEPLOYED")
        cluster.connectors.clear()
        with pytest.raises(Failure, match="Failed to find connector:"):
            apply(cluster, name="Chat")


class TestInterruptions:
    def test_a_version_conflict_is_repaired(self, cluster: FakeCluster) -> None:
        model_id = add_chat_model(cluster, "UNDEPLOYED")
        cluster.deploy_outcomes = [("DEPLOY_FAILED", {"cluster": f"[{model_id}]: {VERSION_CONFLICT}"})]
        result = apply(cluster, name="Chat")
        assert actions_of(result) == ["deploy", "repair"]
        assert result["model"]["state"] == "DEPLOYED"

    @pytest.mark.parametrize("failures", [1, 2])
    def test_another_controller_repairs_it(self, cluster: FakeCluster, failures: int) -> None:
        """The last failure is repaired by the controller that takes the lease first, which is the other one."""
        model_id = add_chat_model(cluster, "UNDEPLOYED")
        cluster.deploy_outcomes = [("DEPLOY_FAILED", {})] * failures

        def other_controller() -> None:
            failed = cluster.models[model_id]["model_state"] == "DEPLOY_FAILED"
            if failed and count_requests(cluster, "/_deploy") == failures:
                cluster._stuck.discard(model_id)
                cluster._deploy(model_id)

        cluster.before("GET", model_id, other_controller, times=99)
        result = apply(cluster, name="Chat")
        assert actions_of(result) == ["deploy", "repair"][:failures]
        assert result["model"]["state"] == "DEPLOYED"

    def test_a_failure_without_a_reason_is_repaired_once(self, cluster: FakeCluster) -> None:
        add_chat_model(cluster, "UNDEPLOYED")
        cluster.deploy_outcomes = [("DEPLOY_FAILED", {})]
        assert actions_of(apply(cluster, name="Chat")) == ["deploy", "repair"]
        cluster.add_model("Other", next(iter(cluster.connectors)), state="UNDEPLOYED")
        cluster.deploy_outcomes = [("DEPLOY_FAILED", {})] * 2
        with pytest.raises(Failure, match="no node gave a reason"):
            apply(cluster, name="Other")

    def test_a_second_version_conflict_is_a_failure(self, cluster: FakeCluster) -> None:
        add_chat_model(cluster, "UNDEPLOYED")
        cluster.deploy_outcomes = [("DEPLOY_FAILED", {"cluster": VERSION_CONFLICT})] * 3
        with pytest.raises(Failure, match="version conflict"):
            apply(cluster, name="Chat")
        assert count_requests(cluster, "/_deploy") == 2

    def test_a_version_conflict_with_another_reason_is_a_failure(self, cluster: FakeCluster) -> None:
        add_chat_model(cluster, "UNDEPLOYED")
        cluster.deploy_outcomes = [("DEPLOY_FAILED", {"node-1": VERSION_CONFLICT, "node-2": "no memory"})]
        with pytest.raises(Failure, match="no memory"):
            apply(cluster, name="Chat")
        assert count_requests(cluster, "/_deploy") == 1

    def test_a_deployment_that_does_not_start_is_repaired(self, cluster: FakeCluster) -> None:
        """As when the node that should start it has left the cluster (seen on 3.6.0)."""
        cluster.starting_reads = 10**6
        result = apply(cluster, **NEW)
        assert actions_of(result) == ["create", "register_and_deploy", "repair"]
        assert result["model"]["state"] == "DEPLOYED"


class TestPartial:
    def test_is_repaired_once(self, cluster: FakeCluster) -> None:
        cluster.deploy_outcomes = [("PARTIALLY_DEPLOYED", {"node-2": "slow"})]
        result = apply(cluster, **NEW)
        assert actions_of(result) == ["create", "register_and_deploy", "repair"]
        assert result["model"]["state"] == "DEPLOYED"

    def test_that_completes_by_itself(self, cluster: FakeCluster) -> None:
        model_id = add_chat_model(cluster, "UNDEPLOYED")
        cluster.deploy_outcomes = [("PARTIALLY_DEPLOYED", {})]
        reads = []

        def complete() -> None:
            reads.append(1)
            if len(reads) == 8:
                cluster.models[model_id]["model_state"] = "DEPLOYED"

        cluster.before("GET", model_id, complete, times=99)
        assert actions_of(apply(cluster, name="Chat")) == ["deploy"]

    def test_that_alternates_with_deploying(self, cluster: FakeCluster) -> None:
        """As after a node has left the cluster during a deployment: both states in turn, each for ten seconds."""
        model_id = add_chat_model(cluster, "DEPLOYING")
        reads = []

        def alternate() -> None:
            reads.append(1)
            if not count_requests(cluster, "/_deploy"):
                # The task reads the model every two seconds.
                cluster.models[model_id]["model_state"] = ("DEPLOYING", "PARTIALLY_DEPLOYED")[len(reads) // 5 % 2]

        cluster.before("GET", model_id, alternate, times=999)
        assert actions_of(apply(cluster, name="Chat", wait_timeout=60)) == ["repair"]
        assert cluster.models[model_id]["model_state"] == "DEPLOYED"

    def test_stays_deployed_during_the_repair(self, cluster: FakeCluster) -> None:
        add_chat_model(cluster, "PARTIALLY_DEPLOYED")
        assert actions_of(apply(cluster, name="Chat")) == ["repair"]
        assert (count_requests(cluster, "/_deploy"), count_requests(cluster, "/_undeploy")) == (1, 0)

    @pytest.mark.parametrize("outcome", ["PARTIALLY_DEPLOYED", "DEPLOY_FAILED"])
    def test_that_stays_partial_is_undeployed(self, cluster: FakeCluster, outcome: str) -> None:
        add_chat_model(cluster, "PARTIALLY_DEPLOYED")
        cluster.deploy_outcomes = [(outcome, {"node-2": "Duplicate deploy model task"})]
        assert actions_of(apply(cluster, name="Chat")) == ["repair"]
        assert (count_requests(cluster, "/_deploy"), count_requests(cluster, "/_undeploy")) == (2, 1)

    def test_whose_deployment_is_refused_stays_deployed(self, cluster: FakeCluster) -> None:
        model_id = add_chat_model(cluster, "PARTIALLY_DEPLOYED")
        cluster.fail_next("POST", "/_deploy", "error")
        with pytest.raises(Failure) as caught:
            apply(cluster, name="Chat")
        assert caught.value.code == "api_error"
        assert count_requests(cluster, "/_undeploy") == 0
        assert cluster.models[model_id]["model_state"] == "PARTIALLY_DEPLOYED"

    def test_after_the_repair_is_a_failure(self, cluster: FakeCluster) -> None:
        add_chat_model(cluster, "PARTIALLY_DEPLOYED")
        cluster.deploy_outcomes = [("PARTIALLY_DEPLOYED", {"node-2": "no memory"})] * 2
        with pytest.raises(Failure, match=r"is PARTIALLY_DEPLOYED.*node node-2: no memory") as caught:
            apply(cluster, name="Chat")
        assert caught.value.code == "deploy_failed"
        assert count_requests(cluster, "/_deploy") == 2

    def test_without_waiting(self, cluster: FakeCluster) -> None:
        add_chat_model(cluster, "PARTIALLY_DEPLOYED")
        assert actions_of(apply(cluster, name="Chat", wait=False)) == ["repair"]
        assert count_requests(cluster, "/_deploy") == 1


class TestUndeploy:
    @pytest.mark.parametrize("state", ["undeployed", "absent"])
    def test_a_request_without_effect_is_repeated(self, cluster: FakeCluster, state: str) -> None:
        model_id = add_chat_model(cluster)
        cluster.ignored_undeploys = 2
        result = apply(cluster, name="Chat", state=state)
        assert actions_of(result) == [{"undeployed": "undeploy", "absent": "delete"}[state]]
        assert count_requests(cluster, "/_undeploy") == 3
        assert (
            cluster.models.get(model_id, {}).get("model_state") == {"undeployed": "UNDEPLOYED", "absent": None}[state]
        )

    def test_requests_without_effect_time_out(self, cluster: FakeCluster) -> None:
        add_chat_model(cluster)
        cluster.ignored_undeploys = 100
        with pytest.raises(Failure, match="to be undeployed: not reached within 20 s; last seen: model_state DEPLOYED"):
            apply(cluster, name="Chat", state="undeployed", wait_timeout=20)
        assert count_requests(cluster, "/_undeploy") == 4


class TestDelete:
    def test_a_prediction_deploys_it_meanwhile(self, cluster: FakeCluster) -> None:
        model_id = add_chat_model(cluster)

        def deploy_it() -> None:
            cluster.models[model_id]["model_state"] = "DEPLOYED"

        cluster.before("DELETE", model_id, deploy_it)
        apply(cluster, name="Chat", state="absent")
        assert cluster.models == {}

    def test_another_controller_deletes_it_first(self, cluster: FakeCluster) -> None:
        model_id = add_chat_model(cluster)
        run = make_run(cluster)
        cluster.models.clear()
        deploy.undeploy_and_delete(run, model_id, 10.0)

    def test_a_deployment_that_no_search_finds_yet(self, cluster: FakeCluster) -> None:
        model_id = add_chat_model(cluster, "REGISTERED")
        cluster.call("POST", f"{ML}/models/{model_id}/_deploy")
        states: list[str] = []
        cluster.before("POST", "/_undeploy", lambda: states.append(cluster.models[model_id]["model_state"]))
        deploy.undeploy_and_delete(make_run(cluster), model_id, 10.0)
        assert states == ["DEPLOYED"]
        assert cluster.models == {}
