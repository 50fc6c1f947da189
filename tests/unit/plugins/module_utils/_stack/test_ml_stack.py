# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A whole declared set: planned from few reads, applied in order, unchanged when it is as declared."""

from __future__ import annotations

import contextlib
import json
import time
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.exceptions import Failure
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._http.transport import NotSent
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._stack import apply as apply_module
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._stack import ml_stack
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import ML, FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.support.harness import execute, run_module

URL = "http://llm.test:8080"
ACTION = {
    "action_type": "predict",
    "method": "POST",
    "url": f"{URL}/v1/chat/completions",
    "headers": {"Authorization": "Bearer ${credential.key}"},
    "request_body": '{"model": "${parameters.model}", "messages": ${parameters.messages}}',
}


def connector(name: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "actions": [ACTION],
        "parameters": {"model": "tiny"},
        "credential": {"key": "s3cret-1"},
        **more,
    }


def stack(**more: Any) -> dict[str, Any]:
    return {
        "name": "chat",
        "model_groups": [{"name": "Group", "description": "Models of ours"}],
        "connectors": [connector("A"), connector("B", description="Second")],
        "models": [
            {"name": "Chat A", "connector": "A", "model_group": "Group"},
            {"name": "Chat B", "connector": "B", "description": "Own group"},
        ],
        "controllers": [{"model": "Chat A", "user_rate_limiter": {"ann": {"limit": 10, "unit": "MINUTES"}}}],
        "agents": [
            {
                "name": "Flow",
                "type": "flow",
                "tools": [{"type": "MLModelTool", "parameters": {"model_id": "${model:Chat A}"}}],
            }
        ],
        "pipelines": [
            {
                "name": "answers",
                "type": "search",
                "definition": {"response_processors": [{"ml_inference": {"model_id": "${model:Chat B}"}}]},
            }
        ],
        **more,
    }


def apply(cluster: FakeCluster, **options: Any) -> dict[str, Any]:
    return execute(cluster, "ml_stack", **options)


def done(result: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(action["action"], action["kind"], action["name"]) for action in result["actions"]]


def test_from_nothing(cluster: FakeCluster) -> None:
    planned = apply(cluster, check_mode=True, **stack())
    assert not cluster.writes
    result = apply(cluster, **stack())
    assert sorted(done(result)) == sorted(done(planned))
    assert result["diff"] == planned["diff"]
    assert {model["model_state"] for model in cluster.models.values()} == {"DEPLOYED"}
    assert len(cluster.connectors) == 2
    by_name = {body["name"]: body for body in cluster.groups.values()}
    assert set(by_name) == {"Group", "Chat B"}
    cluster.exchanges.clear()
    again = apply(cluster, **stack())
    assert done(again) == []
    assert not again["changed"]
    assert not cluster.writes
    assert len(cluster.exchanges) <= 10


def refused(cluster: FakeCluster, **options: Any) -> list[tuple[str, str]]:
    """Where and why the declaration is refused, in check mode as for real, without a write."""
    found = []
    for check_mode in (True, False):
        with pytest.raises(Failure) as raised:
            apply(cluster, check_mode=check_mode, **options)
        assert raised.value.code == "invalid_stack"
        found.append([(each["place"], each["code"]) for each in raised.value.details["problems"]])
    assert not cluster.writes
    assert found[0] == found[1]
    return found[0]


