# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Which objects of a cluster name others by their ids."""

from __future__ import annotations

from typing import Iterator, NamedTuple

from .._kinds import pipeline as pipelines
from .._kinds.agent import Agent
from .._kinds.model import Model
from .._kinds.snapshot import Snapshot
from .._values.compare import text_of


class User(NamedTuple):
    """An object that uses another one. The id of a pipeline is its type and name."""

    kind: str
    id: str
    name: str


def texts_with_ids(snapshot: Snapshot) -> Iterator[tuple[User, str]]:
    """The definitions of agents and pipelines, and the guardrails of models, which may name any object by its id.

    A model's connector and group are in fields of their own, by which a snapshot finds it.
    """
    for doc in snapshot.all(Agent):
        yield User(Agent.LABEL, doc.id, doc.name), text_of(doc.source)
    for (type_, name), body in snapshot.pipelines().items():
        yield User(pipelines.label(type_), f"{type_}/{name}", name), text_of(body)
    for doc in snapshot.all(Model):
        if doc.source.get("guardrails"):
            yield User(Model.LABEL, doc.id, doc.name), text_of(doc.source["guardrails"])
