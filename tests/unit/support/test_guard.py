# SPDX-License-Identifier: GPL-3.0-or-later
"""The guard of check mode fails a test that writes, even if the collection's own safeguards do not work."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._runtime import run
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import ML, FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.exchanges import is_read
from ansible_collections.searchops.opensearch_ml.tests.unit.support import harness, specs
from ansible_collections.searchops.opensearch_ml.tests.unit.support.operations import CHAT


@pytest.mark.parametrize(
    ("method", "path", "read"),
    [
        ("GET", "/", True),
        ("POST", f"{ML}/models/_search", True),
        ("POST", f"{ML}/models/x/_predict", False),
        ("POST", f"{ML}/connectors/_create", False),
        ("POST", f"{ML}/models/_register?x=/_search", False),
        ("PUT", "/_cluster/settings", False),
        ("DELETE", f"{ML}/models/_search", False),
    ],
)
def test_what_is_a_read(method: str, path: str, read: bool) -> None:
    assert is_read(method, f"http://cluster.test{path}") is read


@pytest.mark.parametrize("way", ["module", "task"])
def test_a_write_in_check_mode_fails_the_test(
    monkeypatch: pytest.MonkeyPatch, check_mode_violations: list[str], cluster: FakeCluster, way: str
) -> None:
    """Both of the collection's own safeguards are switched off here."""
    monkeypatch.setattr(run.Run, "perform", lambda self, action, kind, name, do, **facts: do())
    kind, task = harness.connection.CLUSTER, harness.task_of("ml_connector")
    writable = kind._replace(connect=_ignoring_read_only(kind.connect))
    monkeypatch.setattr(harness.connection, "CLUSTER", writable)
    described = task.MODULE._replace(connection=writable)
    for holder in (task, specs.load("ml_connector")):
        monkeypatch.setattr(holder, "MODULE", described)

    def write() -> None:
        if way == "module":
            harness.run_module("ml_connector", CHAT, cluster, check_mode_violations, check_mode=True)
        else:
            harness.execute(cluster, "ml_connector", check_mode=True, **CHAT)

    with pytest.raises(AssertionError, match="written in check mode: POST"):
        write()
    assert cluster.connectors == {}
    assert len(check_mode_violations) == 1
    # Otherwise the guard would fail this test as well.
    check_mode_violations.clear()


def _ignoring_read_only(connect: Any) -> Any:
    """A connect() that ignores that the client is read-only."""

    def connected(options: Any, *, read_only: bool, **more: Any) -> Any:
        return connect(options, read_only=False, **more)

    return connected
