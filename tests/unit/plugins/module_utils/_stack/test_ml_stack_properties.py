# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Properties of every declaration on every cluster."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.support import fuzzing
from ansible_collections.searchops.opensearch_ml.tests.unit.support.stacks import actions_of, apply_stack, connector

#: Coverage is measured by the tests of single functions and modules. Here it would take half as long again.
pytestmark = pytest.mark.no_cover

NAMES = ("a", "b", "c", "d")

#: An example takes a fifth of a second, as it applies several stacks.
few = settings(
    max_examples=fuzzing.number_of_examples(15, 0.05), deadline=None, phases=[Phase.explicit, Phase.generate]
)

MODEL = st.fixed_dictionaries(
    {
        "connector": st.sampled_from(NAMES),
        "state": st.sampled_from(["present", "deployed", "undeployed"]),
        "description": st.sampled_from([None, "", "One", "Two (2)"]),
        "model_group": st.sampled_from([None, "shared", "a"]),
        "is_enabled": st.sampled_from([None, True, False]),
    }
)
DRAWN = st.fixed_dictionaries(
    {
        "connectors": st.dictionaries(
            st.sampled_from(NAMES),
            st.fixed_dictionaries(
                {
                    "description": st.sampled_from([None, "", "One", "Two (2)"]),
                    "parameters": st.sampled_from([{"model": "x"}, {"model": "x", "seed": "1"}, {"model": "y"}]),
                }
            ),
        ),
        "models": st.dictionaries(st.sampled_from(NAMES), MODEL),
        "pipelines": st.dictionaries(st.sampled_from(NAMES), st.sampled_from(NAMES)),
        "agents": st.dictionaries(st.sampled_from(NAMES), st.sampled_from(NAMES)),
        "limits": st.sets(st.sampled_from(NAMES)),
    }
)


def declared(drawn: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """The drawn items and the models and connectors that they refer to, without the options that are None."""
    models = dict(drawn["models"])
    for name in [*drawn["pipelines"].values(), *drawn["agents"].values()]:
        models.setdefault(name, {"connector": "a", "state": "deployed"})
    connectors: dict[str, Any] = {model["connector"]: {} for model in models.values()}
    connectors.update(drawn["connectors"])

    def named(name: str, options: dict[str, Any]) -> dict[str, Any]:
        return {"name": prefix + name, **{key: value for key, value in options.items() if value is not None}}

    return {
        "connectors": [{**connector(prefix + name), **named(name, body)} for name, body in connectors.items()],
        "models": [
            named(
                name,
                {
                    **model,
                    "connector": prefix + model["connector"],
                    "model_group": model.get("model_group") and prefix + model["model_group"],
                },
            )
            for name, model in models.items()
        ],
        "controllers": [
            {"model": prefix + name, "user_rate_limiter": {"ann": {"limit": 5, "unit": "HOURS"}}}
            for name in sorted(drawn["limits"] & models.keys())
        ],
        "agents": [
            {
                "name": prefix + name,
                "type": "flow",
                "tools": [{"type": "MLModelTool", "parameters": {"model_id": f"${{model:{prefix}{model}}}"}}],
            }
            for name, model in drawn["agents"].items()
        ],
        "pipelines": [
            {
                "name": prefix + name,
                "type": "ingest",
                "definition": {"processors": [{"ml_inference": {"model_id": f"${{model:{prefix}{model}}}"}}]},
            }
            for name, model in drawn["pipelines"].items()
        ],
    }


@few
@given(st.lists(DRAWN, min_size=2, max_size=3), st.sampled_from([1, 3]))
def test_any_declaration_is_applied_as_planned_and_then_unchanged(drawn: list[dict[str, Any]], parallel: int) -> None:
    cluster = FakeCluster()
    for each in drawn:
        options = {"name": "s", "prune": "managed", "parallel": parallel, **declared(each)}
        before = cluster.snapshot()
        planned = apply_stack(cluster, check_mode=True, **options)
        assert cluster.snapshot() == before
        applied = apply_stack(cluster, **options)
        assert actions_of(applied) == actions_of(planned)
        assert applied["changes"] == planned["changes"]
        assert {body["name"] for body in cluster.connectors.values()} == {x["name"] for x in options["connectors"]}
        states = {body["name"]: body["model_state"] for body in cluster.models.values()}
        assert states.keys() == {model["name"] for model in options["models"]}
        for model in options["models"]:
            assert model["state"] == "present" or (states[model["name"]] == "DEPLOYED") is (
                model["state"] == "deployed"
            )
        written = len(cluster.writes)
        assert actions_of(apply_stack(cluster, **options)) == []
        assert len(cluster.writes) == written


@few
@given(DRAWN, DRAWN, DRAWN)
def test_pruning_changes_no_objects_of_others(
    ours: dict[str, Any], theirs: dict[str, Any], unlabelled: dict[str, Any]
) -> None:
    cluster = FakeCluster()
    apply_stack(cluster, name="s2", **declared(theirs, "their "))
    apply_stack(cluster, **declared(unlabelled, "plain "))
    before = json.loads(cluster.snapshot())
    apply_stack(cluster, name="s", **declared(ours))
    apply_stack(cluster, name="s", prune="managed")
    assert json.loads(cluster.snapshot())[:7] == before[:7]
