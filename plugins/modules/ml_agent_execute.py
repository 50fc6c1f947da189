#!/usr/bin/python
# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ml_agent_execute
short_description: Run an agent of ML Commons
version_added: 1.0.0
description:
  - Sends a question to an agent and checks its answer, which proves that the set-up works.
  - Repeats the question while the backend of the agent's model is loading.
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
      - The module sends nothing in check mode; RV(request) shows the request that it would send.
  idempotent:
    support: partial
    details:
      - The module never reports a change. An agent with a memory still stores each question and its answer, and its
        tools may have other effects.
options:
  agent:
    description: The name or the id of the agent.
    type: str
    required: true
  question:
    description: The question to ask. The same as C(question) in O(parameters).
    type: str
  parameters:
    description: Parameters of the run, for the placeholders of the tools and the model. C(memory_id) continues a
      conversation.
    type: dict
    default: {}
  expect_content:
    description: Whether the answer must contain text.
    type: bool
    default: true
  expect_pattern:
    description: A Python regular expression that must be found in the answer's text.
    type: str
  execute_timeout:
    description: The maximum number of seconds to wait for one answer. It must cover all steps of the agent.
    type: float
    default: 300.0
  wait_timeout:
    description: The number of seconds for which to repeat the question while the backend is loading or busy.
    type: float
    default: 120.0
seealso:
  - module: searchops.opensearch_ml.ml_agent
  - module: searchops.opensearch_ml.ml_agent_info
  - name: Execute Agent API
    description: The request that runs an agent.
    link: https://docs.opensearch.org/latest/ml-commons-plugin/api/agent-apis/execute-agent/
"""

EXAMPLES = r"""
- name: Ask an agent a question, and check the answer
  searchops.opensearch_ml.ml_agent_execute:
    hosts: https://opensearch.example.internal:9200
    username: ml_provisioner
    password: "{{ vault_ml_password }}"
    ca_path: /etc/ssl/opensearch-ca.pem
    agent: House agent
    question: Why is the sky blue?
    expect_pattern: "[Ss]catter"

- name: Begin a conversation with an agent that has a memory
  searchops.opensearch_ml.ml_agent_execute:
    agent: House agent
    question: Why is the sky blue?
  register: answer

- name: Continue the conversation
  searchops.opensearch_ml.ml_agent_execute:
    agent: House agent
    parameters:
      question: And why is it red in the evening?
      memory_id: "{{ answer.memory.memory_id }}"
"""

RETURN = r"""
content:
  description: The text of the answer, from the agent's last step. In check mode, the text that the agent was not asked.
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
  sample:
    - output:
        - name: response
          result: The sky is blue because air scatters blue light more than red light.
request:
  description: The request that the module sent; in check mode, the request that it would send.
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
asked:
  description: Whether the agent was asked, which it is not in check mode.
  returned: success
  type: bool
  sample: true
actions:
  description: Always empty, because the module changes nothing.
  returned: always
  type: list
  elements: dict
  sample: []
retries:
  description: How many requests the module sent again.
  returned: always
  type: int
  sample: 0
failure:
  description: Why the task failed.
  returned: on failure
  type: dict
  contains:
    code:
      description: The failure code, which stays the same across releases.
      type: str
      sample: unknown_agent
    message:
      description: What the module was doing, and the server's reason.
      type: str
    remedy:
      description: How to fix the problem.
      type: str
    status:
      description: The HTTP status of the answer, if the server answered.
      type: int
    details:
      description: More facts about the failure, which depend on the code.
      type: dict
"""

from ..module_utils._runtime.module import run_module
from ..module_utils._tasks.ml_agent_execute import MODULE


def main() -> None:
    run_module(MODULE)


if __name__ == "__main__":
    main()
