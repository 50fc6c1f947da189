# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An export changes nothing where it comes from, makes the same set elsewhere, and holds no secret."""

from __future__ import annotations

import json
from typing import Any, Callable

import pytest
import yaml
from ansible.errors import AnsibleFilterError

from ansible_collections.searchops.opensearch_ml.plugins.filter.stack_filled import stack_filled
from ansible_collections.searchops.opensearch_ml.plugins.filter.stack_yaml import stack_yaml
from ansible_collections.searchops.opensearch_ml.tests.unit.plugins.module_utils.test_stack import ACTION, stack
from ansible_collections.searchops.opensearch_ml.tests.unit.support.cluster import FakeCluster

Runner = Callable[..., dict[str, Any]]
MODULE = "ml_stack_info"

LITERAL = {**ACTION, "headers": {"Authorization": "Bearer sk-in-the-open-77"}}


def filled(module: Runner, cluster: FakeCluster, **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The export, and it with every variable filled in."""
    exported = module(MODULE, cluster, **options)
    assert exported["changed"] is False
    text = json.dumps(exported["stack"])
    for variable in exported["variables"]:
        assert f"{{{{ {variable} }}}}" in text
        text = text.replace(f"{{{{ {variable} }}}}", f"filled-{variable}")
    return exported, json.loads(text)


def laid(module: Runner, cluster: FakeCluster, **more: Any) -> None:
    # One after the other, as the ids are compared too.
    result = module("ml_stack", cluster, parallel=1, **stack(**more))
    assert not result.get("failed"), result


def test_applied_where_it_comes_from_it_changes_nothing(module: Runner, cluster: FakeCluster) -> None:
    laid(module, cluster)
    cluster.persistent["plugins.ml_commons.only_run_on_ml_node"] = "false"
    exported, declared = filled(module, cluster)
    assert exported["left_out"] == []
    assert [len(declared[section]) for section in declared] == [1, 2, 2, 2, 1, 1, 1]
    assert exported["variables"] == {"a_key": "A: key", "b_key": "B: key"}
    assert "stack: chat" not in json.dumps(declared)
    again = module("ml_stack", cluster, **declared)
    assert (again.get("msg"), again["changed"]) == (None, False), again


def test_on_an_empty_cluster_it_makes_the_same(module: Runner, cluster: FakeCluster) -> None:
    laid(module, cluster)
    exported, declared = filled(module, cluster)
    other = FakeCluster()
    made = module("ml_stack", other, parallel=1, **declared)
    assert not made.get("failed"), made
    assert module(MODULE, other)["stack"] == exported["stack"]


def test_no_secret(module: Runner, cluster: FakeCluster) -> None:
    cluster.add_connector("Open", actions=[LITERAL])
    exported = module(MODULE, cluster)
    assert "sk-in-the-open-77" not in json.dumps(exported)
    assert exported["variables"] == {"open_authorization": "Open: Authorization"}


def test_what_cannot_be_stated(module: Runner, cluster: FakeCluster) -> None:
    connector = cluster.add_connector("Twice")
    cluster.add_connector("Twice")
    cluster.add_model("Chat", connector)
    cluster.models[cluster.add_model("Orphan", connector)]["connector_id"] = "gone"
    exported = module(MODULE, cluster)
    assert [(each["section"], each["name"], each["reason"]) for each in exported["left_out"]] == [
        ("connectors", "Twice", "2 have this name."),
        ("connectors", "Twice", "2 have this name."),
        ("models", "Orphan", "Its connector is gone."),
    ]


def test_a_part(module: Runner, cluster: FakeCluster) -> None:
    laid(module, cluster)
    cluster.add_connector("Theirs")
    of_stack = module(MODULE, cluster, name="chat")["stack"]
    assert [item["name"] for item in of_stack["connectors"]] == ["A", "B"]
    assert of_stack["settings"] == []
    some = module(MODULE, cluster, sections=["connectors"], name_pattern="T*")["stack"]
    assert [[item["name"] for item in items] for items in some.values()] == [["Theirs"]]


def test_a_graph(module: Runner, cluster: FakeCluster) -> None:
    laid(module, cluster)
    graph = module(MODULE, cluster, format="graph")
    names = {node["id"]: node["name"] for node in graph["nodes"]}
    told = {(names[edge["from"]], edge["relation"], names[edge["to"]]) for edge in graph["edges"]}
    assert told == {
        ("Chat A", "calls through", "A"), ("Chat B", "calls through", "B"),
        ("Chat A", "is in", "Group"), ("Chat B", "is in", "Chat B"),
        ("Flow", "uses", "Chat A"), ("answers", "uses", "Chat B"),
    }  # fmt: skip
    assert {node["stack"] for node in graph["nodes"]} == {"chat"}


class _Loader(yaml.SafeLoader):
    pass


_Loader.add_constructor("!unsafe", lambda loader, node: ("unsafe", loader.construct_scalar(node)))


def test_yaml(module: Runner, cluster: FakeCluster) -> None:
    text = stack_yaml({"a": ["{{ key }}", "{{ other }}", "x {% y", "plain"]}, {"key": "A: key"})
    assert yaml.load(text, _Loader) == {  # noqa: S506 - a safe loader with one more tag
        "a": ["{{ key }}", ("unsafe", "{{ other }}"), ("unsafe", "x {% y"), "plain"]
    }


def test_values_in_the_places_of_variables() -> None:
    stack = {"a": [{"key": "{{ key }}"}], "b": ["{{ other }}", "x {{ key }}", 1, None]}
    assert stack_filled(stack, {"key": "sk-1"}) == {
        "a": [{"key": "sk-1"}],
        "b": ["{{ other }}", "x {{ key }}", 1, None],
    }
    with pytest.raises(AnsibleFilterError, match="needs a stack"):
        stack_filled([], {})
