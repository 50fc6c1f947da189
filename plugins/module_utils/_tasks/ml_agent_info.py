# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The task of ml_agent_info: list agents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .._kinds.agent import Agent
from .._runtime.module import Module, typed
from .._runtime.run import Run

SPEC = {
    "name": {"type": "str"},
    "agent_id": {"type": "str"},
    "type": {"type": "str"},
}

RULES = {"mutually_exclusive": [("name", "agent_id")]}


@dataclass(frozen=True)
class Options:
    name: str | None
    agent_id: str | None
    type: str | None


def execute(options: Options, run: Run) -> dict[str, Any]:
    """The agents that the options select. Raises Failure."""
    docs = Agent.select(run.reader, object_id=options.agent_id, name=options.name, pattern=None)
    results = [Agent.to_result(doc) for doc in docs]
    return {"agents": [agent for agent in results if options.type is None or options.type.lower() == agent["type"]]}


MODULE = Module(SPEC, execute, typed(Options), RULES)
