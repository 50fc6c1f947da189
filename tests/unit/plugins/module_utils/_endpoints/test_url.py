# SPDX-License-Identifier: GPL-3.0-or-later
"""The URL of a backend: its parts, and what is wrong with it."""

from __future__ import annotations

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._endpoints import url as url_module
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.exceptions import Failure


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("http://a.test:8080/v1/x?y=z", ("http", "a.test", 8080, "/v1/x")),
        ("https://A.test", ("https", "a.test", 443, "")),
        ("http://a.test/", ("http", "a.test", 80, "/")),
        ("http://[::1]:1/", ("http", "::1", 1, "/")),
        ("http://a.test:/x", ("http", "a.test", 80, "/x")),
        ("http://a.1b.c-d./%20?x[]=1", ("http", "a.1b.c-d.", 80, "/%20")),
        ("http://10.0.0.1/http://b", ("http", "10.0.0.1", 80, "/http://b")),
    ],
)
def test_parse(url: str, parts: tuple[str, str, int, str]) -> None:
    assert tuple(url_module.parse(url)) == parts


@pytest.mark.parametrize(
    "url",
    ["", "a.test", "ftp://a.test", "http://", "http:///x", "http://a.test:port/", "http://a.test:99999/", "http://[::1/",
     "http://joe:pw@a.test/", "http://joe@a.test/", "http://a.test:0/", "http://http://a.test/", "http://a_b/", "http://a.1b/",
     "http://a..b/", "http://a-.b/", "http://127.1/", "http://1.2.3.4.5/", "http://\u00e4.test/", "http://a.test/{x}",
     "http://a.test/?%", "http://joe:pw@a_b/"],
)  # fmt: skip
def test_parse_refuses(url: str) -> None:
    with pytest.raises(Failure) as caught:
        url_module.parse(url)
    assert caught.value.code == "invalid_input"
    assert "pw" not in caught.value.message


@pytest.mark.parametrize(
    ("url", "warned"),
    [("https://a.test:11434/v1", True), ("http://a.test:11434/v1", False), ("https://a.test/v1", False)],
)
def test_plain_port_warning(url: str, warned: bool) -> None:
    assert bool(url_module.plain_port_warning(url)) is warned
