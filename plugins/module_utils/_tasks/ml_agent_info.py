# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What ml_agent_info does: lists agents."""

from __future__ import annotations

from typing import Any, Mapping

from .._kinds import agent as agents
from .._kinds.agent import Agent
from .._runtime.module import Module
from .._runtime.run import Run

OPTIONS = {
    "name": {"type": "str"},
    "agent_id": {"type": "str"},
    "type": {"type": "str", "choices": list(agents.TYPES)},
}


def execute(options: Mapping[str, Any], run: Run) -> dict[str, Any]:
    """The agents that the options select. Raises Failure."""
    name, agent_id = options["name"], options["agent_id"]
    if agent_id:
        found = Agent.get(run.client, agent_id)
        listed = [found] if found else []
    elif name:
        listed = Agent.all_named(run.client, name)
    else:
        listed = Agent.search(run.client, {"match_all": {}})
    told = [agents.to_result(doc) for doc in listed]
    return {"agents": [agent for agent in told if options["type"] in (None, agent["type"])]}


MODULE = Module(OPTIONS, execute, {"mutually_exclusive": [("name", "agent_id")]})
