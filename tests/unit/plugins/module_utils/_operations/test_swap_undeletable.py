# SPDX-License-Identifier: GPL-3.0-or-later
"""Connectors that the server confuses when it searches for their users, because their ids share a word: 'aaa-L' and 'bbb-l'."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.exceptions import Failure
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._operations.swap import MAX_ID_TRIES
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.answers import Refused
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import ML, FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.support.harness import execute
from ansible_collections.searchops.opensearch_ml.tests.unit.support.operations import CHAT, QUESTION

CHANGED = {**CHAT, "description": "New"}
NEWER = {**CHAT, "description": "Newer"}


@pytest.fixture
def old(cluster: FakeCluster) -> str:
    """A connector with a live model; its id."""
    cluster.next_ids["connector"] = ["old-L"]
    cluster.add_model("Chat", cluster.add_connector())
    return "old-L"


@pytest.fixture
def stranger(cluster: FakeCluster) -> str:
    """Another user's model, whose connector's id shares a word with the old one's; its id."""
    cluster.next_ids["connector"] = ["theirs-l"]
    return cluster.add_model("Theirs", cluster.add_connector("Their chat"))


def remaining(done: dict[str, Any]) -> dict[str, str]:
    """The leftovers of a result: id -> why the server refuses to delete it. One short warning counts them, and names none."""
    found = {each["connector_id"]: each["reason"] for each in done["leftovers"]}
    warnings = [warning for warning in done["warnings"] if "unused connector" in warning]
    assert [warning.split()[0] for warning in warnings] == [str(len(found))] * bool(found)
    assert all(len(warning) < 300 and not any(each in warning for each in found) for warning in warnings)
    return found


def outcome(cluster: FakeCluster, **options: Any) -> tuple[list[str], list[str]]:
    """The actions of a run a minute later, which check mode predicts, and its warnings. Without an action it writes nothing.

    Afterwards the name means one connector in all modules.
    """
    cluster._time += 60_000
    before = cluster.snapshot()
    planned, done = (execute(cluster, "ml_connector", check_mode=check, **options) for check in (True, False))
    assert [each["action"] for each in planned["actions"]] == [each["action"] for each in done["actions"]]
    assert (cluster.snapshot() == before) is not done["changed"]
    model = {"name": "Chat", "connector": "Local chat"}
    if any(each["name"] == "Chat" for each in cluster.models.values()):
        for module, given in (("ml_model", model), ("ml_stack", {"models": [model]})):
            assert not execute(cluster, module, **given)["changed"]
    return [each["action"] for each in done["actions"]], done["warnings"]


def down(*_question: Any) -> Any:
    raise Refused(503, "The backend is down")


class TestIds:
    """A new connector must not have an id that the server confuses with the old one's."""

    def test_such_a_connector_is_not_used(self, cluster: FakeCluster, old: str) -> None:
        cluster.next_ids["connector"] = ["new-l", "another-L", "at_last-M"]
        assert outcome(cluster, **CHANGED, probe={}) == (["swap"], [])
        assert list(cluster.connectors) == ["at_last-M"]
        assert outcome(cluster, **CHANGED) == ([], [])

    def test_all_ids_of_the_server_share_a_word(self, cluster: FakeCluster, old: str) -> None:
        new = [f"new{number}-l" for number in range(MAX_ID_TRIES)]
        cluster.next_ids["connector"] = list(new)
        done = execute(cluster, "ml_connector", **CHANGED)
        assert [each["action"] for each in done["actions"]] == ["swap"]
        reasons = remaining(done)
        assert list(reasons) == [old, *new[:-1]]
        assert all("'Chat' (" in reason for reason in reasons.values())
        assert list(cluster.connectors) == [old, *new]
        # Also of the later runs, each of them has one.
        assert outcome(cluster, **CHANGED)[0] == []
        for module, options in (("ml_connector", CHANGED), ("ml_stack", {"connectors": [CHANGED]})):
            for check in (True, False):
                later = execute(cluster, module, check_mode=check, **options)
                assert (later["changed"], set(remaining(later))) == (False, set(reasons))

    @pytest.mark.parametrize("ids", [["new-l", "second-M"], [f"new{number}-l" for number in range(MAX_ID_TRIES)]])
    def test_a_change_while_unused_connectors_remain(
        self, cluster: FakeCluster, old: str, stranger: str, ids: list[str]
    ) -> None:
        cluster.next_ids["connector"] = list(ids)
        assert outcome(cluster, **CHANGED)[0] == ["swap"]
        assert outcome(cluster, **NEWER)[0] == ["swap"]
        assert {old, ids[0], "theirs-l"} < set(cluster.connectors)
        assert outcome(cluster, **NEWER)[0] == []
        cluster.models.pop(stranger)
        outcome(cluster, **NEWER)
        assert outcome(cluster, **NEWER) == ([], [])
        assert len(cluster.connectors) == 2

    def test_a_failed_swap_leaves_one(self, cluster: FakeCluster, old: str) -> None:
        """While the old one is used, the server deletes neither."""
        cluster.next_ids["connector"] = ["new-l", "second-M"]
        answers, cluster.backend = cluster.backend, down
        with pytest.raises(Failure, match="the models use the old one"):
            execute(cluster, "ml_connector", **CHANGED, probe=QUESTION)
        assert set(cluster.connectors) == {old, "new-l"}
        cluster.backend = answers
        done = execute(cluster, "ml_connector", **CHAT)
        assert not done["changed"]
        [(left, reason)] = remaining(done).items()
        assert outcome(cluster, **CHANGED)[0] == ["swap"]
        outcome(cluster, **CHANGED)
        assert outcome(cluster, **CHANGED) == ([], [])
        assert len(cluster.connectors) == 1
        assert left == "new-l"
        assert "new-l, which old-L replaces" not in reason


