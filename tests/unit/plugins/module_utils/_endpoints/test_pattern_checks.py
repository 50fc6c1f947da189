# SPDX-License-Identifier: GPL-3.0-or-later
"""Trusted patterns that trust hosts which they do not name, and those that no URL matches."""

from __future__ import annotations

import time
from typing import Callable
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._endpoints import pattern_checks, trusted_pattern
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.exceptions import Failure

URL = "http://ollama.example.internal:11434/v1/chat/completions"

labels = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=8)
named_hosts = st.lists(labels, min_size=2, max_size=3).map(lambda names: "srv" + ".".join(names) + ".org")
ports = st.sampled_from(["", ":8080", ":11434"])
paths = st.sampled_from(["/", "/v1/chat/completions", "/api/chat", "/a/b?c=d"])
urls = st.tuples(st.sampled_from(["http", "https"]), named_hosts, ports, paths).map(
    lambda parts: f"{parts[0]}://{parts[1]}{parts[2]}{parts[3]}"
)
#: Pieces of patterns that match many hosts.
any_hosts = st.sampled_from(
    [".*", ".+", "[^/]+", "[^/]*", r"[\w.-]+", r"[^/:]+(:\d+)?", r"\S+", "[a-z.-]+", r"(\w|\.|-)+"]
)
schemes = st.sampled_from(["https?", "http", "https", "(http|https)", "(?:http|https)"])
ends = st.sampled_from(["/.*", ".*", "/v1/chat/completions", "/.+", "/v1/.*", "(/.*)?"])


@pytest.mark.parametrize(
    "pattern",
    [
        ".*",
        ".*$",
        "^.*$",
        "^https?://.*$",
        "^https://.*$",
        ".+",
        ".{10,}",
        ".{40,}",
        ".{1,200}",
        ".{80,}",
        "(?s).*",
        "[^ ]*",
        r"\S+",
        r"\H+",
        r"\X*",
        r"(.\b{g})*",
        r"\p{ASCII}+",
        "(?i)HTTPS?://.*",
        "http.*",
        ".*openai.*",
        "^https?://[^/]+/.*$",
        "^https?://.*/.*$",
        "^https://(a|.*)/.*$",
        r"^(https://api\.openai\.com/.*|http://[^/]*/.*)$",
        r"^https?://[^/]+/v1/chat/completions$",
        r"^https?://[\w.-]+(:\d+)?/api/chat$",
        r"^https://.*\.com/.*$",
        "^http://[a-z]+:11434/.*$",
        r"^http://\d+\.\d+\.\d+\.\d+:11434/.*$",
        r"^http://\[[0-9a-f:]+\]/.*$",
        r"^https://\w+\.\w+\.\w+/.*$",
        r"^https://(?=.*cohere).*$",
        r"^(?=.*\.openai\.com)https?://.*$",
    ],
)
def test_a_catch_all(pattern: str) -> None:
    assert pattern_checks.is_catch_all(pattern)


@pytest.mark.parametrize(
    ("pattern", "trusted", "closed"),
    [
        ("^https://api.openai.com.*$", "https://api.openai.com.unnamed-host.example", r"^https://api\.openai\.com/.*$"),
        (r"^https://api\.openai\.com.*", "https://api.openai.com.unnamed-host.example", r"^https://api\.openai\.com/.*$"),
        ("^https?://localhost.*", "http://localhost.unnamed-host.example", "^https?://localhost(:[0-9]+|)/.*$"),
        ("^http://localhost.*", "http://localhost.unnamed-host.example", "^http://localhost(:[0-9]+|)/.*$"),
        (r"^http://localhost:.*$", "http://localhost:@unnamed-host.example", "^http://localhost:[0-9]+/.*$"),
        (r"^https://api\.openai\.com:.*$", "https://api.openai.com:@unnamed-host.example", r"^https://api\.openai\.com:[0-9]+/.*$"),
        ("^http://ollama:11434.*$", "http://ollama:11434@unnamed-host.example", "^http://ollama:11434/.*$"),
        (r"^https://.*openai\.com/.*$", "https://unnamedopenai.com/", r"^https://openai\.com/.*$"),
        (r"^http://10\..*$", "http://10.unnamed-host.example", None),
        (r"^http://192.168.*$", "http://192.168.unnamed-host.example", None),
    ],
)  # fmt: skip
def test_a_host_that_is_open_at_an_end(pattern: str, trusted: str, closed: str | None) -> None:
    hole = pattern_checks.find_hole(pattern)
    assert hole == (trusted, closed)
    if closed:
        assert not pattern_checks.find_hole(closed)
        assert not pattern_checks.find_weakness(closed)


