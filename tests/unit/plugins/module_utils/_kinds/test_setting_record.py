# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of what was added to settings: what is undone, and what stays."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.exceptions import Failure
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._values import addition_record
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.answers import Refused
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.support.harness import execute
from ansible_collections.searchops.opensearch_ml.tests.unit.support.operations import PRIVATE_IP, TRUSTED

MODULE = "opensearch_cluster_setting"
OURS, THEIRS, OTHER = "^http://ours/.*$", "^http://theirs$", "^http://other$"


@pytest.fixture
def fresh() -> FakeCluster:
    return FakeCluster(trusted=())


def add(cluster: FakeCluster, owner: str = "Chat", **more: Any) -> dict[str, Any]:
    given = {"settings": {TRUSTED: [OURS], PRIVATE_IP: True}, "list_mode": "append", "record_for": owner}
    return execute(cluster, MODULE, **{**given, **more})


def undo(cluster: FakeCluster, **settings: Any) -> dict[str, Any]:
    """Undo, which check mode predicts and which a second time changes nothing."""
    given = {"settings": settings or {TRUSTED: [OURS], PRIVATE_IP: True}, "state": "undone"}
    planned, done = (execute(cluster, MODULE, check_mode=check, **given) for check in (True, False))
    assert (planned["changed"], planned["diff"]) == (done["changed"], done["diff"])
    assert not execute(cluster, MODULE, **given)["changed"]
    return done


def test_what_was_added_is_undone(fresh: FakeCluster) -> None:
    assert add(fresh)["changed"]
    assert not add(fresh)["changed"]
    assert undo(fresh)["diff"]["after"] == {TRUSTED: None, PRIVATE_IP: None}
    assert fresh.persistent == {}


def test_the_record_is_written_with_the_values_and_is_not_shown(fresh: FakeCluster) -> None:
    result = add(fresh)
    [write] = fresh.writes
    assert set(write.body["persistent"]) == {TRUSTED, PRIVATE_IP, addition_record.NAME}
    assert addition_record.NAME not in json.dumps(result)


def test_what_was_there_before_stays(fresh: FakeCluster) -> None:
    fresh.persistent.update({TRUSTED: [THEIRS, OURS], PRIVATE_IP: "true"})
    assert not add(fresh)["changed"]
    assert not undo(fresh)["changed"]
    assert fresh.persistent == {TRUSTED: [THEIRS, OURS], PRIVATE_IP: "true"}


def test_the_former_value_comes_back(fresh: FakeCluster) -> None:
    fresh.persistent.update({TRUSTED: [THEIRS], PRIVATE_IP: "false"})
    add(fresh)
    undo(fresh)
    assert fresh.persistent == {TRUSTED: [THEIRS], PRIVATE_IP: "false"}


def test_a_transient_value_does_not_count(fresh: FakeCluster) -> None:
    """It hides the persistent value, which alone is recorded, written and undone."""
    fresh.persistent.update({TRUSTED: [THEIRS], PRIVATE_IP: "false"})
    fresh.transient.update({TRUSTED: [OURS], PRIVATE_IP: "true"})
    add(fresh)
    assert fresh.persistent[TRUSTED] == [THEIRS, OURS]
    fresh.transient[TRUSTED] = [OTHER]
    assert add(fresh, settings={TRUSTED: [OTHER]})["outdated"] == {TRUSTED: [OURS], PRIVATE_IP: ["true"]}
    result = undo(fresh, **{TRUSTED: [OURS, OTHER], PRIVATE_IP: True})
    assert "the persistent value has no effect" in str(result["warnings"])
    assert fresh.persistent == {TRUSTED: [THEIRS], PRIVATE_IP: "false"}
    assert fresh.transient == {TRUSTED: [OTHER], PRIVATE_IP: "true"}


def test_what_another_program_added_later_stays(fresh: FakeCluster) -> None:
    add(fresh)
    fresh.persistent[TRUSTED].append(THEIRS)
    default = fresh.persistent[TRUSTED][:-2]
    undo(fresh)
    assert fresh.persistent[TRUSTED] == [*default, THEIRS]


def test_a_value_that_has_changed_since_stays(fresh: FakeCluster) -> None:
    add(fresh)
    fresh.persistent.update({TRUSTED: [THEIRS], PRIVATE_IP: "false"})
    assert not undo(fresh)["changed"]
    # It is not recorded that the task replaced these, so the next undo brings them back.
    add(fresh)
    undo(fresh)
    assert fresh.persistent == {TRUSTED: [THEIRS], PRIVATE_IP: "false"}


