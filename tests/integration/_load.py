# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Predictions without pause, while a test changes what they need."""

from __future__ import annotations

import threading

import requests

from ansible_collections.searchops.opensearch_ml.tests.integration._stack import ML, Cluster, until

PROBE = {"messages": [{"role": "user", "content": "Ping"}]}


class Load:
    """Threads that send predictions without pause, each with its own session, and record each answer."""

    def __init__(self, cluster: Cluster, model_id: str, threads: int = 4) -> None:
        self.good = 0
        self.bad: list[str] = []
        self._cluster = cluster
        self._path = f"{ML}/models/{model_id}/_predict"
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._ask, daemon=True) for _ in range(threads)]

    def _ask(self) -> None:
        with requests.Session() as session:
            session.trust_env = False
            while not self._stop.is_set():
                try:
                    answer = session.post(
                        self._cluster.url + self._path,
                        json={"parameters": PROBE},
                        auth=self._cluster.admin,
                        verify=self._cluster.ca or True,
                        timeout=30,
                    )
                    fine = answer.status_code == 200 and "Pong." in answer.text
                    error = "" if fine else f"{answer.status_code} {answer.text[:300]}"
                except requests.RequestException as exc:
                    fine, error = False, repr(exc)
                with self._lock:
                    self.good += fine
                    if not fine:
                        self.bad.append(error)

    def pass_some(self, number: int = 10) -> None:
        """Wait until ``count`` more predictions were answered."""
        goal = self.good + number
        until(lambda: self.good >= goal or bool(self.bad), f"{number} more answers")

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        self.pass_some(4)
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(40)
        assert not any(thread.is_alive() for thread in self._threads)
