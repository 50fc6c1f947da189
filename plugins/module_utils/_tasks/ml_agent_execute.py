# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What ml_agent_execute does: lets an agent work and checks its answer."""

from __future__ import annotations

from typing import Any, Mapping

from .._coordination.duplicates import find, need
from .._errors.exceptions import Failure
from .._kinds.agent import Agent
from .._operations import predict, run_agent
from .._runtime.module import Module
from .._runtime.run import Run

OPTIONS = {
    "agent": {"type": "str", "required": True},
    "question": {"type": "str"},
    "parameters": {"type": "dict", "default": {}},
    "expect_content": {"type": "bool", "default": True},
    "expect_pattern": {"type": "str"},
    "execute_timeout": {"type": "float", "default": 300.0},
    "wait_timeout": {"type": "float", "default": 120.0},
}


def execute(options: Mapping[str, Any], run: Run) -> dict[str, Any]:
    """Ask the agent. Raises Failure where there is no answer, or not the expected one."""
    parameters = dict(options["parameters"])
    if options["question"] is not None:
        parameters["question"] = options["question"]
    if not parameters:
        raise Failure("invalid_input", "question or parameters: one of them must say what to ask.")
    predict.check_pattern(options["expect_pattern"])
    reference = options["agent"]
    found = find(Agent, run.client, reference) if run.check_mode else need(Agent, run.client, reference)
    told: dict[str, Any] = {"agent_id": found.id if found else None, "request": {"parameters": parameters}}
    if run.check_mode or found is None:
        return {**told, "content": None, "memory": None, "result": None}
    agent_id = found.id
    answer = predict.retry_transient(
        run,
        lambda: run_agent.execute(run.client, agent_id, parameters, timeout=options["execute_timeout"]),
        predict.Expectation(content=options["expect_content"], pattern=options["expect_pattern"]),
        retry_for=options["wait_timeout"],
    )
    return {**told, "content": answer.content, "memory": run_agent.memory_ids(answer), "result": answer.body}


MODULE = Module(OPTIONS, execute)
