# SPDX-License-Identifier: GPL-3.0-or-later
"""ml_model_group: creates, changes and deletes groups, and refuses with a clear code."""

from __future__ import annotations

from typing import Any, Callable

import pytest

from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import ML, FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.state import generated_id
from ansible_collections.searchops.opensearch_ml.tests.unit.support.script import get, put

Runner = Callable[..., dict[str, Any]]
MODULE = "ml_model_group"


@pytest.fixture(params=["3.6.0", "2.19.1"])
def cluster(request: pytest.FixtureRequest) -> FakeCluster:
    return FakeCluster(request.param)


@pytest.fixture
def guarded(cluster: FakeCluster) -> FakeCluster:
    """A cluster on which groups have owners and roles."""
    cluster.access_control = True
    return cluster


def apply(module: Runner, cluster: FakeCluster, actions: list[str], **args: Any) -> dict[str, Any]:
    """Check that check mode changes nothing, apply, and check that a second run changes nothing. Returns the applied result."""
    before = cluster.snapshot()
    planned = module(MODULE, cluster, check_mode=True, **args)
    assert [action["action"] for action in planned["actions"]] == actions
    assert cluster.snapshot() == before
    applied = module(MODULE, cluster, **args)
    assert [action["action"] for action in applied["actions"]] == actions
    assert applied["diff"] == planned["diff"]
    sent = len(cluster.exchanges)
    for check_mode in (False, True):
        again = module(MODULE, cluster, check_mode=check_mode, **args)
        assert (again["changed"], again["actions"]) == (False, [])
        assert again["diff"]["before"] == again["diff"]["after"]
    assert not [exchange for exchange in cluster.exchanges[sent:] if exchange.write]
    assert len(cluster.exchanges) - sent <= 4
    return applied


def test_a_new_group(module: Runner, cluster: FakeCluster) -> None:
    done = apply(module, cluster, ["create"], name="Chats", description="For talking")
    assert done["diff"] == {"before": {}, "after": {"name": "Chats", "description": "For talking"}}
    assert done["model_group"]["model_group_id"] == done["model_group_id"] == next(iter(cluster.groups))


def test_a_blank_description_is_not_sent(module: Runner, cluster: FakeCluster) -> None:
    apply(module, cluster, ["create"], name="Chats", description="")


def test_another_description(module: Runner, cluster: FakeCluster) -> None:
    cluster.add_group("Chats")
    done = apply(module, cluster, ["update"], name="Chats", description="New")
    assert done["actions"][0]["fields"] == ["description"]
    assert done["diff"] == {"before": {"name": "Chats"}, "after": {"name": "Chats", "description": "New"}}


def test_a_renamed_group_is_found_at_once(module: Runner, cluster: FakeCluster) -> None:
    """2.19 shows the change to searches a second later, and does not change the time of the last change."""
    group_id = cluster.add_group("Chats")
    module(MODULE, cluster, model_group_id=group_id, name="Talks")
    assert module(MODULE, cluster, name="Talks", state="absent")["changed"]
    assert cluster.groups == {}


def test_a_rename(module: Runner, cluster: FakeCluster) -> None:
    group_id = cluster.add_group("Chats")
    done = apply(module, cluster, ["update"], model_group_id=group_id, name="Talks")
    assert done["diff"] == {"before": {"name": "Chats"}, "after": {"name": "Talks"}}
    assert cluster.groups[group_id]["name"] == "Talks"


@pytest.mark.parametrize(
    ("args", "access", "roles"),
    [
        ({}, "private", []),
        ({"access_mode": "public"}, "public", []),
        ({"backend_roles": ["b", "a", "b"]}, "restricted", ["a", "b"]),
        ({"access_mode": "restricted", "backend_roles": ["a"]}, "restricted", ["a"]),
        ({"add_all_backend_roles": True}, "restricted", ["mine"]),
        ({"add_all_backend_roles": False}, "private", []),
    ],
)
def test_access(module: Runner, guarded: FakeCluster, args: dict[str, Any], access: str, roles: list[str]) -> None:
    done = apply(module, guarded, ["create"], name="Chats", **args)
    (group,) = guarded.groups.values()
    assert (group["access"], sorted(set(group["backend_roles"]))) == (access, roles)
    assert done["model_group"]["access_mode"] == access


