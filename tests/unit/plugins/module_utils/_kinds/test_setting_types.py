# SPDX-License-Identifier: GPL-3.0-or-later
"""The types of ML Commons' settings, and the nearest known name of a misspelt one."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.exceptions import Failure
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._kinds import setting_types
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._kinds.setting_types import ML_PREFIX

BOOLEAN = ML_PREFIX + "connector.private_ip_enabled"
INTEGER = ML_PREFIX + "max_deploy_model_tasks_per_node"
OPEN_INTEGER = ML_PREFIX + "max_json_size"
RETRIES = ML_PREFIX + "model_auto_redeploy.lifetime_retry_times"
NUMBER = ML_PREFIX + "model_auto_redeploy_success_ratio"
SIZE = ML_PREFIX + "disk_free_space_threshold"
TEXT = ML_PREFIX + "exclude_nodes._name"
LIST = ML_PREFIX + "task_dispatcher.eligible_node_role.remote_model"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[(BOOLEAN, value) for value in (True, False, "true", "false", "True", "False", None)],
        *[(INTEGER, value) for value in (0, 10, "7", 7.0)],
        (OPEN_INTEGER, 10**12),
        (OPEN_INTEGER, -1),
        (RETRIES, -5),
        *[(NUMBER, value) for value in (0, 0.8, "0.8", 1, "1e-1", ".5")],
        *[(SIZE, value) for value in ("5gb", "5GB", "1.5g", "100 mb", "10b", "-1", "0", 0, -1)],
        *[(TEXT, value) for value in ("a,b", "", 5)],
        *[(LIST, value) for value in (["data"], "data", [], [1])],
        (ML_PREFIX + "trusted_connector_endpoints_regex", "^http://x{1,2}/a,b$"),
        (ML_PREFIX + "of_a_later_version", "yes"),
        ("cluster.routing.allocation.enable", "yes"),
    ],
)
def test_accepted(name: str, value: Any) -> None:
    setting_types.check_type(name, value)


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        (BOOLEAN, "yes", "'yes' is no boolean; write true"),
        (BOOLEAN, "off", "'off' is no boolean; write false"),
        (BOOLEAN, "TRUE", "'TRUE' is no boolean; write true"),
        (BOOLEAN, 1, "1 is no boolean; write true"),
        (BOOLEAN, "maybe", "'maybe' is no boolean; write true or false"),
        (BOOLEAN, [True], "[true] is no boolean; write true or false"),
        (INTEGER, "many", "'many' is no whole number; write a whole number from 0 to 10"),
        (INTEGER, -1, "-1 is out of range; write a whole number from 0 to 10"),
        (INTEGER, 11, "11 is out of range; write a whole number from 0 to 10"),
        (INTEGER, True, "true is no whole number; write a whole number from 0 to 10"),
        (INTEGER, 1.5, "1.5 is no whole number; write a whole number from 0 to 10"),
        (INTEGER, [1], "[1] is no whole number; write a whole number from 0 to 10"),
        (OPEN_INTEGER, -2, "-2 is out of range; write a whole number from -1 on"),
        (RETRIES, "x", "'x' is no whole number; write a whole number"),
        (NUMBER, "80%", "'80%' is no number; write a number from 0 to 1"),
        (NUMBER, 80, "80 is out of range; write a number from 0 to 1"),
        (SIZE, 5, "5 is no size; write a number with its unit, as in 5gb"),
        (SIZE, "5 gigabytes", "'5 gigabytes' is no size; write a number with its unit, as in 5gb"),
        (SIZE, False, "false is no size; write a number with its unit, as in 5gb"),
        (TEXT, ["a", "b"], '["a","b"] is a list, and the setting is a text; write \'a,b\''),
        (LIST, True, "true is no list"),
        (LIST, "data, ml", "'data, ml' is a text, and the setting is a list; write [data, ml]"),
    ],
)
def test_refused(name: str, value: Any, fault: str) -> None:
    with pytest.raises(Failure) as caught:
        setting_types.check_type(name, value)
    assert (caught.value.code, caught.value.message) == ("invalid_setting_value", f"{name}: {fault}.")


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("plugins.ml_commons.trusted_connector_endpoint_regex", "plugins.ml_commons.trusted_connector_endpoints_regex"),
        ("plugins.ml_commons.private_ip_enabled", BOOLEAN),
        ("plugin.ml_commons.connector.private_ip_enabled", BOOLEAN),
        ("connector.private_ip_enabled", BOOLEAN),
        (BOOLEAN, None),
        ("no.such.thing", None),
    ],
)
def test_nearest(name: str, meant: str | None) -> None:
    assert setting_types.nearest(name) == meant
    assert setting_types.did_you_mean(name) == (f" Did you mean {meant!r}?" if meant else "")


def test_nearest_among_others() -> None:
    assert setting_types.nearest("a.bb", ["a.b", "c.d"]) == "a.b"


@pytest.mark.parametrize(
    ("name", "expected"),
    [(LIST, True), (BOOLEAN, False), (ML_PREFIX + "trusted_url_regex", False), (ML_PREFIX + "of_3_12_regex", True)],
)
def test_is_list(name: str, expected: bool) -> None:
    assert setting_types.is_list(name) is expected