def test_what_another_program_removed_and_added_again_is_not_undone(fresh: FakeCluster) -> None:
    add(fresh)
    fresh.persistent[TRUSTED].remove(OURS)
    add(fresh, "Other", settings={TRUSTED: [OTHER]})
    fresh.persistent[TRUSTED].append(OURS)
    assert not undo(fresh, **{TRUSTED: [OURS]})["changed"]


def test_owners_share_a_value(fresh: FakeCluster) -> None:
    """Which of them still needs it is not recorded: the connectors show that."""
    add(fresh)
    assert not add(fresh, "Other")["changed"]
    add(fresh, "Other", settings={TRUSTED: [OTHER]})
    undo(fresh, **{TRUSTED: [OURS]})
    assert fresh.persistent[TRUSTED][-1] == OTHER
    assert undo(fresh, **{TRUSTED: [OTHER]})["diff"]["after"] == {TRUSTED: None}


def test_what_stays_is_recorded_for_what_needs_it(fresh: FakeCluster) -> None:
    add(fresh)
    given = {
        "settings": {},
        "state": "undone",
        "needed_by": {TRUSTED: {OURS: "Other", THEIRS: "Other"}, "x": {"y": "z"}},
    }
    planned, done = (execute(fresh, MODULE, check_mode=check, **given) for check in (True, False))
    assert (planned["changed"], planned["actions"], planned["diff"]) == (True, done["actions"], done["diff"])
    assert [write.body for write in fresh.writes[1:]] == [{"persistent": {addition_record.NAME: stored(fresh)}}]
    assert json.loads(stored(fresh))[TRUSTED]["added"] == {OURS: "Other"}
    assert not execute(fresh, MODULE, **given)["changed"]
    assert add(fresh, "Other", settings={TRUSTED: [OTHER]})["outdated"] == {TRUSTED: [OURS]}


def stored(cluster: FakeCluster) -> str:
    return str(cluster.persistent[addition_record.NAME])


def test_outdated_values_of_the_same_owner(fresh: FakeCluster) -> None:
    add(fresh)
    add(fresh, "Other", settings={TRUSTED: [THEIRS]})
    changed = {"settings": {TRUSTED: [OTHER]}}
    for check in (True, False):
        result = execute(fresh, MODULE, check_mode=check, list_mode="append", record_for="Chat", **changed)
        assert result["outdated"] == {TRUSTED: [OURS], PRIVATE_IP: ["true"]}
    undo(fresh)
    assert add(fresh, **changed)["outdated"] == {}


@pytest.mark.parametrize("damaged", ["", "[]", "{", '{"a": 1}', '{"a": {"added": ["x"]}}', "null", "x" * 99999])
def test_a_damaged_record_counts_as_none(fresh: FakeCluster, damaged: str) -> None:
    add(fresh)
    fresh.persistent[addition_record.NAME] = damaged
    assert not undo(fresh)["changed"]


def test_a_cluster_that_refuses_the_record(fresh: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    write = fresh._settings

    def refuse(method: str, query: Any, body: Any) -> Any:
        if addition_record.NAME in str(body):
            raise Refused(400, f"persistent setting [{addition_record.NAME}], not recognized", "settings_exception")
        return write(method, query, body)

    monkeypatch.setattr(fresh, "_settings", refuse)
    result = add(fresh)
    assert fresh.persistent[PRIVATE_IP] == "true"
    assert "refuses the setting" in result["warnings"][0]
    assert not undo(fresh)["changed"]


@pytest.mark.parametrize(
    "options",
    [
        {"record_for": "x"},
        {"record_for": "x", "list_mode": "remove"},
        {"record_for": "x", "list_mode": "append", "state": "absent"},
        {"record_for": "x", "list_mode": "append", "scope": "transient"},
        {"state": "undone", "scope": "transient"},
        {"needed_by": {TRUSTED: {OURS: "x"}}},
        {"needed_by": {TRUSTED: OURS}, "state": "undone"},
        {"needed_by": {TRUSTED: {OURS: ["x"]}}, "state": "undone"},
        {"settings": {addition_record.NAME: "{}"}},
    ],
    ids=str,
)
def test_options_that_do_not_fit(fresh: FakeCluster, options: dict[str, Any]) -> None:
    with pytest.raises(Failure) as caught:
        execute(fresh, MODULE, **{"settings": {PRIVATE_IP: True}, **options})
    assert caught.value.code == "invalid_input"
    assert fresh.writes == []
