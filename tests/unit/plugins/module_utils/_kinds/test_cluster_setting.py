# SPDX-License-Identifier: GPL-3.0-or-later
"""Cluster settings: lists are combined with the list of the scope, scalars compared by meaning, broken patterns refused."""

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

    def test_append_adds_missing_items_once(self, fresh: FakeCluster) -> None:
        fresh.persistent[TRUSTED] = ["^http://a$", "^http://b$"]
        execute(fresh, MODULE, settings={TRUSTED: ["^http://b$", "^http://c$", "^http://c$"]}, list_mode="append")
        assert fresh.persistent[TRUSTED] == ["^http://a$", "^http://b$", "^http://c$"]

    def test_append_of_effective_items_writes_nothing(self, fresh: FakeCluster) -> None:
        assert not execute(fresh, MODULE, settings={TRUSTED: DEFAULTS[:1]}, list_mode="append")["changed"]

    def test_append_extends_a_transient_list(self, fresh: FakeCluster) -> None:
        fresh.transient[TRUSTED] = ["^http://t$"]
        execute(fresh, MODULE, settings={TRUSTED: ["^http://x$"]}, list_mode="append", scope="transient")
        assert fresh.transient[TRUSTED] == ["^http://t$", "^http://x$"]

    @pytest.mark.parametrize("check_mode", [True, False])
    @pytest.mark.parametrize(("list_mode", "after"), [("append", ["^http://p$", "^http://x$"]), ("remove", [])])
    def test_a_persistent_list_below_a_transient_one(
        self, fresh: FakeCluster, list_mode: str, after: list[str], check_mode: bool
    ) -> None:
        fresh.persistent[TRUSTED] = ["^http://p$"]
        fresh.transient[TRUSTED] = ["^http://t$"]
        given = {
            "settings": {TRUSTED: ["^http://x$" if list_mode == "append" else "^http://p$"]},
            "list_mode": list_mode,
        }
        result = execute(fresh, MODULE, check_mode=check_mode, **given)
        assert result["diff"] == {"before": {TRUSTED: ["^http://p$"]}, "after": {TRUSTED: after}}
        assert "the persistent value has no effect" in result["warnings"][0]
        assert fresh.transient[TRUSTED] == ["^http://t$"]
        assert fresh.persistent[TRUSTED] == (["^http://p$"] if check_mode else after)
        if not check_mode:
            assert not execute(fresh, MODULE, **given)["changed"]

    @pytest.mark.parametrize(
        ("list_mode", "after"), [("append", ["^http://p$", "^http://x$"]), ("remove", ["^http://p$"])]
    )
    def test_a_transient_list_starts_from_the_persistent_one(
        self, fresh: FakeCluster, list_mode: str, after: list[str]
    ) -> None:
        fresh.persistent[TRUSTED] = ["^http://p$"] if list_mode == "append" else ["^http://p$", "^http://x$"]
        before = list(fresh.persistent[TRUSTED])
        execute(fresh, MODULE, settings={TRUSTED: ["^http://x$"]}, list_mode=list_mode, scope="transient")
        assert (fresh.persistent[TRUSTED], fresh.transient[TRUSTED]) == (before, after)

    @pytest.mark.parametrize("check_mode", [True, False])
    @pytest.mark.parametrize("list_mode", ["append", "remove"])
    def test_a_default_that_a_transient_list_hides(self, fresh: FakeCluster, list_mode: str, check_mode: bool) -> None:
        fresh.transient[TRUSTED] = ["^http://t$"]
        given = {"settings": {TRUSTED: ["^http://x$"]}, "list_mode": list_mode}
        with pytest.raises(Failure, match="a transient value hides its default") as caught:
            execute(fresh, MODULE, check_mode=check_mode, **given)
        assert (caught.value.code, fresh.writes) == ("hidden_default", [])
        assert f"'scope: transient', 'state: absent' and the setting '{TRUSTED}'" in caught.value.remedy

    def test_weak_patterns_below_a_transient_list_cause_no_new_warning(self, fresh: FakeCluster) -> None:
        fresh.persistent[TRUSTED] = ["^http://a.example/v1$"]
        fresh.transient[TRUSTED] = ["^http://t$"]
        result = execute(fresh, MODULE, settings={TRUSTED: ["^http://x$"]}, list_mode="append")
        assert "an unescaped dot" not in str(result["warnings"])

    def test_exact_replaces(self, fresh: FakeCluster) -> None:
        execute(fresh, MODULE, settings={TRUSTED: ["^http://x$"]})
        assert fresh.persistent[TRUSTED] == ["^http://x$"]

    def test_another_order_is_a_change(self, fresh: FakeCluster) -> None:
        fresh.persistent[TRUSTED] = ["^http://a$", "^http://b$"]
        assert execute(fresh, MODULE, settings={TRUSTED: ["^http://b$", "^http://a$"]})["changed"]

    def test_remove(self, fresh: FakeCluster) -> None:
        fresh.persistent[TRUSTED] = ["^http://a$", "(broken"]
        execute(fresh, MODULE, settings={TRUSTED: ["(broken"]}, list_mode="remove")
        assert fresh.persistent[TRUSTED] == ["^http://a$"]

    def test_remove_of_an_item_that_is_not_in_the_list(self, fresh: FakeCluster) -> None:
        assert not execute(fresh, MODULE, settings={TRUSTED: ["^http://x$"]}, list_mode="remove")["changed"]
        assert TRUSTED not in fresh.persistent

    def test_an_empty_list_is_a_value(self, fresh: FakeCluster) -> None:
        execute(fresh, MODULE, settings={TRUSTED: []})
        assert fresh.persistent[TRUSTED] == []
        assert not execute(fresh, MODULE, settings={TRUSTED: []})["changed"]

    def test_a_list_stored_as_text_equals_a_list_of_one(self, fresh: FakeCluster) -> None:
        fresh.persistent[TRUSTED] = "^http://x$"
        assert not execute(fresh, MODULE, settings={TRUSTED: ["^http://x$"]})["changed"]

    def test_text_equals_a_list_of_one(self, fresh: FakeCluster) -> None:
        fresh.persistent[TRUSTED] = ["^http://x$"]
        assert not execute(fresh, MODULE, settings={TRUSTED: "^http://x$"})["changed"]

    @pytest.mark.parametrize("check_mode", [True, False])
    def test_append_of_a_single_value(self, fresh: FakeCluster, check_mode: bool) -> None:
        options = {"settings": {TRUSTED: "^http://x$", PRIVATE_IP: True}, "list_mode": "append"}
        result = execute(fresh, MODULE, check_mode=check_mode, **options)
        assert result["settings"] == {TRUSTED: [*DEFAULTS, "^http://x$"], PRIVATE_IP: "true"}
        if not check_mode:
            assert not execute(fresh, MODULE, **options)["changed"]

    def test_append_of_a_single_value_to_a_list_of_another_name(self, fresh: FakeCluster) -> None:
        execute(fresh, MODULE, settings={ROLES: "ingest"}, list_mode="append")
        assert fresh.persistent[ROLES] == ["data", "ml", "ingest"]

    def test_append_of_a_single_value_to_a_pattern_stored_as_text(self, fresh: FakeCluster) -> None:
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
    def test_list_mode_does_not_apply_to_scalars(self, fresh: FakeCluster, list_mode: str) -> None:
        execute(fresh, MODULE, settings={PRIVATE_IP: True, THRESHOLD: 80}, list_mode=list_mode)
        assert fresh.persistent == {PRIVATE_IP: "true", THRESHOLD: "80"}


