# SPDX-License-Identifier: GPL-3.0-or-later
"""Cluster settings: lists against what is in effect, scalars by meaning, broken patterns before they are sent."""

from __future__ import annotations

from typing import Any, Callable

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.exceptions import Failure
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._kinds import cluster_setting
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.state import DEFAULT_SETTINGS
from ansible_collections.searchops.opensearch_ml.tests.unit.support.harness import execute
from ansible_collections.searchops.opensearch_ml.tests.unit.support.operations import PRIVATE_IP, TRUSTED
from ansible_collections.searchops.opensearch_ml.tests.unit.support.script import get, put

MODULE = "opensearch_cluster_setting"
DEFAULTS = DEFAULT_SETTINGS[TRUSTED]
ROLES = "plugins.ml_commons.task_dispatcher.eligible_node_role.remote_model"
THRESHOLD = "plugins.ml_commons.native_memory_threshold"
READ = "/_cluster/settings?flat_settings=true&include_defaults=true"


@pytest.fixture
def fresh() -> FakeCluster:
    return FakeCluster(trusted=())


class TestLists:
    def test_append_keeps_the_defaults(self, fresh: FakeCluster) -> None:
        result = execute(fresh, MODULE, settings={TRUSTED: ["^http://x$"]}, list_mode="append")
        assert fresh.persistent[TRUSTED] == [*DEFAULTS, "^http://x$"]
        assert result["settings"][TRUSTED] == [*DEFAULTS, "^http://x$"]

    def test_append_adds_what_is_missing_once(self, fresh: FakeCluster) -> None:
        fresh.persistent[TRUSTED] = ["^http://a$", "^http://b$"]
        execute(fresh, MODULE, settings={TRUSTED: ["^http://b$", "^http://c$", "^http://c$"]}, list_mode="append")
        assert fresh.persistent[TRUSTED] == ["^http://a$", "^http://b$", "^http://c$"]

    def test_append_of_what_is_in_effect_writes_nothing(self, fresh: FakeCluster) -> None:
        assert not execute(fresh, MODULE, settings={TRUSTED: DEFAULTS[:1]}, list_mode="append")["changed"]

    def test_append_goes_by_a_transient_list(self, fresh: FakeCluster) -> None:
        fresh.transient[TRUSTED] = ["^http://t$"]
        execute(fresh, MODULE, settings={TRUSTED: ["^http://x$"]}, list_mode="append", scope="transient")
        assert fresh.transient[TRUSTED] == ["^http://t$", "^http://x$"]

    def test_exact_replaces(self, fresh: FakeCluster) -> None:
        execute(fresh, MODULE, settings={TRUSTED: ["^http://x$"]})
        assert fresh.persistent[TRUSTED] == ["^http://x$"]

    def test_the_order_counts(self, fresh: FakeCluster) -> None:
        fresh.persistent[TRUSTED] = ["^http://a$", "^http://b$"]
        assert execute(fresh, MODULE, settings={TRUSTED: ["^http://b$", "^http://a$"]})["changed"]

    def test_remove(self, fresh: FakeCluster) -> None:
        fresh.persistent[TRUSTED] = ["^http://a$", "(broken"]
        execute(fresh, MODULE, settings={TRUSTED: ["(broken"]}, list_mode="remove")
        assert fresh.persistent[TRUSTED] == ["^http://a$"]

    def test_remove_of_what_is_not_there(self, fresh: FakeCluster) -> None:
        assert not execute(fresh, MODULE, settings={TRUSTED: ["^http://x$"]}, list_mode="remove")["changed"]
        assert TRUSTED not in fresh.persistent

    def test_an_empty_list_is_a_value(self, fresh: FakeCluster) -> None:
        execute(fresh, MODULE, settings={TRUSTED: []})
        assert fresh.persistent[TRUSTED] == []
        assert not execute(fresh, MODULE, settings={TRUSTED: []})["changed"]

    def test_a_list_that_was_stored_as_text(self, fresh: FakeCluster) -> None:
        fresh.persistent[TRUSTED] = "^http://x$"
        assert not execute(fresh, MODULE, settings={TRUSTED: ["^http://x$"]})["changed"]

    def test_text_for_a_list_of_one(self, fresh: FakeCluster) -> None:
        fresh.persistent[TRUSTED] = ["^http://x$"]
        assert not execute(fresh, MODULE, settings={TRUSTED: "^http://x$"})["changed"]

    @pytest.mark.parametrize("check_mode", [True, False])
    def test_append_of_a_single_value(self, fresh: FakeCluster, check_mode: bool) -> None:
        stated = {"settings": {TRUSTED: "^http://x$", PRIVATE_IP: True}, "list_mode": "append"}
        result = execute(fresh, MODULE, check_mode=check_mode, **stated)
        assert result["settings"] == {TRUSTED: [*DEFAULTS, "^http://x$"], PRIVATE_IP: "true"}
        if not check_mode:
            assert not execute(fresh, MODULE, **stated)["changed"]

    def test_append_of_a_single_value_to_a_list_of_another_name(self, fresh: FakeCluster) -> None:
        execute(fresh, MODULE, settings={ROLES: "ingest"}, list_mode="append")
        assert fresh.persistent[ROLES] == ["data", "ml", "ingest"]

    def test_append_of_a_single_value_to_a_pattern_that_was_stored_as_text(self, fresh: FakeCluster) -> None:
        fresh.persistent[TRUSTED] = "^http://a$"
        execute(fresh, MODULE, settings={TRUSTED: "^http://x$"}, list_mode="append")
        assert fresh.persistent[TRUSTED] == ["^http://a$", "^http://x$"]

    @pytest.mark.parametrize("broken", ["(broken", ".*"])
    def test_remove_of_a_single_value(self, fresh: FakeCluster, broken: str) -> None:
        fresh.persistent[TRUSTED] = ["^http://a$", broken]
        execute(fresh, MODULE, settings={TRUSTED: broken}, list_mode="remove")
        assert fresh.persistent[TRUSTED] == ["^http://a$"]
        assert not execute(fresh, MODULE, settings={TRUSTED: broken}, list_mode="remove")["changed"]

    def test_a_single_value_replaces_as_a_list(self, fresh: FakeCluster) -> None:
        execute(fresh, MODULE, settings={TRUSTED: "^http://x{1,2}$"})
        assert fresh.persistent[TRUSTED] == ["^http://x{1,2}$"]

    @pytest.mark.parametrize("list_mode", ["exact", "append", "remove"])
    def test_an_item_without_a_value_is_refused(self, fresh: FakeCluster, list_mode: str) -> None:
        with pytest.raises(Failure, match=f"{TRUSTED}: an item") as caught:
            execute(fresh, MODULE, settings={TRUSTED: ["^http://x$", None]}, list_mode=list_mode)
        assert caught.value.code == "invalid_input"
        assert fresh.exchanges == []

    @pytest.mark.parametrize("list_mode", ["append", "remove"])
    def test_settings_that_are_no_lists_are_as_stated_in_any_mode(self, fresh: FakeCluster, list_mode: str) -> None:
        execute(fresh, MODULE, settings={PRIVATE_IP: True, THRESHOLD: 80}, list_mode=list_mode)
        assert fresh.persistent == {PRIVATE_IP: "true", THRESHOLD: "80"}