class TestRefused:
    def test_everything_at_once_with_its_place(self, cluster: FakeCluster) -> None:
        cluster.add_connector("Twice")
        cluster.add_connector("Twice")
        assert refused(
            cluster,
            connectors=[connector("A"), connector("A"), {"nome": "B"}, connector("Gone", state="absent")],
            models=[
                {"name": "One", "connector": "Gone"},
                {"name": "Two", "connector": "A", "model_id": "x"},
            ],
        ) == [
            ("connectors[2]", "invalid_input"),
            ("models[1]", "invalid_input"),
            ("connectors[1] 'A'", "declared_twice"),
            ("models[0] 'One'", "needs_absent"),
        ]
        assert refused(
            cluster,
            connectors=[connector("Twice"), {"name": "Empty"}],
            models=[{"name": "One", "connector": "Nowhere"}, {"name": "Two", "connector": "Twice"}],
            agents=[{"name": "Thinker", "type": "conversational", "llm": {"model_id": "No such"}}],
        ) == [
            ("connectors[0] 'Twice'", "ambiguous_name"),
            ("connectors[1] 'Empty'", "invalid_input"),
            ("models[0] 'One'", "unknown_connector"),
            ("agents[0] 'Thinker'", "unknown_model"),
        ]

    def test_a_wrong_setting_hides_nothing(self, cluster: FakeCluster) -> None:
        wrong = {"settings": {"plugins.ml_commons.no_such": 1}}
        assert refused(cluster, settings=[wrong], connectors=[{"name": "Empty"}, connector("A")]) == [
            ("settings[0] 'plugins.ml_commons.no_such'", "unknown_setting"),
            ("connectors[0] 'Empty'", "invalid_input"),
        ]

    def test_a_cycle(self, cluster: FakeCluster) -> None:
        def agent(name: str, other: str) -> dict[str, Any]:
            tool = {"type": "AgentTool", "parameters": {"agent_id": f"${{agent:{other}}}"}}
            return {"name": name, "type": "flow", "tools": [tool]}

        assert [code for _place, code in refused(cluster, agents=[agent("x", "y"), agent("y", "x")])] == ["cycle"]

    @pytest.mark.parametrize(
        "options", [{"name": "a b"}, {"parallel": 0}, {"prune": "all", "prune_confirm": "other"}], ids=str
    )
    def test_the_stack_itself(self, cluster: FakeCluster, options: dict[str, Any]) -> None:
        with pytest.raises(Failure):
            apply(cluster, **{**stack(), **options})
        assert not cluster.writes


class TestChange:
    def test_in_use_by_swap_and_in_place(self, cluster: FakeCluster) -> None:
        apply(cluster, **stack())
        old = {body["name"]: id_ for id_, body in cluster.connectors.items()}
        cluster.exchanges.clear()
        changed = stack(connectors=[connector("A", parameters={"model": "other"}), connector("B", description="New")])
        changed["models"][1]["description"] = "Changed"
        planned = apply(cluster, check_mode=True, **changed)
        assert not cluster.writes
        result = apply(cluster, **changed)
        assert done(result) == done(planned) == [
            ("swap", "connector", "A"), ("swap", "connector", "B"), ("update", "model", "Chat B"),
        ]  # fmt: skip
        assert result["plan"] == [
            "~ change connector 'A' (swap): parameters",
            "~ change connector 'B' (swap): description",
            "~ change model 'Chat B' (in place): description",
        ]
        assert result["changes"] == planned["changes"]
        new = {body["name"]: id_ for id_, body in cluster.connectors.items()}
        assert set(old.values()) & set(new.values()) == set()
        assert done(apply(cluster, **changed)) == []

    @pytest.mark.parametrize("parallel", [1, 4])
    def test_a_model_that_leaves_a_connector_that_is_swapped(self, cluster: FakeCluster, parallel: int) -> None:
        apply(cluster, **stack())
        moved = stack(
            connectors=[connector("A", parameters={"model": "other"}), connector("B")],
            models=[{"name": "Chat A", "connector": "B"}, {"name": "Chat B", "connector": "B"}],
            parallel=parallel,
        )
        assert done(apply(cluster, **moved)) == [("swap", "connector", "A"), ("update", "model", "Chat A")]

    def test_a_key_sent_anew_is_not_asked_for_again(self, cluster: FakeCluster) -> None:
        always = stack(connectors=[connector("A", update_credential="always"), connector("B")])
        apply(cluster, **always)
        assert done(apply(cluster, **always)) == [("swap", "connector", "A")]

    def test_what_a_search_does_not_see_yet(self, cluster: FakeCluster) -> None:
        apply(cluster, **stack())
        model_id = next(id_ for id_, body in cluster.models.items() if body["name"] == "Chat A")
        cluster.state_lag = 5
        cluster.call("POST", f"{ML}/models/{model_id}/_undeploy")
        cluster.call("POST", f"{ML}/models/{model_id}/_deploy")
        cluster.models[model_id]["model_state"] = "DEPLOYED"
        assert done(apply(cluster, **stack())) == []

    def test_a_marks_neighbour_is_left(self, cluster: FakeCluster) -> None:
        cluster.add_connector("A", description="Mine (stack: other)")
        apply(cluster, **stack(connectors=[connector("A", description="Ours"), connector("B")]))
        assert {body["name"]: body.get("description") for body in cluster.connectors.values()} == {
            "A": "Ours (stack: other)",
            "B": "(stack: chat)",
        }

    def test_without_a_name_nothing_is_marked(self, cluster: FakeCluster) -> None:
        apply(cluster, **{**stack(), "name": None})
        assert "stack:" not in cluster.snapshot()