class TestOnlyWhereSet:
    """only_where_set skips settings that are empty or unknown on the cluster."""

    DESIRED = {TRUSTED: ["^http://x$"], PRIVATE_IP: True}

    @pytest.mark.parametrize("check_mode", [False, True])
    @pytest.mark.parametrize("stored", [None, [], ""], ids=repr)
    def test_an_empty_setting_is_skipped(self, fresh: FakeCluster, stored: Any, check_mode: bool) -> None:
        if stored is not None:
            fresh.persistent[TRUSTED] = stored
        else:
            fresh.defaults.pop(TRUSTED)
        result = execute(
            fresh, MODULE, check_mode=check_mode, settings=self.DESIRED, list_mode="append", only_where_set=[TRUSTED]
        )
        assert list(result["diff"]["after"]) == list(result["settings"]) == [PRIVATE_IP]
        assert fresh.persistent.get(TRUSTED) == stored

    def test_a_setting_with_items_is_extended(self, fresh: FakeCluster) -> None:
        fresh.persistent[TRUSTED] = ["^http://a$"]
        execute(fresh, MODULE, settings=self.DESIRED, list_mode="append", only_where_set=[TRUSTED])
        assert fresh.persistent[TRUSTED] == ["^http://a$", "^http://x$"]

    def test_an_unknown_setting_is_skipped(self, fresh: FakeCluster) -> None:
        unknown = "plugins.ml_commons.of_a_later_version"
        desired = {unknown: ["a"]}
        assert not execute(fresh, MODULE, settings=desired, list_mode="append", only_where_set=[unknown])["changed"]

    def test_a_name_that_is_not_among_the_settings_is_refused(self, fresh: FakeCluster) -> None:
        with pytest.raises(Failure, match=r"only_where_set: plugins\.x: not among") as refused:
            execute(fresh, MODULE, settings=self.DESIRED, only_where_set=["plugins.x"])
        assert (refused.value.code, fresh.writes) == ("invalid_input", [])


