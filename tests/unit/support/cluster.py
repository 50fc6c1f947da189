# SPDX-License-Identifier: GPL-3.0-or-later
"""A small ML Commons in memory, with the habits of the real one that a naive client breaks on.

It is a transport: what is sent to it is handled, recorded in ``exchanges`` and answered. Faults and a second actor are
put in front of chosen exchanges with :meth:`FakeCluster.inject` and :meth:`FakeCluster.before`.
"""

from __future__ import annotations

import json
import re
import threading
from typing import Any, Callable, Mapping, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._http.transport import (
    NoAnswer,
    NotSent,
    RawAnswer,
)
from ansible_collections.searchops.opensearch_ml.tests.unit.support.agents import Agents
from ansible_collections.searchops.opensearch_ml.tests.unit.support.controllers import Controllers
from ansible_collections.searchops.opensearch_ml.tests.unit.support.guard import is_read
from ansible_collections.searchops.opensearch_ml.tests.unit.support.indices import Indices
from ansible_collections.searchops.opensearch_ml.tests.unit.support.newer import (
    PRIVATE_ENDPOINTS,
    id_asked_for,
    new_settings,
    refused_endpoint,
    release,
    unsafe_pattern,
)
from ansible_collections.searchops.opensearch_ml.tests.unit.support.pipelines import Pipelines
from ansible_collections.searchops.opensearch_ml.tests.unit.support.script import decoded

ML = "/_plugins/_ml"

CLIENT_CONFIG = {
    "max_connection": 30,
    "connection_timeout": 30000,
    "read_timeout": 30000,
    "retry_backoff_millis": 200,
    "retry_timeout_seconds": 30,
    "max_retry_times": 0,
    "retry_backoff_policy": "constant",
    "skip_ssl_verification": False,
}

DEFAULT_SETTINGS: dict[str, Any] = {
    "plugins.ml_commons.trusted_connector_endpoints_regex": [
        r"^https://api\.openai\.com/.*$",
        r"^https://api\.cohere\.ai/.*$",
    ],
    "plugins.ml_commons.connector.private_ip_enabled": "false",
    "plugins.ml_commons.only_run_on_ml_node": "true",
    "plugins.ml_commons.max_deploy_model_tasks_per_node": "10",
    "plugins.ml_commons.task_dispatcher.eligible_node_role.remote_model": ["data", "ml"],
    "plugins.ml_commons.native_memory_threshold": "90",
    "plugins.ml_commons.multi_tenancy_enabled": "false",
    "cluster.routing.allocation.enable": "all",
}
#: Why a deployment fails when the model's document is written at that moment (seen on 2.19.1).
VERSION_CONFLICT = "version conflict, required seqNo [370], primary term [1]. current document has seqNo [371]"

STATIC_SETTINGS = {"plugins.ml_commons.multi_tenancy_enabled"}

PROTOCOLS = ("aws_sigv4", "http", "mcp_sse", "mcp_streamable_http")


class Exchange(NamedTuple):
    method: str
    path: str
    query: dict[str, str]
    body: Any
    status: int | None

    @property
    def write(self) -> bool:
        return not is_read(self.method, self.path) and not self.path.endswith(("/_predict", "/_execute"))

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.status}"


class Fault:
    """What happens instead of a plain exchange. ``handled``: whether the server does its work."""

    def __init__(self, name: str, *, handled: bool, outcome: RawAnswer | Exception) -> None:
        self.name = name
        self.handled = handled
        self.outcome = outcome

    def __repr__(self) -> str:
        return self.name


def _raw(status: int, body: Any, headers: Mapping[str, str] | None = None) -> RawAnswer:
    text = body if isinstance(body, str) else json.dumps(body)
    return RawAnswer(status, dict(headers or {}), text.encode())


def _error_body(status: int, kind: str, reason: str) -> dict[str, Any]:
    return {
        "error": {"root_cause": [{"type": kind, "reason": reason}], "type": kind, "reason": reason},
        "status": status,
    }


HTML = "<html><body><h1>Sign in to the wireless network</h1></body></html>"

FAULTS = {
    fault.name: fault
    for fault in (
        Fault("lost_after", handled=True, outcome=NoAnswer("the connection broke")),
        Fault("lost_before", handled=False, outcome=NoAnswer("the connection broke")),
        Fault("refused", handled=False, outcome=NotSent("connection refused")),
        Fault(
            "unavailable",
            handled=False,
            outcome=_raw(503, _error_body(503, "unavailable_shards_exception", "primary shard is not active")),
        ),
        Fault("starting", handled=False, outcome=_raw(503, "OpenSearch Security not initialized.")),
        Fault(
            "recovering",
            handled=False,
            outcome=_raw(503, _error_body(503, "search_phase_execution_exception", "all shards failed")),
        ),
        Fault(
            "throttled",
            handled=False,
            outcome=_raw(429, _error_body(429, "rejected_execution_exception", "queue is full"), {"Retry-After": "3"}),
        ),
        Fault(
            "rejected_after",
            handled=True,
            outcome=_raw(429, _error_body(429, "rejected_execution_exception", "rejected execution of MLTaskManager")),
        ),
        Fault(
            "conflict",
            handled=False,
            outcome=_raw(409, _error_body(409, "version_conflict_engine_exception", "required seqNo [1]")),
        ),
        Fault("gateway_after", handled=True, outcome=_raw(502, "<html>Bad Gateway</html>")),
        Fault("gateway_timeout", handled=True, outcome=_raw(504, "<html>Gateway Timeout</html>")),
        Fault("error", handled=False, outcome=_raw(500, _error_body(500, "null_pointer_exception", "boom"))),
        Fault("html", handled=False, outcome=_raw(200, HTML)),
    )
}


