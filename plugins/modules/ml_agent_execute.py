#!/usr/bin/python
# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ml_agent_execute
short_description: Let an agent of ML Commons work
version_added: 0.2.0
description:
  - Puts a question to an agent and checks its answer; the proof that a set-up works.
  - While the backend of its model is loading, it asks again.
author:
  - The searchops.opensearch_ml maintainers (@searchops)
extends_documentation_fragment:
  - searchops.opensearch_ml.attributes
  - searchops.opensearch_ml.attributes.reads
  - searchops.opensearch_ml.connection
attributes:
  check_mode:
    support: full
    details:
      - Nothing is asked in check mode; RV(request) says what would be.
  idempotent:
    support: partial
    details:
      - It never reports a change. An agent with a memory keeps each question and its answer, and its tools may do more.
options:
  agent:
    description: The name or the id of the agent.
    type: str
    required: true
  question:
    description: The question. The same as C(question) in O(parameters).
    type: str
  parameters:
    description: Parameters of the run, for the tools' and the model's placeholders; C(memory_id) goes on with a conversation.
    type: dict
    default: {}
  expect_content:
    description: Whether the answer must hold text.
    type: bool
    default: true
  expect_pattern:
    description: A Python regular expression that must be found in the answer's text.
    type: str
  execute_timeout:
    description: How long to wait for one answer, in seconds. It has to outlast all steps of the agent.
    type: float
    default: 300.0
  wait_timeout:
    description: For how long to ask again while the backend is loading or busy, in seconds.
    type: float
    default: 120.0
seealso:
  - module: searchops.opensearch_ml.ml_agent
"""

EXAMPLES = r"""
- name: Ask
  searchops.opensearch_ml.ml_agent_execute:
    agent: House agent
    question: Why is the sky blue?
    expect_pattern: "[Ss]catter"
  register: answer

- name: Go on with the conversation
  searchops.opensearch_ml.ml_agent_execute:
    agent: House agent
    parameters:
      question: And why is it red in the evening?
      memory_id: "{{ answer.memory.memory_id }}"
"""

RETURN = r"""
content:
  description: The answer's text, that of the last step. V(null) in check mode.
  returned: success
  type: str
  sample: The sky is blue because air scatters blue light more than red light.
memory:
  description: The ids of the conversation, for agents that have a memory. V(null) in check mode.
  returned: success
  type: dict
  sample:
    memory_id: gH4Yc4sB1kn1wcbOTqPk
result:
  description: All outputs of the agent. V(null) in check mode.
  returned: success
  type: list
  elements: dict
request:
  description: What was asked, or in check mode would be.
  returned: success
  type: dict
  sample:
    parameters:
      question: Why is the sky blue?
agent_id:
  description: The id of the agent.
  returned: success
  type: str
  sample: bEdPqZQBQwAL8-GOBZaa
actions:
  description: Always empty, as nothing is changed.
  returned: always
  type: list
  elements: dict
  sample: []
failure:
  description: Why the task failed.
  returned: on failure
  type: dict
  contains:
    code:
      description: A stable name of the problem.
      type: str
      sample: unknown_agent
    message:
      description: What was being done, and the server's reason.
      type: str
    remedy:
      description: What to do about it.
      type: str
    status:
      description: The HTTP status, if the server answered.
      type: int
    details:
      description: Further facts, depending on the code.
      type: dict
"""

from ..module_utils._runtime.module import run_module
from ..module_utils._tasks.ml_agent_execute import MODULE


def main() -> None:
    run_module(MODULE)


if __name__ == "__main__":
    main()
