#!/usr/bin/python
# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ml_agent
short_description: Manage agents of ML Commons
version_added: 0.2.0
description:
  - Registers, changes and deletes agents.
  - What the server can change is changed in place. What it cannot is refused, unless O(update_strategy) allows to replace the
    agent by a new one.
  - Which tools there are is looked up before anything is written; the server would only tell when the agent runs.
author:
  - The searchops.opensearch_ml maintainers (@searchops)
extends_documentation_fragment:
  - searchops.opensearch_ml.attributes
  - searchops.opensearch_ml.connection
  - searchops.opensearch_ml.custom_id
options:
  name:
    description:
      - The agent's name, of at most 128 characters. It finds the agent unless O(agent_id) is given; more than one match is
        refused with the ids.
    type: str
  agent_id:
    description: The id of an existing agent. With O(name) the agent is renamed.
    type: str
  state:
    description: Whether the agent is to be there.
    type: str
    choices:
      - present
      - absent
    default: present
  type:
    description: How the agent works. Needed for a new one; cannot be changed in place.
    type: str
    choices:
      flow: The tools one after the other.
      conversational: A model chooses the tools.
      conversational_flow: As V(flow), with a memory.
      plan_execute_and_reflect: A model makes a plan and changes it on its way, from OpenSearch 3.0 on. The server makes a second
        agent that carries out the steps, which is changed and deleted with this one.
  description:
    description: What it is for.
    type: str
  llm:
    description: The model that thinks. Needed for agents that choose or plan.
    type: dict
    suboptions:
      model_id:
        description: The model's name or id.
        type: str
      parameters:
        description: Parameters of its predictions, exactly these.
        type: dict
  tools:
    description:
      - The tools, exactly these and in this order.
      - "In any text C(${model:NAME}) stands for the id of the model of that name, and C(${agent:NAME}) for that of an agent;
        the same holds for O(llm) and O(parameters). In check mode one that is not there yet is a warning."
    type: list
    elements: dict
    suboptions:
      type:
        description: The tool's type, for example V(MLModelTool).
        type: str
        required: true
      name:
        description: By what name the agent knows it; needed for a second one of a type.
        type: str
      description:
        description: What it is for, for the model to choose by.
        type: str
      parameters:
        description: Its parameters.
        type: dict
      attributes:
        description: Further attributes, such as C(input_schema), from OpenSearch 3.0 on.
        type: dict
      config:
        description: Its configuration, which a run cannot override.
        type: dict
      include_output_in_agent_response:
        description: Whether its output is part of the agent's answer.
        type: bool
        default: false
  parameters:
    description:
      - Parameters of the agent, exactly these. From OpenSearch 3.0 on C(_llm_interface) lets the model call tools as functions,
        for an OpenAI-compatible server with the value V(openai/v1/chat/completions).
    type: dict
  memory:
    description: Where the agent keeps conversations.
    type: dict
    suboptions:
      type:
        description: The type, V(conversation_index) as a rule.
        type: str
        required: true
      session_id:
        description: The session.
        type: str
      window_size:
        description: How many messages are remembered.
        type: int
  app_type:
    description: What kind of application it is for.
    type: str
  update_strategy:
    description: What may be done to change the agent.
    type: str
    choices:
      in_place: Only what the server can change in place. Before OpenSearch 3.1 that is nothing, later all but the type, parameters
        that are to be taken away, the last tool, and other memories than V(conversation_index). The task fails otherwise.
      recreate: Where it cannot be changed in place, a new agent takes its place. Its id is another; whoever runs the agent by its
        id has to be told.
    default: in_place
seealso:
  - module: searchops.opensearch_ml.ml_agent_execute
  - module: searchops.opensearch_ml.ml_agent_info
  - module: searchops.opensearch_ml.ml_model
"""

EXAMPLES = r"""
- name: One tool that asks a model
  searchops.opensearch_ml.ml_agent:
    name: House agent
    type: flow
    tools:
      - type: MLModelTool
        parameters:
          model_id: ${model:Local chat}
          messages: '[{"role": "user", "content": "${parameters.question}"}]'
          response_field: choices

- name: A model that calls tools as functions
  searchops.opensearch_ml.ml_agent:
    name: Index assistant
    type: conversational
    llm:
      model_id: Local chat
      parameters:
        max_iteration: 5
    parameters:
      _llm_interface: openai/v1/chat/completions
    memory:
      type: conversation_index
    tools:
      - type: ListIndexTool
      - type: IndexMappingTool

- name: Gone
  searchops.opensearch_ml.ml_agent:
    name: House agent
    state: absent
"""

RETURN = r"""
agent_id:
  description: The agent's id; of a deleted one the id it had. V(null) in check mode for one that would be registered.
  returned: success
  type: str
  sample: bEdPqZQBQwAL8-GOBZaa
agent:
  description: The agent as the server stores it; in check mode as it would be. V(null) when absent.
  returned: success
  type: dict
  contains:
    agent_id:
      description: The id.
      type: str
      sample: bEdPqZQBQwAL8-GOBZaa
    name:
      description: The name.
      type: str
      sample: House agent
    type:
      description: The type, in lower case.
      type: str
      sample: flow
    executor_agent_id:
      description: The agent that carries out the steps of a plan, if there is one.
      type: str
actions:
  description: What was done, or in check mode would be done, in this order. On failure, what had been done by then.
  returned: always
  type: list
  elements: dict
  sample:
    - action: replace
      kind: agent
      name: House agent
      replaced_id: oUdPqZQBQwAL8-GOCZYL
diff:
  description: The stated fields before and after, with references in place of the ids.
  returned: success
  type: dict
  contains:
    before:
      description: As it was.
      type: dict
    after:
      description: As it is; in check mode, as it would be.
      type: dict
failure:
  description: Why the task failed.
  returned: on failure
  type: dict
  contains:
    code:
      description: A stable name of the problem.
      type: str
      sample: agent_not_changeable
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
from ..module_utils._tasks.ml_agent import MODULE


def main() -> None:
    run_module(MODULE)


if __name__ == "__main__":
    main()