class Refused(Exception):
    """The server's own way to say no."""

    def __init__(self, status: int, reason: str, kind: str = "status_exception") -> None:
        super().__init__(reason)
        self.status = status
        self.body = _error_body(status, kind, reason)


class FakeCluster(Agents, Controllers):
    """Connectors, model groups, models, controllers, agents, pipelines, tasks and settings; ``backend`` plays the server behind the connectors."""

    def __init__(self, version: str = "3.6.0", *, trusted: tuple[str, ...] = (".*",)) -> None:
        self.version = version
        self.connectors: dict[str, dict[str, Any]] = {}
        self.credentials: dict[str, dict[str, str]] = {}
        self.groups: dict[str, dict[str, Any]] = {}
        self.models: dict[str, dict[str, Any]] = {}
        self.tasks: dict[str, dict[str, Any]] = {}
        self.pipelines = Pipelines()
        self.indices = Indices()
        Agents.__init__(self)
        Controllers.__init__(self)
        self._refuse = Refused
        #: (kind, id) -> how often the document was written.
        self.versions: dict[str, int] = {}
        self.persistent: dict[str, Any] = {}
        self.transient: dict[str, Any] = {}
        self.defaults = {**DEFAULT_SETTINGS, **new_settings(version)}
        if trusted:
            self.persistent["plugins.ml_commons.trusted_connector_endpoints_regex"] = list(trusted)
        self.exchanges: list[Exchange] = []
        self.predictions: list[tuple[str, dict[str, Any], dict[str, str]]] = []
        #: How many reads show a deployment that runs, and how it ends.
        self.deploying_reads = 2
        #: How many reads show a model as only registered that is deployed with its registration.
        self.starting_reads = 2
        self._starting: dict[str, int] = {}
        self.deploy_outcomes: list[tuple[str, dict[str, str]]] = []
        self.index_missing = False
        #: Whether groups have owners and roles: the security plugin with model access control.
        self.access_control = False
        #: For how many searches a changed document is seen as it was: 2.19 does not refresh the index after a PUT, and
        #: no version does when it notes a model's state. A GET, a create and a delete are always up to date.
        self.change_lag = 2 if version.startswith("2.") else 0
        self.state_lag = 2
        # Several threads of one task may ask; hooks may ask again.
        self._turn = threading.RLock()
        #: How many orders to undeploy are taken without effect, as those soon after a deployment at times are.
        self.unheeded = 0
        self.backend: Callable[[dict[str, Any], dict[str, str], dict[str, Any]], dict[str, Any]] = chat
        self._pending: dict[str, int] = {}
        #: Models that the nodes take for being deployed still, after a deployment that failed.
        self._stuck: set[str] = set()
        self._stale: dict[str, tuple[dict[str, Any], list[int]]] = {}
        self._faults: dict[int, Fault] = {}
        self._from: tuple[int, Fault] | None = None
        self._hooks: list[tuple[Callable[[str, str], bool], Callable[[], None], list[int]]] = []
        self._made = 0
        #: kind -> ids that its next objects get.
        self.next_ids: dict[str, list[str]] = {}
        self._time = 1700001000000

    # The seam

    def send(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes | None, timeout: float
    ) -> RawAnswer:
        with self._turn:
            return self._send(method, url, content)

    def _send(self, method: str, url: str, content: bytes | None) -> RawAnswer:
        parts = urlsplit(url)
        query = dict(parse_qsl(parts.query))
        body = decoded(content)
        for matches, act, left in self._hooks:
            if left[0] and matches(method, parts.path):
                left[0] -= 1
                act()
        number = len(self.exchanges)
        fault = self._faults.pop(number, None)
        if fault is None and self._from and number >= self._from[0]:
            # A crash may come between the work and its answer; afterwards nothing works any more.
            fault = self._from[1] if number == self._from[0] else FAULTS["refused"]
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

    def inject(self, fault: str, at: int = 0) -> None:
        """The exchange ``at``, counted from now, meets the fault; the following ones do not."""
        self._faults[len(self.exchanges) + at] = FAULTS[fault]

    def crash(self, fault: str, at: int) -> None:
        """As :meth:`inject`, and nothing can be reached any more until :meth:`heal`: a run that is cut off."""
        self._from = (len(self.exchanges) + at, FAULTS[fault])

    def heal(self) -> None:
        self._from = None
        self._faults.clear()

    def before(self, method: str, ending: str, act: Callable[[], None], times: int = 1) -> None:
        """Call ``act`` before each of the next ``times`` exchanges of this method and end of path."""
        self._hooks.append((lambda sent, path: sent == method and path.endswith(ending), act, [times]))

    @property
    def writes(self) -> list[Exchange]:
        return [exchange for exchange in self.exchanges if exchange.write]

    def snapshot(self) -> str:
        """All that is stored, to tell whether something was changed."""
        return json.dumps(
            [
                self.connectors,
                self.credentials,
                self.groups,
                self.models,
                self.pipelines.bodies,
                self.agents,
                self.controllers,
                self.persistent,
                self.transient,
                self.versions,
            ],
            sort_keys=True,
        )

    # Short cuts for the arrangement of tests, past the seam

    def call(self, method: str, path: str, body: Any = None, query: dict[str, str] | None = None) -> Any:
        """A request of somebody else: not recorded, no faults. Refusals fail the test."""
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
            return _raw(200, self._route(method, path, query, body))
        except Refused as refused:
            return _raw(refused.status, refused.body)

    def _route(self, method: str, path: str, query: Mapping[str, str], body: Any) -> Any:
        if path == "/":
            return {
                "name": "node-1",
                "cluster_name": "double",
                "version": {"distribution": "opensearch", "number": self.version},
            }
        if path == "/_cluster/settings":
            return self._settings(method, query, body)
        if self.pipelines.knows(path):
            return self.pipelines.handle(method, path, body, Refused)
        if self.indices.knows(path):
            return self.indices.handle(method, path, body, Refused)
        segments = [unquote(part) for part in path.split("/")[1:]]
        if segments[:2] != ["_plugins", "_ml"]:
            raise Refused(400, f"no handler found for uri [{path}] and method [{method}]")
        unknown = set(query) - {"deploy"}
        if unknown:
            raise Refused(400, f"request [{path}] contains unrecognized parameter: {sorted(unknown)}")
        kind, rest = segments[2], segments[3:]
        name = f"_{kind}_{method}_{'_'.join(part.strip('_') for part in rest if part.startswith('_')) or 'one'}".lower()
        handler = getattr(self, name, None)
        if handler is None:
            raise Refused(405, f"Incorrect HTTP method for uri [{path}] and method [{method}]")
        ids = [part for part in rest if not part.startswith("_")]
        return handler(*ids, body=body, query=query)

    def _id(self, kind: str) -> str:
        if self.next_ids.get(kind):
            return self.next_ids[kind].pop(0)
        self._made += 1
        return f"K{self._made}q-{kind}_{self._made}Z"

    def _id_for(self, kind: str, body: Mapping[str, Any], objects: Mapping[str, Any]) -> str:
        """The id of a new object: the one that is asked for, or the server's own."""
        wanted, refused = id_asked_for(self.version, kind, body, objects)
        if refused:
            raise Refused(*refused)
        return wanted or self._id(kind.split()[-1])

    def _now(self) -> int:
        self._time += 1000
        return self._time

    def _changing(self, object_id: str, source: Mapping[str, Any], lag: int) -> None:
        """To be called before a change that searches see only later."""
        if lag:
            seen, _left = self._stale.get(object_id, (json.loads(json.dumps(source)), []))
            self._stale[object_id] = (seen, [lag])

    def _seen(self, object_id: str, source: dict[str, Any]) -> dict[str, Any]:
        """A document as a search sees it."""
        if object_id not in self._stale:
            return source
        seen, left = self._stale[object_id]
        left[0] -= 1
        if left[0] == 0:
            del self._stale[object_id]
        return seen

    def _wrote(self, object_id: str) -> None:
        self.versions[object_id] = self.versions.get(object_id, 0) + 1

    # Connectors

    def _connectors_post_create(self, *, body: dict[str, Any], query: Any) -> dict[str, Any]:
        for field in ("name", "version", "protocol"):
            if body.get(field) is None:
                raise Refused(400, f"Connector {field} is null", "illegal_argument_exception")
        self._check_text("connector", body)
        if body["protocol"] not in PROTOCOLS:
            raise Refused(400, f"Unsupported connector protocol. Please use one of {list(PROTOCOLS)}")
        if not body["protocol"].startswith("mcp_"):
            if not body.get("credential"):
                raise Refused(400, "Connector credential is null or empty list", "illegal_argument_exception")
            if not body.get("actions"):
                raise Refused(400, "No actions configured for this connector", "illegal_argument_exception")
        stored = {name: body[name] for name in ("name", "description", "protocol", "url") if body.get(name) is not None}
        stored["version"] = java_text(body["version"])
        stored["parameters"] = {name: java_text(value) for name, value in (body.get("parameters") or {}).items()}
        stored["actions"] = [_stored_action(action) for action in body.get("actions") or []]
        if "headers" in body:
            stored["headers"] = {name: java_text(value) for name, value in body["headers"].items()}
        if "client_config" in body:
            stored["client_config"] = _stored_config(body["client_config"])
        self._check_trusted(stored)
        object_id = self._id_for("connector", body, self.connectors)
        stored["created_time"] = stored["last_updated_time"] = self._now()
        self.connectors[object_id] = stored
        self.credentials[object_id] = {name: java_text(value) for name, value in (body.get("credential") or {}).items()}
        self._wrote(object_id)
        return {"connector_id": object_id}

    def _connector(self, object_id: str) -> dict[str, Any]:
        if object_id not in self.connectors:
            raise Refused(404, f"Failed to find connector with the provided connector id: {object_id}")
        return self.connectors[object_id]

    def _connectors_get_one(self, object_id: str, *, body: Any, query: Any) -> dict[str, Any]:
        return self._connector(object_id)

    def _connectors_put_one(self, object_id: str, *, body: dict[str, Any], query: Any) -> dict[str, Any]:
        stored = self._connector(object_id)
        users = [
            model_id
            for model_id in self._users_of(object_id)
            if self.models[model_id]["model_state"] in ("DEPLOYED", "PARTIALLY_DEPLOYED")
        ]
        if users:
            raise Refused(
                400,
                f"{len(users)} models are still using this connector, please undeploy the models first: {users}",
            )
        self._check_text("connector", body)
        new = dict(stored)
        for field in ("name", "description", "version", "protocol", "url"):
            if field in body:
                if body[field] is None:
                    raise Refused(400, "Can't get text on a VALUE_NULL", "illegal_state_exception")
                new[field] = java_text(body[field])
        if "parameters" in body:
            sent = {name: java_text(value) for name, value in body["parameters"].items()}
            new["parameters"] = {**stored["parameters"], **sent}
        if "actions" in body:
            new["actions"] = [_stored_action(action) for action in body["actions"]]
        if "headers" in body:
            new["headers"] = {name: java_text(value) for name, value in body["headers"].items()}
        if "client_config" in body:
            new["client_config"] = _stored_config(body["client_config"])
        self._check_trusted(new)
        if body.get("credential"):
            sent = {name: java_text(value) for name, value in body["credential"].items()}
            self.credentials[object_id] = {**self.credentials[object_id], **sent}
        new["last_updated_time"] = self._now()
        self._changing(object_id, stored, self.change_lag)
        self.connectors[object_id] = new
        self._wrote(object_id)
        return {"_id": object_id, "result": "updated", "_version": self.versions[object_id]}

    def _users_of(self, connector_id: str) -> list[str]:
        """The models that the server takes for users of a connector: those whose connector's id shares a word."""
        query = {"match": {"connector_id": connector_id}}
        return [key for key, model in self.models.items() if matches(query, key, model)]

    def _connectors_delete_one(self, object_id: str, *, body: Any, query: Any) -> dict[str, Any]:
        users = self._users_of(object_id)
        if users:
            raise Refused(
                409,
                f"{len(users)} models are still using this connector, please delete or update the models first: {users}",
            )
        found = self.connectors.pop(object_id, None)
        self.credentials.pop(object_id, None)
        return {"_id": object_id, "result": "deleted" if found else "not_found"}

    def _connectors_post_search(self, *, body: dict[str, Any], query: Any) -> dict[str, Any]:
        return self._search(self.connectors, body)

    def _check_trusted(self, connector: Mapping[str, Any]) -> None:
        patterns = self._effective("plugins.ml_commons.trusted_connector_endpoints_regex")
        for action in connector["actions"]:
            url = re.sub(
                r"\$\{parameters\.([^}]+)\}",
                lambda m: connector["parameters"].get(m.group(1), m.group()),
                action["url"],
            )
            try:
                trusted = any(re.fullmatch(pattern, url) for pattern in patterns)
            except re.error as exc:
                raise Refused(400, str(exc), "pattern_syntax_exception")
            if not trusted:
                raise Refused(400, "Connector URL is not matching the trusted connector endpoint regex")

    # Model groups

    def _model_groups_post_register(self, *, body: dict[str, Any], query: Any) -> dict[str, Any]:
        if not body.get("name"):
            raise Refused(500, "model group name is null", "null_pointer_exception")
        self._check_text("model group", body)
        for object_id, group in self.groups.items():
            if group["name"] == body["name"]:
                raise Refused(
                    400,
                    f"The name you provided is already being used by a model group with ID: {object_id}.",
                    "illegal_argument_exception",
                )
        stored = {name: body[name] for name in ("name", "description") if body.get(name)}
        stored.update(self._access(body, "private"))
        object_id = self._id_for("model group", body, self.groups)
        now = self._now()
        self.groups[object_id] = {**stored, "latest_version": 0, "created_time": now, "last_updated_time": now}
        self._wrote(object_id)
        return {"model_group_id": object_id, "status": "CREATED"}

    def _model_groups_get_one(self, object_id: str, *, body: Any, query: Any) -> dict[str, Any]:
        if object_id not in self.groups:
            raise Refused(404, "Failed to find model group with the provided model group id: " + object_id)
        return self.groups[object_id]

    def _model_groups_put_one(self, object_id: str, *, body: dict[str, Any], query: Any) -> dict[str, Any]:
        group = self._model_groups_get_one(object_id, body=None, query=None)
        self._check_text("group", body)
        for other_id, other in self.groups.items():
            if other_id != object_id and other["name"] == body.get("name"):
                raise Refused(
                    400,
                    f"The name you provided is already being used by another model with ID: {other_id}. "
                    "Please provide a different name",
                    "illegal_argument_exception",
                )
        access = self._access(body, group["access"])
        self._changing(object_id, group, self.change_lag)
        # What is blank is overlooked.
        group.update({name: body[name] for name in ("name", "description") if (body.get(name) or "").strip()})
        group.update({**access, "last_updated_time": self._now()})
        self._wrote(object_id)
        return {"status": "Updated"}

    def _access(self, body: Mapping[str, Any], default: str) -> dict[str, Any]:
        """What is stored of the access fields; the caller's own role is 'mine'."""
        named = {name for name in ("access_mode", "backend_roles", "add_all_backend_roles") if name in body}
        if not self.access_control:
            if named:
                raise Refused(
                    400,
                    "You cannot specify model access control parameters because the Security plugin or model access "
                    "control is disabled on your cluster.",
                    "illegal_argument_exception",
                )
            return {"access": "public"}
        roles = ["mine"] if body.get("add_all_backend_roles") else body.get("backend_roles")
        mode = body.get("access_mode") or ("restricted" if roles else default)
        if mode != "restricted" and roles:
            raise Refused(400, "You can specify backend roles only for a model group with the restricted access mode.")
        if body.get("access_mode") == "restricted" and not roles:
            raise Refused(400, "You must specify one or more backend roles or add all backend roles to register")
        if mode != "restricted":
            return {"access": mode, "backend_roles": []}
        return {"access": mode, **({"backend_roles": roles} if roles is not None else {})}

    def _model_groups_delete_one(self, object_id: str, *, body: Any, query: Any) -> dict[str, Any]:
        if any(model["model_group_id"] == object_id for model in self.models.values()):
            raise Refused(409, "Cannot delete the model group when it has associated model versions")
        found = self.groups.pop(object_id, None)
        return {"_id": object_id, "result": "deleted" if found else "not_found"}

    def _model_groups_post_search(self, *, body: dict[str, Any], query: Any) -> dict[str, Any]:
        return self._search(self.groups, body)

    # Models

    def _models_post_register(self, *, body: dict[str, Any], query: Mapping[str, str]) -> dict[str, Any]:
        if not body.get("name"):
            raise Refused(400, "model name is null", "illegal_argument_exception")
        if body.get("function_name") != "remote":
            raise Refused(400, "model format is null", "illegal_argument_exception")
        self._check_text("model", body)
        if not body.get("connector_id") and not body.get("connector"):
            raise Refused(400, "You must provide connector content when creating a remote model without connector id!")
        if body.get("connector_id") and body["connector_id"] not in self.connectors:
            raise Refused(404, f"Failed to find connector:{body['connector_id']}")
        group_id = body.get("model_group_id")
        if group_id is None:
            group_id = next((key for key, group in self.groups.items() if group["name"] == body["name"]), None)
            # The model's description becomes the group's (seen on 2.19.1 and 3.6.0).
            group_id = group_id or self.add_group(body["name"], body.get("description"))
        if group_id not in self.groups:
            raise Refused(500, f"Model Group Response is empty for {group_id}", "exception")
        # The group counts the model before the model is stored.
        model_version = self._next_version(group_id)
        object_id = self._id_for("model", body, self.models)
        stored = {name: value for name, value in body.items() if name not in ("function_name", "version", "model_id")}
        stored.update(_stored_nested(body))
        stored.update(
            model_group_id=group_id,
            algorithm="REMOTE",
            model_version=model_version,
            model_state="REGISTERED",
            planning_worker_node_count=1,
            current_worker_node_count=0,
            created_time=self._now(),
        )
        if self.version.startswith("2."):
            stored.pop("is_enabled", None)
        else:
            stored.setdefault("is_enabled", True)
        self.models[object_id] = stored
        self._wrote(object_id)
        self._task("REGISTER_MODEL", object_id, {})
        if query.get("deploy") == "true":
            self._deploy(object_id)
            stored["model_state"] = "REGISTERED"
            self._starting[object_id] = self.starting_reads
        return {"task_id": self._id("task"), "status": "CREATED", "model_id": object_id}

    def _next_version(self, group_id: str) -> str:
        group = self.groups[group_id]
        group["latest_version"] += 1
        return str(group["latest_version"])

    def _model(self, object_id: str) -> dict[str, Any]:
        if object_id not in self.models:
            raise Refused(404, f"Failed to find model with the provided model id: {object_id}")
        return self.models[object_id]

    def _models_get_one(self, object_id: str, *, body: Any, query: Any) -> dict[str, Any]:
        model = self._model(object_id)
        self._tick(object_id)
        return model

    def _models_put_one(self, object_id: str, *, body: dict[str, Any], query: Any) -> dict[str, Any]:
        model = self._model(object_id)
        if model["model_state"] == "DEPLOYING":
            raise Refused(
                409, f"Model is deploying. Please wait for the model to complete deployment. model ID {object_id}"
            )
        if "connector" in model and "connector_id" in body:
            raise Refused(400, "This remote does not have a standalone connector.", "illegal_argument_exception")
        self._check_text("model", body)
        group_id = body.get("model_group_id")
        if group_id and group_id != model["model_group_id"]:
            if group_id not in self.groups:
                raise Refused(404, f"Failed to find the model group with the provided model group id: {group_id}")
            model["model_version"] = self._next_version(group_id)
        if self._starting.pop(object_id, None) is not None:
            # The deployment finds a later version of the document than the one that it has read.
            task = [task for task in self.tasks.values() if task["model_id"] == object_id and "_outcome" in task][-1]
            task.update(_outcome="DEPLOY_FAILED", state="FAILED", error=f"[{object_id}]: {VERSION_CONFLICT}")
            self._stuck.add(object_id)
            model["model_state"] = "DEPLOYING"
            self._pending[object_id] = 0
        nested = _stored_nested(body)
        if "rate_limiter" in body:
            nested["rate_limiter"] = {**model.get("rate_limiter", {}), **nested["rate_limiter"]}
        self._changing(object_id, model, self.change_lag)
        model.update({**body, **nested, "last_updated_time": self._now()})
        self._wrote(object_id)
        return {"_id": object_id, "result": "updated", "_version": self.versions[object_id]}

    def _models_delete_one(self, object_id: str, *, body: Any, query: Any) -> dict[str, Any]:
        model = self._model(object_id)
        if model["model_state"] in ("DEPLOYED", "PARTIALLY_DEPLOYED", "DEPLOYING"):
            raise Refused(
                400, "Model cannot be deleted in deploying or deployed state. Try undeploy model first then delete"
            )
        del self.models[object_id]
        self.controllers.pop(object_id, None)
        return {"_id": object_id, "result": "deleted"}

    def _models_post_search(self, *, body: dict[str, Any], query: Any) -> dict[str, Any]:
        for object_id in list(self.models):
            self._tick(object_id)
        return self._search(self.models, body)

    def _models_post_deploy(self, object_id: str, *, body: Any, query: Any) -> dict[str, Any]:
        self._model(object_id)
        # The status of the answer is always this one, however the deployment ends.
        return {"task_id": self._deploy(object_id), "task_type": "DEPLOY_MODEL", "status": "COMPLETED"}

    def _deploy(self, object_id: str) -> str:
        model = self.models[object_id]
        outcome, reasons = self.deploy_outcomes.pop(0) if self.deploy_outcomes else ("DEPLOYED", {})
        connector_id = model.get("connector_id")
        if connector_id and connector_id not in self.connectors:
            outcome, reasons = "DEPLOY_FAILED", {"node-1": f"Failed to find connector:{connector_id}"}
        if object_id in self._stuck:
            outcome, reasons = "DEPLOY_FAILED", {"node-1": "Duplicate deploy model task"}
        if outcome == "DEPLOY_FAILED":
            self._stuck.add(object_id)
        self._changing(object_id, model, self.state_lag)
        self._starting.pop(object_id, None)
        model["model_state"] = "DEPLOYING"
        model["current_worker_node_count"] = 0
        task_id = self._task("DEPLOY_MODEL", object_id, reasons)
        self.tasks[task_id]["_outcome"] = outcome
        self._pending[object_id] = self.deploying_reads
        return task_id

    def _tick(self, object_id: str) -> None:
        """A read after ``deploying_reads`` others sees the end of the deployment."""
        model = self.models[object_id]
        if object_id in self._starting:
            self._starting[object_id] -= 1
            if self._starting[object_id] <= 0:
                del self._starting[object_id]
                model["model_state"] = "DEPLOYING"
            return
        if model["model_state"] != "DEPLOYING" or object_id not in self._pending:
            return
        if self._pending[object_id] > 0:
            self._pending[object_id] -= 1
            return
        del self._pending[object_id]
        task = [task for task in self.tasks.values() if task["model_id"] == object_id and "_outcome" in task][-1]
        self._changing(object_id, model, self.state_lag)
        model["model_state"] = task["_outcome"]
        model["current_worker_node_count"] = 0 if task["_outcome"] == "DEPLOY_FAILED" else 1
        model["last_deployed_time"] = self._now()

    def _models_post_undeploy(self, object_id: str, *, body: Any, query: Any) -> dict[str, Any]:
        model = self._model(object_id)
        if self.unheeded:
            self.unheeded -= 1
            return {}
        was = "undeployed" if model["model_state"] in ("DEPLOYED", "PARTIALLY_DEPLOYED") else "not_found"
        self._changing(object_id, model, self.state_lag)
        model["model_state"] = "UNDEPLOYED"
        model["current_worker_node_count"] = 0
        self._pending.pop(object_id, None)
        self._stuck.discard(object_id)
        return {"node-1": {"stats": {object_id: was}}}

    def _models_post_predict(self, object_id: str, *, body: dict[str, Any], query: Any) -> dict[str, Any]:
        model = self._model(object_id)
        if model.get("is_enabled") is False:
            raise Refused(403, "Model is disabled.")
        if model["model_state"] in ("REGISTERED", "UNDEPLOYED"):
            model["model_state"] = "DEPLOYED"
        connector = self._connector(model["connector_id"])
        credential = self.credentials[model["connector_id"]]
        parameters = {**connector["parameters"], **body["parameters"]}
        for name in re.findall(r"\$\{parameters\.([^}:]+)\}", json.dumps(connector["actions"])):
            if name not in parameters:
                raise Refused(400, f"Some parameter placeholder not filled in payload: {name}")
        for action in connector["actions"]:
            refusal = refused_endpoint(self._effective(PRIVATE_ENDPOINTS), action["url"])
            if refusal:
                raise Refused(400, refusal, "illegal_argument_exception")
        self.predictions.append((object_id, parameters, dict(credential)))
        return self.backend(connector, credential, parameters)

    # Tasks

    def _task(self, kind: str, model_id: str, reasons: Mapping[str, str]) -> str:
        task_id = self._id("task")
        self.tasks[task_id] = {
            "model_id": model_id,
            "task_type": kind,
            "state": "FAILED" if reasons else "COMPLETED",
            "create_time": self._now(),
        }
        if reasons:
            self.tasks[task_id]["error"] = json.dumps(dict(reasons))
        return task_id

    def _tasks_get_one(self, task_id: str, *, body: Any, query: Any) -> dict[str, Any]:
        if task_id not in self.tasks:
            raise Refused(404, f"Fail to find task by id: {task_id}")
        return self.tasks[task_id]

    def _tasks_post_search(self, *, body: dict[str, Any], query: Any) -> dict[str, Any]:
        return self._search(self.tasks, body)

    def _profile_get_one(self, subset: str = "", *, body: Any, query: Any) -> dict[str, Any]:
        """What the node has in memory: the models that it serves, and no task."""
        held = {
            object_id: {"model_state": model["model_state"], "predictor": "RemoteModel@1", "worker_nodes": ["n1"]}
            for object_id, model in self.models.items()
            if model.get("current_worker_node_count")
        }
        return {"nodes": {"n1": {"models": held}}} if held and subset in ("", "models") else {}

    # Settings

    def _effective(self, name: str) -> Any:
        for scope in (self.transient, self.persistent, self.defaults):
            if name in scope:
                return scope[name]
        return None

    def _settings(self, method: str, query: Mapping[str, str], body: Any) -> dict[str, Any]:
        if method == "GET":
            assert query == {"flat_settings": "true", "include_defaults": "true"}, query
            held = {**self.persistent, **self.transient}
            defaults = {name: value for name, value in self.defaults.items() if name not in held}
            return {"persistent": self.persistent, "transient": self.transient, "defaults": defaults}
        for scope, settings in body.items():
            for name, value in settings.items():
                if name not in self.defaults:
                    raise Refused(400, f"{scope} setting [{name}], not recognized", "settings_exception")
                if name in STATIC_SETTINGS:
                    raise Refused(400, f"{scope} setting [{name}], not dynamically updateable", "settings_exception")
                unsafe = unsafe_pattern(self.version, name, value)
                if unsafe:
                    raise Refused(400, unsafe, "illegal_argument_exception")
                default = self.defaults[name]
                if default in ("true", "false") and value is not None and java_text(value) not in ("true", "false"):
                    raise Refused(400, f"Failed to parse value [{value}] as only [true] or [false] are allowed.")
        for scope, settings in body.items():
            held = {"persistent": self.persistent, "transient": self.transient}[scope]
            for name, value in settings.items():
                if value is None:
                    held.pop(name, None)
                else:
                    held[name] = [java_text(item) for item in value] if isinstance(value, list) else java_text(value)
        self._wrote("settings")
        return {"acknowledged": True, "persistent": {}, "transient": {}}

    # What all share

    def _check_text(self, kind: str, body: Mapping[str, Any]) -> None:
        for field in ("name", "description"):
            text = body.get(field)
            if release(self.version) >= (3, 1) and text and not re.fullmatch(r"[\w\s.,!?():@\-/'\"]*", text):
                raise Refused(
                    400,
                    f"Model {kind} {field} can only contain letters, numbers, spaces, and basic punctuation (.,!?():@-_'/\")",
                )

    def _search(self, objects: Mapping[str, dict[str, Any]], body: Any) -> dict[str, Any]:
        if body is None:
            raise Refused(400, "request body is required", "parse_exception")
        if not objects and self.index_missing:
            raise Refused(404, "no such index [.plugins-ml-x]", "index_not_found_exception")
        visible = {object_id: self._seen(object_id, source) for object_id, source in objects.items()}
        found = [
            (object_id, source)
            for object_id, source in visible.items()
            if matches(body.get("query", {"match_all": {}}), object_id, source)
        ]
        # What was written first stands first; changes are not noted here.
        numbers = {object_id: [number] for number, object_id in enumerate(objects)}
        after = body.get("search_after")
        found = [pair for pair in found if after is None or numbers[pair[0]] > after]
        for clause in reversed(body.get("sort", [])):
            [(field, order)] = clause.items()
            if field != "_seq_no":
                found.sort(key=lambda pair: pair[1][field], reverse=order == "desc")
        size = body.get("size", 10)
        if size > 10000:
            raise Refused(400, "Result window is too large", "illegal_argument_exception")
        return {
            "hits": {
                "hits": [
                    {"_id": object_id, "_source": source, "sort": numbers[object_id]}
                    for object_id, source in found[:size]
                ]
            }
        }