@pytest.mark.parametrize(
    ("args", "access", "roles"),
    [
        ({"access_mode": "public"}, "public", []),
        ({"access_mode": "restricted", "backend_roles": ["b"]}, "restricted", ["b"]),
        ({"backend_roles": ["a", "b"]}, "restricted", ["a", "b"]),
    ],
)
def test_another_access(
    module: Runner, guarded: FakeCluster, args: dict[str, Any], access: str, roles: list[str]
) -> None:
    """The server validates the access fields together, so unchanged ones are sent as well."""
    body = {"name": "Chats", "access_mode": "restricted", "backend_roles": ["a"]}
    group_id = guarded.call("POST", f"{ML}/model_groups/_register", body)["model_group_id"]
    apply(module, guarded, ["update"], name="Chats", **args)
    assert (guarded.groups[group_id]["access"], guarded.groups[group_id]["backend_roles"]) == (access, roles)


def test_roles_are_added_to_a_private_group(module: Runner, guarded: FakeCluster) -> None:
    guarded.add_group("Chats")
    done = apply(module, guarded, ["update"], name="Chats", add_all_backend_roles=True)
    assert done["actions"][0]["fields"] == ["add_all_backend_roles"]


def test_access_without_access_control(module: Runner, cluster: FakeCluster) -> None:
    result = module(MODULE, cluster, name="Chats", access_mode="private")
    assert result["failure"]["code"] == "access_control_disabled"
    assert cluster.groups == {}


@pytest.mark.parametrize("stored", [False, True])
def test_check_mode_warns_of_access_without_access_control(module: Runner, cluster: FakeCluster, stored: bool) -> None:
    name = "plugins.ml_commons.model_access_control_enabled"
    cluster.defaults[name] = str(stored).lower()
    result = module(MODULE, cluster, check_mode=True, name="Chats", access_mode="private")
    assert (f"access_mode: {name} is false" in str(result.get("warnings"))) is not stored
    assert "warnings" not in module(MODULE, cluster, check_mode=True, name="Chats")


def test_absent(module: Runner, cluster: FakeCluster) -> None:
    group_id = cluster.add_group("Chats")
    done = apply(module, cluster, ["delete"], name="Chats", state="absent")
    assert (done["model_group"], done["model_group_id"]) == (None, group_id)
    assert cluster.groups == {}
    apply(module, cluster, [], model_group_id=group_id, state="absent")


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_group_with_models_stays(module: Runner, cluster: FakeCluster, check_mode: bool) -> None:
    model_id = cluster.add_model("Chat", cluster.add_connector(), state="UNDEPLOYED")
    result = module(MODULE, cluster, check_mode=check_mode, name="Chat", state="absent")
    assert result["failure"]["code"] == "group_in_use"
    assert result["failure"]["details"] == {"ids": [model_id]}
    assert f"'Chat' ({model_id})" in result["msg"]
    assert cluster.writes == []


def test_another_controller_puts_a_model_into_the_group(module: Runner, cluster: FakeCluster) -> None:
    connector = cluster.add_connector()
    group_id = cluster.add_group("Chats")
    cluster.before("DELETE", group_id, lambda: cluster.add_model("Chat", connector, model_group_id=group_id))
    result = module(MODULE, cluster, name="Chats", state="absent")
    assert (result["failure"]["code"], result["changed"]) == ("group_in_use", False)
    assert "'Chat'" in result["msg"]


@pytest.mark.parametrize("check_mode", [True, False])
@pytest.mark.parametrize(
    ("args", "code"),
    [
        ({"model_group_id": "nope", "name": "x"}, "unknown_model_group"),
        ({"name": " "}, "invalid_input"),
        ({"name": "x" * 257}, "invalid_input"),
        ({"model_group_id": generated_id(1, "group"), "name": "Talks"}, "group_name_taken"),
        ({"model_group_id": generated_id(1, "group"), "name": ""}, "invalid_input"),
        ({"name": "Talks", "description": " "}, "invalid_input"),
    ],
)
def test_refused(module: Runner, cluster: FakeCluster, args: dict[str, Any], code: str, check_mode: bool) -> None:
    cluster.add_group("Chats")
    cluster.call("POST", f"{ML}/model_groups/_register", {"name": "Talks", "description": "Of something"})
    result = module(MODULE, cluster, check_mode=check_mode, **args)
    assert result["failure"]["code"] == code, result
    assert cluster.writes == []


