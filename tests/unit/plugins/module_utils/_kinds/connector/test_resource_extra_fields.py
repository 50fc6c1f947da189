# SPDX-License-Identifier: GPL-3.0-or-later
"""Fields of a connector that this version of the collection, or of the server, does not know."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.exceptions import Failure
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.support.harness import execute
from ansible_collections.searchops.opensearch_ml.tests.unit.support.operations import CHAT, KEYED, QUESTION

STRUCTURED = {**CHAT, "actions": [{**CHAT["actions"][0], "supports_structured_output": True}]}

#: Fields of a later version, at each place of a definition.
LATER = {
    **CHAT,
    "quota": {"tokens": 5},
    "actions": [{**CHAT["actions"][0], "cache": {"seconds": 60}}],
    "client_config": {"read_timeout": 60, "idle_timeout": 7},
}

#: The same as options.
LATER_OPTIONS = {
    **CHAT,
    "extra_fields": {"quota": {"tokens": 5}},
    "actions": [{**CHAT["actions"][0], "extra_fields": {"cache": {"seconds": 60}}}],
    "client_config": {"read_timeout": 60, "extra_fields": {"idle_timeout": 7}},
}
PLACES = ["quota", "actions[0].cache", "client_config.idle_timeout"]


def apply(cluster: FakeCluster, check_mode: bool = False, **options: Any) -> dict[str, Any]:
    return execute(cluster, "ml_connector", check_mode=check_mode, **options)


def later_server(*fields: str) -> FakeCluster:
    cluster = FakeCluster("3.10.0")
    cluster.later_fields.update(fields or ("quota", "cache", "idle_timeout"))
    return cluster


@pytest.mark.parametrize("options", [{"definition": LATER}, LATER_OPTIONS], ids=["definition", "options"])
class TestUnknownFields:
    def test_they_are_stored_and_compared(self, options: dict[str, Any]) -> None:
        cluster = later_server()
        planned = apply(cluster, check_mode=True, **options)
        made = apply(cluster, **options)
        assert (planned["diff"], made["warnings"]) == (made["diff"], [])
        [stored] = list(cluster.connectors.values())
        assert (stored["quota"], stored["actions"][0]["cache"]) == ({"tokens": 5}, {"seconds": 60})
        assert stored["client_config"]["idle_timeout"] == 7
        assert not apply(cluster, **options)["changed"]
        stored["quota"] = {"tokens": 6}
        stored["actions"][0]["cache"] = {"seconds": 61}
        [action] = apply(cluster, **options)["actions"]
        assert sorted(action["fields"]) == ["actions", "quota"]
        assert not apply(cluster, **options)["changed"]

    @pytest.mark.parametrize("version", ["2.19.1", "3.6.0", "3.10.0"])
    def test_a_server_that_drops_them(self, version: str, options: dict[str, Any]) -> None:
        """A warning in each run, and no second write. Only for a version whose fields are not known, a note remembers them."""
        cluster = FakeCluster(version)
        made = apply(cluster, **options)
        expected = [
            f"Connector 'Local chat': OpenSearch {version.rpartition('.')[0]} does not store quota, actions[0].cache, "
            "client_config.idle_timeout. Remove it, or upgrade OpenSearch if a later version has it."
        ]
        assert made["warnings"] == expected
        [stored] = list(cluster.connectors.values())
        assert ("_searchops" in stored["parameters"]) is (version == "3.10.0")
        again = apply(cluster, **options)
        assert (again["changed"], again["warnings"]) == (False, expected)

    @pytest.mark.parametrize("version", ["3.6.0", "3.10.0"])
    def test_a_stack_on_a_server_that_drops_them(self, version: str, options: dict[str, Any]) -> None:
        cluster = FakeCluster(version)
        stack = {"name": "s", "connectors": [{**options, "name": "Local chat"}]}
        assert "does not store" in str(execute(cluster, "ml_stack", **stack)["warnings"])
        assert not execute(cluster, "ml_stack", **stack)["changed"]

    @pytest.mark.parametrize("version", ["3.6.0", "3.10.0"])
    def test_they_are_sent_again_to_a_later_version(self, version: str, options: dict[str, Any]) -> None:
        cluster = FakeCluster(version)
        apply(cluster, **options)
        cluster.version = "3.11.0"
        cluster.later_fields.update({"quota", "cache", "idle_timeout"})
        result = apply(cluster, **options)
        assert (result["changed"], result["warnings"]) == (True, [])
        [stored] = list(cluster.connectors.values())
        assert stored["quota"] == {"tokens": 5}


def test_an_adopted_connector_without_the_field_gets_it() -> None:
    cluster = later_server()
    cluster.add_connector()
    assert apply(cluster, definition=LATER)["changed"]
    assert not apply(cluster, definition=LATER)["changed"]


@pytest.mark.parametrize("version", ["2.19.1", "3.6.0", "3.7.0"])
@pytest.mark.parametrize("as_definition", [True, False])
def test_structured_output(version: str, as_definition: bool) -> None:
    """The official blueprint for Ollama, from 3.7 on. Earlier versions drop the field."""
    cluster = FakeCluster(version)
    options: dict[str, Any] = {"definition": STRUCTURED} if as_definition else STRUCTURED
    planned = apply(cluster, check_mode=True, **options)
    made = apply(cluster, **options)
    assert planned["diff"] == made["diff"]
    [stored] = list(cluster.connectors.values())
    is_known = version == "3.7.0"
    assert stored["actions"][0].get("supports_structured_output", False) is is_known
    assert ("does not store actions[0].supports_structured_output" in str(made["warnings"])) is not is_known
    assert "Did you mean" not in str(made["warnings"])
    assert not apply(cluster, **options)["changed"]


@pytest.mark.parametrize("version", ["2.19.1", "3.6.0"])
def test_a_connector_of_another_client_is_adopted_without_what_the_server_drops(version: str) -> None:
    """Made by curl from the official blueprint."""
    cluster = FakeCluster(version)
    cluster.add_model(
        "Chat",
        cluster.add_connector(
            **{"actions": [{**STRUCTURED["actions"][0], "method": "POST", "action_type": "predict"}]}
        ),
    )
    assert not apply(cluster, definition=STRUCTURED)["changed"]


def test_structured_output_is_switched_on_and_off() -> None:
    cluster = FakeCluster("3.7.0")
    apply(cluster, **CHAT)
    assert apply(cluster, **STRUCTURED)["actions"][0]["fields"] == ["actions"]
    off = {**CHAT, "actions": [{**CHAT["actions"][0], "supports_structured_output": False}]}
    for options in (off, CHAT):
        apply(cluster, **STRUCTURED)
        assert apply(cluster, **options)["changed"]
        assert not apply(cluster, **options)["changed"]


def test_an_unknown_field_is_removed_and_added_again() -> None:
    """That it was sent once does not mean that the server has dropped it."""
    cluster = later_server("cache")
    cached = {**CHAT, "actions": [{**CHAT["actions"][0], "extra_fields": {"cache": 1}}]}
    apply(cluster, **cached)
    apply(cluster, **CHAT, description="New")
    [stored] = list(cluster.connectors.values())
    del stored["actions"][0]["cache"]
    assert apply(cluster, **cached)["changed"]
    assert not apply(cluster, **cached)["changed"]


def test_a_swap_keeps_what_other_tools_have_set() -> None:
    cluster = FakeCluster("3.7.0")
    cluster.later_fields.update({"quota", "cache"})
    action = {**KEYED["actions"][0], "action_type": "predict", "method": "POST", "cache": 1}
    old = cluster.add_connector(provisioned_by="terraform", quota=[1], actions=[action], credential={"key": "x"})
    cluster.add_model("Chat", old)
    result = apply(cluster, **{**KEYED, "parameters": {"model": "big"}}, probe=QUESTION)
    assert result["actions"][0]["action"] == "swap"
    [new] = list(cluster.connectors.values())
    assert (new["provisioned_by"], new["quota"], new["actions"][0]["cache"]) == ("terraform", [1], 1)
    assert result["connector"]["provisioned_by"] == "terraform"


def test_a_field_that_the_server_adds_to_each_action_is_no_difference() -> None:
    cluster = FakeCluster()
    connector_id = cluster.add_connector()
    cluster.connectors[connector_id]["actions"][0]["cache"] = 1
    assert not apply(cluster, **CHAT)["changed"]
    apply(cluster, **{**CHAT, "actions": [{**CHAT["actions"][0], "headers": {"A": "1"}}]})
    assert "cache" in json.dumps([each.body for each in cluster.writes])


def test_what_a_get_returns_can_be_pasted(cluster: FakeCluster) -> None:
    connector_id = cluster.add_connector()
    answer = {
        **cluster.connectors[connector_id],
        "access": "public",
        "owner": {"name": "joe"},
        "connector_id": connector_id,
    }
    cluster.connectors[connector_id]["access"] = "public"
    result = apply(cluster, definition=answer)
    assert not result["changed"]
    [warning] = result["warnings"]
    assert warning == (
        "definition: only the server sets connector_id, created_time, last_updated_time, owner, which the module does not send."
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"extra_fields": {"credential": {}}}, "extra_fields: 'credential' has an option; write 'credential'"),
        ({"extra_fields": {"headers": {}}}, "extra_fields: 'headers' has an option; write 'mcp_headers'"),
        ({"extra_fields": {"owner": "joe"}}, "extra_fields: remove 'owner', which only the server sets"),
        (
            {"actions": [{"url": "http://a", "extra_fields": {"url": 1}}]},
            "actions.0..extra_fields: 'url' has an option",
        ),
        ({"client_config": {"extra_fields": {"read_timeout": 1}}}, "client_config.extra_fields: 'read_timeout' has an"),
        ({"definition": {**CHAT, "dry_run": True}}, "definition: remove 'dry_run', and run the task in check mode"),
        ({"definition": {**CHAT, "extra_fields": [1]}}, "definition.extra_fields: must be a mapping"),
    ],
)
def test_refused(cluster: FakeCluster, options: dict[str, Any], message: str) -> None:
    with pytest.raises(Failure, match=message) as caught:
        apply(cluster, **{**CHAT, **options})
    assert caught.value.code == "invalid_input"
    assert cluster.writes == []
