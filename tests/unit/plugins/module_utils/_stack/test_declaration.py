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


def test_all_faults_of_all_items_are_reported_before_the_cluster_is_contacted(cluster: FakeCluster) -> None:
    with pytest.raises(Failure) as raised:
        apply_stack(
            cluster,
            connectors=[
                {**connector("A"), "provder": "ollama", "client_config": {"read_timeout": "ten"}, "name": "A"},
                {**connector("A"), "update_strategy": "swop", "client_config": {"read_timout": 1}},
                {**connector("B"), "credential": {"key": "<YOUR KEY>"}},
            ],
            models=[
                {"name": "One", "connector": {"name": "A"}, "model_id": "x"},
                {"name": "Two", "connector": "Y"},
                {"name": "Three", "connector": "A"},
            ],
            controllers=[{"model": "Two", "user_rate_limiter": {"joe": {"limit": 0, "unit": "DAYS"}}}],
            pipelines=[{"name": "a*", "type": "search", "definition": {}}],
        )
    assert not cluster.exchanges
    found = [(each["place"], each["message"]) for each in raised.value.details["problems"]]
    assert [place for place, _message in found] == [
        "connectors[0]", "connectors[0]", "connectors[1]", "connectors[1]", "connectors[1] 'A'", "connectors[2]",
        "models[0]", "models[0]", "controllers[0]", "pipelines[0]",
    ]  # fmt: skip
    text = raised.value.message
    for part in (
        "connectors[0]: unknown option 'provder'; did you mean 'provider'?",
        "cannot be converted to an int",
        "connectors[1]: client_config: unknown option 'read_timout'; did you mean 'read_timeout'?",
        "value of update_strategy must be one of",
        "connectors[0] declares the same name already",
        "not replaced at credential.key",
        "models[0]: connector: takes one text, not a mapping; write connector: A",
        "model_id: a stack names its objects",
        "limit: must be a number above zero",
        # 'Three' refers to a connector that is declared, although wrongly.
        "Not declared here, and not looked for on the cluster yet: models[1] 'Two' refers to connector 'Y'.",
    ):
        assert part in text


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
