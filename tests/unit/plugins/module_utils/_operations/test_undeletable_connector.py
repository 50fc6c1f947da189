# SPDX-License-Identifier: GPL-3.0-or-later
"""The server takes connectors whose ids share a word for the same where it looks for users: 'aaa-L' for 'bbb-l', say."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any, Callable, Mapping

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.exceptions import Failure
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._kinds.connector.resource import Connector
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._operations import undeletable_connector
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.answers import Refused
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import ML, FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.support.harness import execute, make_run
from ansible_collections.searchops.opensearch_ml.tests.unit.support.operations import CHAT

CHANGED = {**CHAT, "description": "New"}


@pytest.fixture
def old(cluster: FakeCluster) -> str:
    """A connector with a model that serves."""
    cluster.next_ids["connector"] = ["old-L"]
    cluster.add_model("Chat", cluster.add_connector())
    return "old-L"


@pytest.fixture
def stranger(cluster: FakeCluster) -> str:
    """Somebody else's model, whose connector's id has a word of the old one's; its id."""
    cluster.next_ids["connector"] = ["theirs-l"]
    return cluster.add_model("Theirs", cluster.add_connector("Their chat"))


def outcome(cluster: FakeCluster, **options: Any) -> tuple[list[str], list[str]]:
    """The actions of a run and its warnings, which a check foresees."""
    planned = execute(cluster, "ml_connector", check_mode=True, **options)
    done = execute(cluster, "ml_connector", **options)
    assert [each["action"] for each in planned["actions"]] == [each["action"] for each in done["actions"]]
    return [each["action"] for each in done["actions"]], done.get("warnings", [])


def test_a_new_connector_gets_an_id_that_lets_the_old_one_go(cluster: FakeCluster, old: str) -> None:
    cluster.next_ids["connector"] = ["new-l", "another-L", "at_last-M"]
    assert outcome(cluster, **CHANGED) == (["swap"], [])
    assert list(cluster.connectors) == ["at_last-M"]
    assert not execute(cluster, "ml_connector", **CHANGED)["changed"]


def test_what_was_made_in_vain_goes_with_the_next_run_after_a_failure(cluster: FakeCluster, old: str) -> None:
    cluster.next_ids["connector"] = ["new-l", "at_last-M"]
    model_id = next(iter(cluster.models))

    def refuse() -> None:
        if "at_last-M" in cluster.connectors:
            cluster.inject("error")

    cluster.before("PUT", model_id, refuse)
    with pytest.raises(Failure) as caught:
        execute(cluster, "ml_connector", **CHANGED)
    assert "the models use the old one" in caught.value.message
    assert set(cluster.connectors) == {old, "new-l"}

    # While the old one is used, the server holds what was made in vain.
    actions, (warning,) = outcome(cluster, **CHAT)
    assert actions == []
    assert "Connector new-l, which old-L supersedes, remains" in warning
    assert outcome(cluster, **CHANGED)[0] == ["swap"]
    assert outcome(cluster, **CHANGED)[0] == ["finish_swap"]
    assert outcome(cluster, **CHANGED) == ([], [])
    assert len(cluster.connectors) == 1


def test_a_server_whose_ids_always_share_a_word(cluster: FakeCluster, old: str) -> None:
    cluster.next_ids["connector"] = [f"new{number}-l" for number in range(4)]
    actions, warnings = outcome(cluster, **CHANGED)
    assert actions == ["swap"]
    assert len(warnings) == 4
    assert all("'Chat' (" in warning for warning in warnings)
    assert list(cluster.connectors) == [old, "new0-l", "new1-l", "new2-l", "new3-l"]
    assert outcome(cluster, **CHANGED)[0] == []


def test_a_replaced_connector_that_is_held_for_another_is_left_until_it_is_not(
    cluster: FakeCluster, old: str, stranger: str
) -> None:
    actions, (warning,) = outcome(cluster, **CHANGED)
    assert actions == ["swap"]
    assert f"'Theirs' ({stranger}) with connector theirs-l" in warning
    assert len(cluster.connectors) == 3

    before = cluster.snapshot()
    actions, (warning,) = outcome(cluster, **CHANGED)
    assert actions == []
    assert f"Connector {old}, which " in warning
    assert cluster.snapshot() == before

    del cluster.models[stranger]
    assert outcome(cluster, **CHANGED) == (["finish_swap"], [])
    assert old not in cluster.connectors


