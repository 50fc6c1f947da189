# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares desired values with what the server makes of them."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._kinds.agent import Agent
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._kinds.connector.resource import Connector
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._values import compare
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.java import java_double, java_text

# Scalars of YAML and JSON, without integers that a double cannot represent exactly.
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


@pytest.mark.no_cover
@given(parameters)
def test_stored_parameters_do_not_differ(desired: dict[str, Any]) -> None:
    cluster = FakeCluster()
    fields = Connector.desired({"name": "x", "parameters": desired})
    connector_id = cluster.add_connector("x", parameters=fields["parameters"])
    assert Connector.diff(Connector.observed(cluster.connectors[connector_id]), fields) == []


@pytest.mark.no_cover
@given(json_values)
def test_a_value_equals_its_text_on_the_server(value: Any) -> None:
    assert compare.same_text(java_text(value), value)
    assert compare.same_tree(java_text(value), value)
    assert compare.contains(java_text(value), value)


@pytest.mark.no_cover
@given(st.dictionaries(st.text(), json_values, min_size=1, max_size=4), st.text(), json_values)
def test_the_server_may_have_more_keys(value: dict[str, Any], name: str, more: Any) -> None:
    observed = {name: more, **value}
    assert compare.contains(java_text(observed), value)


@pytest.mark.no_cover
@given(st.integers(-(10**9), 10**9), st.integers(-(10**9), 10**9))
def test_different_numbers_differ(one: int, other: int) -> None:
    assert compare.same_text(java_text(one), other) == (one == other)


@pytest.mark.no_cover
@given(st.dictionaries(st.sampled_from("abc"), scalars, max_size=3))
def test_parameters_that_another_client_sent_do_not_differ(desired: dict[str, Any]) -> None:
    """Other clients send numbers as numbers, and the server writes them as Java does."""
    stored = {"parameters": {name: java_text(value) for name, value in desired.items()}}
    for kind in (Connector, Agent):
        assert kind.diff(kind.observed(stored), kind.desired({"parameters": desired})) == []


@pytest.mark.no_cover
@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_are_the_same_in_any_notation(one: float, other: float) -> None:
    notations = (repr(one), java_double(one), f"{one:.17g}", f"{one:.17E}")
    for text in notations:
        assert compare.same_text(text, one)
        assert compare.same_text(text, other) == (one == other)
    assert compare.same_text(java_double(one), repr(other)) == (one == other)


@pytest.mark.no_cover
@given(st.text("0123456789.-+eE_ xabn", max_size=12), st.text("0123456789.-+eE_ xabn", max_size=12))
def test_texts_that_are_not_in_javas_notation_differ(one: str, other: str) -> None:
    for text in (one, other):
        assume(not re.fullmatch(r"-?[1-9]\.[0-9]+E-?[0-9]+", text))
    assert compare.same_text(one, other) == (one == other)


@pytest.mark.no_cover
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_the_double_as_java_writes_it(value: float) -> None:
    assert float(java_double(value)) == value


@pytest.mark.parametrize(
    ("observed", "desired"),
    [
        ("5", 5),
        ("true", True),
        ("null", None),
        ("0.5", 0.50),
        ("1.0E10", 1e10),
        ("1.0E10", 10000000000),
        ("60.0", 60),
        ("1.0E-4", 0.0001),
        ("1.0E-4", "0.0001"),
        ("0.0001", "1.0E-4"),
        ("1.0E7", "10000000.0"),
        ("1.0E16", "1e+16"),
        (5.0, "5"),
        ('{"a":1,"b":2}', {"b": 2, "a": 1}),
        ('{"a":1,"b":2}', '{"b": 2, "a": 1}'),
        ("[1,2]", [1, 2]),
        ("Größe", "Größe"),
        ('{"ü":"ß"}', {"ü": "ß"}),
    ],
)
def test_same_text(observed: Any, desired: Any) -> None:
    assert compare.same_text(observed, desired)


@pytest.mark.parametrize(
    ("observed", "desired"),
    [
        ("5", 6),
        ("5", "5.0"),
        ("1.0", "1"),
        ("1.10", "1.1"),
        ("01", "1"),
        ("01", 1),
        ("1_000", 1000),
        (" 5", 5),
        ("\u0665", 5),
        ("1e3", "1000"),
        ("1.0E-4", "0.0002"),
        ("1.0E-4", "[1]"),
        ("9007199254740993", 9007199254740992),
        ("1.0E999", 1e308 * 10),
        ("1.0E999", "1.0E998"),
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
def test_not_same_text(observed: Any, desired: Any) -> None:
    assert not compare.same_text(observed, desired)


@pytest.mark.parametrize(
    ("observed", "desired", "same"),
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
def test_same_tree(observed: Any, desired: Any, same: bool) -> None:
    assert compare.same_tree(observed, desired) is same


def test_text_of() -> None:
    assert compare.text_of({"ü": 1, "a": [True, None]}) == '{"a":[true,null],"ü":1}'
    assert compare.text_of(("x", 0.5)) == '["x",0.5]'


@pytest.mark.parametrize(
    ("observed", "desired", "contained"),
    [
        ({"a": 1, "b": 2}, {"a": "1"}, True),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ({"a": {"x": 1, "y": 2}}, {"a": {"x": 1}}, True),
        ({"a": [{"x": 1, "y": 2}]}, {"a": [{"x": 1}]}, False),
        (None, {}, False),
        ("text", {"a": 1}, False),
    ],
)
def test_contains(observed: Any, desired: Any, contained: bool) -> None:
    assert compare.contains(observed, desired) is contained


def test_canonical_decodes_json_in_strings() -> None:
    inside = json.dumps({"b": json.dumps([1, {"c": "{"}])})
    assert compare.canonical({"a": (inside, "text", 5)}) == {"a": [{"b": [1, {"c": "{"}]}, "text", 5]}


def test_canonical_keeps_text_that_is_not_json() -> None:
    for text in ("[" * 100000, "{", "[1,", "{'a': 1}", " [not json]"):
        assert compare.canonical(text) == text


def test_restrict_to() -> None:
    observed = {"a": {"x": 1, "y": 2}, "b": 3, "c": [1]}
    assert compare.restrict_to(observed, {"a": {"x": 5}, "c": [9], "d": 1}) == {"a": {"x": 1}, "c": [1]}
    assert compare.restrict_to("text", {"a": 1}) == "text"


def test_without_none() -> None:
    assert compare.without_none({"a": None, "b": False, "c": ""}) == {"b": False, "c": ""}
    assert compare.without_none(None) == {}


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ({"a": [1, None, "x"], "b": 2}, {"b": 2.0, "a": (1, None, "x")}, True),
        (1, True, False),
        (False, 0, False),
        (True, True, True),
        (1, "1", False),
        ({"a": 1}, {"a": 1, "b": None}, False),
        ([1], [1, 2], False),
        ([], {}, False),
    ],
)
def test_same_json(left: Any, right: Any, same: bool) -> None:
    assert compare.same_json(left, right) is same
