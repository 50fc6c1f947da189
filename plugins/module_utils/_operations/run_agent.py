# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Runs of agents: the answer is that of the last step; the ids of the conversation are separate."""

from __future__ import annotations

from typing import Any, Mapping

from .._errors.exceptions import Failure, describe_shape
from .._http.client import Client, segment
from .._kinds.agent import Agent
from .chat_answer import Prediction

#: Outputs with an id of the conversation. They are not part of the answer.
MEMORY_OUTPUTS = ("memory_id", "parent_message_id", "parent_interaction_id")


def execute(client: Client, agent_id: str, parameters: Mapping[str, Any], *, timeout: float) -> Prediction:
    """Run the agent once. ``timeout``: seconds for all of its steps together. Raises Failure."""
    path = f"{Agent.PATH}/{segment(agent_id)}/_execute"
    return parse(client.ask(path, {"parameters": dict(parameters)}, timeout=timeout).body)


def parse(body: Any) -> Prediction:
    """The answer of an agent; its ``body`` is the list of outputs. Raises Failure."""
    try:
        outputs = [dict(output) for result in body["inference_results"] for output in result["output"]]
    except (KeyError, TypeError, ValueError) as exc:
        raise Failure("not_opensearch", f"The server answered a run without outputs: {describe_shape(body)}") from exc
    answers = [output for output in outputs if output.get("name") not in MEMORY_OUTPUTS]
    # If the tools return their outputs too, the last output is the answer.
    last = next((output for output in answers if output.get("name") == "response"), answers[-1] if answers else {})
    content = last.get("result")
    if content is None:
        content = (last.get("dataAsMap") or {}).get("response")
    return Prediction(200, outputs, content if isinstance(content, str) else None, None, None, None, [])


def memory_ids(answer: Prediction) -> dict[str, Any]:
    """The ids of the conversation, by the names of their outputs."""
    return {output["name"]: output.get("result") for output in answer.body if output.get("name") in MEMORY_OUTPUTS}
