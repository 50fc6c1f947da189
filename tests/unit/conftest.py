# SPDX-License-Identifier: GPL-3.0-or-later
"""What all unit tests share: no network of the developer's, no waiting, and nothing written in check mode."""

from __future__ import annotations

import os
from typing import Any, Callable, Iterator

import pytest
from hypothesis import HealthCheck, settings

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._runtime.run import Run
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.clock import FakeClock
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.support import guard, harness
from ansible_collections.searchops.opensearch_ml.tests.unit.support.script import Expected, Script

# The same examples in each run: a red build must mean that the code changed.
# A busy machine, on which examples are drawn slowly, is no defect either.
settings.register_profile(
    "unit", derandomize=True, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
# Others in each run, for `make fuzz`.
settings.register_profile(
    "fuzz",
    settings.get_profile("unit"),
    derandomize=False,
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "5000")),
    print_blob=True,
)
settings.load_profile("fuzz" if "FUZZ_EXAMPLES" in os.environ else "unit")


@pytest.fixture(autouse=True)
def _no_cluster_of_the_developer(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("OPENSEARCH_", "OLLAMA_", "AWS_")):
            monkeypatch.delenv(name)
    # Neither a developer's profiles nor the metadata of the machine that runs the tests.
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture(autouse=True)
def check_mode_violations(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Fails every test in which a run in check mode sends anything but a read, whoever built the run."""
    violations: list[str] = []
    plain = Run.__init__

    def watched(self: Run, *args: Any, **kwargs: Any) -> None:
        plain(self, *args, **kwargs)
        guard.watch(self, violations)

    monkeypatch.setattr(Run, "__init__", watched)
    yield violations
    assert not violations, f"sent in check mode: {violations}"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def cluster() -> FakeCluster:
    return FakeCluster()


@pytest.fixture
def script() -> Iterator[Callable[..., Script]]:
    """Makes scripts, and fails the test where one was not followed to its end."""
    made: list[Script] = []

    def make(*expected: Expected) -> Script:
        made.append(Script(*expected))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def module(module_runner: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    return module_runner


@pytest.fixture
def module_runner(check_mode_violations: list[str]) -> Callable[..., dict[str, Any]]:
    """Runs main() of a module: module("ml_model", transport, name=..., check_mode=True).

    Where the double can be doubled, the task also runs in the controller's process, which must come to the same.
    """

    def run(name: str, transport: Any, /, *, check_mode: bool = False, **args: Any) -> dict[str, Any]:
        twin = harness.twin_of(transport)
        result = harness.run_module(name, args, transport, check_mode_violations, check_mode=check_mode)
        if twin is not None:
            assert result == harness.run_in_process(name, args, twin, check_mode_violations, check_mode=check_mode)
        return result

    return run