def chat(connector: dict[str, Any], credential: dict[str, str], parameters: dict[str, Any]) -> dict[str, Any]:
    """A backend that answers every question."""
    data = {
        "choices": [{"message": {"role": "assistant", "content": "Light is scattered."}}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8},
    }
    return prediction(data)


def prediction(data: Any, status: int = 200) -> dict[str, Any]:
    return {"inference_results": [{"output": [{"name": "response", "dataAsMap": data}], "status_code": status}]}


def java_text(value: Any) -> str:
    """A JSON value as ML Commons keeps it among strings."""
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return java_double(value)
    if isinstance(value, dict):
        # The order of an object's keys is not kept.
        return json.dumps({key: value[key] for key in reversed(list(value))}, separators=(",", ":"), ensure_ascii=False)
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def java_double(value: float) -> str:
    """Java's Double.toString: 0.5, 1.0E10, 1.5E-7."""
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        text = f"{value!r}" if "e" not in repr(value) else f"{value:f}"
        return text if "." in text else text + ".0"
    mantissa, exponent = f"{value:.16e}".split("e")
    for digits in range(1, 17):
        mantissa, exponent = f"{value:.{digits}e}".split("e")
        if float(f"{mantissa}e{exponent}") == value:
            break
    return f"{mantissa}E{int(exponent)}"


