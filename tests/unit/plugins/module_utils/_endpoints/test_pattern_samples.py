# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts that a pattern matches."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._endpoints import pattern_samples

pieces = st.recursive(
    st.sampled_from(["a", ".", r"\d", r"\.", "[a-z]", "[^/]", r"[^\]x]", "://", r"\x41", r"\b", "^", "$", "(?=a)"]),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda two: f"({two[0]}|{two[1]})"),
        inner.map(lambda each: f"(?:{each})?"),
        inner.map(lambda each: f"(?:{each})+"),
        inner.map(lambda each: f"(?P<n>{each})"),
    ),
    max_leaves=6,
)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("^https?://a$", ["http://a", "https://a"]),
        ("a.b", ["a.b"]),
        ("a.+b", ["aab"]),
        ("x{2,}y{0}", ["xx"]),
        ("(a|b(c|d))e", ["ae", "bce", "bde"]),
        (r"[^/]+\.(?:x)", ["a.x"]),
        (r"\d{3}(:\d+)?", ["000", "000:0"]),
        ("(?i)ab*?", ["a"]),
        ("(?!b)a", ["a"]),
        (r"[\]é]", ["]"]),
        ("[\x01]", ["\x01"]),
        ("(?!a)a", []),
        ("(?P<h>a)(?P=h)", []),
        ("(a)(?(1)b|c)", []),
        ("é", ["é"]),
        ("[é]", []),
    ],
)
def test_samples(pattern: str, expected: list[str]) -> None:
    assert pattern_samples.samples(re.compile(pattern)) == expected


@given(pieces)
def test_the_pattern_matches_each_sample(pattern: str) -> None:
    try:
        compiled = re.compile(pattern)
    except re.error:
        return
    found = pattern_samples.samples(compiled)
    assert all(compiled.fullmatch(text) for text in found)
    assert len(found) <= pattern_samples.MAX_SAMPLES


def test_many_alternatives() -> None:
    pattern = "(" + "|".join(f"a{number}" for number in range(100)) + ")(x|y)"
    assert len(pattern_samples.samples(re.compile(pattern))) == pattern_samples.MAX_SAMPLES
