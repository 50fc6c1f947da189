# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of all unit tests: no settings of the developer, no waiting, and no write in check mode."""

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

# The same examples in each run: a failed build must mean that the code changed.
# A busy machine draws examples slowly, which is no defect either.
settings.register_profile(
    "unit", derandomize=True, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
# New examples in each run, for `dev/run nox -s fuzz`.
settings.register_profile(
    "fuzz",
    settings.get_profile("unit"),
    derandomize=False,
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "5000")),
    print_blob=True,
)
settings.load_profile("fuzz" if "FUZZ_EXAMPLES" in os.environ else "unit")


def pytest_configure(config: pytest.Config) -> None:
    # ansible-test runs the tests without pyproject.toml and without pytest-cov, which define these markers elsewhere.
    config.addinivalue_line("markers", "full: runs in `make test-full`, not in `make test`")
    config.addinivalue_line("markers", "no_cover: runs without coverage")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    # ansible-test, which loads this plugin, takes no expression of markers.
    if config.pluginmanager.hasplugin("ansible_pytest_collections"):
        items[:] = [item for item in items if item.get_closest_marker("full") is None]


@pytest.fixture(autouse=True)
def _no_settings_of_the_developer(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("OPENSEARCH_", "OLLAMA_", "AWS_")):
            monkeypatch.delenv(name)
    # No AWS profiles of the developer, and no metadata service of the machine that runs the tests.
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture(autouse=True)
def check_mode_violations(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Fail every test in which a run in check mode sends anything but a read."""
    violations: list[str] = []
    original = Run.__init__

    def watched(self: Run, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
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
    """Create scripted transports; the test fails if a script was not followed to its end."""
    scripts: list[Script] = []

    def make(*expected: Expected) -> Script:
        scripts.append(Script(*expected))
        return scripts[-1]

    yield make
    for each in scripts:
        each.close()


@pytest.fixture
def module(module_runner: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    return module_runner


@pytest.fixture
def module_runner(check_mode_violations: list[str]) -> Callable[..., dict[str, Any]]:
    """Run main() of a module: module("ml_model", transport, name=..., check_mode=True).

    If the double can be copied, the task also runs in the controller's process and must return the same.
    """

    def run(name: str, transport: Any, /, *, check_mode: bool = False, **args: Any) -> dict[str, Any]:
        twin = harness.twin_of(transport)
        result = harness.run_module(name, args, transport, check_mode_violations, check_mode=check_mode)
        if twin is not None:
            assert result == harness.run_in_process(name, args, twin, check_mode_violations, check_mode=check_mode)
        return result

    return run
