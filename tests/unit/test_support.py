# SPDX-License-Identifier: GPL-3.0-or-later
"""The doubles themselves: a test that trusts them must be able to."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._http.transport import NoAnswer, NotSent
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._runtime import run
from ansible_collections.searchops.opensearch_ml.tests.unit.support import guard, harness, specs
from ansible_collections.searchops.opensearch_ml.tests.unit.support.cluster import FAULTS, ML, FakeCluster, java_double
from ansible_collections.searchops.opensearch_ml.tests.unit.support.operations import CHAT
from ansible_collections.searchops.opensearch_ml.tests.unit.support.script import Script, get, post


def send(transport: Any, method: str, path: str, content: bytes | None = None) -> Any:
    return transport.send(method, f"http://cluster.test{path}", {}, content, 1.0)


class TestGuard:
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
    def test_what_is_a_read(self, method: str, path: str, read: bool) -> None:
        assert guard.is_read(method, f"http://cluster.test{path}") is read

    @pytest.mark.parametrize("way", ["module", "task"])
    def test_a_write_in_check_mode_fails_the_test(
        self, monkeypatch: pytest.MonkeyPatch, check_mode_violations: list[str], cluster: FakeCluster, way: str
    ) -> None:
        """With both of the collection's own safeguards taken away."""
        monkeypatch.setattr(run.Run, "perform", lambda self, action, kind, name, do, **facts: do())
        kind, task = harness.connection.CLUSTER, harness.task_of("ml_connector")
        forgetful = kind._replace(connect=_forgetful(kind.connect))
        monkeypatch.setattr(harness.connection, "CLUSTER", forgetful)
        described = task.MODULE._replace(connection=forgetful)
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
        # It would now fail this test as well.
        check_mode_violations.clear()


def _forgetful(connect: Any) -> Any:
    """A connect() that forgets that nothing may be written."""

    def connected(options: Any, *, read_only: bool, **more: Any) -> Any:
        return connect(options, read_only=False, **more)

    return connected


class TestScript:
    def test_it_is_strict(self) -> None:
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

    def test_it_fails_as_told(self) -> None:
        script = Script(get("/a").is_lost(), get("/a").is_refused(), get("/a").answers(200, {"b": 1}))
        with pytest.raises(NoAnswer):
            send(script, "GET", "/a")
        with pytest.raises(NotSent):
            send(script, "GET", "/a")
        assert send(script, "GET", "/a").content == b'{"b": 1}'
        script.close()


class TestCluster:
    @pytest.mark.parametrize("fault", FAULTS)
    def test_a_fault_strikes_once(self, cluster: FakeCluster, fault: str) -> None:
        cluster.inject(fault, at=1)
        statuses = []
        for _count in range(3):
            try:
                statuses.append(send(cluster, "PUT", "/_cluster/settings", b'{"persistent": {}}').status)
            except (NoAnswer, NotSent) as exc:
                statuses.append(type(exc))
        assert (statuses[0], statuses[2]) == (200, 200)
        assert statuses[1] != 200 or fault == "html"
        assert cluster.versions["settings"] == (3 if FAULTS[fault].handled else 2)

    def test_after_a_crash_nothing_is_handled(self, cluster: FakeCluster) -> None:
        cluster.crash("lost_after", at=1)
        send(cluster, "GET", "/")
        with pytest.raises(NoAnswer):
            send(cluster, "GET", "/")
        for _count in range(3):
            with pytest.raises(NotSent):
                send(cluster, "GET", "/")
        cluster.heal()
        assert send(cluster, "GET", "/").status == 200

    def test_its_habits(self, cluster: FakeCluster) -> None:
        connector_id = cluster.add_connector("chat-1", parameters={"a": 1, "b": None, "c": {"x": 0.5}})
        assert cluster.connectors[connector_id]["parameters"] == {"a": "1", "b": "null", "c": '{"x":0.5}'}
        assert cluster.connectors[connector_id]["actions"][0]["action_type"] == "PREDICT"
        cluster.call("PUT", f"{ML}/connectors/{connector_id}", {"parameters": {"d": True}})
        assert set(cluster.connectors[connector_id]["parameters"]) == set("abcd")
        cluster.call("PUT", f"{ML}/connectors/{connector_id}", {})
        assert cluster.versions[connector_id] == 3
        by_text = cluster.call("POST", f"{ML}/connectors/_search", {"query": {"term": {"name": "chat-1"}}})
        assert by_text["hits"]["hits"] == []
        model_id = cluster.add_model("Chat", connector_id)
        assert cluster.handle("PUT", f"{ML}/connectors/{connector_id}", {}, {}).status == 400
        assert cluster.handle("DELETE", f"{ML}/connectors/{connector_id}", {}, None).status == 409
        assert cluster.handle("DELETE", f"{ML}/models/{model_id}", {}, None).status == 400
        assert cluster.handle("DELETE", f"{ML}/connectors/nope", {}, None).status == 200
        assert cluster.handle("DELETE", f"{ML}/models/nope", {}, None).status == 404

    def test_a_deployment_takes_its_time(self, cluster: FakeCluster) -> None:
        model_id = cluster.add_model("Chat", cluster.add_connector(), state="REGISTERED")
        cluster.deploy_outcomes = [("DEPLOY_FAILED", {"node-1": "x"})]
        assert cluster.call("POST", f"{ML}/models/{model_id}/_deploy")["status"] == "COMPLETED"
        states = [cluster.call("GET", f"{ML}/models/{model_id}")["model_state"] for _count in range(4)]
        assert states == ["DEPLOYING", "DEPLOYING", "DEPLOY_FAILED", "DEPLOY_FAILED"]

    def test_an_unknown_query_is_no_silent_miss(self, cluster: FakeCluster) -> None:
        cluster.add_connector()
        with pytest.raises(AssertionError, match="does not know"):
            cluster.call("POST", f"{ML}/connectors/_search", {"query": {"prefix": {"name": "x"}}})


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.5, "0.5"), (1e10, "1.0E10"), (1.5e-7, "1.5E-7"), (100.0, "100.0"), (0.0, "0.0"), (1234567.0, "1234567.0"),
     (12345678.0, "1.2345678E7"), (0.001, "0.001"), (-2.5, "-2.5")],
)  # fmt: skip
def test_doubles_as_java_writes_them(value: float, text: str) -> None:
    assert java_double(value) == text