class TestReplaced:
    """A connector that was replaced remains while the server confuses it with one that is used."""

    def test_it_is_deleted_as_soon_as_the_server_allows_it(self, cluster: FakeCluster, old: str, stranger: str) -> None:
        done = execute(cluster, "ml_connector", **CHANGED)
        assert [each["action"] for each in done["actions"]] == ["swap"]
        assert f"'Theirs' ({stranger}) with connector theirs-l" in remaining(done)[old]
        actions, warnings = outcome(cluster, **CHANGED)
        assert (actions, len(warnings)) == ([], 1)
        del cluster.models[stranger]
        assert outcome(cluster, **CHANGED) == (["finish_swap"], [])
        assert old not in cluster.connectors

    @pytest.mark.parametrize("used", [True, False])
    def test_the_name_means_the_new_one(self, cluster: FakeCluster, stranger: str, used: bool) -> None:
        cluster.next_ids["connector"] = ["old-L", "new-M"]
        cluster.add_connector()
        if used:
            cluster.add_model("Chat", "old-L")
        stack = {"connectors": [CHANGED], "models": [{"name": "Chat", "connector": "Local chat"}]}
        assert "swap" in [each["action"] for each in execute(cluster, "ml_stack", **stack)["actions"]]
        assert set(cluster.connectors) == {"old-L", "new-M", "theirs-l"}
        execute(cluster, "ml_model", name="Another", connector="Local chat")
        users = {model["name"]: model["connector_id"] for model in cluster.models.values()}
        assert users == {"Chat": "new-M", "Another": "new-M", "Theirs": "theirs-l"}
        assert not execute(cluster, "ml_stack", **stack)["changed"]

    @pytest.mark.parametrize("by_stack", [True, False])
    def test_several_remain(self, cluster: FakeCluster, old: str, stranger: str, by_stack: bool) -> None:
        """Each is deleted by the first run to which the server allows it, even while the backend is down."""

        def apply(desired: dict[str, Any]) -> list[str]:
            if not by_stack:
                return outcome(cluster, **desired, probe=QUESTION)[0]
            cluster._time += 60_000
            done = execute(cluster, "ml_stack", connectors=[{**desired, "probe": QUESTION}])
            return [each["action"] for each in done["actions"]]

        cluster.next_ids["connector"] = ["others-m", "second-M", "third-N"]
        other = cluster.add_model("Others", cluster.add_connector("Other chat"))
        assert apply(CHANGED) == ["swap"]
        assert apply(NEWER) == ["swap"]
        assert {old, "second-M", "third-N"} < set(cluster.connectors)
        assert apply(NEWER) == []
        cluster.backend = down
        for model_id, deleted in ((stranger, old), (other, "second-M")):
            del cluster.models[model_id]
            assert apply(NEWER) == ["finish_swap"]
            assert deleted not in cluster.connectors
        assert set(cluster.connectors) == {"theirs-l", "others-m", "third-N"}
        assert [model["connector_id"] for model in cluster.models.values()] == ["third-N"]
        assert apply(NEWER) == []

    def test_the_middle_one_of_three_was_deleted(self, cluster: FakeCluster, old: str, stranger: str) -> None:
        cluster.next_ids["connector"] = ["second-M", "third-N"]
        for desired in (CHANGED, NEWER):
            assert outcome(cluster, **desired)[0] == ["swap"]
        assert set(cluster.connectors) == {old, "third-N", "theirs-l"}
        assert outcome(cluster, **NEWER)[0] == []

    def test_the_new_one_of_a_failed_swap_remains(self, cluster: FakeCluster, old: str, stranger: str) -> None:
        """The next swap replaces it as well."""
        cluster.models[stranger]["connector_id"] = "gone-n"
        cluster.next_ids["connector"] = ["new-N", "second-M"]
        answers, cluster.backend = cluster.backend, down
        with pytest.raises(Failure, match="the models use the old one"):
            execute(cluster, "ml_connector", **CHANGED, probe=QUESTION)
        assert {old, "new-N"} < set(cluster.connectors)
        assert outcome(cluster, **CHAT)[0] == []
        cluster.backend = answers
        assert outcome(cluster, **CHANGED, probe=QUESTION)[0] == ["swap"]
        assert old not in cluster.connectors
        assert outcome(cluster, **CHANGED)[0] == []
        del cluster.models[stranger]
        assert outcome(cluster, **CHANGED)[0] == ["finish_swap"]
        assert set(cluster.connectors) == {"second-M", "theirs-l"}

    @pytest.mark.parametrize("used", [("old", "new"), ("old",), ("new",), ()])
    @pytest.mark.parametrize("older", [True, False])
    def test_a_stack_finishes_an_interrupted_swap(
        self, cluster: FakeCluster, stranger: str, used: tuple[str, ...], older: bool
    ) -> None:
        """As its plan predicts. ``older``: a connector that was replaced before remains."""
        cluster.next_ids["connector"] = ["first-L", "old-M", "new-N"] if older else ["old-M", "new-N"]
        given = [[], ["first-L"], ["old-M", "first-L"]] if older else [[], ["old-M"]]
        for replaced in given:
            notes = {"_searchops": json.dumps({"replaces": replaced})} if replaced else {}
            cluster.add_connector(description="New", parameters={"model": "tiny", **notes})
        for which in used:
            cluster.add_model(f"Uses the {which}", {"old": "old-M", "new": "new-N"}[which])
        models = [{"name": f"Uses the {which}", "connector": "Local chat"} for which in ("old", "new")]
        stack = {"connectors": [CHANGED], "models": models}
        planned, done = (
            sorted(
                (each["action"], each["name"])
                for each in execute(cluster, "ml_stack", check_mode=check, **stack)["actions"]
            )
            for check in (True, False)
        )
        assert planned == done
        remaining = set(cluster.connectors) - {"first-L", "theirs-l"}
        assert len(remaining) == 1
        assert {model["connector_id"] for model in cluster.models.values()} == remaining | {"theirs-l"}
        assert not execute(cluster, "ml_stack", **stack)["changed"]

    def test_two_swaps_were_interrupted_before_a_model_was_moved(self, cluster: FakeCluster, old: str) -> None:
        for _each in range(2):
            cluster.add_connector(parameters={"model": "tiny", "_searchops": '{"replaces": ["old-L"]}'})
        assert outcome(cluster, **CHAT)[0] == ["undo_swap", "undo_swap"]
        assert list(cluster.connectors) == [old]


