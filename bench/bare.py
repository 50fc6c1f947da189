# SPDX-License-Identifier: GPL-3.0-or-later
"""A client that shows the server's limit: it creates the pairs with the fewest possible calls and does nothing else.

python -m bench.bare URL STEP SIZE THREADS
"""

from __future__ import annotations

import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests

from bench import pairs

ML = "/_plugins/_ml"

#: The maximum number of pending deployments. The server refuses a deployment when about a hundred are waiting.
MAX_PENDING = 90


class Bare:
    def __init__(self, url: str) -> None:
        self._url = url
        self._local = threading.local()
        self._lock = threading.Lock()
        self._registered = 0

    def send(self, method: str, path: str, body: Any = None) -> Any:
        if not hasattr(self._local, "session"):
            self._local.session = requests.Session()
            self._local.session.trust_env = False
        answer = self._local.session.request(method, self._url + ML + path, json=body, timeout=120)
        answer.raise_for_status()
        return answer.json()

    def first(self, size: int, threads: int) -> None:
        if threads == 1:
            for number in range(size):
                self._create(number)
        else:
            with ThreadPoolExecutor(threads) as pool:
                list(pool.map(self._create, range(size)))
        while self._deployed() < size:
            time.sleep(0.5)

    def unchanged(self, size: int) -> list[dict[str, Any]]:
        """Search each kind once and return the models."""
        names = [pairs.name_of(number) for number in range(size)]
        found: list[dict[str, Any]] = []
        for kind in ("connectors", "model_groups", "models"):
            query = {
                "bool": {
                    "must": [{"terms": {"name.keyword": names}}],
                    "must_not": [{"exists": {"field": "chunk_number"}}],
                }
            }
            found = self.send("POST", f"/{kind}/_search", {"query": query, "size": 10000})["hits"]["hits"]
            assert len(found) == size, f"{len(found)} {kind}"
        return found

    def key(self, size: int) -> None:
        """Replace the connector of the first pair, because the server refuses to change it for a serving model."""
        (model,) = (hit for hit in self.unchanged(size) if hit["_source"]["name"] == pairs.name_of(0))
        created = self.send("POST", "/connectors/_create", pairs.body(0, changed=True))
        self.send("PUT", f"/models/{model['_id']}", {"connector_id": created["connector_id"]})
        self.send("DELETE", f"/connectors/{model['_source']['connector_id']}")

    def _create(self, number: int) -> None:
        self._wait_for_slot()
        created = self.send("POST", "/connectors/_create", pairs.body(number))
        model = {"name": pairs.name_of(number), "function_name": "remote", "connector_id": created["connector_id"]}
        self.send("POST", "/models/_register?deploy=true", model)

    def _wait_for_slot(self) -> None:
        """Wait while too many deployments are pending."""
        with self._lock:
            self._registered += 1
            if self._registered % MAX_PENDING == 0:
                while self._deployed() < self._registered - MAX_PENDING // 2:
                    time.sleep(0.5)

    def _deployed(self) -> int:
        """The number of models that serve, from one search."""
        query = {"bool": {"must": [{"prefix": {"name.keyword": pairs.PREFIX}}, {"term": {"model_state": "DEPLOYED"}}]}}
        found = self.send("POST", "/models/_search", {"query": query, "size": 0, "track_total_hits": True})
        return int(found["hits"]["total"]["value"])


def main(url: str, step: str, size: int, threads: int) -> None:
    bare = Bare(url)
    if step == "first":
        bare.first(size, threads)
    elif step == "key":
        bare.key(size)
    else:
        bare.unchanged(size)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