def test_a_name_stands_for_the_one_that_took_the_place(cluster: FakeCluster, old: str, stranger: str) -> None:
    outcome(cluster, **CHANGED)
    new = next(each for each in cluster.connectors if each not in (old, "theirs-l"))
    before = cluster.snapshot()
    for options in (
        {"name": "Chat", "connector": "Local chat"},
        {"name": "Chat", "connector": "Local chat", "model_id": next(iter(cluster.models))},
    ):
        for check_mode in (True, False):
            assert not execute(cluster, "ml_model", check_mode=check_mode, **options)["changed"]
    stack = {"connectors": [CHANGED], "models": [{"name": "Chat", "connector": "Local chat"}]}
    assert not execute(cluster, "ml_stack", **stack)["changed"]
    assert cluster.snapshot() == before
    execute(cluster, "ml_model", name="Another", connector="Local chat")
    assert [model["connector_id"] for model in cluster.models.values() if model["name"] == "Another"] == [new]


def test_a_name_whose_connector_was_replaced_before_any_model_used_it(cluster: FakeCluster, stranger: str) -> None:
    cluster.next_ids["connector"] = ["old-L"]
    cluster.add_connector()
    assert outcome(cluster, **CHANGED)[0] == ["swap"]
    (new,) = (each for each in cluster.connectors if each not in ("old-L", "theirs-l"))
    execute(cluster, "ml_model", name="Chat", connector="Local chat")
    assert [model["connector_id"] for model in cluster.models.values() if model["name"] == "Chat"] == [new]


def test_a_stack_goes_on_beside_one_that_is_left(cluster: FakeCluster, stranger: str) -> None:
    """The change, what it leaves to be done, and the next run."""
    stack = {"connectors": [CHAT], "models": [{"name": "Chat", "connector": "Local chat"}]}
    cluster.next_ids["connector"] = ["old-L"]
    cluster.add_connector()
    execute(cluster, "ml_stack", **stack)
    changed = {**stack, "connectors": [CHANGED]}
    done = execute(cluster, "ml_stack", **changed)
    assert [each["action"] for each in done["actions"]] == ["swap"]
    assert "old-L" in cluster.connectors
    assert not execute(cluster, "ml_stack", **changed)["changed"]


@pytest.mark.parametrize("used", ["old", "new", ""])
def test_a_swap_that_nobody_has_ended(cluster: FakeCluster, used: str) -> None:
    """A name stands for neither half, as somebody may be about to delete one of them."""
    ids = {"old": cluster.add_connector()}
    notes = json.dumps({"replaces": ids["old"]})
    ids["new"] = cluster.add_connector(parameters={"model": "tiny", "_searchops": notes})
    if used:
        cluster.add_model("Theirs", ids[used])
    before = cluster.snapshot()
    with pytest.raises(Failure, match="2 connectors have the name") as caught:
        execute(cluster, "ml_model", name="Chat", connector="Local chat")
    assert caught.value.code == "ambiguous_name"
    assert cluster.snapshot() == before


def served(cluster: FakeCluster) -> None:
    """The name is understood by all who use it, and nothing is left to do."""
    stack = {"models": [{"name": "Chat", "connector": "Local chat"}]}
    for check_mode in (True, False):
        assert not execute(cluster, "ml_model", check_mode=check_mode, **stack["models"][0])["changed"]
        assert not execute(cluster, "ml_stack", check_mode=check_mode, **stack)["changed"]


def test_one_change_after_the_other_beside_those_that_are_left(cluster: FakeCluster, old: str, stranger: str) -> None:
    """Two are left, of which the older one is let go first."""
    cluster.next_ids["connector"] = ["others-m"]
    other = cluster.add_model("Others", cluster.add_connector("Other chat"))
    cluster.next_ids["connector"] = ["second-M", "third-N"]
    assert outcome(cluster, **CHANGED)[0] == ["swap"]
    newer = {**CHAT, "description": "Newer"}
    assert outcome(cluster, **newer)[0] == ["swap"]
    assert {old, "second-M", "third-N"} < set(cluster.connectors)
    assert outcome(cluster, **newer)[0] == []
    served(cluster)

    del cluster.models[stranger]
    assert outcome(cluster, **newer)[0] == ["finish_swap"]
    assert old not in cluster.connectors
    served(cluster)

    del cluster.models[other]
    assert outcome(cluster, **newer) == (["finish_swap"], [])
    assert set(cluster.connectors) == {"theirs-l", "others-m", "third-N"}


def test_a_change_after_the_one_between_is_gone(cluster: FakeCluster, old: str, stranger: str) -> None:
    outcome(cluster, **CHANGED)
    (second,) = set(cluster.connectors) - {old, "theirs-l"}
    newer = {**CHAT, "description": "Newer"}
    assert outcome(cluster, **newer)[0] == ["swap"]
    assert second not in cluster.connectors
    assert old in cluster.connectors
    served(cluster)
    assert outcome(cluster, **newer)[0] == []


