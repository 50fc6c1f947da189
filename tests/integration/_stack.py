# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The addresses of the local stack (containers/stack.yml), and a client for its servers that shares no code with the collection.

It sends plain requests with the administrator's rights.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from pathlib import Path
from typing import Any, Callable, Iterable, Mapping, NamedTuple
from urllib.parse import quote

import requests

ML = "/_plugins/_ml"
#: The index of the leases, and the lease of all writers.
LEASES = "/.searchops-leases"
LEASE = f"{LEASES}/_doc/ml"
#: Seconds after which a run takes over the lease of another one that does not renew it.
LEASE_SECONDS = 30.0
TRUSTED = "plugins.ml_commons.trusted_connector_endpoints_regex"
PRIVATE_IP = "plugins.ml_commons.connector.private_ip_enabled"
ACCESS_CONTROL = "plugins.ml_commons.model_access_control_enabled"

#: Addresses as seen by the OpenSearch servers.
OLLAMA = "http://ollama:11434/v1/chat/completions"
GATEWAY = "http://gateway:8080/v1/chat/completions"
GATEWAY_TLS = "https://gateway:8443/v1/chat/completions"
GATEWAY_UNKNOWN_TLS = "https://gateway:8444/v1/chat/completions"
LLAMA_CPP_KEY = "http://llama-cpp-key:8080"
LLAMA_CPP_RERANK = "http://llama-cpp-rerank:8080"
VLLM = "http://vllm:8000"
VLLM_POOLING = "http://vllm-pooling:8000"
#: vLLM behind the gateway, which accepts its own keys and sends that of vLLM.
VLLM_GATEWAY = "http://gateway:8080/vllm"

#: The trusted endpoints. The tests of failing backends use the ports without a listener.
TRUST = [
    r"^https?://(ollama|gateway|llama-cpp|llama-cpp-key|llama-cpp-rerank|vllm|vllm-pooling|localhost|nowhere\.invalid)"
    r"(:\d+|)/.*$"
]

#: Seconds between the creation of two objects of one name after which the modules do not treat them as concurrent duplicates,
#: and do not wait for one of them to be deleted.
APART = 11.0

#: The kinds of objects that have names and ids; 2.19 does not have the last one.
KINDS = ("connectors", "models", "model_groups", "agents", "memory_containers")

CHAT_BODY = '{"model": "${parameters.model}", "messages": ${parameters.messages}}'


def cache() -> Path:
    named = os.environ.get("OPENSEARCH_ML_CACHE")
    if named:
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "searchops.opensearch_ml"


def secret(variable: str, file: str) -> str:
    """A secret of the stack: from the environment, else from the file in which the stack stores generated secrets."""
    return os.environ.get(variable) or (cache() / "secrets" / file).read_text().strip()


def gateway_keys() -> list[str]:
    given = os.environ.get("GATEWAY_KEYS")
    return given.split(",") if given else [secret("", f"gateway_key_{number}") for number in (1, 2)]


def llama_cpp_keys() -> list[str]:
    given = os.environ.get("LLAMA_CPP_KEYS")
    return given.split(",") if given else [secret("", file) for file in ("llama_cpp_key", "llama_cpp_key_2")]


def gateway_log(since: float) -> list[str]:
    """The lines of the gateway's log since a moment (seconds since 1970)."""
    done = subprocess.run(
        ["docker", "logs", "--since", f"{since:.3f}", os.environ.get("STACK_GATEWAY_CONTAINER", "searchops-ml-gateway")],
        check=True, capture_output=True, text=True, timeout=30,
    )  # fmt: skip
    return [line for line in done.stdout.splitlines() if " key=" in line]


class Item(NamedTuple):
    """One object on a server with the version of its document."""

    id: str
    version: int
    source: dict[str, Any]