class TestOnlyWhereSet:
    """Lists that restrict only where they are not empty."""

    STATED = {TRUSTED: ["^http://x$"], PRIVATE_IP: True}

    @pytest.mark.parametrize("check_mode", [False, True])
    @pytest.mark.parametrize("held", [None, [], ""], ids=repr)
    def test_left_alone_where_there_is_nothing(self, fresh: FakeCluster, held: Any, check_mode: bool) -> None:
        if held is not None:
            fresh.persistent[TRUSTED] = held
        else:
            fresh.defaults.pop(TRUSTED)
        result = execute(
            fresh, MODULE, check_mode=check_mode, settings=self.STATED, list_mode="append", only_where_set=[TRUSTED]
        )
        assert list(result["diff"]["after"]) == list(result["settings"]) == [PRIVATE_IP]
        assert fresh.persistent.get(TRUSTED) == held

    def test_joined_where_there_is_something(self, fresh: FakeCluster) -> None:
        fresh.persistent[TRUSTED] = ["^http://a$"]
        execute(fresh, MODULE, settings=self.STATED, list_mode="append", only_where_set=[TRUSTED])
        assert fresh.persistent[TRUSTED] == ["^http://a$", "^http://x$"]

    def test_of_a_setting_that_the_cluster_does_not_know(self, fresh: FakeCluster) -> None:
        unknown = "plugins.ml_commons.of_a_later_version"
        stated = {unknown: ["a"]}
        assert not execute(fresh, MODULE, settings=stated, list_mode="append", only_where_set=[unknown])["changed"]

    def test_a_name_that_is_not_stated_is_refused(self, fresh: FakeCluster) -> None:
        with pytest.raises(Failure, match=r"only_where_set: plugins\.x: not among") as refused:
            execute(fresh, MODULE, settings=self.STATED, only_where_set=["plugins.x"])
        assert (refused.value.code, fresh.writes) == ("invalid_input", [])