def test_halves_that_are_all_held(cluster: FakeCluster, stranger: str) -> None:
    """Both were to take the place of one that is gone, and nobody uses them: one counts, the same for everybody."""
    cluster.next_ids["connector"] = ["one-L", "two-L"]
    for _each in range(2):
        cluster.add_connector(parameters={"model": "tiny", "_searchops": json.dumps({"replaces": "gone"})})
    assert execute(cluster, "ml_connector", **CHAT)["connector_id"] == "one-L"
    execute(cluster, "ml_model", name="Chat", connector="Local chat")
    assert [model["connector_id"] for model in cluster.models.values() if model["name"] == "Chat"] == ["one-L"]
    served(cluster)


@pytest.mark.parametrize("put_aside", [["new-l", "second-M"], [f"new{number}-l" for number in range(4)]])
def test_a_change_beside_those_that_were_made_in_vain(
    cluster: FakeCluster, old: str, stranger: str, put_aside: list[str]
) -> None:
    cluster.next_ids["connector"] = put_aside
    assert outcome(cluster, **CHANGED)[0] == ["swap"]
    newer = {**CHAT, "description": "Newer"}
    assert outcome(cluster, **newer)[0] == ["swap"]
    assert len(cluster.connectors) > 3
    served(cluster)
    assert outcome(cluster, **newer)[0] == []


def test_a_change_after_one_that_failed_and_left_what_it_made(cluster: FakeCluster, old: str, stranger: str) -> None:
    cluster.models[stranger]["connector_id"] = "gone-n"
    cluster.next_ids["connector"] = ["new-N"]
    probed = {"probe": {"messages": [{"role": "user", "content": "Hi"}]}}
    answers, cluster.backend = cluster.backend, refuse
    with pytest.raises(Failure, match="the models use the old one"):
        execute(cluster, "ml_connector", **CHANGED, **probed)
    assert {old, "new-N"} < set(cluster.connectors)
    cluster.backend = answers
    assert outcome(cluster, **CHANGED, **probed)[0] == ["swap"]
    assert old not in cluster.connectors
    served(cluster)


def test_what_serves_stays_although_the_backend_is_down_while_one_that_was_left_is_let_go(
    cluster: FakeCluster, old: str, stranger: str
) -> None:
    newer = {**CHAT, "description": "Newer", "probe": {"messages": [{"role": "user", "content": "Hi"}]}}
    assert outcome(cluster, **CHANGED)[0] == ["swap"]
    assert outcome(cluster, **newer)[0] == ["swap"]
    del cluster.models[stranger]
    cluster.backend = refuse
    (serving,) = {model["connector_id"] for model in cluster.models.values()}
    assert outcome(cluster, **newer)[0] == ["finish_swap"]
    assert {model["connector_id"] for model in cluster.models.values()} == {serving}
    assert set(cluster.connectors) == {serving, "theirs-l"}


def test_a_stack_ends_a_swap_that_was_cut_off_beside_one_that_is_left(cluster: FakeCluster, stranger: str) -> None:
    cluster.next_ids["connector"] = ["old-L", "second-M", "third-N"]
    cluster.add_connector()
    for notes in ({"replaces": "old-L"}, {"replaces": "second-M", "before": ["old-L"]}):
        cluster.add_connector(description="New", parameters={"model": "tiny", "_searchops": json.dumps(notes)})
    cluster.add_model("One", "second-M")
    cluster.add_model("Two", "third-N")
    models = [{"name": name, "connector": "Local chat"} for name in ("One", "Two")]
    stack = {"connectors": [CHANGED], "models": models}
    planned = execute(cluster, "ml_stack", check_mode=True, **stack)
    assert [each["action"] for each in planned["actions"]] == ["finish_swap"]
    assert execute(cluster, "ml_stack", **stack)["actions"] == planned["actions"]
    assert set(cluster.connectors) == {"old-L", "third-N", "theirs-l"}
    assert not execute(cluster, "ml_stack", **stack)["changed"]


def refuse(*_question: Any) -> Any:
    raise Refused(503, "The backend is down")


@pytest.mark.parametrize("used", [("old", "new"), ("old",), ("new",), ()])
def test_a_stack_ends_a_swap_that_was_cut_off(cluster: FakeCluster, used: tuple[str, ...]) -> None:
    """As its plan tells, wherever that was."""
    ids = {"old": cluster.add_connector()}
    notes = json.dumps({"replaces": ids["old"]})
    ids["new"] = cluster.add_connector(description="New", parameters={"model": "tiny", "_searchops": notes})
    for half in used:
        cluster.add_model(f"Uses the {half}", ids[half])
    models = [{"name": f"Uses the {half}", "connector": "Local chat"} for half in ("old", "new")]
    stack = {"connectors": [CHANGED], "models": models}
    planned = execute(cluster, "ml_stack", check_mode=True, **stack)
    done = execute(cluster, "ml_stack", **stack)
    told = [[(each["action"], each["kind"], each["name"]) for each in one["actions"]] for one in (planned, done)]
    assert sorted(told[0]) == sorted(told[1])
    assert len(cluster.connectors) == 1
    assert not execute(cluster, "ml_stack", **stack)["changed"]


