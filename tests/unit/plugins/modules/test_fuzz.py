# SPDX-License-Identifier: GPL-3.0-or-later
"""Any options and any answers: never a traceback, never a secret, and each failure has a code and a remedy.

Each run of the unit tests uses the same few examples; `dev/run nox -s fuzz` draws new ones, and many more.
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

#: Coverage is measured by the tests of single functions and modules. Here it would take half as long again.
pytestmark = pytest.mark.no_cover

#: Function-scoped fixtures are safe here: they only collect the writes in check mode of all examples.
few = settings(
    max_examples=fuzzing.number_of_examples(15, 0.6),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
STATUSES = [200, 201, 302, 400, 401, 403, 404, 409, 429, 500, 502, 503]


@pytest.fixture(autouse=True)
def _no_name_service(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*args: Any) -> Any:
        raise socket.gaierror("no name service in a fuzz test")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)


def keyed(module: str) -> dict[str, Any]:
    """The sample options of the module, with credentials."""
    key = (
        {"api_key": fuzzing.SECRET} if module.startswith("ollama_") else {"username": "joe", "password": fuzzing.SECRET}
    )
    return {**SAMPLES[module], **key}


def assert_no_secret(result: Any) -> None:
    secret, raw = fuzzing.SECRET, fuzzing.SECRET.encode()
    texts = [json.dumps(result), json.dumps(result, ensure_ascii=False), str(result)]
    for form in (
        secret,
        base64.b64encode(raw).decode(),
        base64.b64encode(b"joe:" + raw).decode(),
        quote(secret, safe=""),
        quote_plus(secret),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
    ):
        assert not [text for text in texts if form in text], form


def refused_by_ansible(module: str, args: dict[str, Any]) -> bool | None:
    """Whether Ansible refuses the options before the module sees them; None if Ansible itself fails with a traceback.

    It does so for infinity as an integer, and for a number as a mapping with suboptions.
    """
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
def test_any_answer(module: str, check_mode_violations: list[str], data: st.DataObject) -> None:
    def mutate(body: Any) -> Any:
        path = data.draw(st.sampled_from(mutant.places(body)), "path")
        if path and data.draw(st.booleans(), "removed"):
            return mutant.without(body, path)
        return mutant.put(body, path, data.draw(fuzzing.answers, "other"))

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
def test_any_options(module: str, check_mode_violations: list[str], data: st.DataObject) -> None:
    given = data.draw(fuzzing.options(task_of(module).MODULE.argument_spec()), "options")
    args = {**(keyed(module) if data.draw(st.booleans(), "sample") else {}), **given}
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
    # The server's answers are correct here.
    assert result.get("failure", {}).get("code") not in ("unexpected_answer", "internal_error"), result


@few
@given(data=st.data())
def test_any_bytes_in_an_answer(data: st.DataObject) -> None:
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
    # Any other exception fails the test.
    with hostile_server.serving(sent) as url, contextlib.suppress(transport.NoAnswer, transport.NotSent, Failure):
        transport.RequestsTransport(True, None).send("GET", url, {}, None, 2.0)