class TestScalars:
    @pytest.mark.parametrize("list_mode", ["exact", "append"])
    @pytest.mark.parametrize(("text", "stored"), [("True", "true"), ("False", "false")])
    def test_a_boolean_that_a_template_made_text(
        self, fresh: FakeCluster, text: str, stored: str, list_mode: str
    ) -> None:
        fresh.persistent[PRIVATE_IP] = stored
        assert not execute(fresh, MODULE, settings={PRIVATE_IP: text}, list_mode=list_mode)["changed"]
        fresh.persistent[PRIVATE_IP] = "false" if stored == "true" else "true"
        assert execute(fresh, MODULE, settings={PRIVATE_IP: text}, list_mode=list_mode)["changed"]
        assert fresh.exchanges[-2].body == {"persistent": {PRIVATE_IP: stored == "true"}}
        assert fresh.persistent[PRIVATE_IP] == stored

    @pytest.mark.parametrize("value", [True, "true"])
    def test_by_meaning(self, fresh: FakeCluster, value: Any) -> None:
        fresh.persistent[PRIVATE_IP] = "true"
        assert not execute(fresh, MODULE, settings={PRIVATE_IP: value})["changed"]

    @pytest.mark.parametrize("value", [90, "90", 90.0])
    def test_what_holds_by_default_is_not_written(self, fresh: FakeCluster, value: Any) -> None:
        assert not execute(fresh, MODULE, settings={THRESHOLD: value})["changed"]
        assert fresh.persistent == {}

    def test_what_holds_by_default_is_written_where_another_value_is(self, fresh: FakeCluster) -> None:
        fresh.persistent[THRESHOLD] = "80"
        assert execute(fresh, MODULE, settings={THRESHOLD: 90})["changed"]

    @pytest.mark.parametrize("check_mode", [True, False])
    def test_the_result_tells_values_as_the_server_does(self, fresh: FakeCluster, check_mode: bool) -> None:
        result = execute(fresh, MODULE, check_mode=check_mode, settings={PRIVATE_IP: True, TRUSTED: ["^http://x$"]})
        assert result["settings"] == {PRIVATE_IP: "true", TRUSTED: ["^http://x$"]}

    def test_a_value_that_the_server_refuses(self, fresh: FakeCluster) -> None:
        with pytest.raises(Failure) as caught:
            execute(fresh, MODULE, settings={PRIVATE_IP: "perhaps"})
        assert caught.value.code == "invalid_setting_value"