class TestScalars:
    @pytest.mark.parametrize("list_mode", ["exact", "append"])
    @pytest.mark.parametrize(("text", "stored"), [("True", "true"), ("False", "false")])
    def test_a_boolean_that_a_template_turned_into_text(
        self, fresh: FakeCluster, text: str, stored: str, list_mode: str
    ) -> None:
        fresh.persistent[PRIVATE_IP] = stored
        assert not execute(fresh, MODULE, settings={PRIVATE_IP: text}, list_mode=list_mode)["changed"]
        fresh.persistent[PRIVATE_IP] = "false" if stored == "true" else "true"
        assert execute(fresh, MODULE, settings={PRIVATE_IP: text}, list_mode=list_mode)["changed"]
        assert fresh.exchanges[-2].body == {"persistent": {PRIVATE_IP: stored == "true"}}
        assert fresh.persistent[PRIVATE_IP] == stored

    @pytest.mark.parametrize("value", [True, "true"])
    def test_a_boolean_equals_its_text(self, fresh: FakeCluster, value: Any) -> None:
        fresh.persistent[PRIVATE_IP] = "true"
        assert not execute(fresh, MODULE, settings={PRIVATE_IP: value})["changed"]

    @pytest.mark.parametrize("value", [90, "90", 90.0])
    def test_a_default_value_is_not_written(self, fresh: FakeCluster, value: Any) -> None:
        assert not execute(fresh, MODULE, settings={THRESHOLD: value})["changed"]
        assert fresh.persistent == {}

    def test_a_default_value_is_written_over_another_value(self, fresh: FakeCluster) -> None:
        fresh.persistent[THRESHOLD] = "80"
        assert execute(fresh, MODULE, settings={THRESHOLD: 90})["changed"]

    @pytest.mark.parametrize("check_mode", [True, False])
    def test_the_result_has_values_as_the_server_returns_them(self, fresh: FakeCluster, check_mode: bool) -> None:
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

    def test_absent_ignores_values(self, fresh: FakeCluster) -> None:
        fresh.persistent[TRUSTED] = [".*"]
        execute(fresh, MODULE, settings={TRUSTED: ["(broken"]}, state="absent")
        assert fresh.persistent == {}

    def test_reset_of_a_setting_without_a_value(self, fresh: FakeCluster) -> None:
        assert not execute(fresh, MODULE, settings={PRIVATE_IP: None})["changed"]

    def test_reset_in_one_scope_only(self, fresh: FakeCluster) -> None:
        fresh.persistent[PRIVATE_IP] = fresh.transient[PRIVATE_IP] = "true"
        execute(fresh, MODULE, settings={PRIVATE_IP: None}, scope="transient")
        assert (fresh.persistent, fresh.transient) == ({PRIVATE_IP: "true"}, {})


def test_a_transient_value_causes_a_warning(fresh: FakeCluster) -> None:
    fresh.transient[PRIVATE_IP] = "false"
    result = execute(fresh, MODULE, settings={PRIVATE_IP: True})
    assert fresh.persistent == {PRIVATE_IP: "true"}
    [warning] = result["warnings"]
    assert "the persistent value has no effect until" in warning
    assert f"{{settings: {{{PRIVATE_IP}: null}}, scope: transient, state: absent}}" in warning
    assert execute(fresh, MODULE, settings={PRIVATE_IP: True})["warnings"] == [warning]
    execute(fresh, MODULE, settings={PRIVATE_IP: None}, scope="transient", state="absent")
    assert execute(fresh, MODULE, settings={PRIVATE_IP: True})["warnings"] == []