@pytest.mark.parametrize("live", [True, False])
def test_connector_that_the_server_refuses_to_update_is_replaced(
    cluster: FakeCluster, stranger: str, live: bool
) -> None:
    cluster.next_ids["connector"] = ["old-L"]
    cluster.add_connector()
    cluster.models[stranger]["model_state"] = "DEPLOYED" if live else "UNDEPLOYED"
    actions, warnings = outcome(cluster, **CHANGED)
    assert (actions, len(warnings)) == (["swap"], 1) if live else (["update"], 0)
    assert outcome(cluster, **CHANGED)[0] == []


@pytest.mark.parametrize("used", [True, False])
def test_refused_delete_names_the_models(cluster: FakeCluster, stranger: str, used: bool) -> None:
    """``used``: a model is registered with the connector just before it is deleted."""
    cluster.next_ids["connector"] = ["old-L"]
    if used:
        cluster.models[stranger]["connector_id"] = "another"
        cluster.add_connector()
        cluster.before("DELETE", "old-L", lambda: cluster.add_model("Just now", "old-L"))
        with pytest.raises(Failure) as caught:
            execute(cluster, "ml_connector", name="Local chat", state="absent")
        assert caught.value.code == "connector_in_use"
    else:
        cluster.add_connector()
        done = execute(cluster, "ml_connector", name="Local chat", state="absent")
        assert done["actions"] == []
        assert f"'Theirs' ({stranger}) with connector theirs-l" in remaining(done)["old-L"]
    assert "old-L" in cluster.connectors