class TestAbsent:
    def test_users_first(self, cluster: FakeCluster) -> None:
        apply(cluster, **stack())
        gone = {
            "connectors": [{"name": "A", "state": "absent"}, {"name": "B", "state": "absent"}],
            "models": [{"name": name, "state": "absent", "delete_empty_group": True} for name in ("Chat A", "Chat B")],
            "agents": [{"name": "Flow", "state": "absent"}],
            "pipelines": [{"name": "answers", "type": "search", "state": "absent"}],
            "model_groups": [{"name": "Group", "state": "absent"}],
        }
        planned = apply(cluster, check_mode=True, **gone)
        result = apply(cluster, **gone)
        assert done(result) == done(planned)
        assert (cluster.connectors, cluster.models, cluster.groups, cluster.agents) == ({}, {}, {}, {})
        assert done(apply(cluster, **gone)) == []

    def test_one_makes_place_for_another(self, cluster: FakeCluster) -> None:
        apply(cluster, **stack())
        moved = stack(connectors=[connector("B"), {"name": "A", "state": "absent"}, connector("C")])
        moved["models"][0]["connector"] = "C"
        result = apply(cluster, **moved)
        assert ("delete", "connector", "A") in done(result)
        assert done(apply(cluster, **moved)) == []


class TestPrune:
    def test_only_what_the_stack_made(self, cluster: FakeCluster) -> None:
        cluster.add_connector("Theirs")
        cluster.add_model("Their model", cluster.add_connector("Theirs too", description="(stack: chat2)"))
        apply(cluster, **stack(name="other", connectors=[connector("X")], models=[{"name": "MX", "connector": "X"}],
                               model_groups=[], controllers=[], agents=[], pipelines=[]))  # fmt: skip
        before = json.loads(cluster.snapshot())
        apply(cluster, **stack())
        planned = apply(cluster, name="chat", prune="managed", check_mode=True)
        result = apply(cluster, name="chat", prune="managed")
        assert done(result) == done(planned)
        assert {action["action"] for action in result["actions"]} == {"delete"}
        assert {action["reason"] for action in result["actions"]} == {"It is on the cluster and not declared."}
        left = json.loads(cluster.snapshot())
        assert left[:7] == before[:7]
        assert done(apply(cluster, name="chat", prune="managed")) == []

    def test_what_was_there_before_is_not_the_stacks(self, cluster: FakeCluster) -> None:
        cluster.add_connector("A")
        apply(cluster, **stack())
        apply(cluster, name="chat", prune="managed")
        assert [body["name"] for body in cluster.connectors.values()] == ["A"]

    def test_what_somebody_else_uses_is_kept(self, cluster: FakeCluster) -> None:
        apply(cluster, **stack())
        connector_id = next(id_ for id_, body in cluster.connectors.items() if body["name"] == "A")
        cluster.add_model("Theirs", connector_id)
        result = apply(cluster, name="chat", prune="managed")
        assert [body["name"] for body in cluster.connectors.values()] == ["A"]
        assert any("is kept, as model 'Theirs' uses it" in warning for warning in result["warnings"])

    def test_what_somebody_elses_agent_or_model_uses_is_kept(self, cluster: FakeCluster) -> None:
        apply(cluster, **stack())
        ids = {body["name"]: id_ for id_, body in [*cluster.connectors.items(), *cluster.models.items()]}
        theirs = cluster.add_connector("Theirs")
        cluster.add_agent("Caller", tools=[{"type": "ListIndexTool", "parameters": {"connector_id": ids["A"]}}])
        guard = {"type": "model", "input_guardrail": {"model_id": ids["Chat B"], "response_validation_regex": "x"}}
        cluster.add_model("Their model", theirs, guardrails=guard)
        options = {"name": "chat", "prune": "managed"}
        planned = apply(cluster, **options, check_mode=True)
        result = apply(cluster, **options)
        assert done(result) == done(planned)
        assert sorted(body["name"] for body in cluster.connectors.values()) == ["A", "B", "Theirs"]
        assert sorted(body["name"] for body in cluster.models.values()) == ["Chat B", "Their model"]
        assert sorted(warning.partition(" (")[0] for warning in result["warnings"]) == [
            "connectors: 'A'", "connectors: 'B'", "models: 'Chat B'",
        ]  # fmt: skip
        assert done(apply(cluster, **options)) == []

    @pytest.mark.parametrize("section", ["agents", "pipelines"])
    def test_what_is_declared_anew_keeps_what_it_uses(self, cluster: FakeCluster, section: str) -> None:
        both = stack(agents=[], pipelines=[])
        apply(cluster, **both)
        new: dict[str, Any] = {"name": "New"}
        if section == "agents":
            new.update(type="flow", tools=[{"type": "MLModelTool", "parameters": {"model_id": "${model:Chat B}"}}])
        else:
            new.update(type="ingest", definition={"processors": [{"ml_inference": {"model_id": "${model:Chat B}"}}]})
        less = {**both, "models": both["models"][:1], "prune": "managed", section: [new]}
        planned = apply(cluster, **less, check_mode=True)
        result = apply(cluster, **less)
        assert done(result) == done(planned)
        assert sorted(body["name"] for body in cluster.models.values()) == ["Chat A", "Chat B"]
        assert done(apply(cluster, **less)) == []

    def test_the_servers_own_agents_go_with_those_that_they_are_for(self, cluster: FakeCluster) -> None:
        plan = {"type": "plan_execute_and_reflect", "llm": {"model_id": "Chat A"}, "parameters": {"x": "1"}}
        agents = [{"name": "Planner", **plan}, {"name": "Going", **plan}]
        apply(cluster, **stack(agents=agents))
        assert len(cluster.agents) == 4
        options = {"prune": "all", "prune_confirm": "double", "agents": agents[:1]}
        planned = apply(cluster, **options, check_mode=True)
        result = apply(cluster, **options)
        assert done(result) == done(planned) == [("delete", "agent", "Going")]
        assert result["warnings"] == []
        assert sorted(body["name"] for body in cluster.agents.values()) == ["Planner", "Planner (ReAct)"]

    def test_all_in_the_given_sections(self, cluster: FakeCluster) -> None:
        cluster.add_model("Theirs", cluster.add_connector("Theirs"))
        apply(cluster, **stack())
        result = apply(
            cluster, prune="all", prune_confirm="double", connectors=[connector("B")], models=[], agents=[], pipelines=[],
        )  # fmt: skip
        assert (len(cluster.connectors), cluster.models, cluster.agents) == (1, {}, {})
        assert len(cluster.groups) == 3
        assert result["changed"]


