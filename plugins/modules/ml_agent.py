#!/usr/bin/python
# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ml_agent
short_description: Manage agents of ML Commons
version_added: 1.0.0
description:
  - Registers, changes and deletes agents.
  - Changes an agent in place where the server can. Refuses other changes, unless O(update_strategy) allows the module
    to replace the agent with a new one.
  - Checks that the tools exist before it writes anything. The server itself reports an unknown tool only when the
    agent runs.
author:
  - The searchops.opensearch_ml maintainers (@searchops)
extends_documentation_fragment:
  - searchops.opensearch_ml.attributes
  - searchops.opensearch_ml.connection
  - searchops.opensearch_ml.custom_id
  - searchops.opensearch_ml.src
options:
  name:
    description:
      - The agent's name, of at most 128 characters. The module finds the agent by its name unless O(agent_id) is
        given. If several agents match, the task fails and lists their ids.
    type: str
  agent_id:
    description: The id of an existing agent. Together with O(name), the agent is renamed.
    type: str
  state:
    description: Whether the agent should exist.
    type: str
    choices:
      - present
      - absent
    default: present
  type:
    description:
      - How the agent works. Required for a new agent. The type cannot be changed in place.
      - With V(flow), the agent runs its tools one after the other. V(conversational_flow) adds a memory.
      - With V(conversational), a model chooses the tools. V(conversational_v2) needs OpenSearch 3.6, O(model) instead of O(llm),
        and a memory of the type V(agentic_memory). It therefore cannot use a model server of your own.
      - With V(plan_execute_and_reflect), a model makes a plan and changes it along the way. Needs OpenSearch 3.0. The
        server creates a second agent that carries out the steps. The module changes and deletes it together with this
        agent.
      - V(ag_ui) serves frontends that speak AG-UI. Needs OpenSearch 3.5.
      - The module sends any other type to the server, which may be newer than the module. It refuses only names that
        are one of these misspelt.
    type: str
  description:
    description: A text for people, which the server stores with the agent.
    type: str
  llm:
    description: The model that the agent reasons with. Required for agents that choose tools or make plans.
    type: dict
    suboptions:
      model_id:
        description: The name or the id of the model.
        type: str
      parameters:
        description: All parameters of the model's predictions; any others are removed.
        type: dict
      extra_fields:
        description: Further fields of the llm, which this version of the collection does not know. See O(extra_fields).
        type: dict
  model:
    description:
      - A model of a cloud provider, which the server registers together with the agent. Use it instead of O(llm). Needs
        OpenSearch 3.5 and the setting C(plugins.ml_commons.unified_agent_api_enabled).
      - The server writes the provider's own address into the connector that it creates, C(api.openai.com) for
        V(openai/v1/chat/completions). It cannot call a server of yours; for such a one use O(llm).
      - The server cannot change it in place. It does not delete the model with the agent.
    type: dict
    suboptions:
      model_id:
        description: The provider's name of the model. Required, here or in the definition.
        type: str
      model_provider:
        description: The provider and its API, for example V(bedrock/converse). Required, here or in the definition.
        type: str
      credential:
        description: The credential for the provider. The server does not return it, so the module does not compare it, and
          warns of that. Delete the agent first to send another one.
        type: dict
      model_parameters:
        description: The parameters of the model's predictions.
        type: dict
      extra_fields:
        description: Further fields of the model, which this version of the collection does not know. See O(extra_fields).
        type: dict
  tools:
    description:
      - All tools of the agent, in this order; any others are removed.
      - "In any text, C(${model:NAME}) becomes the id of the model with this name, C(${agent:NAME}) the id of an agent, and
        C(${connector:NAME}) the id of a connector, for example in the parameter C(connector_id) of a ConnectorTool, and
        C(${memory_container:NAME}) the id of a memory container. The same applies to all other options, for example to the
        parameter C(mcp_connectors) in O(parameters). In check mode, an object that does not exist yet is a warning."
      - A connector that is replaced by a swap gets another id. The next run of this module gives it to the agent.
    type: list
    elements: dict
    suboptions:
      type:
        description: The tool's type, for example V(MLModelTool).
        type: str
        required: true
      name:
        description: The name by which the agent knows the tool. Required for a second tool of the same type.
        type: str
      description:
        description: What the tool does. The model reads this to choose a tool.
        type: str
      parameters:
        description: The parameters of the tool, which depend on its type.
        type: dict
      attributes:
        description: Further attributes of the tool, such as C(input_schema). Needs OpenSearch 3.0.
        type: dict
      config:
        description: The tool's configuration, which a run cannot override.
        type: dict
      include_output_in_agent_response:
        description: Whether the tool's output is part of the agent's answer.
        type: bool
        default: false
      extra_fields:
        description: Further fields of the tool, which this version of the collection does not know. See O(extra_fields).
        type: dict
  parameters:
    description:
      - All parameters of the agent; any others are removed. From OpenSearch 3.0 on, C(_llm_interface) lets the model
        call tools as functions. Its value for an OpenAI-compatible server is V(openai/v1/chat/completions).
    type: dict
  memory:
    description: Where the agent stores conversations.
    type: dict
    suboptions:
      type:
        description: The type of memory, usually V(conversation_index). With V(agentic_memory) a memory container stores the
          conversations. Required, here or in the definition.
        type: str
      session_id:
        description: The id of the session.
        type: str
      window_size:
        description: The number of messages that the agent remembers.
        type: int
      memory_container_id:
        description: The name or the id of the memory container, for the type V(agentic_memory). Needs OpenSearch 3.5. See
          M(searchops.opensearch_ml.ml_memory_container).
        type: str
      extra_fields:
        description: Further fields of the memory, which this version of the collection does not know. See O(extra_fields).
        type: dict
  app_type:
    description: The kind of application that uses the agent.
    type: str
  context_management:
    description: How the agent shortens its context, with C(name) and C(hooks). Needs OpenSearch 3.5. The server cannot
      change it in place. Excludes O(context_management_name).
    type: dict
  context_management_name:
    description: The name of a template for this. Needs OpenSearch 3.5. The server cannot change it in place.
    type: str
  extra_fields:
    description:
      - Further fields of the agent, which this version of the collection does not know, by their names in the API. They are
        sent and compared as they are.
      - The module warns of a field that the server does not store, and does not compare it. A field that has an option is
        refused.
    type: dict
  definition:
    description:
      - The agent's body as the API takes it and as the documentation of OpenSearch shows it. Options that you give in
        addition override its fields; mappings are merged key by key.
      - A field that this version of the collection does not know is sent and compared as it is, as with O(extra_fields).
        Fields that only the server sets, such as C(created_time), are not sent.
    type: dict
  update_strategy:
    description: How the module may change the agent.
    type: str
    choices:
      in_place: Only in place. The task fails if the server cannot change the agent in place. Before OpenSearch 3.1,
        the server can change nothing in place. Later versions can change everything except the type, O(model),
        O(context_management), O(context_management_name) and memories other than V(conversation_index), but cannot remove
        parameters or the last tool.
      recreate: If the agent cannot be changed in place, a new agent replaces it. The new agent has another id, so
        update all clients that run the agent by its id.
    default: in_place
  delete_in_use:
    description:
      - With O(state=absent), whether to delete an agent that other agents or pipelines use. They fail without it, and the
        server does not check this. By default the task fails with the code C(agent_in_use).
    type: bool
    default: false