class Cluster:
    """One server of the stack, accessed as administrator."""

    def __init__(
        self,
        key: str,
        url: str,
        ca: str | None = None,
        admin: tuple[str, str] | None = None,
        user: tuple[str, str] | None = None,
        asker: tuple[str, str] | None = None,
    ):
        self.key = key
        self.url = url
        self.ca = ca
        self.admin = admin
        self.user = user
        #: The connection options of the users with fewer rights, by name.
        self.users = {who: {"username": who, "password": password} for who, password in filter(None, (user, asker))}
        self._session = requests.Session()
        self._session.trust_env = False

    @property
    def is_3(self) -> bool:
        return self.key.startswith("3")

    @property
    def tls(self) -> bool:
        return self.ca is not None

    def send(self, method: str, path: str, body: Any = None, *, timeout: float = 90.0) -> requests.Response:
        return self._session.request(
            method, self.url + path, json=body, auth=self.admin, verify=self.ca or True, timeout=timeout
        )

    def send_text(self, method: str, path: str, text: str) -> requests.Response:
        """Send a body that is not exactly JSON."""
        headers = {"Content-Type": "application/json"}
        return self._session.request(
            method,
            self.url + path,
            data=text.encode(),
            headers=headers,
            auth=self.admin,
            verify=self.ca or True,
            timeout=90,
        )

    def answers(self) -> bool:
        try:
            answer = self.send("GET", "/_cluster/health?wait_for_status=yellow&timeout=5s")
            assert answer.status_code != 401, f"{self.url} was started with other passwords than those in {cache()}"
            return answer.status_code == 200
        except requests.exceptions.SSLError:
            raise  # The server runs with other certificates than those in this machine's cache; waiting does not help.
        except requests.RequestException:
            return False

    def must(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.send(method, path, body)
        assert answer.status_code < 300, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def refresh(self) -> None:
        """Let searches show all changes: 2.19 does not refresh an index after a change."""
        self.send("POST", "/.plugins-ml-*/_refresh")

    def find(self, kind: str, query: Mapping[str, Any]) -> list[Item]:
        """The current objects of a kind (connectors, models, model_groups), the oldest first."""
        self.refresh()
        return self._search(kind, query)

    def find_all(self, query: Mapping[str, Any]) -> dict[str, list[Item]]:
        """The current objects of all kinds."""
        self.refresh()
        return {kind: self._search(kind, query) for kind in KINDS}

    def _search(self, kind: str, query: Mapping[str, Any]) -> list[Item]:
        if kind == "memory_containers" and not self.is_3:
            return []
        answer = self.send("POST", f"{ML}/{kind}/_search", {"query": query, "size": 1000, "version": True})
        if answer.status_code == 404:
            return []
        assert answer.status_code == 200, f"search for {kind}: {answer.status_code} {answer.text}"
        items = [Item(hit["_id"], hit["_version"], hit["_source"]) for hit in answer.json()["hits"]["hits"]]
        return sorted(items, key=lambda item: (item.source.get("created_time", 0), item.id))

    def everything(self) -> dict[str, str]:
        """The kind and name of all connectors, models, groups and agents by id."""
        found = self.find_all({"match_all": {}})
        return {item.id: f"{kind}: {item.source.get('name')}" for kind, items in found.items() for item in items}

    def named(self, kind: str, name: str) -> list[Item]:
        return self.find(kind, {"term": {"name.keyword": name}})

    def one(self, kind: str, name: str) -> Item:
        found = self.named(kind, name)
        assert len(found) == 1, f"{len(found)} {kind} named {name!r}"
        return found[0]

    def get(self, kind: str, object_id: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.must("GET", f"{ML}/{kind}/{object_id}")
        return answer

    def lease(self) -> dict[str, Any] | None:
        """The document of the lease with its version; None if no run holds it."""
        answer = self.send("GET", LEASE)
        assert answer.status_code in (200, 404), f"{LEASE}: {answer.status_code} {answer.text}"
        return dict(answer.json()) if answer.status_code == 200 else None

    def settings(self) -> dict[str, dict[str, Any]]:
        answer: dict[str, dict[str, Any]] = self.must("GET", "/_cluster/settings?flat_settings=true")
        return answer

    def effective(self, name: str) -> Any:
        answer = self.must("GET", "/_cluster/settings?flat_settings=true&include_defaults=true")
        return next((answer[s][name] for s in ("transient", "persistent", "defaults") if name in answer[s]), None)

    def put_settings(self, persistent: Mapping[str, Any], transient: Mapping[str, Any] | None = None) -> None:
        self.must("PUT", "/_cluster/settings", {"persistent": dict(persistent), "transient": dict(transient or {})})

    def state_of(self, model_id: str) -> str:
        return str(self.get("models", model_id)["model_state"])

    def predict(self, model_id: str, text: str = "Ping", **parameters: Any) -> requests.Response:
        parameters = {"messages": [{"role": "user", "content": text}], **parameters}
        return self.send("POST", f"{ML}/models/{model_id}/_predict", {"parameters": parameters})

    def answer(self, model_id: str, text: str = "Ping", **parameters: Any) -> str:
        """The text of a prediction that must succeed."""
        done = self.predict(model_id, text, **parameters)
        assert done.status_code == 200, done.text
        data = done.json()["inference_results"][0]["output"][0]["dataAsMap"]
        return str(data["choices"][0]["message"]["content"])

    def make_connector(self, name: str, **fields: Any) -> str:
        """Create a connector by plain REST whose id shares no word with that of another one.

        The server confuses such two when it searches for models that use a connector. Two that were created 26 ms after each
        other, on a node whose ids have a hyphen, shared a word."""
        others = {word for item in self.find("connectors", {"match_all": {}}) for word in _words(item.id)}
        for _try in range(20):
            made = str(self.must("POST", f"{ML}/connectors/_create", connector_body(name, **fields))["connector_id"])
            if others.isdisjoint(_words(made)):
                break
            # The server refuses this if a model uses the other one; the clean-up of the test then deletes it.
            answer = self.send("DELETE", f"{ML}/connectors/{made}")
            assert answer.status_code in (200, 409), answer.text
            # On some servers all ids that are generated within a second share a word.
            time.sleep(0.1)
        return made

    def make_model(self, name: str, connector_id: str, *, deploy: bool = False, **fields: Any) -> str:
        """Create a model by plain REST; with ``deploy`` it is deployed on return."""
        body = {"name": name, "function_name": "remote", "connector_id": connector_id, **fields}
        model_id = str(self.must("POST", f"{ML}/models/_register", body)["model_id"])
        if deploy:
            self.deploy(model_id)
        return model_id

    def deploy(self, model_id: str) -> None:
        self.must("POST", f"{ML}/models/{model_id}/_deploy")
        self.await_state(model_id, "DEPLOYED")

    def undeploy(self, model_id: str) -> None:
        # Shortly after a deployment, a server sometimes accepts the request without effect.
        def undeployed() -> bool:
            self.must("POST", f"{ML}/models/{model_id}/_undeploy")
            return self.state_of(model_id) == "UNDEPLOYED"

        until(undeployed, f"model {model_id} to be UNDEPLOYED", pause=1.0)

    def await_state(self, model_id: str, state: str) -> None:
        until(lambda: self.state_of(model_id) == state, f"model {model_id} to be {state}")

    def age(self, kind: str, *ids: str) -> None:
        """Let objects be older by :data:`APART` seconds."""
        if self.tls:
            # With the security plugin, not even an administrator can write into the index.
            time.sleep(APART)
            return
        index = ".plugins-ml-am-memory-container" if kind == "memory_containers" else f".plugins-ml-{kind[:-1]}"
        for object_id in ids:
            document = f"/{index}/_doc/{object_id}"
            source = self.must("GET", document)["_source"]
            source["created_time"] -= int(APART * 1000)
            self.must("PUT", f"{document}?refresh=true", source)

    def pipelines(self, prefix: str) -> dict[str, dict[str, Any]]:
        """The search and ingest pipelines whose names begin with this prefix, by path."""
        return {
            f"{path}/{quote(name, safe='')}": body
            for path in ("/_search/pipeline", "/_ingest/pipeline")
            for name, body in self.send("GET", f"{path}/*").json().items()
            if name.startswith(prefix)
        }

    def indexes(self, prefix: str) -> dict[str, Any]:
        """The indexes of a test, with the versions and sources of their documents."""
        found = self.must("GET", f"/{index_of(prefix)}*")
        for name in found:
            self.must("POST", f"/{name}/_refresh")
            answer = self.must(
                "POST", f"/{name}/_search?search_pipeline=_none", {"size": 1000, "version": True, "sort": ["_doc"]}
            )
            found[name]["documents"] = {hit["_id"]: (hit["_version"], hit["_source"]) for hit in answer["hits"]["hits"]}
        return dict(found)

    def remove(self, prefix: str) -> None:
        """Delete all objects with this prefix: indexes, agents and pipelines, models, then connectors and groups."""
        for index in self.must("GET", f"/{index_of(prefix)}*"):
            self.must("DELETE", f"/{index}")
        for path in self.pipelines(prefix):
            self.must("DELETE", path)
        query = {"prefix": {"name.keyword": prefix}}
        found = self.find_all(query)
        if not any(found.values()):
            return
        for agent in found["agents"]:
            self.send("DELETE", f"{ML}/agents/{agent.id}")
        for container in found["memory_containers"]:
            # The server deletes no indexes that another container shares.
            for memories in ("?delete_all_memories=true", ""):
                self.send("DELETE", f"{ML}/memory_containers/{container.id}{memories}")
        for model in found["models"]:
            for _ in range(20):
                self.send("POST", f"{ML}/models/{model.id}/_undeploy")
                if self.send("DELETE", f"{ML}/models/{model.id}").status_code in (200, 404):
                    break
                time.sleep(0.3)
        for kind in ("connectors", "model_groups"):
            for item in found[kind]:
                self.send("DELETE", f"{ML}/{kind}/{item.id}")
        left = [item.id for items in self.find_all(query).values() for item in items]
        assert not left, f"could not be removed: {left}"


def _words(object_id: str) -> list[str]:
    return re.findall(r"[0-9a-z_]+", object_id.lower())


def index_of(name: str) -> str:
    """The name of an index for a test: lower case, and permitted to the least-privileged user."""
    return f"rag-{name}".replace(" ", "-").lower()


def until(done: Callable[[], bool], what: str, timeout: float = 60.0, pause: float = 0.1) -> None:
    end = time.monotonic() + timeout
    while not done():
        assert time.monotonic() < end, f"waited {timeout:g} s for {what}"
        time.sleep(pause)


def two_of_one_name(cluster: Cluster, kind: str, make: Callable[[], str]) -> list[str]:
    """Create two objects of one name that the modules do not treat as concurrent duplicates; returns their ids."""
    first = make()
    cluster.age(kind, first)
    return [first, make()]


def connector_body(name: str, **fields: Any) -> dict[str, Any]:
    """The REST body of a connector to the tiny model; ``url`` and ``headers`` are those of its action."""
    headers = {"Content-Type": "application/json", **fields.pop("headers", {})}
    action = {
        "action_type": "predict",
        "method": "POST",
        "url": fields.pop("url", OLLAMA),
        "headers": headers,
        "request_body": fields.pop("request_body", CHAT_BODY),
    }
    return {
        "name": name,
        "version": "1",
        "protocol": "http",
        "parameters": {"model": "tiny-chat"},
        "credential": {"unused": "unused"},
        "actions": [action],
        "client_config": {"connection_timeout": 5, "read_timeout": 60},
        **fields,
    }


def chat(name: str, **fields: Any) -> dict[str, Any]:
    """Options of ml_connector for the tiny model; ``url``, ``headers`` and ``request_body`` are those of its action."""
    action = {
        "url": fields.pop("url", OLLAMA),
        "headers": {"Content-Type": "application/json", **fields.pop("headers", {})},
        "request_body": fields.pop("request_body", CHAT_BODY),
    }
    return {"name": name, "parameters": {"model": "tiny-chat"}, "actions": [action], **fields}


def guarded(name: str, key: str, **fields: Any) -> dict[str, Any]:
    """Options of ml_connector for the gateway, which requires a key."""
    return chat(
        name,
        **{
            "url": GATEWAY,
            "headers": {"Authorization": "Bearer ${credential.api_key}"},
            "credential": {"api_key": key},
            **fields,
        },
    )


def plain(value: Any) -> Any:
    """A value without the server's conversions: JSON in strings is parsed, numbers and booleans are compared by value."""
    if isinstance(value, str):
        text = value.strip()
        if text[:1] in ("{", "["):
            try:
                return plain(json.loads(text))
            except ValueError:
                return value
        if text.lower() in ("true", "false", "null"):
            return text.lower()
        try:
            return float(text)
        except ValueError:
            return value
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, (int, float)):
        return float(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items() if item is not None or key != "name"}
    if isinstance(value, Iterable):
        return [plain(item) for item in value]
    return value


def lower_types(actions: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{**action, "action_type": str(action.get("action_type")).lower()} for action in actions]
