# SPDX-License-Identifier: GPL-3.0-or-later
"""Connectors that the server confuses when it searches for their users, because their ids share a word: 'aaa-L' and 'bbb-l'."""

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
    """A connector with a live model; its id."""
    cluster.next_ids["connector"] = ["old-L"]
    cluster.add_model("Chat", cluster.add_connector())
    return "old-L"


@pytest.fixture
def stranger(cluster: FakeCluster) -> str:
    """Another user's model, whose connector's id shares a word with the old one's; its id."""
    cluster.next_ids["connector"] = ["theirs-l"]
    return cluster.add_model("Theirs", cluster.add_connector("Their chat"))


def outcome(cluster: FakeCluster, **options: Any) -> tuple[list[str], list[str]]:
    """The actions of a run, which check mode predicts, and its warnings."""
    planned = execute(cluster, "ml_connector", check_mode=True, **options)
    done = execute(cluster, "ml_connector", **options)
    assert [each["action"] for each in planned["actions"]] == [each["action"] for each in done["actions"]]
    return [each["action"] for each in done["actions"]], done.get("warnings", [])


def test_new_connector_with_a_confusable_id_is_discarded(cluster: FakeCluster, old: str) -> None:
    cluster.next_ids["connector"] = ["new-l", "another-L", "at_last-M"]
    assert outcome(cluster, **CHANGED) == (["swap"], [])
    assert list(cluster.connectors) == ["at_last-M"]
    assert not execute(cluster, "ml_connector", **CHANGED)["changed"]


def test_discarded_connector_is_deleted_by_the_next_swap(cluster: FakeCluster, old: str) -> None:
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

    # While the old one is used, the server refuses to delete the discarded one.
    actions, (warning,) = outcome(cluster, **CHAT)
    assert actions == []
    assert "Connector new-l, which old-L supersedes, remains" in warning
    assert outcome(cluster, **CHANGED)[0] == ["swap"]
    assert outcome(cluster, **CHANGED)[0] == ["finish_swap"]
    assert outcome(cluster, **CHANGED) == ([], [])
    assert len(cluster.connectors) == 1


def test_server_whose_ids_always_share_a_word(cluster: FakeCluster, old: str) -> None:
    cluster.next_ids["connector"] = [f"new{number}-l" for number in range(4)]
    actions, warnings = outcome(cluster, **CHANGED)
    assert actions == ["swap"]
    assert len(warnings) == 4
    assert all("'Chat' (" in warning for warning in warnings)
    assert list(cluster.connectors) == [old, "new0-l", "new1-l", "new2-l", "new3-l"]
    assert outcome(cluster, **CHANGED)[0] == []