def test_connector_that_cannot_be_deleted_remains_until_it_can(cluster: FakeCluster, stranger: str) -> None:
    cluster.next_ids["connector"] = ["old-L"]
    cluster.add_connector()
    absent = {"name": "Local chat", "state": "absent"}
    for check in (True, False, False):
        done = execute(cluster, "ml_connector", check_mode=check, **absent)
        assert (done["changed"], done["actions"], len(done["warnings"])) == (False, [], 1)
        [leftover] = done["leftovers"]
        assert (leftover["connector_id"], leftover["name"], leftover["models"]) == ("old-L", "Local chat", [stranger])
        assert (done["connector_id"], done["connector"]["name"]) == ("old-L", "Local chat")
        assert done["diff"]["before"] == done["diff"]["after"]
    assert cluster.writes == []

    # The name means it again.
    used = execute(cluster, "ml_connector", **CHAT)
    assert (used["changed"], used["connector_id"], used["leftovers"]) == (False, "old-L", [])

    del cluster.models[stranger]
    assert outcome(cluster, **absent) == (["delete"], [])
    assert list(cluster.connectors) == ["theirs-l"]


def test_refused_delete_that_could_not_be_foreseen(cluster: FakeCluster) -> None:
    """Another controller registers a model, whose connector's id shares a word, just before the delete."""
    cluster.next_ids["connector"] = ["old-L", "theirs-l"]
    cluster.add_connector()
    theirs = cluster.add_connector("Their chat")
    cluster.before("DELETE", "old-L", lambda: cluster.add_model("Just now", theirs))
    done = execute(cluster, "ml_connector", name="Local chat", state="absent")
    assert (done["changed"], done["leftovers"][0]["connector_id"]) == (False, "old-L")


def test_a_stack_prunes_what_the_server_lets_it_delete(cluster: FakeCluster, stranger: str) -> None:
    cluster.next_ids["connector"] = ["old-L"]
    execute(cluster, "ml_stack", name="Ours", connectors=[CHAT], model_groups=[{"name": "Ours"}])
    pruned = {"name": "Ours", "prune": "managed"}
    planned, done = (execute(cluster, "ml_stack", check_mode=check, **pruned) for check in (True, False))
    assert [each["kind"] for each in done["actions"]] == ["model group"]
    assert planned["actions"] == done["actions"]
    again = execute(cluster, "ml_stack", **pruned)
    assert not again["changed"]
    assert list(remaining(again)) == ["old-L"]
    del cluster.models[stranger]
    execute(cluster, "ml_stack", **pruned)
    assert list(cluster.connectors) == ["theirs-l"]


def test_model_that_was_just_moved_does_not_prevent_the_delete(cluster: FakeCluster, old: str) -> None:
    """On 2.19 the server's search for users lags behind: the delete is repeated."""
    new = cluster.add_connector(parameters={"model": "tiny", "_searchops": '{"replaces": ["old-L"]}'})
    cluster.change_lag = 9
    cluster.call("PUT", f"{ML}/models/{next(iter(cluster.models))}", {"connector_id": new})
    assert [each["action"] for each in execute(cluster, "ml_connector", **CHAT)["actions"]] == ["finish_swap"]
    assert list(cluster.connectors) == [new]


@pytest.mark.usefixtures("stranger")
@pytest.mark.parametrize("probe", [None, QUESTION])
def test_model_that_is_deleted_during_the_swap(cluster: FakeCluster, old: str, probe: Any) -> None:
    cluster.next_ids["model"] = ["short-lived"]
    cluster.add_model("Short-lived", old)
    cluster.models = dict(reversed(cluster.models.items()))
    cluster.before("PUT", "/models/short-lived", lambda: cluster.models.pop("short-lived"))
    assert outcome(cluster, **CHANGED, probe=probe)[0] == ["swap"]
    assert old not in {model["connector_id"] for model in cluster.models.values()}
