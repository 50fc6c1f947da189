# SPDX-License-Identifier: GPL-3.0-or-later
"""The scripted transport accepts nothing but its script."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._http.transport import NoAnswer, NotSent
from ansible_collections.searchops.opensearch_ml.tests.unit.support.script import Script, get, post


def send(transport: Any, method: str, path: str, content: bytes | None = None) -> Any:
    return transport.send(method, f"http://cluster.test{path}", {}, content, 1.0)


def test_it_is_strict() -> None:
    for wrong in (("GET", "/b"), ("POST", "/a")):
        script = Script(get("/a"))
        with pytest.raises(AssertionError, match="instead of GET /a"):
            send(script, *wrong)
        with pytest.raises(AssertionError):
            script.close()
    with pytest.raises(AssertionError, match="after the end"):
        send(Script(), "GET", "/a")
    with pytest.raises(AssertionError, match="never sent"):
        Script(get("/a")).close()
    with pytest.raises(AssertionError, match="carried"):
        send(Script(post("/a", {"x": 1})), "POST", "/a", b'{"x": 2}')


def test_it_fails_as_the_script_says() -> None:
    script = Script(get("/a").is_lost(), get("/a").is_refused(), get("/a").answers(200, {"b": 1}))
    with pytest.raises(NoAnswer):
        send(script, "GET", "/a")
    with pytest.raises(NotSent):
        send(script, "GET", "/a")
    assert send(script, "GET", "/a").content == b'{"b": 1}'
    script.close()