class TestFailure:
    def test_what_depends_is_left_out_and_the_rest_done(self, cluster: FakeCluster) -> None:
        cluster.persistent["plugins.ml_commons.trusted_connector_endpoints_regex"] = ["^http://llm.*$"]
        untrusted = {**ACTION, "url": "http://other.test/v1/chat/completions"}
        broken = stack(connectors=[connector("A", actions=[untrusted]), connector("B")])
        with pytest.raises(Failure) as raised:
            apply(cluster, **broken)
        assert raised.value.code == "stack_failed"
        assert [each["place"] for each in raised.value.details["failed"]] == ["connectors[0]"]
        assert raised.value.details["left_out"] == ["models[0] 'Chat A'", "controllers[0] 'Chat A'", "agents[0] 'Flow'"]
        assert [body["name"] for body in cluster.models.values()] == ["Chat B"]
        apply(cluster, **stack())
        assert done(apply(cluster, **stack())) == []

    def test_what_is_found_afterwards_is_told_beside_it(self, cluster: FakeCluster) -> None:
        cluster.persistent["plugins.ml_commons.trusted_connector_endpoints_regex"] = ["^http://llm.*$"]
        untrusted = {**ACTION, "url": "http://other.test/v1/chat/completions"}
        broken = stack(connectors=[connector("A", actions=[untrusted]), connector("B")])
        # Somebody makes a namesake while the last item is done.
        cluster.before("PUT", "/_search/pipeline/answers", lambda: cluster.add_connector("B"))
        with pytest.raises(Failure) as raised:
            apply(cluster, **broken)
        assert raised.value.code == "stack_failed"
        assert [each["place"] for each in raised.value.details["failed"]] == ["connectors[0]"]
        [left] = raised.value.details["left"]
        assert left.startswith("connectors[1] 'B': 2 connectors have the name 'B'")
        assert "not matching the trusted" in raised.value.message
        assert left.rstrip(".") in raised.value.message

    def test_a_cluster_that_goes_away_hides_no_failure(self, cluster: FakeCluster) -> None:
        cluster.persistent["plugins.ml_commons.trusted_connector_endpoints_regex"] = ["^http://llm.*$"]
        untrusted = {**ACTION, "url": "http://other.test/v1/chat/completions"}
        broken = stack(connectors=[connector("A", actions=[untrusted]), connector("B")])
        cluster.before("PUT", "/_search/pipeline/answers", lambda: cluster.crash("refused", 1))
        with pytest.raises(Failure) as raised:
            # One after the other: the failure is to come before the crash.
            apply(cluster, parallel=1, **broken)
        assert raised.value.code == "stack_failed"
        assert "not matching the trusted" in raised.value.message
        assert len(raised.value.details["left"]) == 1

    def test_a_cluster_that_goes_away_while_it_is_planned_is_no_fault_of_the_declaration(
        self, cluster: FakeCluster
    ) -> None:
        # The first read that only an item's own task needs.
        cluster.before("GET", "/", lambda: cluster.crash("refused", 0))
        with pytest.raises(Failure) as raised:
            apply(cluster, **stack())
        assert raised.value.code == "unreachable"
        assert cluster.writes == []