def test_who_is_taken_for_a_user_is_told(cluster: FakeCluster, stranger: str) -> None:
    cluster.next_ids["connector"] = ["old-L"]
    cluster.add_connector()
    with pytest.raises(Failure) as caught:
        execute(cluster, "ml_connector", name="Local chat", state="absent")
    assert caught.value.code == "connector_held"
    assert caught.value.details["models"] == [stranger]
    assert "old-L" in cluster.connectors


@pytest.mark.parametrize("serves", [True, False])
def test_one_that_the_server_does_not_change_is_replaced(cluster: FakeCluster, stranger: str, serves: bool) -> None:
    cluster.next_ids["connector"] = ["old-L"]
    cluster.add_connector()
    cluster.models[stranger]["model_state"] = "DEPLOYED" if serves else "UNDEPLOYED"
    actions, warnings = outcome(cluster, **CHANGED)
    assert actions == ["swap" if serves else "update"]
    assert len(warnings) == serves
    assert outcome(cluster, **CHANGED)[0] == []


def test_a_model_that_was_moved_away_a_moment_ago_holds_nothing(cluster: FakeCluster, old: str) -> None:
    new = cluster.add_connector(parameters={"model": "tiny", "_searchops": '{"replaces":"old-L"}'})
    cluster.change_lag = 9
    cluster.call("PUT", f"{ML}/models/{next(iter(cluster.models))}", {"connector_id": new})
    assert [each["action"] for each in execute(cluster, "ml_connector", **CHAT)["actions"]] == ["finish_swap"]
    assert list(cluster.connectors) == [new]


def test_a_true_user_is_told_as_one(cluster: FakeCluster, old: str, stranger: str) -> None:
    def registered() -> None:
        cluster.add_model("Just now", old)

    del cluster.models[next(iter(cluster.models))]
    cluster.before("DELETE", old, registered)
    with pytest.raises(Failure) as caught:
        execute(cluster, "ml_connector", name="Local chat", state="absent")
    assert caught.value.code == "connector_in_use"


def test_a_stack_makes_no_two_that_are_taken_for_the_same(cluster: FakeCluster) -> None:
    cluster.next_ids["connector"] = ["one-A", "two-a", "two-b"]
    stated = [{**CHAT, "name": name} for name in ("One", "Two")]
    stack = {"connectors": stated, "models": [{"name": name, "connector": name} for name in ("One", "Two")]}
    execute(cluster, "ml_stack", **stack, parallel=1)
    assert sorted(cluster.connectors) == ["one-A", "two-b"]
    assert not execute(cluster, "ml_stack", **stack)["changed"]


def test_not_all_tries_are_made_within_a_second(cluster: FakeCluster) -> None:
    """In which a server may give all of them a word in common."""
    cluster.next_ids["connector"] = [f"own_{number}-a" for number in range(undeletable_connector.MAX_ID_TRIES)]
    run = make_run(cluster)
    run.created_by_stack.add((Connector.PATH, "another-A"))
    begun = run.clock.now()
    body = {"name": "Local chat", "version": "1", "protocol": "http", "credential": {"a": "b"}}
    body["actions"] = [{"action_type": "predict", "method": "POST", "url": "http://llm.test/"}]
    doc, ours, _others = undeletable_connector.create(run, body, may_repoint=True)
    assert (doc.id, ours) == ("own_4-a", True)
    assert run.clock.now() - begun > 1.024


def test_one_that_cannot_be_taken_back_any_more_is_kept(cluster: FakeCluster) -> None:
    cluster.next_ids["connector"] = ["one-A", "two-a"]
    stack = {"connectors": [{**CHAT, "name": name} for name in ("One", "Two")]}

    def used() -> None:
        cluster.add_model("Chat", "one-A")

    cluster.before("DELETE", "two-a", used)
    execute(cluster, "ml_stack", **stack, parallel=1)
    assert sorted(cluster.connectors) == ["one-A", "two-a"]
    assert not execute(cluster, "ml_stack", **stack)["changed"]


