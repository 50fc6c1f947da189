# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options that Ansible accepts although they are wrong, and the options as results may show them."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._runtime import option_checks

SPEC = {
    "connector": {"type": "str"},
    "src": {"type": "path"},
    "key": {"type": "str", "no_log": True},
    "roles": {"type": "list", "elements": "str"},
    "hosts": {"type": "list", "elements": "str"},
    "body": {"type": "json"},
    "free": {"type": "dict"},
    "limits": {"type": "dict", "options": {"unit": {"type": "str"}}},
    "tools": {"type": "list", "elements": "dict", "options": {"name": {"type": "str"}}},
}


def faults(given: dict[str, Any]) -> list[str]:
    return list(option_checks.option_faults(SPEC, given))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"connector": {"name": "c"}}, "connector: takes one text, not a mapping; write connector: c"),
        (
            {"connector": {"protocol": "http", "actions": []}},
            "connector: takes the name of a connector, not its body; create it "
            "with ml_connector, and write connector: NAME",
        ),
        ({"connector": ["c"]}, "connector: takes one text, not a list; write connector: c"),
        ({"connector": ["c", "d"]}, "connector: takes one text, not a list; write connector: TEXT"),
        ({"src": {}}, "src: takes one text, not a mapping; write src: TEXT"),
        ({"key": {"value": "s3cret"}}, "key: takes one text, not a mapping; write key: TEXT"),
        ({"roles": ["a", {"name": "b"}]}, "roles[1]: takes one text, not a mapping; write roles: b"),
        ({"limits": {"unit": ["DAYS"]}}, "limits.unit: takes one text, not a list; write unit: DAYS"),
        ({"tools": [{}, {"name": {}}]}, "tools[1].name: takes one text, not a mapping; write name: TEXT"),
        ({"conector": "c"}, "unknown option 'conector'; did you mean 'connector'?"),
        ({"limits": {"units": "DAYS"}}, "limits: unknown option 'units'; did you mean 'unit'?"),
        ({"zzz": 1}, "unknown option 'zzz'"),
        ({5: 1}, "unknown option '5'"),
    ],
)
def test_faults(given: dict[str, Any], message: str) -> None:
    assert faults(given) == [message]


def test_all_faults_are_found() -> None:
    assert len(faults({"conector": 1, "src": [], "tools": [{"nam": 1, "name": []}]})) == 4


@pytest.mark.parametrize(
    "given",
    [
        {
            "connector": "c",
            "src": None,
            "key": 5,
            "roles": "a,b",
            "hosts": ["x"],
            "body": {"a": [1]},
            "free": {"x": {}},
        },
        {"limits": '{"unit": "DAYS"}', "tools": "garbage", "connector": True},
    ],
)
def test_options_that_ansible_converts_rightly_or_refuses_itself(given: dict[str, Any]) -> None:
    assert faults(given) == []


def test_unknown_options_are_left_to_ansible_in_a_module() -> None:
    assert option_checks.structure_faults(SPEC, {"conector": 1, "src": []}) == [
        "src: takes one text, not a list; write src: TEXT"
    ]


def test_results_show_no_value_that_may_be_a_secret() -> None:
    mask = option_checks.MASK
    assert option_checks.redacted(
        SPEC,
        {
            "connector": "c", "key": "s3cret", "kye": "s3cret", "src": None, "free": {"x": 1}, "body": "{}", "hosts": ["u"],
            "limits": "unit=s3cret", "tools": [{"name": "t", "nmae": "s3cret"}, "s3cret"],
        },
    ) == {
        "connector": "c", "key": mask, "kye": mask, "src": None, "free": {"x": 1}, "body": "{}", "hosts": ["u"],
        "limits": mask, "tools": [{"name": "t", "nmae": mask}, mask],
    }  # fmt: skip
