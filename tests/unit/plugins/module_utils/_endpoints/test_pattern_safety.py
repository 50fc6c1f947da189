# SPDX-License-Identifier: GPL-3.0-or-later
"""The patterns that OpenSearch 3.7 and later refuse, against the server's own expressions."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._endpoints import pattern_safety
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.newer_versions import unsafe_pattern

TRUSTED = pattern_safety.CHECKED_SETTINGS[0]

#: Pattern -> the versions of 3.6, 3.7, 3.8, 3.9 and 3.10 that refuse it.
REFUSED = {
    r"^https://api\.openai\.com/.*$": (),
    r"^https://runtime\.sagemaker(-fips)?\.[a-z0-9-]+\.amazonaws\.com/.*$": (),
    r"^http://llm(:\d+)?/v1$": (7, 8),
    r"^http://llm(:\d+|)/v1$": (),
    r"^http://([a-z0-9-]+\.)?llm/$": (),
    r"^http://(a+)+$": (7, 8, 9, 10),
    r"^http://(a*)*$": (7, 8, 9, 10),
    r"^http://(a+){2}$": (7, 8, 9, 10),
    r"^http://(a+)?(b+)+$": (7, 8, 9, 10),
    r"^http://(a)\1$": (7, 8, 9, 10),
    "^http://" + "a" * 247 + "$": (),
    "^http://" + "a" * 248 + "$": (7, 8, 9, 10),
}


@pytest.mark.parametrize(("pattern", "minors"), REFUSED.items())
def test_the_versions_that_refuse_a_pattern(pattern: str, minors: tuple[int, ...]) -> None:
    risk = pattern_safety.find_risk(pattern)
    for minor in (6, 7, 8, 9, 10):
        refused = risk is not None and risk.refused_by((3, minor))
        assert refused is (minor in minors)
        assert (unsafe_pattern(f"3.{minor}.0", TRUSTED, [pattern]) is not None) is refused
    assert bool(risk and risk.refused_after((2, 19))) is bool(minors)
    assert not (risk and risk.refused_after((3, 7)))


@pytest.mark.parametrize(
    ("pattern", "instead"),
    [
        (r"^http://llm(:\d+)?/v1$", r"^http://llm(:\d+|)/v1$"),
        (r"^http://(?:[a-z]+\.?)?llm(:\d+)?/.*$", r"^http://(?:[a-z]+\.?|)llm(:\d+|)/.*$"),
        (r"^http://(a\.(b+)?)?llm/?$", r"^http://(a\.(b+|))?llm/?$"),
        # Possessive and reluctant quantifiers, and what no rewriting helps.
        (r"^http://llm(:\d+)??$", None),
        (r"^http://llm(:\d+)?+$", None),
        (r"^http://(a+)+$", None),
    ],
)
def test_what_to_write_instead(pattern: str, instead: str | None) -> None:
    risk = pattern_safety.find_risk(pattern)
    assert risk is not None
    assert risk.instead == instead
    if instead:
        assert f"'{instead}'" in risk.reason
        for url in ("http://llm/v1", "http://llm:80/v1", "http://llm:/v1", "http://a.llm:1/x", "http://llm"):
            assert bool(re.fullmatch(instead, url)) is bool(re.fullmatch(pattern, url))


@given(st.text(alphabet=r"ab(|)*+?{}1\.[]:", max_size=30))
def test_the_server_refuses_the_same(pattern: str) -> None:
    risk = pattern_safety.find_risk(pattern)
    for version in ((3, 6), (3, 7), (3, 9)):
        refusal = unsafe_pattern(f"{version[0]}.{version[1]}.0", TRUSTED, [pattern])
        # Whether it compiles is checked elsewhere.
        refusal = None if refusal and refusal.startswith("Invalid") else refusal
        assert (risk is not None and risk.refused_by(version)) is (refusal is not None)
    if risk and risk.instead:
        assert pattern_safety.find_risk(risk.instead) is None


def test_other_settings_are_not_checked() -> None:
    assert pattern_safety.find_risks("plugins.ml_commons.trusted_url_regex", ["(a+)+"]) == []
    assert [risk.pattern for risk in pattern_safety.find_risks(TRUSTED, ["(a+)+", "a", "(b+)+"])] == ["(a+)+", "(b+)+"]