@pytest.mark.parametrize(
    "pattern",
    [
        trusted_pattern.exact_pattern(URL),
        r"^https://api\.openai\.com/.*$",
        r"^https://api.openai.com/.*$",
        r"^https://.*\.openai\.azure\.com/.*$",
        # Defaults of ML Commons.
        r"^https://bedrock-runtime\..*[a-z0-9-]\.amazonaws\.com/.*$",
        r"^https://rekognition(-fips)?\..*[a-z0-9-]\.amazonaws\.com$",
        # One's own network and domain.
        r"^http://10\.\d+\.\d+\.\d+:11434/.*$",
        r"^http://10\.[0-9.]+:11434/.*$",
        r"^http://.*\.internal:11434/.*$",
        r"^http://[a-z-]+\.svc\.cluster\.local/.*$",
        "^http://ollama-[0-9]+:11434/.*$",
        r"^http://localhost(:\d+)?/.*$",
        r"^https?://(a|b)\.example\.org/.*$",
        "",
    ],
)
def test_no_catch_all(pattern: str) -> None:
    assert not pattern_checks.is_catch_all(pattern)


@pytest.mark.parametrize("check", [pattern_checks.find_hole, pattern_checks.find_fault, pattern_checks.find_weakness])
def test_a_broken_pattern(check: Callable[[str], object]) -> None:
    with pytest.raises(Failure, match="does not compile"):
        check("(broken|")


@given(urls)
def test_an_exact_pattern_has_no_fault(url: str) -> None:
    pattern = trusted_pattern.exact_pattern(url)
    assert pattern_checks.find_hole(pattern) is None
    assert pattern_checks.find_fault(pattern) is None
    assert pattern_checks.find_weakness(pattern) is None or not urlsplit(url).path.strip("/")


@given(schemes, any_hosts, ends, st.booleans())
def test_a_pattern_for_any_host_is_a_catch_all(scheme: str, host: str, end: str, anchored: bool) -> None:
    pattern = f"{scheme}://{host}{end}"
    assert pattern_checks.is_catch_all(f"^{pattern}$" if anchored else pattern)


@given(schemes, any_hosts, ends, st.lists(urls.map(trusted_pattern.exact_pattern), max_size=4), st.data())
def test_alternatives_do_not_hide_one(scheme: str, host: str, end: str, exact: list[str], data: st.DataObject) -> None:
    alternatives = data.draw(st.permutations([*exact, f"{scheme}://{host}{end}"]))
    assert pattern_checks.is_catch_all("|".join(alternatives))
    assert pattern_checks.is_catch_all("^(" + "|".join(alternatives) + ")$")
    hosts = "|".join(data.draw(st.permutations(["a", r"b\.example\.org", host])))
    assert pattern_checks.is_catch_all(f"^{scheme}://({hosts}){end}$")


@given(
    st.lists(
        st.sampled_from(
            ["^", "https?", "http", "://", r"api\.x\.org", "api.x.org", "/", ".*", "[^/]+", r"\d+", ":8080", "a|b", "(", ")", "$"]
        ),
        max_size=9,
    ).map("".join),
    st.tuples(st.sampled_from(["http", "https"]), labels, st.sampled_from(["net", "io", "co"]), paths),
)  # fmt: skip
def test_no_pattern_that_passes_trusts_an_unnamed_host(pattern: str, parts: tuple[str, str, str, str]) -> None:
    try:
        compiled = trusted_pattern.compile_java(pattern)
    except Failure:
        return
    scheme, label, end, path = parts
    if compiled.fullmatch(f"{scheme}://other{label}.{end}{path}"):
        assert pattern_checks.is_catch_all(pattern)


@given(urls, st.sampled_from([".*", ".+", "[^/]*/.*", r"\S*", ".*/v1/.*"]), st.booleans())
def test_a_host_without_an_end_is_found(url: str, end: str, escaped: bool) -> None:
    host = url[: url.index("/", 8)]
    text = trusted_pattern.exact_pattern(host)[:-1] if escaped else f"^{host}"
    assert pattern_checks.is_catch_all(f"{text}{end}$")


