# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The task of ml_agent_execute: run an agent and check its answer."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, Mapping

from .._coordination.duplicates import find, need
from .._errors.exceptions import Failure
from .._kinds.agent import Agent
from .._operations import predict, run_agent
from .._runtime.module import Module, typed
from .._runtime.run import Run

SPEC = {
    "agent": {"type": "str", "required": True},
    "question": {"type": "str"},
    "parameters": {"type": "dict", "default": {}},
    "expect_content": {"type": "bool", "default": True},
    "expect_pattern": {"type": "str"},
    "execute_timeout": {"type": "float", "default": 300.0},
    "wait_timeout": {"type": "float", "default": 120.0},
}


@dataclass(frozen=True)
class Options:
    agent: str
    question: str | None
    parameters: Mapping[str, Any]
    expect_content: bool
    expect_pattern: str | None
    execute_timeout: float
    wait_timeout: float


def execute(options: Options, run: Run) -> dict[str, Any]:
    """Run the agent. Raises Failure if there is no answer, or not the expected one."""
    parameters = _parameters(options)
    find_agent = find if run.check_mode else need
    found = find_agent(run, Agent, options.agent)
    result: dict[str, Any] = {"agent_id": found.id if found else None, "request": {"parameters": parameters}}
    if run.check_mode or found is None:
        return {**result, "asked": False, "content": predict.NOT_ASKED, "memory": None, "result": None}
    answer = predict.retry_transient(
        run,
        partial(run_agent.execute, run.client, found.id, parameters, timeout=options.execute_timeout),
        predict.Expectation(content=options.expect_content, pattern=options.expect_pattern),
        retry_for=options.wait_timeout,
    )
    memory = run_agent.memory_ids(answer)
    return {**result, "asked": True, "content": answer.content, "memory": memory, "result": answer.body}


def _parameters(options: Options) -> dict[str, Any]:
    parameters = dict(options.parameters)
    if options.question is not None:
        parameters["question"] = options.question
    if not parameters:
        raise Failure("invalid_input", "question or parameters: one of them is required.")
    return parameters


def check(options: Options) -> None:
    """Raises Failure for options that are invalid on every server."""
    _parameters(options)
    predict.check_pattern(options.expect_pattern)


MODULE = Module(SPEC, execute, typed(Options), check=check)