def tokens(text: Any) -> list[str]:
    """Words as the standard analyzer makes them."""
    return [word.lower() for word in re.findall(r"\w+", str(text))]


def matches(query: Mapping[str, Any], object_id: str, source: Mapping[str, Any]) -> bool:
    """The few kinds of query that clients of ML Commons need."""
    [(kind, clause)] = query.items()
    if kind == "match_all":
        return True
    if kind == "ids":
        return object_id in clause["values"]
    if kind == "exists":
        value: Any = source
        for part in clause["field"].split("."):
            value = value.get(part) if isinstance(value, dict) else None
        return value is not None
    if kind == "bool":
        assert not set(clause) - {"must", "must_not", "should"}, clause
        should = clause.get("should", [])
        return (
            all(matches(part, object_id, source) for part in clause.get("must", []))
            and not any(matches(part, object_id, source) for part in clause.get("must_not", []))
            and (not should or any(matches(part, object_id, source) for part in should))
        )
    [(field, value)] = clause.items()
    if kind == "term":
        return _term(field, value, source)
    if kind == "terms":
        return any(_term(field, each, source) for each in value)
    if kind == "match":
        text, operator = (value["query"], value["operator"]) if isinstance(value, dict) else (value, "or")
        have = tokens(source.get(field, ""))
        return (all if operator == "and" else any)(word in have for word in tokens(text))
    if kind == "match_phrase":
        have, wanted = tokens(source.get(field) or ""), tokens(value)
        return any(have[at : at + len(wanted)] == wanted for at in range(len(have)))
    raise AssertionError(f"the fake cluster does not know the query {query}")