class TestReset:
    def test_null_resets(self, fresh: FakeCluster) -> None:
        fresh.persistent[PRIVATE_IP] = "true"
        assert execute(fresh, MODULE, settings={PRIVATE_IP: None})["settings"] == {PRIVATE_IP: "false"}
        assert fresh.persistent == {}

    def test_absent_does_not_look_at_values(self, fresh: FakeCluster) -> None:
        fresh.persistent[TRUSTED] = [".*"]
        execute(fresh, MODULE, settings={TRUSTED: ["(broken"]}, state="absent")
        assert fresh.persistent == {}

    def test_what_is_not_set(self, fresh: FakeCluster) -> None:
        assert not execute(fresh, MODULE, settings={PRIVATE_IP: None})["changed"]

    def test_of_one_scope_only(self, fresh: FakeCluster) -> None:
        fresh.persistent[PRIVATE_IP] = fresh.transient[PRIVATE_IP] = "true"
        execute(fresh, MODULE, settings={PRIVATE_IP: None}, scope="transient")
        assert (fresh.persistent, fresh.transient) == ({PRIVATE_IP: "true"}, {})


def test_a_transient_value_is_warned_of(fresh: FakeCluster) -> None:
    fresh.transient[PRIVATE_IP] = "false"
    result = execute(fresh, MODULE, settings={PRIVATE_IP: True})
    assert fresh.persistent == {PRIVATE_IP: "true"}
    assert result["warnings"] == [f"{PRIVATE_IP}: a transient value is set, which counts until the cluster restarts."]


def test_a_transient_value_that_is_the_same_needs_no_warning(fresh: FakeCluster) -> None:
    fresh.transient[PRIVATE_IP] = "true"
    assert execute(fresh, MODULE, settings={PRIVATE_IP: True})["warnings"] == []


def test_several_with_one_write(fresh: FakeCluster) -> None:
    execute(fresh, MODULE, settings={"plugins.ml_commons": {"connector": {"private_ip_enabled": True}}, THRESHOLD: 95})
    assert fresh.persistent == {PRIVATE_IP: "true", THRESHOLD: "95"}
    assert len(fresh.writes) == 1


