# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Cluster settings on real servers: scalars and lists, both scopes, set, appended and reset."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.searchops.opensearch_ml.tests.integration._stack import PRIVATE_IP, TRUSTED, plain

ML = "plugins.ml_commons."
SETTING = "opensearch_cluster_setting"
RETRIES = ML + "model_auto_redeploy.lifetime_retry_times"
ROLES = ML + "task_dispatcher.eligible_node_role.remote_model"
ENDPOINT = r"^https://llm\.example\.com/v1/.*$"
OTHER = r"^https://other\.example\.com/v1/.*$"

pytestmark = pytest.mark.usefixtures("settings_restored")


@pytest.fixture
def snapshot(cluster):
    """The snapshot of these tests contains the settings."""
    return cluster.settings


@pytest.fixture
def no_values(cluster):
    """Reset all settings that the tests use."""
    nothing: dict[str, Any] = dict.fromkeys((RETRIES, ROLES, TRUSTED, ML + "model_auto_redeploy.enable"))
    cluster.put_settings(nothing, nothing)


@pytest.fixture
def holds(cluster):
    def check(name: str, value: Any, scope: str = "persistent") -> None:
        assert plain(cluster.settings()[scope].get(name)) == plain(value)

    return check


VALUES: dict[str, tuple[str, Any, Any]] = {
    "number": (RETRIES, 4, 5),
    "number as text": (RETRIES, "4", "5"),
    "boolean": (ML + "model_auto_redeploy.enable", False, True),
    "boolean as text": (ML + "model_auto_redeploy.enable", "false", "true"),
    "list": (ROLES, ["data"], ["ml", "data"]),
    "list of one": (ROLES, ["data"], ["ml"]),
    "empty list": (TRUSTED, [], [ENDPOINT]),
    "patterns": (TRUSTED, [ENDPOINT], [ENDPOINT, OTHER]),
    "time": ("indices.recovery.internal_action_timeout", "14m", "13m"),
    "share": ("cluster.routing.allocation.disk.watermark.flood_stage", "97%", "96.5%"),
}


@pytest.mark.full_on("2.19.1-tls", but=("boolean", "empty list"))
@pytest.mark.parametrize("scope", ["persistent", "transient"])
@pytest.mark.parametrize("kind", VALUES)
def test_set_change_reset(no_values, cluster, converges, holds, kind, scope):
    setting, one, two = VALUES[kind]
    default = cluster.effective(setting)
    for value in (one, two):
        done = converges(SETTING, ["set"], settings={setting: value}, scope=scope)
        holds(setting, value, scope)
        assert plain(done["settings"][setting]) == plain(cluster.effective(setting)) == plain(value)
        assert plain(done["diff"]["after"]) == {setting: plain(value)}
    done = converges(SETTING, ["set"], settings={setting: None}, scope=scope)
    assert setting not in cluster.settings()[scope]
    assert cluster.effective(setting) == default == done["settings"][setting]


@pytest.mark.full_on("2.19.1-tls")
def test_one_request_for_many(no_values, cluster, module, converges):
    settings = {RETRIES: 7, ROLES: ["data"], ML: {}, "plugins": {"ml_commons": {"model_auto_redeploy.enable": False}}}
    del settings[ML]
    converges(SETTING, ["set"], settings=settings)
    module(SETTING, settings={**settings, RETRIES: 8}, lock="never")
    assert module.recorder.writes == ["PUT /_cluster/settings"]
    # Only settings that differ are sent.
    assert [request.body for request in module.recorder.requests if request.writes] == [
        b'{"persistent": {"%s": 8}}' % RETRIES.encode()
    ]


def test_default_values_are_not_written(no_values, cluster, converges):
    converges(SETTING, [], settings={RETRIES: int(cluster.effective(RETRIES)), ROLES: cluster.effective(ROLES)})
    assert RETRIES not in cluster.settings()["persistent"]


@pytest.mark.full_on("2.19.1-tls")
def test_absent_resets_several(no_values, cluster, module, converges):
    module(SETTING, settings={RETRIES: 7, ROLES: ["data"]})
    converges(SETTING, ["set"], settings={RETRIES: 99, ROLES: None}, state="absent")
    persistent = cluster.settings()["persistent"]
    assert RETRIES not in persistent
    assert ROLES not in persistent


def test_append_keeps_the_defaults(no_values, cluster, converges, holds):
    defaults = cluster.effective(TRUSTED)
    assert len(defaults) > 3
    converges(SETTING, ["set"], settings={TRUSTED: [ENDPOINT]}, list_mode="append")
    holds(TRUSTED, [*defaults, ENDPOINT])
    converges(SETTING, ["set"], settings={TRUSTED: [OTHER, ENDPOINT, OTHER]}, list_mode="append")
    holds(TRUSTED, [*defaults, ENDPOINT, OTHER])
    converges(SETTING, ["set"], settings={TRUSTED: [ENDPOINT]}, list_mode="remove")
    holds(TRUSTED, [*defaults, OTHER])
    converges(SETTING, [], settings={TRUSTED: [ENDPOINT, "^nothing$"]}, list_mode="remove")
    converges(SETTING, ["set"], settings={TRUSTED: [ENDPOINT]}, list_mode="exact")
    holds(TRUSTED, [ENDPOINT])
    converges(SETTING, ["set"], settings={TRUSTED: [ENDPOINT]}, list_mode="remove")
    holds(TRUSTED, [])


@pytest.mark.full_on("2.19.1-tls")
def test_remove_from_the_defaults(no_values, cluster, converges, holds):
    defaults = cluster.effective(TRUSTED)
    converges(SETTING, ["set"], settings={TRUSTED: defaults[:1]}, list_mode="remove")
    holds(TRUSTED, defaults[1:])


@pytest.mark.full_on("2.19.1-tls")
def test_append_together_with_scalars(no_values, cluster, converges, holds):
    converges(SETTING, ["set"], settings={TRUSTED: [ENDPOINT], RETRIES: 9}, list_mode="append")
    holds(RETRIES, 9)


def test_a_list_that_was_stored_as_one_string(no_values, cluster, module, converges):
    cluster.put_settings({TRUSTED: ENDPOINT})
    converges(SETTING, [], settings={TRUSTED: [ENDPOINT]})
    converges(SETTING, ["set"], settings={TRUSTED: [OTHER]}, list_mode="append")
    assert cluster.effective(TRUSTED) == [ENDPOINT, OTHER]


@pytest.mark.full_on("2.19.1-tls")
def test_a_transient_value_that_overrides_causes_a_warning(no_values, cluster, module):
    cluster.put_settings({}, {RETRIES: 2})
    done = module(SETTING, settings={RETRIES: 6})
    assert any("transient" in str(warning) for warning in done["warnings"])
    assert cluster.settings()["persistent"][RETRIES] == "6"
    assert done["settings"][RETRIES] == "2"


def test_an_exact_pattern_permits_only_its_connector(no_values, cluster, module, name):
    url = "http://ollama:11434/v1/chat/completions"
    action = {"request_body": "{}", "headers": {}}
    failure = module.fails("ml_connector", name=name, actions=[{"url": url, **action}])
    assert failure["code"] == "untrusted_endpoint"
    module(SETTING, settings={TRUSTED: [rf"^{url}$".replace(".", r"\.")], PRIVATE_IP: True}, list_mode="append")
    module("ml_connector", name=name, actions=[{"url": url, **action}])
    failure = module.fails("ml_connector", name=f"{name} b", actions=[{"url": url + "x", **action}])
    assert failure["code"] == "untrusted_endpoint"
