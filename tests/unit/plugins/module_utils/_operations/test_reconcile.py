# SPDX-License-Identifier: GPL-3.0-or-later
"""The reconcile engine, by the example of model groups."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, Mapping

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.exceptions import (
    ConcurrentChange,
    Failure,
)
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._kinds.base import Doc
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._kinds.model_group import ModelGroup
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._operations import register
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._operations.reconcile import Resource
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.support.harness import make_run


class Group(Resource):
    KIND = ModelGroup

    def send_create(self) -> Doc:
        return register.create_group(self.run, self.fields)


def options(**given: Any) -> SimpleNamespace:
    return SimpleNamespace(
        **{"name": "Chats", "model_group_id": None, "state": "present", "description": "All", **given}
    )


def test_a_life(cluster: FakeCluster) -> None:
    created = Group.execute(options(), make_run(cluster))
    group_id = created["model_group_id"]
    assert created["diff"] == {"before": {}, "after": {"name": "Chats", "description": "All"}}
    assert created["model_group"]["model_group_id"] == group_id
    changed = Group.execute(options(description="New"), make_run(cluster))
    assert changed["diff"]["before"] == created["diff"]["after"]
    assert changed["model_group"]["description"] == cluster.groups[group_id]["description"] == "New"
    run = make_run(cluster)
    unchanged = Group.execute(options(description="New"), run)
    assert unchanged["diff"]["before"] == unchanged["diff"]["after"] == changed["diff"]["after"]
    assert run.actions == []
    deleted = Group.execute(options(state="absent"), make_run(cluster))
    assert (deleted["model_group"], deleted["model_group_id"], deleted["diff"]["after"]) == (None, group_id, {})
    assert cluster.groups == {}


@pytest.mark.parametrize("given", [{}, {"name": "Talks"}, {"state": "absent"}])
def test_check_mode_predicts_the_run(cluster: FakeCluster, given: dict[str, Any]) -> None:
    Group.execute(options(description="Old"), make_run(cluster))
    check, run = make_run(cluster, check_mode=True), make_run(cluster)
    predicted, done = Group.execute(options(**given), check), Group.execute(options(**given), run)
    assert (predicted["diff"], check.actions) == (done["diff"], run.actions)
    assert len(run.actions) == 1


def test_a_write_is_read_back_unless_a_stack_does_that(cluster: FakeCluster) -> None:
    group_id = cluster.add_group("Chats")
    for in_bulk, reads in ((False, 1), (True, 0)):
        run = make_run(cluster)
        run.in_bulk = in_bulk
        first = len(cluster.exchanges)
        Group.execute(options(description=f"In bulk: {in_bulk}"), run)
        sent = [(each.method, each.path) for each in cluster.exchanges[first:]]
        written = next(number for number, (method, _path) in enumerate(sent) if method == "PUT")
        assert sum(method == "GET" and path.endswith(group_id) for method, path in sent[written:]) == reads


def test_a_write_without_effect(cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    group_id = cluster.add_group("Chats")
    monkeypatch.setattr(Group, "update", lambda self, found, changes: None)
    with pytest.raises(
        Failure, match=rf"Model group 'Chats' \({group_id}\) was written, but still differs in description"
    ):
        Group.execute(options(), make_run(cluster))


class Kept(ModelGroup):
    """A kind whose server keeps the fields that it does not know."""

    @classmethod
    def observed(cls, source: Mapping[str, Any], desired: Mapping[str, Any] | None = None) -> dict[str, Any]:
        # Not that of the model group, which drops them.
        return super(ModelGroup, cls).observed(source, desired)


def test_an_extra_field_that_the_server_keeps(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = FakeCluster("3.10.0")
    monkeypatch.setattr(Group, "KIND", Kept)
    group_id = cluster.add_group("Chats")
    given = options(extra_fields={"tier": "gold"})
    Group.execute(options(), make_run(cluster))
    monkeypatch.setattr(Group, "update", lambda self, found, changes: cluster.groups[group_id].update(changes))
    run = make_run(cluster)
    changed = Group.execute(given, run)
    assert (changed["diff"]["after"]["tier"], run.warnings) == ("gold", [])
    again = make_run(cluster)
    Group.execute(given, again)
    assert again.actions == []


@pytest.mark.parametrize("version", ["2.19.1", "3.6.0", "3.8.0"])
def test_an_extra_field_that_the_server_is_known_to_drop(version: str) -> None:
    """A warning in each run, and no second write."""
    cluster = FakeCluster(version)
    cluster.add_group("Chats")
    given = options(extra_fields={"tier": "gold"})
    for fields in (["description"], []):
        run = make_run(cluster)
        Group.execute(given, run)
        assert [action["fields"] for action in run.actions] == ([fields] if fields else [])
        assert run.warnings == [
            f"Model group 'Chats': OpenSearch {version[:-2]} does not store tier. Remove it, or upgrade "
            "OpenSearch if a later version has it."
        ]


def test_an_extra_field_that_a_later_server_drops() -> None:
    """Nothing would tell the next run that it was sent already."""
    cluster = FakeCluster("3.10.0")
    cluster.add_group("Chats")
    given = options(extra_fields={"tier": "gold"})
    with pytest.raises(Failure, match=r"was written, but OpenSearch 3\.10 did not store tier") as failed:
        Group.execute(given, make_run(cluster))
    assert failed.value.code == "field_not_stored"


def test_a_stack_that_verifies_knows_what_a_note_records(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stack that verifies what it has just sent takes it for done."""
    cluster = FakeCluster("3.10.0")
    monkeypatch.setattr(Group, "KIND", Kept)
    monkeypatch.setattr(Kept, "HAS_NOTES", True)
    cluster.add_group("Chats", "New")
    given = options(description="New", extra_fields={"tier": "gold"})
    verifying = make_run(cluster, check_mode=True)
    verifying.verifying = True
    Group.execute(given, verifying)
    assert verifying.actions == []


def test_a_dropped_field_that_may_be_misspelt(cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Group, "KIND", Kept)
    cluster.add_group("Chats")
    run = make_run(cluster)
    Group.execute(options(extra_fields={"Description": "x"}), run)
    assert run.warnings[0].endswith(" Did you mean 'description' by Description?")


def test_an_object_that_another_controller_deletes(cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster.add_group("Chats")
    monkeypatch.setattr(Group, "update", lambda self, found, changes: cluster.groups.clear())
    with pytest.raises(ConcurrentChange, match="was deleted while"):
        Group.execute(options(), make_run(cluster))