class TestRefusals:
    @pytest.mark.parametrize("pattern", [".*", "^https?://.*$"])
    def test_a_catch_all(self, fresh: FakeCluster, pattern: str) -> None:
        for mode in ("exact", "append"):
            for value in ([pattern], pattern):
                with pytest.raises(Failure, match="trusts every address") as caught:
                    execute(fresh, MODULE, settings={TRUSTED: value}, list_mode=mode)
                assert caught.value.code == "catch_all_refused"
        assert fresh.exchanges == []
        assert execute(fresh, MODULE, settings={TRUSTED: [pattern]}, allow_catch_all=True)["changed"]

    def test_a_catch_all_may_be_removed(self, fresh: FakeCluster) -> None:
        fresh.persistent[TRUSTED] = [".*", "^http://x$"]
        execute(fresh, MODULE, settings={TRUSTED: [".*"]}, list_mode="remove")
        assert fresh.persistent[TRUSTED] == ["^http://x$"]

    def test_a_broken_pattern(self, fresh: FakeCluster) -> None:
        with pytest.raises(Failure, match=f"{TRUSTED}: The pattern '\\('") as caught:
            execute(fresh, MODULE, settings={TRUSTED: ["^http://a$", "("]})
        assert caught.value.code == "invalid_regex"
        assert fresh.exchanges == []

    def test_patterns_of_other_settings_are_not_looked_at(self, fresh: FakeCluster) -> None:
        execute(fresh, MODULE, settings={"plugins.ml_commons.task_dispatcher.eligible_node_role.remote_model": ["("]})

    @pytest.mark.parametrize("check_mode", [True, False])
    def test_an_unknown_setting(self, fresh: FakeCluster, check_mode: bool) -> None:
        with pytest.raises(Failure) as caught:
            execute(fresh, MODULE, check_mode=check_mode, settings={"plugins.ml_commons.nope": 1})
        assert caught.value.code == "unknown_setting"
        assert fresh.writes == []

    def test_one_of_another_plugin_is_left_to_the_server(self, fresh: FakeCluster) -> None:
        check = execute(fresh, MODULE, check_mode=True, settings={"plugins.other": 1})
        assert "may refuse it" in check["warnings"][0]
        with pytest.raises(Failure) as caught:
            execute(fresh, MODULE, settings={"plugins.other": 1})
        assert caught.value.code == "unknown_setting"

    def test_a_static_setting(self, fresh: FakeCluster) -> None:
        with pytest.raises(Failure) as caught:
            execute(fresh, MODULE, settings={"plugins.ml_commons.multi_tenancy_enabled": True})
        assert caught.value.code == "static_setting"

    def test_none_at_all(self, fresh: FakeCluster) -> None:
        for settings in ({}, {"plugins": {}}):
            with pytest.raises(Failure, match="at least one"):
                execute(fresh, MODULE, settings=settings)

    def test_something_else_answers(self, script: Callable[..., Any]) -> None:
        with pytest.raises(Failure, match="settings were answered as") as caught:
            execute(script(get(READ).answers(200, {"a": 1})), MODULE, settings={PRIVATE_IP: True})
        assert caught.value.code == "not_opensearch"

    def test_somebody_else_writes_too(self, script: Callable[..., Any]) -> None:
        answer = {"persistent": {}, "transient": {}, "defaults": {PRIVATE_IP: "false"}}
        sent = script(
            get(READ).answers(200, answer),
            put("/_cluster/settings", {"persistent": {PRIVATE_IP: True}}).answers(200, {"acknowledged": True}),
            get(READ).answers(200, answer),
        )
        with pytest.raises(Failure, match="holds another value") as caught:
            execute(sent, MODULE, settings={PRIVATE_IP: True})
        assert caught.value.code == "not_converged"

    @pytest.mark.parametrize(("reason", "front"), [("[a.b] must be true", ""), ("must be true", "a.b: ")])
    def test_a_refusal_names_the_setting_once(self, script: Callable[..., Any], reason: str, front: str) -> None:
        answer = {"persistent": {}, "transient": {}, "defaults": {"a.b": "false"}}
        sent = script(
            get(READ).answers(200, answer),
            put("/_cluster/settings", {"persistent": {"a.b": True}}).answers(
                400, {"error": {"type": "illegal_argument_exception", "reason": reason}, "status": 400}
            ),
        )
        with pytest.raises(Failure) as caught:
            execute(sent, MODULE, settings={"a.b": True})
        assert caught.value.message.startswith(f"{front}PUT /_cluster/settings")
        assert caught.value.message.endswith(f": {reason}")

    def test_a_catch_all_is_named_once(self, fresh: FakeCluster) -> None:
        with pytest.raises(Failure, match="trusts every address") as caught:
            execute(fresh, MODULE, settings={TRUSTED: [".*"]})
        assert caught.value.message.count(TRUSTED) == 1

    def test_nothing_is_quoted_that_is_not_masked(self, script: Callable[..., Any]) -> None:
        with pytest.raises(Failure) as caught:
            execute(script(get(READ).answers(200, {"a": "x" * 300})), MODULE, settings={PRIVATE_IP: True})
        assert caught.value.message == "The cluster's settings were answered as an object of 1 fields"


@pytest.mark.parametrize(
    ("have", "want", "same"),
    [
        (["a"], "a", True),
        (["5"], 5, True),
        (["a"], "b", False),
        (["b"], "a", False),
        (["a", "b"], "a", False),
        ([], "a", False),
        ("a", ["a"], True),
        (None, ["a"], False),
        (None, "a", False),
    ],
)
def test_a_list_of_one_is_its_item(have: Any, want: Any, same: bool) -> None:
    assert cluster_setting.same(have, want) is same


@pytest.mark.parametrize(
    ("name", "value", "mode", "becomes"),
    [
        ("x_regex", "a", "append", ["a"]),
        ("x_regex", "a", "remove", []),
        ("x_regex", "a", "exact", "a"),
        ("x", "a", "append", "a"),
        ("list", "a", "exact", ["a"]),
        ("list", 5, "exact", 5),
        ("list", 5, "append", ["b", "5"]),
    ],
)
def test_what_becomes_a_list(name: str, value: Any, mode: str, becomes: Any) -> None:
    held = cluster_setting.Settings({"list": ["b"]}, {}, {})
    assert cluster_setting.desired_value(held, "persistent", name, value, mode) == becomes
