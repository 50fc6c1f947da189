# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lists of the settings of real servers: both scopes, defaults, and patterns."""

from __future__ import annotations

import pytest

from ansible_collections.searchops.opensearch_ml.tests.integration._stack import PRIVATE_IP, TRUST, TRUSTED

INFO = "opensearch_cluster_setting_info"
RETRIES = "plugins.ml_commons.model_auto_redeploy.lifetime_retry_times"

pytestmark = pytest.mark.usefixtures("settings_restored")


@pytest.mark.parametrize("check", [True, False])
def test_values_and_origins(cluster, module, check):
    patterns = [RETRIES, PRIVATE_IP, TRUSTED]
    cluster.put_settings({RETRIES: None}, {RETRIES: None})
    default = cluster.effective(RETRIES)
    for origin, value, settings in (
        ("default", default, ({RETRIES: None},)),
        ("persistent", "7", ({RETRIES: 7},)),
        ("transient", "8", ({}, {RETRIES: 8})),
    ):
        cluster.put_settings(*settings)
        result = module(INFO, check=check, patterns=patterns)
        assert (result["changed"], len(module.recorder.requests), module.recorder.writes) == (False, 1, [])
        assert result["settings"] == {name: cluster.effective(name) for name in patterns}
        assert result["settings"][RETRIES] == value
        assert result["origins"] == {RETRIES: origin, PRIVATE_IP: "persistent", TRUSTED: "persistent"}


def test_patterns(cluster, module):
    everything = module(INFO)["settings"]
    answer = cluster.must("GET", "/_cluster/settings?flat_settings=true&include_defaults=true")
    assert set(everything) == {name for scope in answer.values() for name in scope}
    ours = module(INFO, patterns=["plugins.ml_commons.*"])["settings"]
    assert ours == {name: value for name, value in everything.items() if name.startswith("plugins.ml_commons.")}
    assert len(ours) > 20


def test_patterns_that_later_versions_refuse(cluster, module, settings_restored):
    cluster.put_settings({TRUSTED: [*TRUST, r"^https://nowhere\.invalid(:\d+)?/.*$"]})
    (risk,) = module(INFO, patterns=["plugins.ml_commons.*"])["risky_patterns"]
    assert risk["pattern"] == r"^https://nowhere\.invalid(:\d+)?/.*$"
    assert risk["instead"] == r"^https://nowhere\.invalid(:\d+|)/.*$"
    assert (risk["setting"], risk["refused_by"]) == (TRUSTED, "OpenSearch 3.7 and 3.8")
    setting = {"settings": {TRUSTED: [risk["instead"]]}, "check": True}
    appended = module("opensearch_cluster_setting", list_mode="append", **setting)
    assert any("An upgrade of a cluster with such a pattern" in str(warning) for warning in appended["warnings"])
    assert not module("opensearch_cluster_setting", **setting).get("warnings")


def test_a_setting_is_listed_as_the_module_returned_it(cluster, module):
    result = module("opensearch_cluster_setting", settings={RETRIES: 6})
    assert module(INFO, patterns=[RETRIES])["settings"] == result["settings"] == {RETRIES: "6"}
