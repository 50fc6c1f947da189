# SPDX-License-Identifier: GPL-3.0-or-later
"""A trusted pattern matches its URL and no other, as any user who may create connectors can choose the other URL."""

from __future__ import annotations

import re
import unicodedata
from typing import Any, Callable

import pytest
from ansible.errors import AnsibleFilterError
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.searchops.opensearch_ml.plugins.filter.private_regex import private_regex
from ansible_collections.searchops.opensearch_ml.plugins.filter.provider_endpoint import provider_endpoint
from ansible_collections.searchops.opensearch_ml.plugins.filter.trusted_regex import trusted_regex
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._endpoints import trusted_pattern
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._endpoints import url as url_module

#: Coverage is measured by the tests of single functions and modules. Here it would take half as long again.
pytestmark = pytest.mark.no_cover

labels = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
last_labels = st.from_regex(r"[a-z]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
names = st.tuples(st.lists(labels, max_size=3), last_labels).map(lambda parts: ".".join([*parts[0], parts[1]]))
addresses = st.ip_addresses(v=4).map(str) | st.ip_addresses(v=6).map(lambda address: f"[{address}]")
paths = st.lists(st.text("abcXYZ019-._~!$&'()*+,;=:@%", max_size=6), max_size=4).map(
    lambda parts: "".join(f"/{p}" for p in parts).replace("%", "%25")
)
queries = st.just("") | st.text("abc019=&.*+$?[]()", max_size=8).map(lambda text: f"?{text}")


@st.composite
def urls(draw: st.DrawFn) -> str:
    port = draw(st.just("") | st.integers(1, 65535).map(lambda number: f":{number}"))
    return f"{draw(st.sampled_from(['http', 'https']))}://{draw(names | addresses)}{port}{draw(paths)}{draw(queries)}"


def _in_host(change: Callable[[str], str]) -> Callable[[str], str]:
    def changed(url: str) -> str:
        scheme, _slashes, rest = url.partition("://")
        host = re.match(r"\[[^\]]*\]|[^:/?#]*", rest)
        assert host
        return f"{scheme}://{change(host[0])}{rest[host.end() :]}"

    return changed


#: URLs that attackers use instead: another host, port or path.
LOOK_ALIKES: dict[str, Callable[[str], str]] = {
    "as a subdomain of another domain": _in_host(lambda host: f"{host}.evil.test"),
    "on a subdomain": _in_host(lambda host: f"evil.{host}"),
    "at the end of a longer label": _in_host(lambda host: f"evil{host}"),
    "another character for a dot": _in_host(lambda host: host.replace(".", "x", 1)),
    "a dot encoded": _in_host(lambda host: host.replace(".", "%2e", 1)),
    "a dot encoded twice": _in_host(lambda host: host.replace(".", "%252e", 1)),
    "a dot of another script": _in_host(lambda host: host.replace(".", "\u3002", 1)),
    "a full-width dot": _in_host(lambda host: host.replace(".", "\uff0e", 1)),
    "a dot at the end": _in_host(lambda host: f"{host}."),
    "without its last label": _in_host(lambda host: host.rpartition(".")[0]),
    "in capitals": _in_host(str.upper),
    "an i without a dot": _in_host(lambda host: host.replace("i", "\u0131")),
    "Cyrillic letters": _in_host(lambda host: host.translate(str.maketrans("aceopxy", "\u0430\u0441\u0435\u043e\u0440\u0445\u0443"))),
    "full-width letters": _in_host(lambda host: "".join(chr(ord(c) + 0xFEE0) if c.isalnum() else c for c in host)),
    "an invisible character": _in_host(lambda host: f"{host[:1]}\u200b{host[1:]}"),
    "a combining mark": _in_host(lambda host: f"{host}\u0301"),
    "an empty host": _in_host(lambda host: ""),
    "as user": _in_host(lambda host: f"{host}@evil.test"),
    "as user and password": _in_host(lambda host: f"{host}:x@evil.test"),
    "behind a user": _in_host(lambda host: f"evil.test@{host}"),
    "behind an empty user": _in_host(lambda host: f"@{host}"),
    "before a backslash": _in_host(lambda host: f"evil.test\\@{host}"),
    "before a fragment": _in_host(lambda host: f"evil.test#{host}"),
    "before a question": _in_host(lambda host: f"evil.test?{host}"),
    "as a folder": _in_host(lambda host: f"evil.test/{host}"),
    "with another port": _in_host(lambda host: f"{host}:81"),
    "with an empty port": _in_host(lambda host: f"{host}:"),
    "a longer port": lambda url: re.sub(r":(\d+)", r":\g<1>1", url, count=1),
    "a shorter port": lambda url: re.sub(r":(\d+)\d", r":\1", url, count=1),
    "a port with zeros": lambda url: re.sub(r":(\d+)", r":0\1", url, count=1),
    "a port of other digits": lambda url: re.sub(r":(\d)", lambda m: f":{chr(ord(m[1]) + 0x0630)}", url, count=1),
    "no port": lambda url: re.sub(r":\d+", "", url, count=1),
    "the other scheme": lambda url: url.replace("https", "http", 1) if url.startswith("https") else f"https{url[4:]}",
    "the scheme in capitals": lambda url: url.replace("http", "HTTP", 1),
    "no scheme": lambda url: url.partition(":")[2],
    "within another URL": lambda url: f"http://evil.test/{url}",
    "within a question": lambda url: f"http://evil.test/?{url}",
    "on a second line": lambda url: f"http://evil.test/\n{url}",
    "before a second line": lambda url: f"{url}\nhttp://evil.test/",
    **{f"{name} at the end": (lambda url, end=end: url + end) for name, end in {
        "a slash": "/", "a line break": "\n", "a carriage return": "\r", "both": "\r\n", "a next line": "\x85",
        "a line separator": "\u2028", "a zero": "\0", "a space": " ", "a fragment": "#x", "more": "x", "a question": "?", "a way up": "/..",
    }.items()},
    "a space before": lambda url: f" {url}",
    "a line break before": lambda url: f"\n{url}",
    "nothing": lambda url: "",
}  # fmt: skip


@given(urls())
def test_look_alikes(url: str) -> None:
    pattern = trusted_regex(url)
    assert re.fullmatch(pattern, url)
    of_java = trusted_pattern.compile_java(pattern)
    for kind, change in LOOK_ALIKES.items():
        other = change(url)
        assert bool(re.fullmatch(pattern, other)) == (other == url), kind
        assert bool(of_java.fullmatch(other)) == (other == url), kind


def test_each_look_alike_differs_from_the_url() -> None:
    """Otherwise the test above would prove nothing."""
    url = "http://api.llm.example.test:8080/v1"
    assert [kind for kind, change in LOOK_ALIKES.items() if change(url) == url] == []


@given(st.data(), urls())
def test_only_the_url_matches(data: st.DataObject, url: str) -> None:
    """The reverse: of the texts that hypothesis generates from the pattern, all are the URL."""
    assert data.draw(st.from_regex(trusted_regex(url), fullmatch=True)) == url
    assert data.draw(st.from_regex(private_regex(url), fullmatch=True)) == url_module.normalize(url)


@given(st.text(max_size=30), urls())
def test_no_text_matches(text: str, url: str) -> None:
    for other in (text, url + text, text + url, url[: len(url) // 2] + text + url[len(url) // 2 :]):
        assert bool(re.fullmatch(trusted_regex(url), other)) == (other == url)


@given(st.text(max_size=12), urls())
def test_urls_that_unicode_normalisation_makes_equal(text: str, url: str) -> None:
    meant = f"{url}/{text.strip()}x"
    try:
        pattern = trusted_regex(meant)
    except AnsibleFilterError:
        return
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        other = unicodedata.normalize(form, meant)
        assert bool(re.fullmatch(pattern, other)) == (other == meant)
    for other in (meant.casefold(), meant.swapcase()):
        assert bool(re.fullmatch(pattern, other)) == (other == meant)


@pytest.mark.parametrize("kind", [kind for kind in LOOK_ALIKES if re.search("line|space|^a zero at", kind)])
def test_characters_that_no_url_may_contain_are_refused(kind: str) -> None:
    """Python's own parser removes some of them silently."""
    for apply in (trusted_regex, private_regex):
        with pytest.raises(AnsibleFilterError, match="not a usable URL"):
            apply(LOOK_ALIKES[kind]("http://llm.example.test:8080/v1"))


@given(st.sampled_from(["ollama", "vllm", "llama_cpp", "lm_studio"]), names, st.integers(1, 65535))
def test_the_trusted_regex_of_a_provider(provider: str, host: str, port: int) -> None:
    endpoint: Any = provider_endpoint(f"http://{host}:{port}", provider)
    assert re.fullmatch(endpoint["trusted_regex"], endpoint["url"])
    for change in LOOK_ALIKES.values():
        other = change(endpoint["url"])
        assert bool(re.fullmatch(endpoint["trusted_regex"], other)) == (other == endpoint["url"])