def at_once(cluster: FakeCluster, own: str, *theirs: str, **fields: Any) -> None:
    """Others make connectors of the name just before the own one, and a model that uses the first of them."""
    cluster.next_ids["connector"] = [*theirs, own, "third-M"]
    cluster.next_ids["model"] = ["chat"]

    def make() -> None:
        if "chat" not in cluster.models:
            made = [cluster.add_connector(**fields) for _each in theirs]
            cluster.add_model("Chat", made[0])

    cluster.before("POST", "/_create", make)


@pytest.mark.usefixtures("stranger")
def test_one_that_has_to_go_and_is_held(cluster: FakeCluster) -> None:
    """A third one comes in the place of both."""
    at_once(cluster, "own-L", "first-A")
    done = execute(cluster, "ml_connector", **CHAT)
    assert [each["action"] for each in done["actions"]] == ["create", "swap"]
    assert (done["actions"][1]["replaced_id"], done["actions"][1]["models"]) == ("first-A", ["chat"])
    assert "own-L" in str(done["warnings"])
    assert done["connector_id"] == cluster.models["chat"]["connector_id"] == "third-M"
    assert sorted(cluster.connectors) == ["own-L", "theirs-l", "third-M"]
    assert outcome(cluster, **CHAT)[0] == []


def test_what_was_held_goes_with_the_stranger(cluster: FakeCluster, stranger: str) -> None:
    at_once(cluster, "own-L", "first-A")
    execute(cluster, "ml_connector", **CHAT)
    del cluster.models[stranger]
    assert outcome(cluster, **CHAT) == (["finish_swap"], [])
    assert sorted(cluster.connectors) == ["theirs-l", "third-M"]


@pytest.mark.parametrize("module", ["ml_connector", "ml_stack"])
def test_one_that_has_to_go_and_is_held_for_the_sake_of_the_other_ones_model(cluster: FakeCluster, module: str) -> None:
    """As of two that a node makes 26 ms after each other."""
    stack = {"connectors": [CHAT], "models": [{"name": "Chat", "connector": "Local chat"}]}
    options = stack if module == "ml_stack" else CHAT
    at_once(cluster, "own-a", "first-A")
    assert not execute(cluster, module, **options).get("warnings")
    assert list(cluster.connectors) == ["third-M"]
    assert [model["connector_id"] for model in cluster.models.values()] == ["third-M"]
    assert not execute(cluster, module, **options)["changed"]


@pytest.mark.usefixtures("stranger")
def test_a_stack_whose_connector_has_to_go_and_is_held(cluster: FakeCluster) -> None:
    at_once(cluster, "own-L", "first-A")
    stack = {"connectors": [CHAT], "models": [{"name": "Chat", "connector": "Local chat"}]}
    execute(cluster, "ml_stack", **stack)
    assert [model["connector_id"] for model in cluster.models.values()] == ["theirs-l", "third-M"]
    assert not execute(cluster, "ml_stack", **stack)["changed"]


@pytest.mark.usefixtures("stranger")
@pytest.mark.parametrize("theirs", [("first-L",), ("first-A", "second-l")])
def test_others_that_are_held_too(cluster: FakeCluster, theirs: tuple[str, ...]) -> None:
    at_once(cluster, "own-L", *theirs)
    done = execute(cluster, "ml_connector", **CHAT)
    assert done["connector_id"] == cluster.models["chat"]["connector_id"] == "third-M"
    assert outcome(cluster, **CHAT)[0] == []


@pytest.mark.usefixtures("stranger")
def test_models_that_must_not_be_moved_stay_where_they_are(cluster: FakeCluster) -> None:
    at_once(cluster, "own-L", "first-A")
    with pytest.raises(Failure) as caught:
        execute(cluster, "ml_connector", **CHAT, update_strategy="fail")
    assert caught.value.code == "connector_held"
    assert cluster.models["chat"]["connector_id"] == "first-A"


@pytest.mark.usefixtures("stranger")
@pytest.mark.parametrize("differs", [False, True])
def test_a_third_one_has_to_answer_where_it_differs(cluster: FakeCluster, differs: bool) -> None:
    at_once(cluster, "own-L", "first-A", **({"description": "Another"} if differs else {}))
    up, cluster.backend = cluster.backend, refuse
    stated = {**CHAT, "description": "New" if differs else None}
    probe = {"messages": [{"role": "user", "content": "Hi"}]}
    if not differs:
        assert execute(cluster, "ml_connector", **stated, probe=probe)["connector_id"] == "third-M"
        return
    with pytest.raises(Failure) as caught:
        execute(cluster, "ml_connector", **stated, probe=probe)
    assert "the models use the old one (first-A) again" in caught.value.message
    assert cluster.models["chat"]["connector_id"] == "first-A"
    with pytest.raises(Failure):
        execute(cluster, "ml_connector", **stated, probe=probe)
    cluster.backend = up
    assert outcome(cluster, **stated, probe=probe)[0] == ["finish_swap"]
    assert cluster.models["chat"]["connector_id"] == "third-M"


