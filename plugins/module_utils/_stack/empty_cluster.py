# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""A cluster without objects, of the same version and with the same plugins as one that is exported."""

from __future__ import annotations

from typing import Any, Callable, Iterable, cast

from .._kinds import agent as agents
from .._kinds import pipeline as pipelines
from .._kinds.agent import Agent
from .._kinds.snapshot import Snapshot
from .._runtime import versions
from .._runtime.reader import Doc, Fact, Key, Reader
from .._runtime.run import Run
from .declaration import Item
from .plan import Offline
from .sections import SETTINGS


class EmptyCluster:
    """Plans the create of single items, in order to learn whether their tasks would refuse it. Sends no request."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._client = Offline(signs=False)
        self._reader = _Nothing(self._client, snapshot)

    def plan(self, item: Item) -> None:
        """Plan the create of the item's object. Raises Failure if its task would refuse it before anything is sent."""
        if item.section is SETTINGS:
            # Which of them a cluster has and accepts, only the cluster can say.
            return
        run = Run(self._client, check_mode=True, reader=self._reader)
        # Of endpoints that are not trusted the task would warn. The settings may be a part of the declaration.
        run.only_planning = False
        item.section.execute(item.params, run)


class _Nothing(Reader):
    """Finds no object. Of the facts, it knows those that tasks check: what the objects of the snapshot use exists."""

    def __init__(self, client: Offline, snapshot: Snapshot) -> None:
        super().__init__(client)
        tools = {str(tool.get("type")) for doc in snapshot.all(Agent) for tool in doc.source.get("tools") or []}
        self._facts: dict[Callable[..., Any], Any] = {
            versions.read_version: snapshot.fact(versions.read_version),
            agents.read_tools: tools,
            # No node whose processors are known.
            pipelines.read_nodes: [],
        }

    def get(self, kind: Any, object_id: str) -> Doc | None:
        return None

    def find(self, kind: Any, keys: Iterable[Key]) -> list[Doc]:
        return []

    def all(self, kind: Any) -> list[Doc]:
        return []

    def fact(self, read: Callable[..., Fact], *arguments: str) -> Fact:
        # A pipeline, for example.
        return cast(Fact, self._facts.get(read))