def test_secrets_are_known(cluster: FakeCluster) -> None:
    found = ml_stack.secrets({**dict.fromkeys(ml_stack.SPEC), **stack()}, None)
    assert found == ["s3cret-1", "s3cret-1"]


@pytest.mark.parametrize("number", [3, 30])
def test_reads_do_not_grow(cluster: FakeCluster, number: int) -> None:
    many = {
        "connectors": [connector(f"C{n}") for n in range(number)],
        "models": [{"name": f"M{n}", "connector": f"C{n}"} for n in range(number)],
    }
    apply(cluster, **many)
    cluster.exchanges.clear()
    assert done(apply(cluster, **many)) == []
    assert len(cluster.exchanges) <= 5


class TestTwoAtOnce:
    """Nothing is there twice, whoever was first."""

    SIZE = 6

    @property
    def declared(self) -> dict[str, Any]:
        return {
            "connectors": [connector(f"C{number}") for number in range(self.SIZE)],
            "models": [{"name": f"M{number}", "connector": f"C{number}"} for number in range(self.SIZE)],
        }

    def once_each(self, cluster: FakeCluster) -> None:
        for kind, letter in ((cluster.connectors, "C"), (cluster.models, "M"), (cluster.groups, "M")):
            names = sorted(body["name"] for body in kind.values())
            assert names == [f"{letter}{number}" for number in range(self.SIZE)]
        assert done(apply(cluster, **self.declared)) == []

    @pytest.mark.parametrize("parallel", [1, 2, 8])
    def test_somebody_else_makes_the_same_a_moment_before(self, cluster: FakeCluster, parallel: int) -> None:
        """All of theirs come between the plan and the first create."""
        other = FakeCluster()
        apply(other, **self.declared)

        def theirs() -> None:
            for number in range(self.SIZE):
                twin = cluster.add_connector(f"C{number}")
                [body] = [body for body in other.connectors.values() if body["name"] == f"C{number}"]
                cluster.connectors[twin] = json.loads(json.dumps(body))

        cluster.before("POST", "/connectors/_create", theirs)
        result = apply(cluster, parallel=parallel, **self.declared)
        # All of the own ones were taken back.
        assert not [each for each in done(result) if each[:2] == ("create", "connector")]
        self.once_each(cluster)

    @pytest.mark.parametrize("looks", [1, 3])
    def test_several_are_there_for_a_moment(self, cluster: FakeCluster, looks: int) -> None:
        """Others, who made them, take back all but one while this one looks."""
        twins = [cluster.add_connector("C0") for _each in range(3)]
        seen = iter(range(99))

        def take_back() -> None:
            if next(seen) == looks:
                del cluster.connectors[twins[1]], cluster.connectors[twins[2]]

        cluster.before("POST", "/connectors/_search", take_back, times=99)
        apply(cluster, **self.declared)
        assert twins[0] in cluster.connectors
        self.once_each(cluster)

    def test_several_that_stay(self, cluster: FakeCluster) -> None:
        cluster.add_connector("C0")
        cluster.add_connector("C0")
        with pytest.raises(Failure, match="2 connectors have the name 'C0'") as caught:
            apply(cluster, **self.declared)
        assert [each["code"] for each in caught.value.details["problems"]] == ["ambiguous_name"]
        assert not cluster.writes

    def test_a_connector_is_taken_back_while_its_model_is_deployed(self, cluster: FakeCluster) -> None:
        def take_back() -> None:
            models = {body["name"]: body for body in cluster.models.values()}
            if len(models) == self.SIZE and cluster.connectors.pop(models["M0"]["connector_id"], None):
                models["M0"]["model_state"] = "DEPLOY_FAILED"

        cluster.before("POST", "/models/_search", take_back, times=99)
        with pytest.raises(Failure, match="Another controller deleted connector") as caught:
            apply(cluster, **self.declared)
        assert [each["code"] for each in caught.value.details["failed"]] == ["concurrent_change"]

    def test_a_connector_is_taken_back_before_its_model_comes(self, cluster: FakeCluster) -> None:
        cluster.next_ids["connector"] = ["first", "own"]
        looks: list[None] = []

        def theirs() -> None:
            if not cluster.connectors:
                cluster.add_connector()

        def taken_back() -> None:
            looks.append(None)
            if len(looks) > 1:
                cluster.connectors.pop("first", None)

        def adopted() -> None:
            cluster.before("POST", "/connectors/_search", taken_back, times=9)

        cluster.before("POST", "/_create", theirs)
        cluster.before("DELETE", "/own", adopted)
        chat = {"name": "Local chat", "actions": [{"url": f"{URL}/v1/chat/completions"}]}
        with pytest.raises(Failure) as caught:
            apply(cluster, connectors=[chat], models=[{"name": "Chat", "connector": "Local chat"}])
        [failed] = caught.value.details["failed"]
        assert (failed["place"], failed["code"]) == ("models[0]", "concurrent_change")
        assert "There is no connector" in failed["message"]

    def test_two_runs(self, cluster: FakeCluster) -> None:
        def run(_number: int) -> str:
            try:
                apply(cluster, **self.declared)
            except Failure as failure:
                return failure.code
            return "ok"

        with ThreadPoolExecutor(2) as pool:
            ended = list(pool.map(run, range(2)))
        assert set(ended) <= {"ok", "stack_failed", "not_converged"}
        if ended != ["ok", "ok"]:
            apply(cluster, **self.declared)
        self.once_each(cluster)