@pytest.mark.parametrize(
    ("pattern", "correction"),
    [
        (" ^http://x/y$", "'^http://x/y$'"),
        ("^http://x/y$\n", "'^http://x/y$'"),
        ("^https://a/.*$,^https://b/.*$", '["^https://a/.*$", "^https://b/.*$"]'),
        ("https://a/.*, https?://b/.*", '["https://a/.*", "https?://b/.*"]'),
        ('["^https://a/x$", "^http://b/.*$"]', '["^https://a/x$", "^http://b/.*$"]'),
        (r"^https://api\\.openai\\.com/.*$", repr(r"^https://api\.openai\.com/.*$")),
        ("^https://a/x$ ^http://b/.*$", 'write a list: ["^https://a/x$", "^http://b/.*$"]'),
        (r'["^https://api\.openai\.com/.*$"]', r'write a list: ["^https://api\\.openai\\.com/.*$"]'),
        (r"/^http:\/\/x\/y$/", repr(r"^http:\/\/x\/y$")),
        ('"^http://x/y$"', "'^http://x/y$'"),
        ("http://ollama:11434", "'^http://ollama:11434/.*$'"),
        ("^http://ollama:11434", "'^http://ollama:11434/.*$'"),
        ("http://ollama:11434/", "'^http://ollama:11434/.*$'"),
        ("^http://ollama:11434/*$", "'^http://ollama:11434/.*$'"),
        ("api.openai.com", repr(r"^https://api\.openai\.com/.*$")),
        ("ollama:11434/.*", "'^https://ollama:11434/.*$'"),
        ("ftp://x/.*", "from http:// or https:// on"),
        ("^http://a b/c$", "no URL contains ' '"),
        ("<existing entries...>", "it is a placeholder; leave it out, and set 'list_mode: append'"),
        ("...", "it is a placeholder"),
        ("existing entries…", "it is a placeholder"),
        ("<http://x/y>", "no URL contains '<'"),
        (r"^https://api\.cohere\ai/.*$", r"a backslash before a letter can mean one; write \. for a dot"),
        ("", "matches no URL"),
    ],
)
def test_a_pattern_that_no_url_matches(pattern: str, correction: str) -> None:
    assert correction in str(pattern_checks.find_fault(pattern))


@pytest.mark.parametrize(
    "pattern",
    [
        trusted_pattern.exact_pattern(URL),
        "^http://x{1,2}$",
        "^http://ollama:11434$",
        ".*",
        ".*openai.*",
        "https?://(a|b),c/.*",
        r"[h]ttp://a/.*",
        "[hH]ttp://a/[1,2]",
        r"(?i)HTTP://a/.*",
        "(?!x)http://a/.*",
        r"^https://rekognition(-fips)?\..*[a-z0-9-]\.amazonaws\.com$",
    ],
)
def test_a_usable_pattern(pattern: str) -> None:
    assert pattern_checks.find_fault(pattern) is None


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"^https://api.openai.com/.*$", "https://apixopenai.com/"),
        (r"^https://.*\.openai\.azure\.com/.*$", "[^/]* in place of .*"),
        (r"^https://bedrock\..*[a-z0-9-]\.amazonaws\.com/.*$", "https://bedrock.unnamed-host.example/"),
        ("^http://ollama:11434$", "'^http://ollama:11434/.*$'"),
        # That of the published blueprint for Ollama.
        (r"^https://127\.0\.0/.*$", "'127.0.0' is no host, as an IPv4 address has four numbers"),
        (r"^https?://127\.0\.0(:\d+)?/.*$", "'127.0.0' is no host"),
        ("^http://my_ollama:11434/.*$", "has an underscore that Java does not accept"),
        (r"^https:///v1/.*$", "contain a host"),
        (r"^http://(10\.0\.0|llm)(:\d+)?/.*$", None),
        (r"^http://10\.0\.0\.\d+:\d+/.*$", None),
        (r"^http://[a-z0-9_-]+:11434/.*$", None),
        (trusted_pattern.exact_pattern(URL), None),
        (r"^https://[^/]*\.openai\.azure\.com/.*$", None),
        (r"^https?://ollama(:\d+)?$", None),
    ],
)
def test_a_weakness(pattern: str, text: str | None) -> None:
    found = pattern_checks.find_weakness(pattern)
    assert found is None if text is None else text in str(found)


@pytest.mark.parametrize(
    "pattern",
    [
        r"^https://([a-z-]+\.?)*example\.com/.*$",
        r"^https://(.*)*\.openai\.com/(.*)*$",
        r"^https://([^/]+)+\.example\.org/.*$",
        r"^https://(a+|[a-z-]+)*\.example\.org/.*$",
    ],
)
def test_a_pattern_that_takes_exponential_time_ends(pattern: str) -> None:
    start = time.thread_time()
    for check in (pattern_checks.find_hole, pattern_checks.find_fault, pattern_checks.find_weakness):
        check(pattern)
    assert time.thread_time() - start < 60
