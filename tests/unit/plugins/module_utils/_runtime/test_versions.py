# SPDX-License-Identifier: GPL-3.0-or-later
"""What depends on the server's version."""

from __future__ import annotations

from typing import Any, Callable

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.exceptions import Failure
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._runtime.versions import (
    Version,
    check_text,
    read_version,
    require,
)
from ansible_collections.searchops.opensearch_ml.tests.unit.support.harness import make_run
from ansible_collections.searchops.opensearch_ml.tests.unit.support.script import get


@pytest.mark.parametrize(
    ("number", "version"), [("2.19.1", (2, 19)), ("3.6.0-SNAPSHOT", (3, 6)), ("10.0.1", (10, 0)), ("3.10", (3, 10))]
)
def test_the_version_is_read(script: Callable[..., Any], number: str, version: tuple[int, int]) -> None:
    run = make_run(script(get("/").answers(200, {"version": {"number": number}})))
    assert read_version(run.client) == version


@pytest.mark.parametrize(
    "answer", [{}, {"version": {}}, [1], {"version": {"number": None}}, {"version": {"number": "x"}}]
)
def test_another_server_is_refused(script: Callable[..., Any], answer: Any) -> None:
    with pytest.raises(Failure, match="does not report an OpenSearch version") as caught:
        read_version(make_run(script(get("/").answers(200, answer))).client)
    assert caught.value.code == "not_opensearch"


def test_versions_are_compared_as_numbers() -> None:
    assert Version(2, 9) < Version(2, 19) < Version(3, 0) < Version(3, 10)
    require(Version(3, 3), "mcp_streamable_http", "x")
    with pytest.raises(Failure, match=r"skip needs OpenSearch 3\.5; this cluster has 3\.4"):
        require(Version(3, 4), "skip_ssl_verification", "skip")


@pytest.mark.parametrize("text", [None, "", "Größe 日本語", "a.b,c!?():@-_'/\"", "a\nb\tc"])
def test_valid_text_is_accepted(text: str | None) -> None:
    check_text(Version(3, 6), "name", text)


@pytest.mark.parametrize(("text", "bad"), [("a&b", "&"), ("<b>x</b>", "< >"), ("a;b*c", r"\* ;"), ("x=1", "=")])
def test_invalid_text_is_refused_from_3_1(text: str, bad: str) -> None:
    with pytest.raises(Failure, match=f"contains {bad}"):
        check_text(Version(3, 1), "name", text)
    check_text(Version(3, 0), "name", text)
    check_text(Version(2, 19), "name", text)