def at_looks(cluster: FakeCluster, own: str, acts: Mapping[int, Callable[[], object]]) -> None:
    """Act at the looks of these numbers, counted from 1, at the connectors since the own one is there."""
    looks: list[None] = []

    def look() -> None:
        if own in cluster.connectors:
            looks.append(None)
            acts.get(len(looks), lambda: None)()

    cluster.before("POST", "/connectors/_search", look, times=199)


def held_and_used(cluster: FakeCluster) -> None:
    """Somebody makes a younger one, which is held, and a model that uses the own one, the oldest."""
    cluster.add_connector()
    cluster.add_model("Chat", "first-A")


def beside_a_double(cluster: FakeCluster, own: str) -> None:
    """Others have put a connector in the place of one that is held, just before the own one."""

    def make() -> None:
        if "chat" not in cluster.models:
            cluster.add_connector()
            notes = {"model": "tiny", "_searchops": '{"replaces": "first-L"}'}
            cluster.add_model("Chat", cluster.add_connector(parameters=notes))

    cluster.next_ids["connector"] = ["first-L", "second-A", own]
    cluster.next_ids["model"] = ["chat"]
    cluster.before("POST", "/_create", make)


@pytest.mark.usefixtures("stranger")
def test_who_takes_the_own_one_back_goes_on_with_what_stands_for_all(cluster: FakeCluster) -> None:
    beside_a_double(cluster, "own-B")
    done = execute(cluster, "ml_connector", **CHAT)
    assert [each["action"] for each in done["actions"]] == ["adopt"]
    assert done["connector_id"] == "second-A"
    assert sorted(cluster.connectors) == ["first-L", "second-A", "theirs-l"]


@pytest.mark.usefixtures("stranger")
def test_what_another_one_has_replaced_does_not_get_the_models_back(cluster: FakeCluster) -> None:
    beside_a_double(cluster, "own-L")
    cluster.backend = refuse
    with pytest.raises(Failure) as caught:
        execute(cluster, "ml_connector", **CHANGED, probe={"messages": [{"role": "user", "content": "Hi"}]})
    assert "the models use the old one (second-A) again" in caught.value.message
    assert cluster.models["chat"]["connector_id"] == "second-A"


@pytest.mark.usefixtures("stranger")
def test_a_model_that_is_registered_while_a_third_one_comes(cluster: FakeCluster) -> None:
    def register() -> None:
        cluster.add_model("Late", "first-A")

    at_once(cluster, "own-L", "first-A")
    cluster.before("PUT", "/models/chat", register)
    with pytest.raises(Failure) as caught:
        execute(cluster, "ml_connector", **CHAT)
    assert caught.value.code == "concurrent_change"
    assert outcome(cluster, **CHAT)[0] == ["finish_swap"]
    assert {model["connector_id"] for model in cluster.models.values()} == {"theirs-l", "third-M"}


@pytest.mark.usefixtures("stranger")
@pytest.mark.parametrize("theirs", [("first-A",), ("first-A", "second-B")])
@pytest.mark.parametrize("at", range(6))
def test_cut_off_while_a_third_one_comes(cluster: FakeCluster, at: int, theirs: tuple[str, ...]) -> None:
    """At each of its writes."""
    writes: list[None] = []

    def cut() -> None:
        if "third-M" in cluster.connectors or writes:
            writes.append(None)
            if len(writes) == at + 1:
                cluster.crash("refused", 0)

    at_once(cluster, "own-L", *theirs)
    cluster.before("PUT", "", cut, times=99)
    cluster.before("DELETE", "", cut, times=99)
    with pytest.raises(Failure):
        execute(cluster, "ml_connector", **CHAT)
    cluster.heal()
    outcome(cluster, **CHAT)
    assert outcome(cluster, **CHAT)[0] == []
    assert cluster.models["chat"]["connector_id"] == "third-M"


@pytest.mark.usefixtures("stranger")
@pytest.mark.parametrize("fault", ["error", "conflict", "unavailable"])
def test_a_write_that_fails_while_a_third_one_comes(cluster: FakeCluster, fault: str) -> None:
    def fail() -> None:
        if "third-M" in cluster.connectors:
            cluster.inject(fault)

    at_once(cluster, "own-L", "first-A")
    cluster.before("PUT", "/models/chat", fail, times=1 if fault == "error" else 12)
    with suppress(Failure):
        execute(cluster, "ml_connector", **CHAT)
    cluster.heal()
    execute(cluster, "ml_connector", **CHAT)
    assert outcome(cluster, **CHAT)[0] == []