#: Fields whose mapping is analysed text; a term on them meets single words only.
_TEXT_FIELDS = ("name", "description", "connector_id")


def _term(field: str, value: Any, source: Mapping[str, Any]) -> bool:
    if field.endswith(".keyword"):
        have = source.get(field[: -len(".keyword")])
        return have is not None and have == value and len(str(have)) <= 256
    if field in _TEXT_FIELDS:
        return value in tokens(source.get(field, ""))
    return source.get(field) == value


def _stored_action(action: Mapping[str, Any]) -> dict[str, Any]:
    if "url" not in action:
        raise Refused(400, "url can't be null", "illegal_argument_exception")
    stored = {**action, "action_type": str(action["action_type"]).upper()}
    if "headers" in action:
        stored["headers"] = {name: java_text(value) for name, value in action["headers"].items()}
    return stored


def _stored_config(config: Mapping[str, Any]) -> dict[str, Any]:
    stored = {**CLIENT_CONFIG, **config}
    stored["retry_backoff_policy"] = str(stored["retry_backoff_policy"]).lower()
    return stored


def _stored_nested(body: Mapping[str, Any]) -> dict[str, Any]:
    stored: dict[str, Any] = {}
    if "interface" in body:
        stored["interface"] = {side: java_text(schema) for side, schema in body["interface"].items()}
    if "deploy_setting" in body:
        stored["deploy_setting"] = {"model_ttl_minutes": -1, **body["deploy_setting"]}
    if "rate_limiter" in body:
        stored["rate_limiter"] = {**body["rate_limiter"], "limit": java_text(float(body["rate_limiter"]["limit"]))}
    return stored