def test_a_deployment_that_is_never_begun_is_mended(cluster: FakeCluster) -> None:
    """The node went that was to begin it (seen on 3.6.0); the others are deployed meanwhile."""

    never_begun = []

    def cut_off() -> None:
        model_id, body = next(iter(cluster.models.items()))
        cluster._starting[model_id] = 10**6
        never_begun.append(body["name"])

    cluster.before("POST", "/connectors/_create", lambda: cluster.before("POST", "/models/_search", cut_off))
    result = apply(cluster, **stack())
    # Whichever was registered first.
    (name,) = never_begun
    assert [each for each in done(result) if each[0] == "deploy"] == [("deploy", "model", name)]
    assert {body["model_state"] for body in cluster.models.values()} == {"DEPLOYED"}
    assert done(apply(cluster, **stack())) == []


def test_a_deployment_that_takes_its_time_is_ordered_once(cluster: FakeCluster) -> None:
    """One that is not begun yet when its time is over may still be."""
    cluster.starting_reads = 14
    with contextlib.suppress(Failure):
        apply(
            cluster,
            name="s",
            connectors=[connector("A")],
            models=[{"name": "Chat", "connector": "A", "wait_timeout": 5}],
        )
    assert len(cluster.models) == 1
    assert not [each for each in cluster.exchanges if each.path.endswith("/_deploy")]