@pytest.mark.usefixtures("stranger")
def test_a_late_run_while_a_third_one_comes(cluster: FakeCluster) -> None:
    late: list[str] = []

    def look() -> None:
        if "third-M" in cluster.connectors and not late:
            late.append("")
            late[0] = execute(cluster, "ml_connector", **CHAT)["connector_id"]

    at_once(cluster, "own-L", "first-A")
    cluster.before("PUT", "/models/chat", look)
    assert [execute(cluster, "ml_connector", **CHAT)["connector_id"], *late] == ["third-M", "third-M"]


@pytest.mark.usefixtures("stranger")
@pytest.mark.parametrize("probe", [None, {"messages": [{"role": "user", "content": "Hi"}]}])
def test_a_model_that_is_taken_back_while_its_connector_is_swapped(cluster: FakeCluster, old: str, probe: Any) -> None:
    def gone() -> None:
        del cluster.models["double"]

    cluster.next_ids["model"] = ["double"]
    cluster.add_model("Chat", old)
    cluster.models = {each: cluster.models[each] for each in ("double", *(set(cluster.models) - {"double"}))}
    cluster.before("PUT", "/models/double", gone)
    assert outcome(cluster, **CHANGED, probe=probe)[0] == ["swap"]
    assert old not in {model["connector_id"] for model in cluster.models.values()}


def test_two_changes_that_were_cut_off_before_a_model_was_moved(cluster: FakeCluster, old: str) -> None:
    """Each stands for the old one alone, and is taken back."""
    for _each in range(2):
        cluster.add_connector(parameters={"model": "tiny", "_searchops": '{"replaces": "old-L"}'})
    assert outcome(cluster, **CHAT)[0] == ["undo_swap", "undo_swap"]
    assert list(cluster.connectors) == [old]


def test_one_that_is_alike_another_of_its_stack_and_used_by_who_adopted_it(cluster: FakeCluster) -> None:
    def use() -> None:
        cluster.add_model("Chat", "two-a")

    cluster.next_ids["connector"] = ["one-A", "two-a"]
    stack = {"connectors": [{**CHAT, "name": name} for name in ("One", "Two")]}
    cluster.before("DELETE", "two-a", use)
    execute(cluster, "ml_stack", **stack, parallel=1)
    assert not execute(cluster, "ml_stack", **stack)["changed"]


@pytest.mark.usefixtures("stranger")
@pytest.mark.parametrize("left", [["first-A"], []])
def test_one_that_is_held_and_that_somebody_else_has_taken_away(cluster: FakeCluster, left: list[str]) -> None:
    def gone() -> None:
        cluster.models.pop("chat")
        for each in {"own-L", "first-A"} - set(left):
            cluster.connectors.pop(each)

    at_once(cluster, "own-L", "first-A")
    cluster.before("POST", "/models/_search", gone)
    if left:
        assert execute(cluster, "ml_connector", **CHAT)["connector_id"] == "first-A"
        return
    with pytest.raises(Failure) as caught:
        execute(cluster, "ml_connector", **CHAT)
    assert caught.value.code == "concurrent_change"


@pytest.mark.usefixtures("stranger")
def test_one_that_is_held_and_that_somebody_else_has_replaced_with_the_others(cluster: FakeCluster) -> None:
    """Of two who cannot take back theirs, the second one goes on with what the first one has put in the place of all."""

    def replaced() -> None:
        notes = {"model": "tiny", "_searchops": '{"replaces": "first-A", "before": ["own-L"]}'}
        cluster.models["chat"]["connector_id"] = cluster.add_connector(parameters=notes)
        cluster.connectors.pop("first-A")

    at_once(cluster, "own-L", "first-A")
    cluster.before("POST", "/models/_search", replaced)
    done = execute(cluster, "ml_connector", **CHAT)
    assert done["connector_id"] == cluster.models["chat"]["connector_id"] == "third-M"
    assert [each["action"] for each in done["actions"]] == ["adopt"]
    assert sorted(cluster.connectors) == ["own-L", "theirs-l", "third-M"]


def third(cluster: FakeCluster, *, gone: bool = True) -> None:
    """Somebody puts a third one in the place of all, and has deleted the first one if it is ``gone``."""
    notes = {"model": "tiny", "_searchops": '{"replaces": "first-A", "before": ["own-L", "second-l"]}'}
    cluster.models["chat"]["connector_id"] = cluster.add_connector(parameters=notes)
    if gone:
        cluster.connectors.pop("first-A")