def test_undeletable_replaced_connector_is_deleted_by_a_later_run(
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


def test_name_resolves_to_the_replacement(cluster: FakeCluster, old: str, stranger: str) -> None:
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


def test_name_resolves_to_the_replacement_of_an_unused_connector(cluster: FakeCluster, stranger: str) -> None:
    cluster.next_ids["connector"] = ["old-L"]
    cluster.add_connector()
    assert outcome(cluster, **CHANGED)[0] == ["swap"]
    (new,) = (each for each in cluster.connectors if each not in ("old-L", "theirs-l"))
    execute(cluster, "ml_model", name="Chat", connector="Local chat")
    assert [model["connector_id"] for model in cluster.models.values() if model["name"] == "Chat"] == [new]


def test_stack_ignores_an_undeletable_replaced_connector(cluster: FakeCluster, stranger: str) -> None:
    """In the run that makes the change, and in the next one."""
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
def test_unfinished_swap_makes_the_name_ambiguous(cluster: FakeCluster, used: str) -> None:
    """Another controller may be about to delete either connector."""
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


def assert_unchanged(cluster: FakeCluster) -> None:
    """The name resolves in all modules, and nothing changes."""
    stack = {"models": [{"name": "Chat", "connector": "Local chat"}]}
    for check_mode in (True, False):
        assert not execute(cluster, "ml_model", check_mode=check_mode, **stack["models"][0])["changed"]
        assert not execute(cluster, "ml_stack", check_mode=check_mode, **stack)["changed"]


def test_several_changes_leave_several_undeletable_connectors(cluster: FakeCluster, old: str, stranger: str) -> None:
    """Two remain, and the older one becomes deletable first."""
    cluster.next_ids["connector"] = ["others-m"]
    other = cluster.add_model("Others", cluster.add_connector("Other chat"))
    cluster.next_ids["connector"] = ["second-M", "third-N"]
    assert outcome(cluster, **CHANGED)[0] == ["swap"]
    newer = {**CHAT, "description": "Newer"}
    assert outcome(cluster, **newer)[0] == ["swap"]
    assert {old, "second-M", "third-N"} < set(cluster.connectors)
    assert outcome(cluster, **newer)[0] == []
    assert_unchanged(cluster)

    del cluster.models[stranger]
    assert outcome(cluster, **newer)[0] == ["finish_swap"]
    assert old not in cluster.connectors
    assert_unchanged(cluster)

    del cluster.models[other]
    assert outcome(cluster, **newer) == (["finish_swap"], [])
    assert set(cluster.connectors) == {"theirs-l", "others-m", "third-N"}


def test_change_after_the_middle_connector_was_deleted(cluster: FakeCluster, old: str, stranger: str) -> None:
    outcome(cluster, **CHANGED)
    (second,) = set(cluster.connectors) - {old, "theirs-l"}
    newer = {**CHAT, "description": "Newer"}
    assert outcome(cluster, **newer)[0] == ["swap"]
    assert second not in cluster.connectors
    assert old in cluster.connectors
    assert_unchanged(cluster)
    assert outcome(cluster, **newer)[0] == []


def test_pair_of_two_undeletable_connectors_resolves_to_one(cluster: FakeCluster, stranger: str) -> None:
    """Both replaced a deleted connector and are unused: all modules use the same one."""
    cluster.next_ids["connector"] = ["one-L", "two-L"]
    for _each in range(2):
        cluster.add_connector(parameters={"model": "tiny", "_searchops": json.dumps({"replaces": "gone"})})
    assert execute(cluster, "ml_connector", **CHAT)["connector_id"] == "one-L"
    execute(cluster, "ml_model", name="Chat", connector="Local chat")
    assert [model["connector_id"] for model in cluster.models.values() if model["name"] == "Chat"] == ["one-L"]
    assert_unchanged(cluster)


@pytest.mark.parametrize("discarded", [["new-l", "second-M"], [f"new{number}-l" for number in range(4)]])
def test_change_with_discarded_connectors_present(
    cluster: FakeCluster, old: str, stranger: str, discarded: list[str]
) -> None:
    cluster.next_ids["connector"] = discarded
    assert outcome(cluster, **CHANGED)[0] == ["swap"]
    newer = {**CHAT, "description": "Newer"}
    assert outcome(cluster, **newer)[0] == ["swap"]
    assert len(cluster.connectors) > 3
    assert_unchanged(cluster)
    assert outcome(cluster, **newer)[0] == []


def test_change_after_a_failed_swap_left_its_connector(cluster: FakeCluster, old: str, stranger: str) -> None:
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
    assert_unchanged(cluster)


def test_deleting_a_superseded_connector_needs_no_backend(cluster: FakeCluster, old: str, stranger: str) -> None:
    newer = {**CHAT, "description": "Newer", "probe": {"messages": [{"role": "user", "content": "Hi"}]}}
    assert outcome(cluster, **CHANGED)[0] == ["swap"]
    assert outcome(cluster, **newer)[0] == ["swap"]
    del cluster.models[stranger]
    cluster.backend = refuse
    (serving,) = {model["connector_id"] for model in cluster.models.values()}
    assert outcome(cluster, **newer)[0] == ["finish_swap"]
    assert {model["connector_id"] for model in cluster.models.values()} == {serving}
    assert set(cluster.connectors) == {serving, "theirs-l"}


def test_stack_finishes_an_interrupted_swap_with_an_undeletable_connector_present(
    cluster: FakeCluster, stranger: str
) -> None:
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
def test_stack_finishes_an_interrupted_swap(cluster: FakeCluster, used: tuple[str, ...]) -> None:
    """As its plan predicts, wherever the swap was interrupted."""
    ids = {"old": cluster.add_connector()}
    notes = json.dumps({"replaces": ids["old"]})
    ids["new"] = cluster.add_connector(description="New", parameters={"model": "tiny", "_searchops": notes})
    for which in used:
        cluster.add_model(f"Uses the {which}", ids[which])
    models = [{"name": f"Uses the {which}", "connector": "Local chat"} for which in ("old", "new")]
    stack = {"connectors": [CHANGED], "models": models}
    planned = execute(cluster, "ml_stack", check_mode=True, **stack)
    done = execute(cluster, "ml_stack", **stack)
    planned_actions, actions = [
        [(each["action"], each["kind"], each["name"]) for each in one["actions"]] for one in (planned, done)
    ]
    assert sorted(planned_actions) == sorted(actions)
    assert len(cluster.connectors) == 1
    assert not execute(cluster, "ml_stack", **stack)["changed"]


def test_refused_delete_names_the_falsely_matched_models(cluster: FakeCluster, stranger: str) -> None:
    cluster.next_ids["connector"] = ["old-L"]
    cluster.add_connector()
    with pytest.raises(Failure) as caught:
        execute(cluster, "ml_connector", name="Local chat", state="absent")
    assert caught.value.code == "connector_held"
    assert caught.value.details["models"] == [stranger]
    assert "old-L" in cluster.connectors


@pytest.mark.parametrize("live", [True, False])
def test_connector_that_the_server_refuses_to_update_is_replaced(
    cluster: FakeCluster, stranger: str, live: bool
) -> None:
    cluster.next_ids["connector"] = ["old-L"]
    cluster.add_connector()
    cluster.models[stranger]["model_state"] = "DEPLOYED" if live else "UNDEPLOYED"
    actions, warnings = outcome(cluster, **CHANGED)
    assert actions == ["swap" if live else "update"]
    assert len(warnings) == live
    assert outcome(cluster, **CHANGED)[0] == []


def test_model_that_was_just_moved_does_not_prevent_the_delete(cluster: FakeCluster, old: str) -> None:
    new = cluster.add_connector(parameters={"model": "tiny", "_searchops": '{"replaces":"old-L"}'})
    cluster.change_lag = 9
    cluster.call("PUT", f"{ML}/models/{next(iter(cluster.models))}", {"connector_id": new})
    assert [each["action"] for each in execute(cluster, "ml_connector", **CHAT)["actions"]] == ["finish_swap"]
    assert list(cluster.connectors) == [new]


def test_real_user_is_reported_as_user(cluster: FakeCluster, old: str, stranger: str) -> None:
    def register() -> None:
        cluster.add_model("Just now", old)

    del cluster.models[next(iter(cluster.models))]
    cluster.before("DELETE", old, register)
    with pytest.raises(Failure) as caught:
        execute(cluster, "ml_connector", name="Local chat", state="absent")
    assert caught.value.code == "connector_in_use"


def test_stack_creates_no_two_connectors_with_confusable_ids(cluster: FakeCluster) -> None:
    cluster.next_ids["connector"] = ["one-A", "two-a", "two-b"]
    stated = [{**CHAT, "name": name} for name in ("One", "Two")]
    stack = {"connectors": stated, "models": [{"name": name, "connector": name} for name in ("One", "Two")]}
    execute(cluster, "ml_stack", **stack, parallel=1)
    assert sorted(cluster.connectors) == ["one-A", "two-b"]
    assert not execute(cluster, "ml_stack", **stack)["changed"]


def test_tries_for_another_id_take_longer_than_a_second(cluster: FakeCluster) -> None:
    """All ids of one second may share a word."""
    cluster.next_ids["connector"] = [f"own_{number}-a" for number in range(undeletable_connector.MAX_ID_TRIES)]
    run = make_run(cluster)
    run.created_by_stack.add((Connector.PATH, "another-A"))
    begun = run.clock.now()
    body = {"name": "Local chat", "version": "1", "protocol": "http", "credential": {"a": "b"}}
    body["actions"] = [{"action_type": "predict", "method": "POST", "url": "http://llm.test/"}]
    doc, created_here, _others = undeletable_connector.create(run, body, may_repoint=True)
    assert (doc.id, created_here) == ("own_4-a", True)
    assert run.clock.now() - begun > 1.024


def test_connector_with_a_confusable_id_stays_once_the_other_is_used(cluster: FakeCluster) -> None:
    cluster.next_ids["connector"] = ["one-A", "two-a"]
    stack = {"connectors": [{**CHAT, "name": name} for name in ("One", "Two")]}

    def use() -> None:
        cluster.add_model("Chat", "one-A")

    cluster.before("DELETE", "two-a", use)
    execute(cluster, "ml_stack", **stack, parallel=1)
    assert sorted(cluster.connectors) == ["one-A", "two-a"]
    assert not execute(cluster, "ml_stack", **stack)["changed"]


def create_duplicates_before(cluster: FakeCluster, own: str, *theirs: str, **fields: Any) -> None:
    """Another controller creates duplicates just before ours, and a model that uses the first of them."""
    cluster.next_ids["connector"] = [*theirs, own, "third-M"]
    cluster.next_ids["model"] = ["chat"]

    def create() -> None:
        if "chat" not in cluster.models:
            created = [cluster.add_connector(**fields) for _each in theirs]
            cluster.add_model("Chat", created[0])

    cluster.before("POST", "/_create", create)


@pytest.mark.usefixtures("stranger")
def test_undeletable_duplicate_is_replaced_with_the_other(cluster: FakeCluster) -> None:
    """A third connector replaces both."""
    create_duplicates_before(cluster, "own-L", "first-A")
    done = execute(cluster, "ml_connector", **CHAT)
    assert [each["action"] for each in done["actions"]] == ["create", "swap"]
    assert (done["actions"][1]["replaced_id"], done["actions"][1]["models"]) == ("first-A", ["chat"])
    assert "own-L" in str(done["warnings"])
    assert done["connector_id"] == cluster.models["chat"]["connector_id"] == "third-M"
    assert sorted(cluster.connectors) == ["own-L", "theirs-l", "third-M"]
    assert outcome(cluster, **CHAT)[0] == []


def test_undeletable_duplicate_is_deleted_once_it_can_be(cluster: FakeCluster, stranger: str) -> None:
    create_duplicates_before(cluster, "own-L", "first-A")
    execute(cluster, "ml_connector", **CHAT)
    del cluster.models[stranger]
    assert outcome(cluster, **CHAT) == (["finish_swap"], [])
    assert sorted(cluster.connectors) == ["theirs-l", "third-M"]


@pytest.mark.parametrize("module", ["ml_connector", "ml_stack"])
def test_duplicate_that_is_undeletable_because_of_the_other_ones_model(cluster: FakeCluster, module: str) -> None:
    """As with two connectors that a node creates 26 ms after each other."""
    stack = {"connectors": [CHAT], "models": [{"name": "Chat", "connector": "Local chat"}]}
    options = stack if module == "ml_stack" else CHAT
    create_duplicates_before(cluster, "own-a", "first-A")
    assert not execute(cluster, module, **options).get("warnings")
    assert list(cluster.connectors) == ["third-M"]
    assert [model["connector_id"] for model in cluster.models.values()] == ["third-M"]
    assert not execute(cluster, module, **options)["changed"]


@pytest.mark.usefixtures("stranger")
def test_stack_with_an_undeletable_duplicate(cluster: FakeCluster) -> None:
    create_duplicates_before(cluster, "own-L", "first-A")
    stack = {"connectors": [CHAT], "models": [{"name": "Chat", "connector": "Local chat"}]}
    execute(cluster, "ml_stack", **stack)
    assert [model["connector_id"] for model in cluster.models.values()] == ["theirs-l", "third-M"]
    assert not execute(cluster, "ml_stack", **stack)["changed"]


@pytest.mark.usefixtures("stranger")
@pytest.mark.parametrize("theirs", [("first-L",), ("first-A", "second-l")])
def test_all_duplicates_are_undeletable(cluster: FakeCluster, theirs: tuple[str, ...]) -> None:
    create_duplicates_before(cluster, "own-L", *theirs)
    done = execute(cluster, "ml_connector", **CHAT)
    assert done["connector_id"] == cluster.models["chat"]["connector_id"] == "third-M"
    assert outcome(cluster, **CHAT)[0] == []


@pytest.mark.usefixtures("stranger")
def test_undeletable_duplicate_fails_if_models_must_not_be_moved(cluster: FakeCluster) -> None:
    create_duplicates_before(cluster, "own-L", "first-A")
    with pytest.raises(Failure) as caught:
        execute(cluster, "ml_connector", **CHAT, update_strategy="fail")
    assert caught.value.code == "connector_held"
    assert cluster.models["chat"]["connector_id"] == "first-A"


@pytest.mark.usefixtures("stranger")
@pytest.mark.parametrize("differs", [False, True])
def test_third_connector_is_probed_if_it_differs(cluster: FakeCluster, differs: bool) -> None:
    create_duplicates_before(cluster, "own-L", "first-A", **({"description": "Another"} if differs else {}))
    working, cluster.backend = cluster.backend, refuse
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
    cluster.backend = working
    assert outcome(cluster, **stated, probe=probe)[0] == ["finish_swap"]
    assert cluster.models["chat"]["connector_id"] == "third-M"


def act_at_searches(cluster: FakeCluster, own: str, acts: Mapping[int, Callable[[], object]]) -> None:
    """Act before the searches with these numbers, counted from 1 since our connector exists."""
    searches: list[None] = []

    def act() -> None:
        if own in cluster.connectors:
            searches.append(None)
            acts.get(len(searches), lambda: None)()

    cluster.before("POST", "/connectors/_search", act, times=199)


def add_undeletable_duplicate(cluster: FakeCluster) -> None:
    """Another controller creates a younger, undeletable connector, and a model that uses ours, the oldest."""
    cluster.add_connector()
    cluster.add_model("Chat", "first-A")


def create_replaced_duplicate_before(cluster: FakeCluster, own: str) -> None:
    """Another controller has replaced an undeletable connector just before ours is created."""

    def create() -> None:
        if "chat" not in cluster.models:
            cluster.add_connector()
            notes = {"model": "tiny", "_searchops": '{"replaces": "first-L"}'}
            cluster.add_model("Chat", cluster.add_connector(parameters=notes))

    cluster.next_ids["connector"] = ["first-L", "second-A", own]
    cluster.next_ids["model"] = ["chat"]
    cluster.before("POST", "/_create", create)


@pytest.mark.usefixtures("stranger")
def test_controller_that_deletes_its_own_adopts_the_replacement(cluster: FakeCluster) -> None:
    create_replaced_duplicate_before(cluster, "own-B")
    done = execute(cluster, "ml_connector", **CHAT)
    assert [each["action"] for each in done["actions"]] == ["adopt"]
    assert done["connector_id"] == "second-A"
    assert sorted(cluster.connectors) == ["first-L", "second-A", "theirs-l"]


@pytest.mark.usefixtures("stranger")
def test_rollback_keeps_the_models_on_the_replacement(cluster: FakeCluster) -> None:
    create_replaced_duplicate_before(cluster, "own-L")
    cluster.backend = refuse
    with pytest.raises(Failure) as caught:
        execute(cluster, "ml_connector", **CHANGED, probe={"messages": [{"role": "user", "content": "Hi"}]})
    assert "the models use the old one (second-A) again" in caught.value.message
    assert cluster.models["chat"]["connector_id"] == "second-A"


@pytest.mark.usefixtures("stranger")
def test_model_that_is_registered_during_the_replacement_of_duplicates(cluster: FakeCluster) -> None:
    def register() -> None:
        cluster.add_model("Late", "first-A")

    create_duplicates_before(cluster, "own-L", "first-A")
    cluster.before("PUT", "/models/chat", register)
    with pytest.raises(Failure) as caught:
        execute(cluster, "ml_connector", **CHAT)
    assert caught.value.code == "concurrent_change"
    assert outcome(cluster, **CHAT)[0] == ["finish_swap"]
    assert {model["connector_id"] for model in cluster.models.values()} == {"theirs-l", "third-M"}


@pytest.mark.usefixtures("stranger")
@pytest.mark.parametrize("theirs", [("first-A",), ("first-A", "second-B")])
@pytest.mark.parametrize("at", range(6))
def test_interrupted_replacement_of_duplicates(cluster: FakeCluster, at: int, theirs: tuple[str, ...]) -> None:
    """At each write."""
    writes: list[None] = []

    def interrupt() -> None:
        if "third-M" in cluster.connectors or writes:
            writes.append(None)
            if len(writes) == at + 1:
                cluster.crash("refused", 0)

    create_duplicates_before(cluster, "own-L", *theirs)
    cluster.before("PUT", "", interrupt, times=99)
    cluster.before("DELETE", "", interrupt, times=99)
    with pytest.raises(Failure):
        execute(cluster, "ml_connector", **CHAT)
    cluster.heal()
    outcome(cluster, **CHAT)
    assert outcome(cluster, **CHAT)[0] == []
    assert cluster.models["chat"]["connector_id"] == "third-M"


@pytest.mark.usefixtures("stranger")
@pytest.mark.parametrize("fault", ["error", "conflict", "unavailable"])
def test_failed_write_during_the_replacement_of_duplicates(cluster: FakeCluster, fault: str) -> None:
    def fail() -> None:
        if "third-M" in cluster.connectors:
            cluster.inject(fault)

    create_duplicates_before(cluster, "own-L", "first-A")
    cluster.before("PUT", "/models/chat", fail, times=1 if fault == "error" else 12)
    with suppress(Failure):
        execute(cluster, "ml_connector", **CHAT)
    cluster.heal()
    execute(cluster, "ml_connector", **CHAT)
    assert outcome(cluster, **CHAT)[0] == []


@pytest.mark.usefixtures("stranger")
def test_late_run_during_the_replacement_of_duplicates(cluster: FakeCluster) -> None:
    late: list[str] = []

    def run() -> None:
        if "third-M" in cluster.connectors and not late:
            late.append("")
            late[0] = execute(cluster, "ml_connector", **CHAT)["connector_id"]

    create_duplicates_before(cluster, "own-L", "first-A")
    cluster.before("PUT", "/models/chat", run)
    assert [execute(cluster, "ml_connector", **CHAT)["connector_id"], *late] == ["third-M", "third-M"]


@pytest.mark.usefixtures("stranger")
@pytest.mark.parametrize("probe", [None, {"messages": [{"role": "user", "content": "Hi"}]}])
def test_model_that_is_deleted_during_the_swap(cluster: FakeCluster, old: str, probe: Any) -> None:
    def delete() -> None:
        del cluster.models["duplicate"]

    cluster.next_ids["model"] = ["duplicate"]
    cluster.add_model("Chat", old)
    cluster.models = {each: cluster.models[each] for each in ("duplicate", *(set(cluster.models) - {"duplicate"}))}
    cluster.before("PUT", "/models/duplicate", delete)
    assert outcome(cluster, **CHANGED, probe=probe)[0] == ["swap"]
    assert old not in {model["connector_id"] for model in cluster.models.values()}


def test_two_swaps_interrupted_before_a_model_was_moved(cluster: FakeCluster, old: str) -> None:
    """Each replaces only the old one, and is rolled back."""
    for _each in range(2):
        cluster.add_connector(parameters={"model": "tiny", "_searchops": '{"replaces": "old-L"}'})
    assert outcome(cluster, **CHAT)[0] == ["undo_swap", "undo_swap"]
    assert list(cluster.connectors) == [old]


def test_connector_with_a_confusable_id_stays_once_it_is_used(cluster: FakeCluster) -> None:
    def use() -> None:
        cluster.add_model("Chat", "two-a")

    cluster.next_ids["connector"] = ["one-A", "two-a"]
    stack = {"connectors": [{**CHAT, "name": name} for name in ("One", "Two")]}
    cluster.before("DELETE", "two-a", use)
    execute(cluster, "ml_stack", **stack, parallel=1)
    assert not execute(cluster, "ml_stack", **stack)["changed"]


@pytest.mark.usefixtures("stranger")
@pytest.mark.parametrize("remaining", [["first-A"], []])
def test_undeletable_duplicate_that_another_controller_deletes(cluster: FakeCluster, remaining: list[str]) -> None:
    def delete() -> None:
        cluster.models.pop("chat")
        for each in {"own-L", "first-A"} - set(remaining):
            cluster.connectors.pop(each)

    create_duplicates_before(cluster, "own-L", "first-A")
    cluster.before("POST", "/models/_search", delete)
    if remaining:
        assert execute(cluster, "ml_connector", **CHAT)["connector_id"] == "first-A"
        return
    with pytest.raises(Failure) as caught:
        execute(cluster, "ml_connector", **CHAT)
    assert caught.value.code == "concurrent_change"


@pytest.mark.usefixtures("stranger")
def test_undeletable_duplicate_that_another_controller_replaces(cluster: FakeCluster) -> None:
    """Of two controllers that cannot delete theirs, the second one adopts the first one's replacement."""

    def replace() -> None:
        notes = {"model": "tiny", "_searchops": '{"replaces": "first-A", "before": ["own-L"]}'}
        cluster.models["chat"]["connector_id"] = cluster.add_connector(parameters=notes)
        cluster.connectors.pop("first-A")

    create_duplicates_before(cluster, "own-L", "first-A")
    cluster.before("POST", "/models/_search", replace)
    done = execute(cluster, "ml_connector", **CHAT)
    assert done["connector_id"] == cluster.models["chat"]["connector_id"] == "third-M"
    assert [each["action"] for each in done["actions"]] == ["adopt"]
    assert sorted(cluster.connectors) == ["own-L", "theirs-l", "third-M"]


def replace_all_by_third(cluster: FakeCluster, *, delete_first: bool = True) -> None:
    """Another controller replaces all of them by a third connector."""
    notes = {"model": "tiny", "_searchops": '{"replaces": "first-A", "before": ["own-L", "second-l"]}'}
    cluster.models["chat"]["connector_id"] = cluster.add_connector(parameters=notes)
    if delete_first:
        cluster.connectors.pop("first-A")


@pytest.mark.usefixtures("stranger")
def test_undeletable_duplicate_while_another_controller_replaces_it(cluster: FakeCluster) -> None:
    def begin() -> None:
        replace_all_by_third(cluster, delete_first=False)

    def end() -> None:
        if "third-M" in cluster.connectors:
            searches.append(None)
        if len(searches) > 9:
            cluster.connectors.pop("first-A", None)

    searches: list[None] = []
    create_duplicates_before(cluster, "own-L", "first-A")
    cluster.before("POST", "/models/_search", begin)
    cluster.before("POST", "/connectors/_search", end, times=99)
    assert execute(cluster, "ml_connector", **CHAT)["connector_id"] == "third-M"


@pytest.mark.usefixtures("stranger")
@pytest.mark.parametrize("replaced_by_other", [True, False])
def test_controller_of_the_oldest_undeletable_duplicate_replaces_all(
    cluster: FakeCluster, replaced_by_other: bool
) -> None:
    create_duplicates_before(cluster, "own-L", "first-A", "second-l")
    act_at_searches(cluster, "own-L", {40: lambda: replace_all_by_third(cluster)} if replaced_by_other else {})
    done = execute(cluster, "ml_connector", **CHAT)
    assert done["connector_id"] == cluster.models["chat"]["connector_id"] == "third-M"
    assert [each["action"] for each in done["actions"]] == (["adopt"] if replaced_by_other else ["create", "swap"])


@pytest.mark.usefixtures("stranger")
@pytest.mark.parametrize("replaced", [True, False])
def test_oldest_is_used_and_the_other_one_undeletable(cluster: FakeCluster, replaced: bool) -> None:
    """Its controller cannot delete it, and waits for the controller of the other one."""
    cluster.next_ids["connector"] = ["first-A", "own-L", "third-M"]
    cluster.next_ids["model"] = ["chat"]
    later = {60: lambda: replace_all_by_third(cluster)} if replaced else {}
    act_at_searches(cluster, "first-A", {1: lambda: add_undeletable_duplicate(cluster), **later})
    if replaced:
        assert execute(cluster, "ml_connector", **CHAT)["connector_id"] == "third-M"
        return
    with pytest.raises(Failure) as caught:
        execute(cluster, "ml_connector", **CHAT)
    assert caught.value.code == "concurrent_change"


@pytest.mark.usefixtures("stranger")
def test_oldest_becomes_the_only_one(cluster: FakeCluster) -> None:
    cluster.next_ids["connector"] = ["first-A", "own-L"]
    act_at_searches(
        cluster, "first-A", {1: lambda: add_undeletable_duplicate(cluster), 80: lambda: cluster.connectors.pop("own-L")}
    )
    stack = {"connectors": [CHAT], "models": [{"name": "Chat", "connector": "Local chat"}]}
    execute(cluster, "ml_stack", **stack)
    assert sorted(cluster.connectors) == ["first-A", "theirs-l"]
    assert not execute(cluster, "ml_stack", **stack)["changed"]


@pytest.mark.usefixtures("stranger")
def test_each_retry_of_a_delete_follows_a_search(cluster: FakeCluster) -> None:
    create_duplicates_before(cluster, "own-L", "first-A")
    execute(cluster, "ml_connector", **CHAT)
    sent = [str(each) for each in cluster.exchanges]
    sent = sent[: max(number for number, each in enumerate(sent) if each.startswith("POST") and "/_create" in each)]
    tries = [number for number, each in enumerate(sent) if each.startswith("DELETE") and "own-L" in each]
    assert len(tries) > 2
    for before, after in zip(tries, tries[1:]):
        assert any("connectors/_search" in each for each in sent[before:after])


@pytest.mark.usefixtures("old")
def test_two_concurrent_swaps_that_cannot_be_rolled_back(cluster: FakeCluster, stranger: str) -> None:
    def swap_concurrently() -> None:
        if "second-B" not in cluster.connectors:
            notes = {"model": "tiny", "_searchops": '{"replaces": "old-L"}'}
            cluster.add_connector(description="New", parameters=notes)

    cluster.next_ids["connector"] = ["second-B", "own-M"]
    cluster.models[stranger]["connector_id"] = "theirs-m"
    cluster.before("POST", "/_create", swap_concurrently)
    with pytest.raises(Failure) as caught:
        execute(cluster, "ml_connector", **CHANGED)
    assert caught.value.code == "concurrent_change"
    assert "right now" in caught.value.message


def test_failed_swap_while_another_controller_deletes_the_old_connector(cluster: FakeCluster, old: str) -> None:
    """The models are not pointed at a deleted connector."""
    model_id = next(iter(cluster.models))

    def down(*_question: Any) -> Any:
        cluster.connectors.pop(old, None)
        raise Refused(503, "The backend is down")

    cluster.backend = down
    with pytest.raises(Failure) as caught:
        execute(cluster, "ml_connector", **CHANGED, probe={"messages": [{"role": "user", "content": "Hi"}]})
    assert "another controller has deleted it" in caught.value.message
    assert list(cluster.connectors) == [cluster.models[model_id]["connector_id"]]