@pytest.mark.parametrize("field", ["name", "description"])
def test_characters(module: Runner, field: str) -> None:
    result = module(MODULE, FakeCluster("3.6.0"), **{"name": "Chats", field: "a<b"})
    assert result["failure"]["code"] == "invalid_characters"
    assert module(MODULE, FakeCluster("2.19.1"), **{"name": "Chats", field: "a<b"})["changed"] is True


def test_neither_name_nor_id(module: Runner, cluster: FakeCluster) -> None:
    assert "one of the following is required: name, model_group_id" in module(MODULE, cluster)["msg"]


def test_role_options_that_exclude_each_other(module: Runner, cluster: FakeCluster) -> None:
    result = module(MODULE, cluster, name="x", backend_roles=["a"], add_all_backend_roles=True)
    assert "mutually exclusive" in result["msg"]


def test_another_controller_creates_it_first(module: Runner, cluster: FakeCluster) -> None:
    cluster.before("POST", "/_register", lambda: cluster.add_group("Chats"))
    done = module(MODULE, cluster, name="Chats", description="New")
    assert [action["action"] for action in done["actions"]] == ["update"]
    assert [group["description"] for group in cluster.groups.values()] == ["New"]


def test_an_answer_to_a_change_that_was_not_stored(module: Runner, script: Callable[..., Any]) -> None:
    """The server answers 'Updated' to every change."""
    stored = {"name": "Chats", "access": "public"}
    path = f"{ML}/model_groups/g1"
    sent = script(
        get(path).answers(200, stored),
        get("/").answers(200, {"version": {"number": "3.6.0"}}),
        put(path, {"description": "New"}).answers(200, {"status": "Updated"}),
        get(path).answers(200, stored),
    )
    result = module(MODULE, sent, model_group_id="g1", description="New")
    assert (result["failure"]["code"], result["failure"]["details"]) == ("not_converged", {"fields": ["description"]})


@pytest.mark.parametrize(
    ("by", "actions", "code"), [("name", ["update", "create"], None), ("id", ["update"], "unknown_model_group")]
)
def test_another_controller_deletes_it_during_the_change(
    module: Runner, cluster: FakeCluster, by: str, actions: list[str], code: str | None
) -> None:
    """The task starts over, and lists what it did before."""
    group_id = cluster.add_group("Chats")
    cluster.before("PUT", group_id, lambda: cluster.before("GET", group_id, cluster.groups.clear))
    option = {"name": "Chats"} if by == "name" else {"model_group_id": group_id}
    done = module(MODULE, cluster, **option, description="New")
    assert [action["action"] for action in done["actions"]] == actions
    assert done.get("failure", {}).get("code") == code
    assert [group["description"] for group in cluster.groups.values()] == ([] if code else ["New"])


def test_fields_of_a_later_version(module: Runner, cluster: FakeCluster) -> None:
    cluster.version, cluster.later_fields = "3.10.0", {"tier"}
    for tier in ("gold", "silver"):
        args = {"name": "Chats", "extra_fields": {"tier": tier}}
        planned = module(MODULE, cluster, check_mode=True, **args)
        done = module(MODULE, cluster, **args)
        assert [action["action"] for action in done["actions"]] == ["create" if tier == "gold" else "update"]
        assert planned["diff"] == done["diff"]
        assert not module(MODULE, cluster, **args)["changed"]
    assert [group["tier"] for group in cluster.groups.values()] == ["silver"]
    refused = module(MODULE, cluster, name="Chats", extra_fields={"owner": "x"})["failure"]
    assert refused["message"] == "extra_fields: remove 'owner', which only the server sets."