@pytest.mark.parametrize("check_mode", [True, False])
def test_an_equal_transient_value_causes_no_warning(fresh: FakeCluster, check_mode: bool) -> None:
    """It does not survive a restart, so that the persistent value is written anyway."""
    fresh.transient[PRIVATE_IP] = "true"
    result = execute(fresh, MODULE, check_mode=check_mode, settings={PRIVATE_IP: True})
    assert (result["changed"], result["warnings"]) == (True, [])
    assert fresh.persistent == ({} if check_mode else {PRIVATE_IP: "true"})


def test_several_settings_are_written_with_one_request(fresh: FakeCluster) -> None:
    execute(fresh, MODULE, settings={"plugins.ml_commons": {"connector": {"private_ip_enabled": True}}, THRESHOLD: 95})
    assert fresh.persistent == {PRIVATE_IP: "true", THRESHOLD: "95"}
    assert len(fresh.writes) == 1


class TestRefusals:
    @pytest.mark.parametrize("pattern", [".*", "^https?://.*$"])
    def test_a_catch_all(self, fresh: FakeCluster, pattern: str) -> None:
        for mode in ("exact", "append"):
            for value in ([pattern], pattern):
                with pytest.raises(Failure, match="trusts hosts that it does not name") as caught:
                    execute(fresh, MODULE, settings={TRUSTED: value}, list_mode=mode)
                assert caught.value.code == "catch_all_refused"
        assert fresh.exchanges == []
        assert execute(fresh, MODULE, settings={TRUSTED: [pattern]}, allow_catch_all=True)["changed"]

    def test_a_catch_all_may_be_removed(self, fresh: FakeCluster) -> None:
        fresh.persistent[TRUSTED] = [".*", "^http://x$"]
        execute(fresh, MODULE, settings={TRUSTED: [".*"]}, list_mode="remove")
        assert fresh.persistent[TRUSTED] == ["^http://x$"]

    def test_a_catch_all_names_the_closed_pattern(self, fresh: FakeCluster) -> None:
        with pytest.raises(Failure) as caught:
            execute(fresh, MODULE, settings={TRUSTED: ["^https://api.openai.com.*$"]}, list_mode="append")
        assert r"such as https://api.openai.com.unnamed-host.example" in caught.value.message
        assert repr(r"^https://api\.openai\.com/.*$") in caught.value.message

    @pytest.mark.parametrize(
        ("value", "correction"),
        [
            ("^https://a/.*$,^https://b/.*$", '["^https://a/.*$", "^https://b/.*$"]'),
            ('["^https://a/.*$"]', '["^https://a/.*$"]'),
            ([r"^https://api\\.openai\\.com/.*$"], repr(r"^https://api\.openai\.com/.*$")),
            (["^https://a/.*$ "], "'^https://a/.*$'"),
            (["http://ollama:11434"], "'^http://ollama:11434/.*$'"),
        ],
    )
    @pytest.mark.parametrize("list_mode", ["exact", "append"])
    def test_a_pattern_that_no_url_matches(
        self, fresh: FakeCluster, value: Any, correction: str, list_mode: str
    ) -> None:
        with pytest.raises(Failure) as caught:
            execute(fresh, MODULE, settings={TRUSTED: value}, list_mode=list_mode, allow_catch_all=True)
        assert caught.value.code == "useless_pattern"
        assert correction in caught.value.message
        assert fresh.exchanges == []

    def test_the_pattern_of_urls_of_models_is_only_compiled(self, fresh: FakeCluster) -> None:
        name = "plugins.ml_commons.trusted_url_regex"
        fresh.defaults[name] = "^(https?|ftp|file)://.*"
        execute(fresh, MODULE, settings={name: "^(https?|file)://.*"}, list_mode="append")
        assert fresh.persistent[name] == "^(https?|file)://.*"
        with pytest.raises(Failure, match="does not compile"):
            execute(fresh, MODULE, settings={name: "("})

    @pytest.mark.parametrize("check_mode", [True, False])
    def test_a_new_weak_pattern_is_warned_of(self, fresh: FakeCluster, check_mode: bool) -> None:
        weak = "^https://api.openai.com/.*$"
        result = execute(fresh, MODULE, check_mode=check_mode, settings={TRUSTED: [weak]}, list_mode="append")
        assert "an unescaped dot" in result["warnings"][0]
        fresh.persistent[TRUSTED] = [weak]
        for mode in ("append", "remove"):
            assert not execute(fresh, MODULE, settings={TRUSTED: [weak]}, list_mode=mode)["warnings"]

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({PRIVATE_IP: "yes"}, "'yes' is no boolean; write true"),
            ({THRESHOLD: "90%"}, "'90%' is no whole number; write a whole number from 0 to 100"),
            ({ROLES: "data,ml"}, "'data,ml' is a text, and the setting is a list; write [data, ml]"),
        ],
    )
    @pytest.mark.parametrize("check_mode", [True, False])
    def test_a_value_of_another_type(
        self, fresh: FakeCluster, settings: dict[str, Any], message: str, check_mode: bool
    ) -> None:
        with pytest.raises(Failure) as caught:
            execute(fresh, MODULE, check_mode=check_mode, settings=settings)
        assert (caught.value.code, caught.value.message) == (
            "invalid_setting_value",
            f"{next(iter(settings))}: {message}.",
        )
        assert fresh.exchanges == []

    @pytest.mark.parametrize("body", [{"persistent": {PRIVATE_IP: True}}, {f"persistent.{PRIVATE_IP}": True}])
    def test_the_scope_is_an_option(self, fresh: FakeCluster, body: dict[str, Any]) -> None:
        with pytest.raises(Failure, match="Write 'scope: persistent'") as caught:
            execute(fresh, MODULE, settings=body)
        assert caught.value.code == "invalid_input"
        assert fresh.exchanges == []

    @pytest.mark.parametrize("check_mode", [True, False])
    @pytest.mark.parametrize("misspelt", [TRUSTED.replace("points", "point"), PRIVATE_IP[:-1], PRIVATE_IP[1:]])
    def test_a_misspelt_setting(self, fresh: FakeCluster, misspelt: str, check_mode: bool) -> None:
        meant = TRUSTED if "trusted" in misspelt else PRIVATE_IP
        with pytest.raises(Failure, match=f"Did you mean '{meant}'") as caught:
            execute(fresh, MODULE, check_mode=check_mode, settings={misspelt: None})
        assert caught.value.code == "unknown_setting"
        assert fresh.writes == []

    def test_a_misspelt_setting_of_another_plugin(self, fresh: FakeCluster) -> None:
        meant, misspelt = "cluster.routing.allocation.enable", "cluster.routing.allocation.enabled"
        check = execute(fresh, MODULE, check_mode=True, settings={misspelt: "all"})
        assert f"Did you mean '{meant}'?" in check["warnings"][0]
        with pytest.raises(Failure) as caught:
            execute(fresh, MODULE, settings={misspelt: "all"})
        assert f"Did you mean '{meant}'?" in caught.value.message

    def test_a_misspelt_setting_of_an_unreachable_cluster(self, fresh: FakeCluster) -> None:
        fresh.fail_next("GET", "/_cluster/settings", "error")
        with pytest.raises(Failure) as caught:
            execute(fresh, MODULE, settings={PRIVATE_IP[:-1]: True, TRUSTED: []})
        assert caught.value.message.endswith(f"'{PRIVATE_IP[:-1]}' may be misspelt. Did you mean '{PRIVATE_IP}'?")

    def test_a_setting_of_a_later_version(self, fresh: FakeCluster) -> None:
        with pytest.raises(Failure, match=r"OpenSearch 3\.8 added it\.$"):
            execute(fresh, MODULE, settings={"plugins.ml_commons.memory.orphan_ttl_days": 7})

    def test_a_plan_for_amazon(self, fresh: FakeCluster) -> None:
        """Its service offers some settings only, and says so only to a write."""
        signed = {
            "auth_type": "aws_sigv4", "aws_region": "eu-central-1", "aws_access_key_id": "AKID", "aws_secret_access_key": "x" * 40,
        }  # fmt: skip
        for options, words in (({}, ""), (signed, "Amazon decides which settings its service offers")):
            result = execute(fresh, MODULE, check_mode=True, settings={PRIVATE_IP: True}, **options)
            assert result["changed"]
            assert words in str(result["warnings"])
            assert bool(result["warnings"]) is bool(words)

    @pytest.mark.parametrize(
        ("version", "note"),
        [
            ("3.1.0", r"OpenSearch 3\.2 added it\.$"),
            ("3.6.0", r"OpenSearch 3\.2 was the last version with it; remove it\.$"),
        ],
    )
    def test_a_setting_of_a_single_version(self, version: str, note: str) -> None:
        with pytest.raises(Failure, match=note):
            execute(FakeCluster(version), MODULE, settings={"plugins.ml_commons.agentic_search_enabled": True})

    def test_a_broken_pattern(self, fresh: FakeCluster) -> None:
        with pytest.raises(Failure, match=f"{TRUSTED}: The pattern '\\('") as caught:
            execute(fresh, MODULE, settings={TRUSTED: ["^http://a$", "("]})
        assert caught.value.code == "invalid_regex"
        assert fresh.exchanges == []

    def test_patterns_of_other_settings_are_not_checked(self, fresh: FakeCluster) -> None:
        execute(fresh, MODULE, settings={"plugins.ml_commons.task_dispatcher.eligible_node_role.remote_model": ["("]})

    @pytest.mark.parametrize("check_mode", [True, False])
    def test_an_unknown_setting(self, fresh: FakeCluster, check_mode: bool) -> None:
        with pytest.raises(Failure) as caught:
            execute(fresh, MODULE, check_mode=check_mode, settings={"plugins.ml_commons.nope": 1})
        assert caught.value.code == "unknown_setting"
        assert fresh.writes == []

    def test_an_unknown_setting_of_another_plugin_is_sent(self, fresh: FakeCluster) -> None:
        check = execute(fresh, MODULE, check_mode=True, settings={"plugins.other": 1})
        assert "may refuse it" in check["warnings"][0]
        with pytest.raises(Failure) as caught:
            execute(fresh, MODULE, settings={"plugins.other": 1})
        assert caught.value.code == "unknown_setting"

    @pytest.mark.parametrize("check_mode", [True, False])
    def test_a_static_setting(self, fresh: FakeCluster, check_mode: bool) -> None:
        with pytest.raises(Failure) as caught:
            execute(fresh, MODULE, check_mode=check_mode, settings={"plugins.ml_commons.multi_tenancy_enabled": True})
        assert caught.value.code == "static_setting"
        assert fresh.writes == []
        assert not execute(fresh, MODULE, settings={"plugins.ml_commons.multi_tenancy_enabled": False})["changed"]

    @pytest.mark.parametrize("name", ["http.type", "opensearch.experimental.feature.transport.stream.enabled"])
    def test_a_static_setting_of_opensearch(self, fresh: FakeCluster, name: str) -> None:
        """Guides show these among the settings of ML Commons in opensearch.yml."""
        for check_mode in (True, False):
            with pytest.raises(Failure) as caught:
                execute(fresh, MODULE, check_mode=check_mode, settings={name: "x"})
            assert caught.value.code == "static_setting"

    def test_no_settings_are_refused(self, fresh: FakeCluster) -> None:
        for settings in ({}, {"plugins": {}}):
            with pytest.raises(Failure, match="at least one"):
                execute(fresh, MODULE, settings=settings)

    def test_an_answer_of_another_server(self, script: Callable[..., Any]) -> None:
        with pytest.raises(Failure, match="answered the cluster settings as") as caught:
            execute(script(get(READ).answers(200, {"a": 1})), MODULE, settings={PRIVATE_IP: True})
        assert caught.value.code == "not_opensearch"

    def test_another_controller_writes_another_value(self, script: Callable[..., Any]) -> None:
        answer = {"persistent": {}, "transient": {}, "defaults": {PRIVATE_IP: "false"}}
        sent = script(
            get(READ).answers(200, answer),
            put("/_cluster/settings", {"persistent": {PRIVATE_IP: True}}).answers(200, {"acknowledged": True}),
            get(READ).answers(200, answer),
        )
        with pytest.raises(Failure, match="has another value") as caught:
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
        with pytest.raises(Failure, match="trusts hosts that it does not name") as caught:
            execute(fresh, MODULE, settings={TRUSTED: [".*"]})
        assert caught.value.message.count(TRUSTED) == 1

    def test_an_unmasked_answer_is_not_quoted(self, script: Callable[..., Any]) -> None:
        with pytest.raises(Failure) as caught:
            execute(script(get(READ).answers(200, {"a": "x" * 300})), MODULE, settings={PRIVATE_IP: True})
        assert caught.value.message == "The server answered the cluster settings as an object of 1 fields"


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
def test_a_list_of_one_equals_its_item(have: Any, want: Any, same: bool) -> None:
    assert cluster_setting.same(have, want) is same


@pytest.mark.parametrize(
    ("name", "value", "mode", "expected"),
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
def test_which_values_become_lists(name: str, value: Any, mode: str, expected: Any) -> None:
    observed = cluster_setting.Settings({"list": ["b"]}, {}, {})
    assert cluster_setting.desired_value(observed, "persistent", name, value, mode) == expected
