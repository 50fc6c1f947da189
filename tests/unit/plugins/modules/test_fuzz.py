# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever a task states and a server answers: never a traceback, always a code and a remedy, never a secret.

The same examples in each run; `make fuzz` draws others, and many more.
"""

from __future__ import annotations

import base64
import contextlib
import json
import socket
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.exceptions import Failure
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._http import transport
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes import hostile_server, mutant
from ansible_collections.searchops.opensearch_ml.tests.unit.support import fuzzing, results
from ansible_collections.searchops.opensearch_ml.tests.unit.support.harness import run_module, server_of, task_of
from ansible_collections.searchops.opensearch_ml.tests.unit.support.samples import SAMPLES, server_for

#: The fixtures only look for what was written in check mode, in any of the examples.
few = settings(
    max_examples=settings.default.max_examples * 6 // 10 if settings.default else 60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
STATUSES = [200, 201, 302, 400, 401, 403, 404, 409, 429, 500, 502, 503]


@pytest.fixture(autouse=True)
def _no_name_service(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*args: Any) -> Any:
        raise socket.gaierror("no name service in a fuzz test")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)


def keyed(module: str) -> dict[str, Any]:
    """The sample with credentials."""
    key = (
        {"api_key": fuzzing.SECRET} if module.startswith("ollama_") else {"username": "joe", "password": fuzzing.SECRET}
    )
    return {**SAMPLES[module], **key}


def assert_no_secret(result: Any) -> None:
    secret, raw = fuzzing.SECRET, fuzzing.SECRET.encode()
    told = [json.dumps(result), json.dumps(result, ensure_ascii=False), str(result)]
    for form in (
        secret,
        base64.b64encode(raw).decode(),
        base64.b64encode(b"joe:" + raw).decode(),
        quote(secret, safe=""),
        quote_plus(secret),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
    ):
        assert not [text for text in told if form in text], form


def refused_by_ansible(module: str, args: dict[str, Any]) -> bool | None:
    """Whether Ansible refuses the options before the module sees them; None where it ends in a traceback over them, as
    over infinity for a whole number, or a number for a mapping with options of its own."""
    described = task_of(module).MODULE
    try:
        found = ArgumentSpecValidator(described.argument_spec(), **described.rules).validate(
            json.loads(json.dumps(args))
        )
    except (TypeError, OverflowError):
        return None
    return bool(found.error_messages)


@pytest.mark.parametrize("module", sorted(SAMPLES))
@few
@given(data=st.data())
def test_what_a_server_answers(module: str, check_mode_violations: list[str], data: st.DataObject) -> None:
    def mutate(body: Any) -> Any:
        place = data.draw(st.sampled_from(mutant.places(body)), "place")
        if place and data.draw(st.booleans(), "left out"):
            return mutant.without(body, place)
        return mutant.put(body, place, data.draw(fuzzing.answers, "other"))

    check_mode = data.draw(st.booleans(), "check mode")
    at = data.draw(st.integers(0, 6), "exchange")
    status = data.draw(st.none() | st.sampled_from(STATUSES), "status")
    double = mutant.Mutant(
        fuzzing.Tolerant(server_for(module)), at, mutate, status, always=data.draw(st.booleans(), "always")
    )
    result = run_module(module, keyed(module), double, check_mode_violations, check_mode=check_mode)
    results.assert_safe(result)
    assert_no_secret(result)


@pytest.mark.parametrize("module", sorted(SAMPLES))
@few
@given(data=st.data())
def test_what_a_task_states(module: str, check_mode_violations: list[str], data: st.DataObject) -> None:
    stated = data.draw(fuzzing.options(task_of(module).MODULE.argument_spec()), "options")
    args = {**(keyed(module) if data.draw(st.booleans(), "sample") else {}), **stated}
    check_mode = data.draw(st.booleans(), "check mode")
    refused = refused_by_ansible(module, {**server_of(module), **args})
    if refused is None:
        return
    result = run_module(
        module, args, fuzzing.Tolerant(server_for(module)), check_mode_violations, check_mode=check_mode
    )
    assert_no_secret(result)
    if refused:
        assert result["failed"]
        assert result["msg"]
        return
    results.assert_safe(result)
    # The server is in order here.
    assert result.get("failure", {}).get("code") not in ("unexpected_answer", "internal_error"), result


@few
@given(data=st.data())
def test_what_comes_over_the_wire(data: st.DataObject) -> None:
    whole = (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n\r\n"
        b"5\r\n\x1f\x8b\x08\x00\x00\r\n5\r\n\x00\x00\x00\x00\x03\r\n0\r\nX: y\r\n\r\n"
    )
    start = data.draw(st.integers(0, len(whole)), "start")
    end = data.draw(st.integers(start, min(len(whole), start + 40)), "end")
    other = data.draw(
        st.binary(max_size=20)
        | st.sampled_from([b"\r\n", b"\r\n\r\n", b": ", b"-1", b"0", b"\xff" * 9, b"gzip, gzip", b"HTTP/"])
    )
    sent = hostile_server.sends(whole[:start] + other + whole[end:])
    # Whatever else is raised fails the test.
    with hostile_server.serving(sent) as url, contextlib.suppress(transport.NoAnswer, transport.NotSent, Failure):
        transport.RequestsTransport(True, None).send("GET", url, {}, None, 2.0)
