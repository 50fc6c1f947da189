# SPDX-License-Identifier: GPL-3.0-or-later
"""The cluster that is measured: counts the contestants' requests, checks their results and removes these.

Needs a cluster without the security plugin, because it writes to the indexes of ML Commons.
"""

from __future__ import annotations

import json
import time
from typing import Any

import requests

from bench import pairs
from bench.bare import ML

FOREIGN = "foreign "
SETTINGS = {
    "plugins.ml_commons.trusted_connector_endpoints_regex": [pairs.TRUST],
    "plugins.ml_commons.connector.private_ip_enabled": True,
}
INDEXES = (".plugins-ml-model", ".plugins-ml-connector", ".plugins-ml-model-group")

#: Requests of the bench itself and of the container's health check.
NOT_COUNTED = ("nodes_usage_action", "cluster_health_action")


class Server:
    def __init__(self, url: str) -> None:
        self.url = url
        self._session = requests.Session()
        self._session.trust_env = False
        self._before: dict[str, Any] = {}

    def send(self, method: str, path: str, body: Any = None, *, accept: tuple[int, ...] = ()) -> Any:
        answer = self._session.request(method, self.url + path, json=body, timeout=120)
        if answer.status_code not in accept:
            assert answer.status_code < 300, f"{method} {path}: {answer.status_code} {answer.text[:500]}"
        return answer.json()

    def prepare(self) -> None:
        """Trust the endpoint, and let ML Commons create its indexes, which happens with its first writes."""
        persistent = self.send("GET", "/_cluster/settings?flat_settings=true")["persistent"]
        self._before = {name: persistent.get(name) for name in SETTINGS}
        self.send("PUT", "/_cluster/settings", {"persistent": SETTINGS})
        created = self.send("POST", f"{ML}/connectors/_create", pairs.body(0))
        model = {"name": pairs.name_of(0), "function_name": "remote", "connector_id": created["connector_id"]}
        self.send("POST", f"{ML}/models/_register?deploy=true", model)
        while self._count(".plugins-ml-model", "model_state", "DEPLOYED") < 1:
            time.sleep(0.5)
        self.remove()

    def restore(self) -> None:
        self.remove()
        self.send("PUT", "/_cluster/settings", {"persistent": self._before})

    def counts(self) -> dict[str, int]:
        """How often the nodes have handled each kind of request since they started."""
        totals: dict[str, int] = {}
        for node in self.send("GET", "/_nodes/usage/rest_actions")["nodes"].values():
            for action, count in node["rest_actions"].items():
                if action not in NOT_COUNTED:
                    totals[action] = totals.get(action, 0) + count
        return totals

    def check(self, size: int) -> None:
        """Raise AssertionError unless each pair exists exactly once and all models serve."""
        for index in INDEXES:
            found = self._count(index)
            assert found == size, f"{found} in {index}, not {size}"
        serving = self._count(".plugins-ml-model", "model_state", "DEPLOYED")
        assert serving == size, f"{serving} of {size} models serve"

    def remove(self) -> None:
        """Undeploy the models, then delete all objects from the indexes. The API would take as long as the benchmark."""
        self.remove_foreign()
        query = {"prefix": {"name.keyword": pairs.PREFIX}}
        found = self.send(
            "POST", f"{ML}/models/_search", {"query": query, "size": 10000, "_source": False}, accept=(404,)
        )
        ids = [hit["_id"] for hit in found.get("hits", {}).get("hits", [])]
        for start in range(0, len(ids), 50):
            self.send("POST", f"{ML}/models/_undeploy", {"model_ids": ids[start : start + 50]})
        while self._count(".plugins-ml-model", "model_state", "DEPLOYED"):
            time.sleep(0.5)
        for index in INDEXES:
            # A deletion skips documents that the server writes at the same moment.
            while self._count(index):
                self._delete(index, query)

    def add_foreign(self, size: int) -> None:
        """Add connectors that no declaration contains: copies of a stored one, as the server stores nothing else of them."""
        created = self.send("POST", f"{ML}/connectors/_create", {**pairs.body(0), "name": FOREIGN})
        source = self.send("GET", f"/.plugins-ml-connector/_doc/{created['connector_id']}")["_source"]
        for start in range(0, size, 1000):
            lines = []
            for number in range(start, min(start + 1000, size)):
                lines += [{"index": {}}, {**source, "name": f"{FOREIGN}{number}"}]
            content = "".join(json.dumps(line) + "\n" for line in lines)
            answer = self._session.post(
                f"{self.url}/.plugins-ml-connector/_bulk",
                data=content,
                headers={"Content-Type": "application/json"},
                timeout=120,
            )
            assert answer.status_code == 200, answer.text[:500]
            assert not answer.json()["errors"], answer.text[:500]
        self.send("POST", "/.plugins-ml-connector/_refresh")

    def remove_foreign(self) -> None:
        self._delete(".plugins-ml-connector", {"prefix": {"name.keyword": FOREIGN}})

    def _delete(self, index: str, query: dict[str, Any]) -> None:
        target = f"/{index}/_delete_by_query?refresh=true&conflicts=proceed"
        self.send("POST", target, {"query": query}, accept=(404,))

    def _count(self, index: str, field: str = "", value: str = "") -> int:
        self.send("POST", f"/{index}/_refresh", accept=(404,))
        must: list[dict[str, Any]] = [{"prefix": {"name.keyword": pairs.PREFIX}}]
        must += [{"term": {field: value}}] if field else []
        found = self.send("POST", f"/{index}/_count", {"query": {"bool": {"must": must}}}, accept=(404,))
        return int(found.get("count", 0))
