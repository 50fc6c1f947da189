# SPDX-License-Identifier: GPL-3.0-or-later
"""An OpenSearch with ML Commons in memory. It behaves like the real server where a naive client would break."""

from __future__ import annotations

import json
import threading
from typing import Any, Callable, Mapping
from urllib.parse import parse_qsl, unquote, urlsplit

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._http.transport import RawAnswer
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.agents import Agents
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.answers import Refused, raw
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.controllers import Controllers
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.exchanges import Exchange, decoded
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.faults import FAULTS, Fault
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.indices import Indices
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.leases import Leases, is_lease
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.mcp_tools import McpTools
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.memory_containers import MemoryContainers
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.models import Models
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.pipelines import Pipelines
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.settings import Settings

ML = "/_plugins/_ml"


class FakeCluster(Models, Agents, MemoryContainers, McpTools, Controllers, Settings):
    """A transport that answers each request from memory and records it in ``exchanges``.

    Tests arrange objects with ``add_connector`` and its like, inject faults with :meth:`inject` and :meth:`crash`, and
    act as another controller with :meth:`before` and :meth:`call`.
    """

    def __init__(self, version: str = "3.6.0", *, trusted: tuple[str, ...] = (".*",)) -> None:
        super().__init__(version)
        self.pipelines = Pipelines()
        self.indices = Indices()
        self.leases = Leases()
        #: Whether the exchanges of the lease are recorded, and can have faults and hooks, as all others.
        self.records_leases = False
        self.lease_exchanges: list[Exchange] = []
        if trusted:
            self.persistent["plugins.ml_commons.trusted_connector_endpoints_regex"] = list(trusted)
        self.exchanges: list[Exchange] = []
        # Several threads of one task may send requests, and hooks may send more.
        self._lock = threading.RLock()
        #: Number of an exchange -> the fault that is injected there.
        self._faults: dict[int, Fault] = {}
        #: From which exchange on nothing works any more, and with which fault this begins.
        self._crash: tuple[int, Fault] | None = None
        #: Whether a hook applies to (method, path), the hook, and how many times it will still be called.
        self._hooks: list[tuple[Callable[[str, str], bool], Callable[[], None], list[int]]] = []

    # The transport, as the client calls it

    def send(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes | None, timeout: float
    ) -> RawAnswer:
        with self._lock:
            return self._send(method, url, content)

    def _send(self, method: str, url: str, content: bytes | None) -> RawAnswer:
        parts = urlsplit(url)
        query = dict(parse_qsl(parts.query))
        body = decoded(content)
        if is_lease(parts.path) and not self.records_leases:
            answer = self.handle(method, parts.path, query, body)
            self.lease_exchanges.append(Exchange(method, parts.path, query, body, answer.status))
            return answer
        for applies, act, remaining in self._hooks:
            if remaining[0] and applies(method, parts.path):
                remaining[0] -= 1
                act()
        fault = self._next_fault()
        outcome: RawAnswer | Exception | None = None
        if fault is None or fault.handled:
            outcome = self.handle(method, parts.path, query, body)
        if fault is not None:
            outcome = fault.outcome
        status = outcome.status if isinstance(outcome, RawAnswer) else None
        self.exchanges.append(Exchange(method, parts.path, query, body, status))
        if isinstance(outcome, Exception):
            raise outcome
        assert outcome is not None
        return outcome

    def _next_fault(self) -> Fault | None:
        number = len(self.exchanges)
        fault = self._faults.pop(number, None)
        if fault is None and self._crash and number >= self._crash[0]:
            # A crash may come between the work and its answer; afterwards the server is unreachable.
            fault = self._crash[1] if number == self._crash[0] else FAULTS["refused"]
        return fault

    def inject(self, fault: str, at: int = 0) -> None:
        """Let one exchange fail: ``at`` 0 is the next one, 1 the one after it."""
        self._faults[len(self.exchanges) + at] = FAULTS[fault]

    def crash(self, fault: str, at: int) -> None:
        """As :meth:`inject`, and the server stays unreachable until :meth:`heal`: the run is interrupted there."""
        self._crash = (len(self.exchanges) + at, FAULTS[fault])

    def heal(self) -> None:
        """End a crash and forget all injected faults."""
        self._crash = None
        self._faults.clear()

    def before(self, method: str, ending: str, act: Callable[[], None], times: int = 1) -> None:
        """Call ``act`` before each of the next ``times`` requests of this method whose path ends with ``ending``."""
        self._hooks.append((lambda sent, path: sent == method and path.endswith(ending), act, [times]))

    def fail_next(self, method: str, ending: str, fault: str) -> None:
        """Inject a fault into the next request of this method whose path ends with ``ending``."""
        self.before(method, ending, lambda: self.inject(fault))

    @property
    def writes(self) -> list[Exchange]:
        return [exchange for exchange in self.exchanges if exchange.write]

    def snapshot(self) -> str:
        """All stored objects as text: equal before and after if nothing was changed."""
        return json.dumps(
            [
                self.connectors,
                self.credentials,
                self.groups,
                self.models,
                self.pipelines.bodies,
                self.agents,
                self.controllers,
                self.memory_containers,
                self.mcp_tools,
                self.persistent,
                self.transient,
                self.versions,
            ],
            sort_keys=True,
        )

    # Arrangement by tests: not recorded, without faults and hooks

    def call(self, method: str, path: str, body: Any = None, query: dict[str, str] | None = None) -> Any:
        """The answer to a request of another client; a refusal fails the test."""
        answer = self.handle(method, path, query or {}, json.loads(json.dumps(body)) if body is not None else None)
        assert answer.status < 300, answer
        return json.loads(answer.content)

    def add_connector(self, name: str = "Local chat", **fields: Any) -> str:
        body = {
            "name": name,
            "version": "1",
            "protocol": "http",
            "parameters": {"model": "tiny"},
            "credential": {"placeholder": "x"},
            "actions": [
                {
                    "action_type": "predict",
                    "method": "POST",
                    "url": "http://llm.test:8080/v1/chat/completions",
                    "request_body": '{"model": "${parameters.model}", "messages": ${parameters.messages}}',
                }
            ],
            **fields,
        }
        return str(self.call("POST", f"{ML}/connectors/_create", body)["connector_id"])

    def add_group(self, name: str, description: str | None = None) -> str:
        body = {"name": name, **({"description": description} if description else {})}
        return str(self.call("POST", f"{ML}/model_groups/_register", body)["model_group_id"])

    def add_model(self, name: str, connector_id: str, *, state: str = "DEPLOYED", **fields: Any) -> str:
        body = {"name": name, "function_name": "remote", "connector_id": connector_id, **fields}
        model_id = str(self.call("POST", f"{ML}/models/_register", body)["model_id"])
        self.models[model_id]["model_state"] = state
        if state == "DEPLOY_FAILED":
            self._stuck.add(model_id)
        if state in ("DEPLOYED", "PARTIALLY_DEPLOYED"):
            self.models[model_id]["current_worker_node_count"] = 1
        return model_id

    # The server

    def handle(self, method: str, path: str, query: Mapping[str, str], body: Any) -> RawAnswer:
        try:
            return raw(200, self._route(method, path, query, body))
        except Refused as refused:
            return raw(refused.status, refused.body)

    def _route(self, method: str, path: str, query: Mapping[str, str], body: Any) -> Any:
        """The handler of a request to ML Commons is named after it: POST /models/{id}/_deploy -> _models_post_deploy."""
        if path == "/":
            return {
                "name": "node-1",
                "cluster_name": "double",
                "version": {"distribution": "opensearch", "number": self.version},
            }
        if path == "/_cluster/settings":
            return self._settings(method, query, body)
        if is_lease(path):
            return self.leases.handle(method, path, query, body)
        if self.pipelines.knows(path):
            return self.pipelines.handle(method, path, body)
        if self.indices.knows(path):
            return self.indices.handle(method, path, body)
        segments = [unquote(part) for part in path.split("/")[1:]]
        if segments[:2] != ["_plugins", "_ml"]:
            raise Refused(400, f"no handler found for uri [{path}] and method [{method}]")
        unknown = set(query) - {"deploy"}
        if unknown:
            raise Refused(400, f"request [{path}] contains unrecognized parameter: {sorted(unknown)}")
        kind, rest = segments[2].strip("_"), segments[3:]
        name = f"_{kind}_{method}_{'_'.join(part.strip('_') for part in rest if part.startswith('_')) or 'one'}".lower()
        handler = getattr(self, name, None)
        if handler is None:
            raise Refused(405, f"Incorrect HTTP method for uri [{path}] and method [{method}]")
        ids = [part for part in rest if not part.startswith("_")]
        return handler(*ids, body=body, query=query)