@pytest.mark.usefixtures("stranger")
def test_a_held_one_in_the_middle_of_the_change_that_puts_another_in_its_place(cluster: FakeCluster) -> None:
    def begun() -> None:
        third(cluster, gone=False)

    def ended() -> None:
        if "third-M" in cluster.connectors:
            looks.append(None)
        if len(looks) > 9:
            cluster.connectors.pop("first-A", None)

    looks: list[None] = []
    at_once(cluster, "own-L", "first-A")
    cluster.before("POST", "/models/_search", begun)
    cluster.before("POST", "/connectors/_search", ended, times=99)
    assert execute(cluster, "ml_connector", **CHAT)["connector_id"] == "third-M"


@pytest.mark.usefixtures("stranger")
@pytest.mark.parametrize("does_it", [True, False])
def test_of_several_that_are_held_the_oldest_is_the_one_whose_maker_replaces_all(
    cluster: FakeCluster, does_it: bool
) -> None:
    at_once(cluster, "own-L", "first-A", "second-l")
    at_looks(cluster, "own-L", {40: lambda: third(cluster)} if does_it else {})
    done = execute(cluster, "ml_connector", **CHAT)
    assert done["connector_id"] == cluster.models["chat"]["connector_id"] == "third-M"
    assert [each["action"] for each in done["actions"]] == (["adopt"] if does_it else ["create", "swap"])


@pytest.mark.usefixtures("stranger")
@pytest.mark.parametrize("replaced", [True, False])
def test_the_oldest_one_that_is_used_beside_one_that_is_held(cluster: FakeCluster, replaced: bool) -> None:
    """Its maker cannot take it back, and waits for what the maker of the other one does."""

    cluster.next_ids["connector"] = ["first-A", "own-L", "third-M"]
    cluster.next_ids["model"] = ["chat"]
    later = {60: lambda: third(cluster)} if replaced else {}
    at_looks(cluster, "first-A", {1: lambda: held_and_used(cluster), **later})
    if replaced:
        assert execute(cluster, "ml_connector", **CHAT)["connector_id"] == "third-M"
        return
    with pytest.raises(Failure) as caught:
        execute(cluster, "ml_connector", **CHAT)
    assert caught.value.code == "concurrent_change"


@pytest.mark.usefixtures("stranger")
def test_the_oldest_one_that_is_alone_at_last(cluster: FakeCluster) -> None:
    cluster.next_ids["connector"] = ["first-A", "own-L"]
    at_looks(cluster, "first-A", {1: lambda: held_and_used(cluster), 80: lambda: cluster.connectors.pop("own-L")})
    stack = {"connectors": [CHAT], "models": [{"name": "Chat", "connector": "Local chat"}]}
    execute(cluster, "ml_stack", **stack)
    assert sorted(cluster.connectors) == ["first-A", "theirs-l"]
    assert not execute(cluster, "ml_stack", **stack)["changed"]


@pytest.mark.usefixtures("stranger")
def test_nobody_tries_again_to_take_it_back_without_a_look(cluster: FakeCluster) -> None:
    at_once(cluster, "own-L", "first-A")
    execute(cluster, "ml_connector", **CHAT)
    sent = [str(each) for each in cluster.exchanges]
    sent = sent[: max(number for number, each in enumerate(sent) if each.startswith("POST") and "/_create" in each)]
    tries = [number for number, each in enumerate(sent) if each.startswith("DELETE") and "own-L" in each]
    assert len(tries) > 2
    for before, after in zip(tries, tries[1:]):
        assert any("connectors/_search" in each for each in sent[before:after])


@pytest.mark.usefixtures("old")
def test_two_changes_at_once_of_which_neither_is_taken_back(cluster: FakeCluster, stranger: str) -> None:
    def theirs() -> None:
        if "second-B" not in cluster.connectors:
            notes = {"model": "tiny", "_searchops": '{"replaces": "old-L"}'}
            cluster.add_connector(description="New", parameters=notes)

    cluster.next_ids["connector"] = ["second-B", "own-M"]
    cluster.models[stranger]["connector_id"] = "theirs-m"
    cluster.before("POST", "/_create", theirs)
    with pytest.raises(Failure) as caught:
        execute(cluster, "ml_connector", **CHANGED)
    assert caught.value.code == "concurrent_change"
    assert "right now" in caught.value.message


def test_a_change_that_fails_while_somebody_else_deletes_the_old_one(cluster: FakeCluster, old: str) -> None:
    """The models are not pointed back at what is gone."""
    model_id = next(iter(cluster.models))

    def down(*_question: Any) -> Any:
        cluster.connectors.pop(old, None)
        raise Refused(503, "The backend is down")

    cluster.backend = down
    with pytest.raises(Failure) as caught:
        execute(cluster, "ml_connector", **CHANGED, probe={"messages": [{"role": "user", "content": "Hi"}]})
    assert "another controller has deleted it" in caught.value.message
    assert list(cluster.connectors) == [cluster.models[model_id]["connector_id"]]
