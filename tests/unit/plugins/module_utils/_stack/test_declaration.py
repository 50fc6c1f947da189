# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The declaration of a stack: all problems are reported at once, before anything is changed."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.exceptions import Failure
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.support.stacks import (
    apply_stack,
    connector,
)


def refused_problems(cluster: FakeCluster, **options: Any) -> list[tuple[str, str]]:
    """The places and codes of all problems, which check mode reports as well. Nothing is written."""
    found = []
    for check_mode in (True, False):
        with pytest.raises(Failure) as raised:
            apply_stack(cluster, check_mode=check_mode, **options)
        assert raised.value.code == "invalid_stack"
        found.append([(each["place"], each["code"]) for each in raised.value.details["problems"]])
    assert not cluster.writes
    assert found[0] == found[1]
    return found[0]


def test_all_problems_are_reported_at_once_with_their_places(cluster: FakeCluster) -> None:
    cluster.add_connector("Twice")
    cluster.connectors[cluster.add_connector("Twice")]["created_time"] = 1
    assert refused_problems(
        cluster,
        connectors=[connector("A"), connector("A"), {"nome": "B"}, connector("Gone", state="absent")],
        models=[
            {"name": "One", "connector": "Gone"},
            {"name": "Two", "connector": "A", "model_id": "x"},
        ],
    ) == [
        ("connectors[2]", "invalid_input"),
        ("models[1]", "invalid_input"),
        ("connectors[1] 'A'", "declared_twice"),
        ("models[0] 'One'", "needs_absent"),
    ]
    assert refused_problems(
        cluster,
        connectors=[connector("Twice"), {"name": "Empty"}],
        models=[{"name": "One", "connector": "Nowhere"}, {"name": "Two", "connector": "Twice"}],
        agents=[{"name": "Thinker", "type": "conversational", "llm": {"model_id": "No such"}}],
    ) == [
        ("connectors[0] 'Twice'", "ambiguous_name"),
        ("connectors[1] 'Empty'", "invalid_input"),
        ("models[0] 'One'", "unknown_connector"),
        ("agents[0] 'Thinker'", "unknown_model"),
    ]


def test_invalid_setting_does_not_hide_other_problems(cluster: FakeCluster) -> None:
    wrong = {"settings": {"plugins.ml_commons.no_such": 1}}
    assert refused_problems(cluster, settings=[wrong], connectors=[{"name": "Empty"}, connector("A")]) == [
        ("settings[0] 'plugins.ml_commons.no_such'", "unknown_setting"),
        ("connectors[0] 'Empty'", "invalid_input"),
    ]


def test_cycle_is_refused(cluster: FakeCluster) -> None:
    def agent(name: str, other: str) -> dict[str, Any]:
        tool = {"type": "AgentTool", "parameters": {"agent_id": f"${{agent:{other}}}"}}
        return {"name": name, "type": "flow", "tools": [tool]}

    assert [code for _place, code in refused_problems(cluster, agents=[agent("x", "y"), agent("y", "x")])] == ["cycle"]