seealso:
  - module: searchops.opensearch_ml.ml_agent_execute
  - module: searchops.opensearch_ml.ml_agent_info
  - module: searchops.opensearch_ml.ml_memory_container
  - module: searchops.opensearch_ml.ml_model
  - module: searchops.opensearch_ml.ml_tool_call_check
  - name: Role agent
    link: https://github.com/searchops/opensearch_ml/blob/main/roles/agent/README.md
    description: The role that sets up an agent with its model and tools.
  - name: Agents
    description: The types of agents, and how each works.
    link: https://docs.opensearch.org/latest/ml-commons-plugin/agents-tools/agents/index/
  - name: Register Agent API
    description: All fields of an agent.
    link: https://docs.opensearch.org/latest/ml-commons-plugin/api/agent-apis/register-agent/
"""

EXAMPLES = r"""
- name: Create an agent with one tool that asks a model
  searchops.opensearch_ml.ml_agent:
    hosts: https://opensearch.example.internal:9200
    username: ml_provisioner
    password: "{{ vault_ml_password }}"
    ca_path: /etc/ssl/opensearch-ca.pem
    name: House agent
    type: flow
    tools:
      - type: MLModelTool
        parameters:
          model_id: ${model:Local chat}
          messages: '[{"role": "user", "content": "${parameters.question}"}]'
          response_field: choices

- name: Create an agent whose model calls tools as functions
  searchops.opensearch_ml.ml_agent:
    name: Index assistant
    type: conversational
    llm:
      model_id: Local chat
      parameters:
        prompt: ${parameters.question}
        max_iteration: 5
    parameters:
      _llm_interface: openai/v1/chat/completions
    memory:
      type: conversation_index
    tools:
      - type: ListIndexTool
      - type: IndexMappingTool

- name: Create an agent from a file next to the playbook, with another model
  searchops.opensearch_ml.ml_agent:
    name: Index assistant
    src: index_assistant.json
    llm:
      model_id: Local chat

- name: Delete an agent
  searchops.opensearch_ml.ml_agent:
    name: House agent
    state: absent
"""

RETURN = r"""
agent_id:
  description: The agent's id; for a deleted agent, the id that it had. V(null) in check mode if the module would
    register the agent.
  returned: success
  type: str
  sample: bEdPqZQBQwAL8-GOBZaa
agent:
  description: The agent as the server stores it; in check mode, as the server would store it. V(null) when absent.
  returned: success
  type: dict
  contains:
    agent_id:
      description: The id that the server gave to the agent.
      type: str
      sample: bEdPqZQBQwAL8-GOBZaa
    name:
      description: The name of the agent, which other modules take instead of its id.
      type: str
      sample: House agent
    type:
      description: The agent's type, in lower case.
      type: str
      sample: flow
    executor_agent_id:
      description: The id of the agent that carries out the steps of a plan, if the agent has one.
      type: str
      sample: 9kdPqZQBQwAL8-GODJaz
actions:
  description: The changes that the module made, in order; in check mode, the changes that it would make. On failure,
    the changes made until then.
  returned: always
  type: list
  elements: dict
  sample:
    - action: replace
      kind: agent
      name: House agent
      replaced_id: oUdPqZQBQwAL8-GOCZYL
diff:
  description: The given fields before and after the task, with references instead of ids.
  returned: success
  type: dict
  contains:
    before:
      description: The values before the task.
      type: dict
    after:
      description: The values after the task; in check mode, the predicted values.
      type: dict
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
      sample: agent_not_changeable
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
from ..module_utils._tasks.ml_agent import MODULE


def main() -> None:
    run_module(MODULE)


if __name__ == "__main__":
    main()
