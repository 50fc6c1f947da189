# SPDX-License-Identifier: GPL-3.0-or-later
"""What was stated is found unchanged in what the server makes of it, and nothing else is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._kinds.connector import resource as connectors
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._values import compare
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.java import java_double, java_text

# As YAML and JSON can hold them; integers beyond a double's exactness are no values of models.
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
json_values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=10
)
parameters = st.dictionaries(st.text(min_size=1).filter(lambda name: name != "_searchops"), json_values, max_size=5)


@given(parameters)
def test_parameters_are_unchanged_in_the_store(stated: dict[str, Any]) -> None:
    cluster = FakeCluster()
    fields = connectors.desired({"name": "x", "parameters": stated})
    connector_id = cluster.add_connector("x", parameters=fields["parameters"])
    assert connectors.diff(connectors.observed(cluster.connectors[connector_id]), fields) == []


@given(json_values)
def test_a_value_equals_what_the_server_makes_of_it(value: Any) -> None:
    assert compare.same_text(java_text(value), value)
    assert compare.same_tree(java_text(value), value)
    assert compare.contains(java_text(value), value)


@given(st.dictionaries(st.text(), json_values, min_size=1, max_size=4), st.text(), json_values)
def test_the_server_may_know_more(value: dict[str, Any], name: str, more: Any) -> None:
    stored = {name: more, **value}
    assert compare.contains(java_text(stored), value)


@given(st.integers(-(10**9), 10**9), st.integers(-(10**9), 10**9))
def test_different_numbers_differ(one: int, other: int) -> None:
    assert compare.same_text(java_text(one), other) == (one == other)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_the_double_as_java_writes_it(value: float) -> None:
    assert float(java_double(value)) == value


@pytest.mark.parametrize(
    ("stored", "stated"),
    [
        ("5", 5),
        ("true", True),
        ("null", None),
        ("0.5", 0.50),
        ("1.0E10", 1e10),
        ("1.0E10", 10000000000),
        ("60.0", 60),
        ('{"a":1,"b":2}', {"b": 2, "a": 1}),
        ('{"a":1,"b":2}', '{"b": 2, "a": 1}'),
        ("[1,2]", [1, 2]),
        ("Größe", "Größe"),
        ('{"ü":"ß"}', {"ü": "ß"}),
    ],
)
def test_the_same(stored: Any, stated: Any) -> None:
    assert compare.same_text(stored, stated)


@pytest.mark.parametrize(
    ("stored", "stated"),
    [
        ("5", 6),
        ("5", "5.0"),
        ("true", False),
        ("True", True),
        ("1", True),
        ("", None),
        ("x", 5),
        ("[1,2]", [2, 1]),
        ('{"a":1}', {"a": 1, "b": 2}),
        ('{"a":1,"b":2}', {"a": 1}),
        ("a", "A"),
        ("{broken", {"broken": 1}),
        (None, {}),
        ('{"a":1}', {"a": True}),
        ('[{"a":[0]}]', [{"a": [False]}]),
        ({"a": True}, '{"a":1}'),
        ("[1]", [1, 2]),
        ("[1,2]", [1]),
        ("[[1]]", [1]),
        ('{"a":1}', ["a"]),
        ('["a"]', {"a": 1}),
    ],
)
def test_not_the_same(stored: Any, stated: Any) -> None:
    assert not compare.same_text(stored, stated)


@pytest.mark.parametrize(
    ("stored", "stated", "same"),
    [
        (["5", "true"], [5, True], True),
        ('["5"]', [5], True),
        ([{"a": "1"}], '[{"a": 1}]', True),
        ([1], [1, 2], False),
        ([1, 2], [1], False),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ({"a": 1, "b": 2}, {"a": 1}, False),
        ("ab", ["a", "b"], False),
        ([1], 1, False),
        (1, [1], False),
    ],
)
def test_trees(stored: Any, stated: Any, same: bool) -> None:
    assert compare.same_tree(stored, stated) is same


def test_texts_have_one_form() -> None:
    assert compare.text_of({"ü": 1, "a": [True, None]}) == '{"a":[true,null],"ü":1}'
    assert compare.text_of(("x", 0.5)) == '["x",0.5]'


@pytest.mark.parametrize(
    ("stored", "stated", "covered"),
    [
        ({"a": 1, "b": 2}, {"a": "1"}, True),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ({"a": {"x": 1, "y": 2}}, {"a": {"x": 1}}, True),
        ({"a": [{"x": 1, "y": 2}]}, {"a": [{"x": 1}]}, False),
        (None, {}, False),
        ("text", {"a": 1}, False),
    ],
)
def test_covers(stored: Any, stated: Any, covered: bool) -> None:
    assert compare.contains(stored, stated) is covered


def test_canonical_takes_json_out_of_strings() -> None:
    inside = json.dumps({"b": json.dumps([1, {"c": "{"}])})
    assert compare.canonical({"a": (inside, "text", 5)}) == {"a": [{"b": [1, {"c": "{"}]}, "text", 5]}


def test_canonical_survives_what_only_looks_like_json() -> None:
    for text in ("[" * 100000, "{", "[1,", "{'a': 1}", " [not json]"):
        assert compare.canonical(text) == text


def test_within_shows_what_was_stated() -> None:
    stored = {"a": {"x": 1, "y": 2}, "b": 3, "c": [1]}
    assert compare.restrict_to(stored, {"a": {"x": 5}, "c": [9], "d": 1}) == {"a": {"x": 1}, "c": [1]}
    assert compare.restrict_to("text", {"a": 1}) == "text"


def test_given() -> None:
    assert compare.without_none({"a": None, "b": False, "c": ""}) == {"b": False, "c": ""}
    assert compare.without_none(None) == {}