def test_what_was_done_is_told_though_the_cluster_goes_away(cluster: FakeCluster) -> None:
    cluster.deploy_outcomes = [("DEPLOY_FAILED", {"node-1": "out of order"})] * 10
    handle = cluster.handle

    def away(method: str, path: str, *more: Any) -> Any:
        if (
            method == "GET"
            and "/connectors/" in path
            and any(body.get("model_state") == "DEPLOY_FAILED" for body in cluster.models.values())
        ):
            raise NotSent("connection refused")
        return handle(method, path, *more)

    cluster.handle = away  # type: ignore[method-assign] # of this one cluster
    result = run_module("ml_stack", stack(), cluster, [])
    assert result["failure"]["code"] == "stack_failed"
    assert result["changed"]
    assert len(result["actions"]) >= 5


def test_what_is_cut_off_begins_nothing_more(cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ansible's own timeout raises wherever the task is, which here is a wait for those at work."""
    waits = iter(range(10))

    def cut_off(*args: Any, **options: Any) -> Any:
        if next(waits) == 9:
            raise TimeoutError
        return wait(*args, **options)

    many = {"connectors": [connector(f"C{n}") for n in range(200)]}
    cluster.before("POST", "/connectors/_create", lambda: time.sleep(0.02), times=200)
    with monkeypatch.context() as patch:
        patch.setattr(apply_module, "wait", cut_off)
        with pytest.raises(TimeoutError):
            apply(cluster, **many)
    assert 0 < len(cluster.connectors) < 100
    apply(cluster, **many)
    assert len(cluster.connectors) == 200


def test_many_deployments_that_fail_hold_nobody_up(cluster: FakeCluster) -> None:
    cluster.deploy_outcomes = [("DEPLOY_FAILED", {"node-1": "out of order"})] * 50
    many = {
        "connectors": [connector("C")],
        "models": [{"name": f"M{n}", "connector": "C", "wait_timeout": 30} for n in range(60)],
        "parallel": 1,
    }
    with pytest.raises(Failure) as raised:
        apply(cluster, **many)
    assert raised.value.code == "stack_failed"
    assert len(raised.value.details["failed"]) == 50
    assert len([model for model in cluster.models.values() if model["model_state"] == "DEPLOYED"]) == 10
