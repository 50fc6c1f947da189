# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What is wrong with a trusted-endpoint pattern: it trusts hosts that it does not name, or matches no URL at all.

A pattern is tried on URLs, as the server does: on those that it matches by itself (:mod:`pattern_samples`), and on the same
URLs with another host in place of theirs. So alternatives, optional parts, ports and paths need no rules of their own.
"""

from __future__ import annotations

import functools
import json
import re
import time
from typing import Any, Iterator, NamedTuple

from .._errors.exceptions import Failure
from .pattern_samples import samples
from .privacy import is_private_suffix
from .trusted_pattern import compile_java, exact_pattern
from .url import parse

#: Hosts that no pattern names: names with and without dots, hyphens and digits, and an address of each version.
_UNNAMED_HOSTS = (
    "unnamed-host.example",
    "unnamedhost.example",
    "a1.unnamed-host.example",
    "www.unnamedhost.example",
    "unnamed-host",
    "unnamedhost",
    "203.0.113.7",
    "[2001:db8::7]",
)

#: What a URL may have behind its host. One is long, for patterns that count characters.
_RESTS = (
    "/",
    "",
    "/v1/chat/completions",
    "/openai/deployments/a-model/chat/completions?api-version=2024-10-21",
)

#: Number of samples of a pattern that are tried with other hosts.
_TRIED_SAMPLES = 16

_PARTS = re.compile(r"(?i)(https?)://([^/?#]*?)(:\d*)?((?:[/?#][\s\S]*)?)")

#: What no URL that ML Commons calls contains (java.net.URI).
_NOT_IN_URLS = re.compile(r"[\x00-\x20\x7f\"<>\\^`{|}]")

#: A comma or blanks behind which another pattern begins.
_BETWEEN_PATTERNS = re.compile(r"\s*,\s*(?=\^|https?:|https\?:|\.\*|\(\?)|\s+(?=\^|https?:|https\?:)")


#: A group that is repeated, so that the time of a match may double with each character.
_REPEATED_GROUP = re.compile(r"\)[*+{]")

#: The processor time in seconds after which a match counts as slow, and that of all tries after which no more follow.
_SLOW, _SPENT_AT_MOST = 0.01, 0.5


class Tester:
    """Tries a pattern on URLs, in a limited time. Raises Failure as ``compile_java`` does."""

    def __init__(self, pattern: str) -> None:
        self.compiled = compile_java(pattern)
        self._has_repeated_group = bool(_REPEATED_GROUP.search(pattern))
        self._spent = 0.0

    def matches(self, url: str) -> bool | None:
        """Whether the pattern matches the URL. None if that takes long to find out."""
        if self._has_repeated_group and self._is_slow(url):
            return None
        return bool(self.compiled.fullmatch(url))

    def _is_slow(self, url: str) -> bool:
        """Whether a match takes long, as its beginnings show: nothing can interrupt it."""
        if self._spent > _SPENT_AT_MOST:
            return True
        began = time.thread_time()
        slow = any(self._seconds(url, end) > _SLOW for end in range(len(url)))
        self._spent += time.thread_time() - began
        return slow

    def _seconds(self, url: str, end: int) -> float:
        began = time.thread_time()
        self.compiled.fullmatch(url, 0, end)
        return time.thread_time() - began


class Hole(NamedTuple):
    """A URL that a pattern matches although it does not name its host, and the pattern that closes the hole, if known."""

    url: str
    closed: str | None


class _Parts(NamedTuple):
    scheme: str
    host: str
    port: str
    rest: str

    def with_host(self, host: str, port: str | None = None, rest: str | None = None) -> str:
        port = self.port if port is None else port
        return f"{self.scheme}://{host}{port}{self.rest if rest is None else rest}"


@functools.lru_cache(maxsize=256)
def find_hole(pattern: str) -> Hole | None:
    """How the pattern trusts hosts that it does not name; None if it does not. Raises Failure as ``compile_java``."""
    tester = Tester(pattern)
    for parts in _tried(tester.compiled):
        for url in _with_unnamed_hosts(parts):
            if tester.matches(url):
                return Hole(url, None)
        for url in _with_longer_hosts(parts):
            if tester.matches(url):
                return Hole(url, _closed(parts, tester))
    return None


def is_catch_all(pattern: str) -> bool:
    """Whether the pattern trusts hosts that it does not name. Raises Failure as ``compile_java`` does."""
    return find_hole(pattern) is not None


def find_fault(pattern: str) -> str | None:
    """Why no connector can use the pattern, and what to write in its place; None for a usable pattern.

    Raises Failure as ``compile_java`` does.
    """
    fault = _fault_of_text(pattern)
    if fault:
        return fault
    tester = Tester(pattern)
    found = samples(tester.compiled)
    impossible = [_NOT_IN_URLS.search(text) for text in found]
    if found and all(impossible):
        char = next(match[0] for match in impossible if match)
        return f"it matches no URL, as no URL contains {char!r}{_without(pattern, char)}"
    if found and not any(_PARTS.fullmatch(text) for text in found) and not _matches_a_url(tester, found):
        return f"it matches no URL: it must match the whole URL, from http:// or https:// on{_with_scheme(found[0])}"
    whole = _hosts_without_path(tester, found)
    if whole and (pattern.endswith(("/*", "/*$")) or not pattern.endswith("$")):
        return (
            f"it matches {whole} alone: a pattern must match the whole URL, and connectors call a path; write "
            f"{_closed_text(whole)!r} for all paths of the host"
        )
    return None


def find_weakness(pattern: str) -> str | None:
    """A warning about a pattern that matches more or less than most authors want; None without one.

    The defaults of ML Commons have some of these, so that they are no errors. Raises Failure as ``compile_java`` does.
    """
    tester = Tester(pattern)
    found = samples(tester.compiled)
    unusable = _why_unusable(tester, found[:_TRIED_SAMPLES])
    if unusable:
        return f"it matches no URL that a connector can call: {unusable}"
    for parts in _parsed(found[:_TRIED_SAMPLES]):
        for at in [number for number, char in enumerate(parts.host) if char == "."]:
            other = parts.with_host(parts.host[:at] + "x" + parts.host[at + 1 :])
            if tester.matches(other):
                return f"an unescaped dot matches any character, so that {other} is trusted as well; write \\. for each dot"
        for url in _with_the_host_in_the_path(parts):
            if tester.matches(url):
                return (
                    f"a wildcard in the host also matches slashes, so that {url} is trusted as well; write [^/]* in "
                    "place of .* in the host"
                )
    whole = _hosts_without_path(tester, found)
    if whole and len(found) == 1:
        return (
            f"it matches {whole} alone, without a path, as only a connector of an MCP protocol calls it; write "
            f"{_closed_text(whole)!r} for all paths of the host"
        )
    return None


def _why_unusable(tester: Tester, found: list[str]) -> str | None:
    """Why no connector can call any URL that the pattern matches. None if it can, or if that is not certain."""
    all_parts = list(_parsed(found))
    if not all_parts or len(all_parts) < len(found):
        return None
    reasons = [_why_no_host(parts.host) for parts in all_parts]
    if not all(reasons) or any(_leaves_host_open(tester, parts) for parts in all_parts):
        return None
    return reasons[0]


def _why_no_host(host: str) -> str | None:
    """Why ML Commons cannot call the host; None if it can."""
    if re.fullmatch(r"\d+(\.\d+){0,2}\.?", host):
        return f"{host!r} is no host, as an IPv4 address has four numbers, such as 127.0.0.1"
    try:
        parse(f"https://{host}/")
    except Failure as failure:
        return failure.message.rstrip(".")
    return None


def _leaves_host_open(tester: Tester, parts: _Parts) -> bool:
    """Whether the pattern matches longer hosts as well, so that a sample of it may not be what it is for."""
    return any(
        tester.matches(parts.with_host(parts.host[:at] + char + parts.host[at:])) is not False
        for at in range(len(parts.host) + 1)
        for char in "a1.-"
    )


#: What examples have in place of the patterns that a cluster has.
_PLACEHOLDER = re.compile(r"<(?!.*http).*>|(?!.*http).*(\.\.\.|…)")


def _fault_of_text(pattern: str) -> str | None:
    """The faults that can be seen without compiling the pattern."""
    text = pattern.strip()
    if _PLACEHOLDER.fullmatch(text):
        return (
            "it is a placeholder; leave it out, and set 'list_mode: append' to keep the patterns that the cluster has"
        )
    if text != pattern:
        return f"blanks at an end belong to the pattern, and no URL contains them; write {text!r}"
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'`":
        return f"the quotes belong to the pattern, and no URL contains them; write {text[1:-1]!r}"
    if len(text) > 2 and text[0] == text[-1] == "/":
        return f"the slashes around it belong to the pattern, and no URL begins with one; write {text[1:-1]!r}"
    if text.startswith("["):
        items = _json_list(text) or _json_list(text.replace("\\", "\\\\"))
        if items:
            return f"it is the JSON text of a list; write a list: {json.dumps(items)}"
    parts = _BETWEEN_PATTERNS.split(text)
    if len(parts) > 1:
        return f"it is several patterns in one text; write a list: {json.dumps(parts)}"
    return None


def _json_list(text: str) -> list[Any] | None:
    try:
        items = json.loads(text)
    except ValueError:
        return None
    return items if isinstance(items, list) else None


def _without(pattern: str, char: str) -> str:
    """The correction for a pattern with a character that no URL contains, as the end of a message."""
    if char < " " and char not in pattern:
        return ", and a backslash before a letter can mean one; write \\. for a dot"
    corrected = pattern.replace("\\\\", "\\") if char == "\\" else pattern.strip("\"'`<>")
    return f"; write {corrected!r}" if corrected != pattern else ""


def _with_scheme(sample: str) -> str:
    match = re.match(r"[\w.-]+\w(:\d+)?(?=/|\Z)", sample)
    return f"; write {_closed_text('https://' + match[0])!r}" if match else ""


def _closed_text(url_without_path: str) -> str:
    """The pattern for all paths below a URL."""
    return exact_pattern(url_without_path)[:-1] + "/.*$"


def _closed(parts: _Parts, tester: Tester) -> str | None:
    """The pattern for all paths of the host. None if the host is an incomplete one, as of a pattern with a wildcard."""
    host = parts.host
    if not re.fullmatch(r"[\w-]+(\.[\w-]+)+|[\w-]*[a-z][\w-]*", host) or re.fullmatch(
        r"[\d.]{1,11}|\d+(\.\d+){0,2}", host
    ):
        return None
    if parts.port == ":":
        # The pattern leaves the port open.
        return exact_pattern(parts.with_host(host, "", ""))[:-1] + ":[0-9]+/.*$"
    closed = _closed_text(parts.with_host(host, parts.port, ""))
    if ("." in host and not is_private_suffix(host) and not re.fullmatch(r"[\d.]+", host)) or parts.port:
        return closed
    # A server of one's own: its port, and often TLS, are part of what the pattern leaves open.
    if tester.matches(parts.with_host(host, ":8080", "/v1")):
        closed = closed[: -len("/.*$")] + "(:[0-9]+|)/.*$"
    other = parts._replace(scheme="http" if parts.scheme == "https" else "https")
    if tester.matches(other.with_host(host, "", "/v1")):
        closed = re.sub(r"^\^https?", "^https?", closed)
    return closed


def _parsed(texts: list[str]) -> Iterator[_Parts]:
    for text in texts:
        match = _PARTS.fullmatch(text)
        if match:
            yield _Parts(match[1], match[2], match[3] or "", match[4])


def _tried(compiled: re.Pattern[str]) -> Iterator[_Parts]:
    """The URLs in which hosts are exchanged: those that the pattern matches, and others for patterns without a scheme."""
    found = samples(compiled)[:_TRIED_SAMPLES]
    yield from _parsed(found)
    # Without a sample, as with a look-ahead, the words of the pattern may be what it asks for.
    words = "/".join(re.findall(r"[\w.-]+", compiled.pattern.replace("\\.", "."))) if not found else ""
    for scheme in ("https", "http"):
        yield _Parts(scheme, "", "", f"/{words}")
        for text in found:
            if not _PARTS.fullmatch(text):
                yield _Parts(scheme, "", "", "/" + text)
                yield from _parsed([f"{scheme}://{text}"])


def _rests(parts: _Parts) -> list[str]:
    return list(dict.fromkeys((parts.rest, *_RESTS)))


def _with_unnamed_hosts(parts: _Parts) -> Iterator[str]:
    hosts = list(_UNNAMED_HOSTS)
    top_level = re.search(r"\.([A-Za-z]{2,})\Z", parts.host)
    if top_level and not is_private_suffix(parts.host):
        # A pattern that names no more than the end, as in .*\.com
        hosts += [f"{name}.{top_level[1]}" for name in ("unnamed-host", "unnamedhost")]
    for host in hosts:
        for port in dict.fromkeys((parts.port, "", ":8080")):
            for rest in _rests(parts):
                yield parts.with_host(host, port, rest)


def _with_longer_hosts(parts: _Parts) -> Iterator[str]:
    """The URL with a host that begins or ends with the named one, or that has the named one as the name of a user."""
    host = parts.host
    if not host:
        return
    longer = [f"{host.rstrip('.')}.unnamed-host.example"]
    domain = ".".join(host.split(".")[-2:])
    if not domain.startswith(".") and not is_private_suffix(host):
        # Another domain with the same end, as notopenai.com for .*openai\.com
        longer.append(f"unnamed{domain}")
    for each in longer:
        for port in dict.fromkeys((parts.port, "")):
            for rest in _rests(parts):
                yield parts.with_host(each, port, rest)
    for user in dict.fromkeys((host, host + parts.port, f"{host}:x")):
        for rest in _rests(parts):
            yield parts.with_host(f"{user}@unnamed-host.example", "", rest)


def _with_the_host_in_the_path(parts: _Parts) -> Iterator[str]:
    """URLs with another host, and with a part of the named one in the path."""
    for at in range(len(parts.host)):
        beginning = f"{parts.host[:at].rstrip('.')}." if at else ""
        yield parts.with_host(f"{beginning}unnamed-host.example/{parts.host[at:]}")


def _matches_a_url(tester: Tester, found: list[str]) -> bool:
    """Whether a pattern whose samples are no URLs matches some, as ``.*`` does."""
    texts = ["", *found]
    urls = [f"{scheme}://{text}{rest}" for scheme in ("https", "http") for text in texts for rest in _RESTS]
    urls += [f"https://unnamed-host.example/{text}" for text in texts]
    return any(tester.matches(url) for url in urls)


def _hosts_without_path(tester: Tester, found: list[str]) -> str | None:
    """The URL of a host, if the pattern matches nothing but hosts without a path."""
    all_parts = list(_parsed(found))
    if not all_parts or len(all_parts) < len(found):
        return None
    for parts in all_parts:
        longer = [parts.with_host(parts.host, rest=f"{parts.rest}{rest}") for rest in ("/v1", "v1", "?v1")]
        if parts.rest.strip("/") or any(tester.matches(url) for url in longer):
            return None
    return all_parts[-1].with_host(all_parts[-1].host, rest="")
