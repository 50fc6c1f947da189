# SPDX-License-Identifier: GPL-3.0-or-later
"""Trusted patterns: exact ones, and those that Java does not compile."""

from __future__ import annotations

import re
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._endpoints import trusted_pattern
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.exceptions import Failure

URL = "http://ollama.example.internal:11434/v1/chat/completions"
urls = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1).map(lambda rest: "http://" + rest)


@given(urls)
def test_exact_pattern_matches_its_url(url: str) -> None:
    assert re.fullmatch(trusted_pattern.exact_pattern(url), url)
    assert trusted_pattern.compile_java(trusted_pattern.exact_pattern(url)).fullmatch(url)


@given(urls, urls)
def test_exact_pattern_matches_no_other_url(url: str, other: str) -> None:
    assert bool(re.fullmatch(trusted_pattern.exact_pattern(url), other)) == (url == other)


@given(urls, st.data())
def test_exact_pattern_matches_no_look_alike(url: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(url) - 1))
    char = data.draw(st.characters(min_codepoint=33, max_codepoint=126))
    for other in (url[:at] + char + url[at + 1 :], url[:at] + char + url[at:], url[:at] + url[at + 1 :], url + char):
        if other != url:
            assert not re.fullmatch(trusted_pattern.exact_pattern(url), other)


@pytest.mark.parametrize(
    "other",
    [
        URL + "/",
        URL + "\n",
        URL.replace(".", "x", 1),
        URL.replace("http", "https"),
        URL.replace("11434", "114345"),
        "http://evil.test/?" + URL,
        URL + "?x=http://evil.test",
        URL.upper(),
        "",
    ],
)
def test_exact_pattern_of_a_typical_url(other: str) -> None:
    assert trusted_pattern.exact_pattern(URL) == r"^http://ollama\.example\.internal:11434/v1/chat/completions$"
    assert not trusted_pattern.compile_java(trusted_pattern.exact_pattern(URL)).fullmatch(other)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"\Qhttp://a.b/\E.*", "http://a.b/c"),
        (r"http://a\Q.b", "http://a.b"),
        (r"a++b*+c?+d{1,2}+", "abbcd"),
        (r"(?<host>[a-z]+)\.test", "a.test"),
        (r"http://(?>a|b)\.test", "http://b.test"),
        (r"\p{Alpha}+\p{Digit}", "abc1"),
        (r"[\p{Lower}\p{Digit}]+", "a1"),
        (r"\P{Digit}+", "abc"),
        (r"\pL+", "abc"),
        (r"\p{IsAlpha}", "a"),
        (r"a(?i)B", "Ab"),
        (r"a\z", "a"),
        (r"a\hb", "a b"),
        (r"[a-c[x-z]]+", "ax"),
        (r"\$\{x\}", "${x}"),
        (r"a{2}", "aa"),
        (r"[{]", "{"),
        (r"\e", "\x1b"),
        (r"\H\h\X", "a b"),
        (r"a\b{g}b", "ab"),
        (r"[\h]", "\t"),
        ("[]a]+", "]a"),
        ("[^]a]+", "bc"),
        ("[b[]a]]+", "]ab"),
    ],
)
def test_syntax_that_java_writes_differently(pattern: str, text: str) -> None:
    assert trusted_pattern.compile_java(pattern).fullmatch(text)


def test_a_variable_without_its_value_is_named() -> None:
    with pytest.raises(Failure, match=r"the variable \$\{HOST\} was not replaced by its value"):
        trusted_pattern.compile_java("^http://${HOST}:${PORT}/.*$")


@pytest.mark.parametrize(
    "pattern",
    ["(", "http://(a", "[a", "*a", "a{", "a{x}", "\\", "(?<1a>x)", "[]", "[^]", "[a[]", r"[\R]", "a**", ")", "(?<name"],
)
def test_invalid_patterns_are_refused(pattern: str) -> None:
    with pytest.raises(Failure, match="does not compile") as caught:
        trusted_pattern.compile_java(pattern)
    assert caught.value.code == "invalid_regex"


@pytest.mark.parametrize(
    "pattern",
    [
        "(?<=a*)b",
        r"\p{IsAlphabetic}",
        r"\p{InGreek}",
        r"\p{script=Greek}",
        r"\p{Nonsense}",
        r"\N{DIGIT ONE}",
        r"[\H]",
        r"\V",
        r"\Ga",
        r"a\1",
        r"(a\1)",
    ],
)
def test_patterns_that_cannot_be_checked_are_refused(pattern: str) -> None:
    """Java accepts all of them but the nonsense (tried)."""
    with pytest.raises(Failure, match="this check does not support it") as caught:
        trusted_pattern.compile_java(pattern)
    assert caught.value.code == "invalid_regex"
    assert "does not compile" not in caught.value.message


@pytest.mark.parametrize("pattern", ["[a-z&&b]", "[a&&[^b]]", "[a||b]", "[+--]", r"[\P{Digit}x]"])
def test_classes_that_later_versions_of_python_may_read_differently(pattern: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trusted_pattern.compile_java(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        "(?P<n>x)",
        "(?P=n)",
        "(?<a_b>x)",
        "(?#c)x",
        "(?a)x",
        "(?a:x)",
        "(?(1)a|b)",
        "x{99999999999}",
        r"\k<h>",
        "(" * 2000,
    ],
)
def test_syntax_of_python_only_is_refused(pattern: str) -> None:
    """Java 17 refuses each of them (tried)."""
    with pytest.raises(Failure) as caught:
        trusted_pattern.compile_java(pattern)
    assert caught.value.code == "invalid_regex"


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"(?<h>a)\k<h>", "aa"),
        (r"\p{Lu}\p{Ll}", "Ab"),
        (r"\x{41}", "A"),
        (r"\cA", "\x01"),
        ("(?im-s)a", "A"),
        ("(?i:a)", "A"),
    ],
)
def test_syntax_of_java_only(pattern: str, text: str) -> None:
    assert trusted_pattern.compile_java(pattern).fullmatch(text)
