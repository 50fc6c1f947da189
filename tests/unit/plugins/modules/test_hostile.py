# SPDX-License-Identifier: GPL-3.0-or-later
"""Every module against malicious servers: it ends in time, with a code and a remedy, and prints nothing forged."""

from __future__ import annotations

import time
from typing import Any, Iterable

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._http import transport
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._http.transport import RequestsTransport
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._values import nested
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes import hostile_server
from ansible_collections.searchops.opensearch_ml.tests.unit.support import results
from ansible_collections.searchops.opensearch_ml.tests.unit.support.harness import run_module
from ansible_collections.searchops.opensearch_ml.tests.unit.support.samples import SAMPLES

#: One module for each kind of server: the code that limits the duration of an answer is common to all modules.
SOME = ("ml_connector", "ml_stack", "ollama_model")

#: Behaviours that all modules meet in `make test`: no answer, no HTTP, and answers that a module sees. The client refuses
#: the other ones before a module sees them, so some modules meet them in `make test`, and all in `make test-full`.
REFUSED_BY_THE_CLIENT = (
    "zeros", "TLS", "an invalid status", "a long first line", "a long header", "many headers", "an invalid header",
    "two lengths", "a negative length", "a huge length", "an invalid chunk", "a negative chunk", "a huge chunk", "too much",
    "a bomb", "a bomb in a bomb", "no compression", "a truncated compression", "another compression",
)  # fmt: skip


@pytest.fixture(autouse=True)
def _small_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lower the limits, so that a test can exceed them quickly."""
    monkeypatch.setattr(transport, "MAX_ANSWER_BYTES", 2**19)
    monkeypatch.setattr(nested, "MAX_VALUES", 10_000)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


def run(module: str, url: str, violations: list[str], timeout: float, **more: Any) -> dict[str, Any]:
    server = {"url": url} if module.startswith("ollama_") else {"hosts": [url]}
    args = {**SAMPLES[module], **server, "timeout": timeout, "retries": 1, **more}
    return run_module(module, args, RequestsTransport(True, None), violations)


# Without coverage, which would take half as long again.
@pytest.mark.no_cover
@pytest.mark.parametrize(
    ("behaviour", "modules"),
    [
        *((behaviour, SOME if behaviour in REFUSED_BY_THE_CLIENT else SAMPLES) for behaviour in hostile_server.AT_ONCE),
        *(pytest.param(behaviour, SAMPLES, marks=pytest.mark.full) for behaviour in REFUSED_BY_THE_CLIENT),
    ],
    ids=lambda value: value if isinstance(value, str) else "some modules" if value is SOME else "all modules",
)
def test_a_wrong_answer(behaviour: str, modules: Iterable[str], check_mode_violations: list[str]) -> None:
    with hostile_server.serving(hostile_server.AT_ONCE[behaviour]) as url:
        for module in modules:
            result = run(module, url, check_mode_violations, 2.0)
            results.assert_safe(result)
            assert result.get("failed"), (module, result)


@pytest.mark.parametrize("behaviour", hostile_server.ENDLESS)
def test_an_endless_answer(behaviour: str, check_mode_violations: list[str]) -> None:
    # Much longer than the timeout, so that a busy machine does not matter.
    with hostile_server.serving(hostile_server.ENDLESS[behaviour], lasting=20.0) as url:
        for module in SOME:
            begun = time.monotonic()
            result = run(module, url, check_mode_violations, 0.1, retries=0)
            assert time.monotonic() - begun < 10.0, module
            results.assert_safe(result)
            assert result.get("failed"), (module, result)
