#!/usr/bin/python
# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ml_memory_container
short_description: Manage memory containers of ML Commons
version_added: 1.0.0
description:
  - Creates, changes and deletes memory containers, in which agents and other clients store sessions, messages, and facts that
    a model extracts from the messages.
  - Needs OpenSearch 3.3 and the setting C(plugins.ml_commons.agentic_memory_enabled), which is on by default.
  - An agent uses a container by its name, with C(${memory_container:NAME}) or plainly in the suboption
    C(memory.memory_container_id) of M(searchops.opensearch_ml.ml_agent).
author:
  - The searchops.opensearch_ml maintainers (@searchops)
extends_documentation_fragment:
  - searchops.opensearch_ml.attributes
  - searchops.opensearch_ml.connection
  - searchops.opensearch_ml.src
options:
  name:
    description:
      - The container's name. The module finds the container by its name unless O(memory_container_id) is given. If several
        containers match, the task fails and lists their ids.
    type: str
  memory_container_id:
    description: The id of an existing container. Together with O(name), the container is renamed.
    type: str
  state:
    description: Whether the container should exist.
    type: str
    choices:
      - present
      - absent
    default: present
  description:
    description: A text for people, which the server stores with the container.
    type: str
  backend_roles:
    description: The backend roles whose users may use the container, in addition to its owner. Needs the security plugin.
    type: list
    elements: str
  configuration:
    description:
      - How the container stores memories, and which models it uses. Only the given fields are compared and changed.
      - The server sets O(configuration.index_prefix), O(configuration.index_settings), O(configuration.parameters),
        O(configuration.disable_history), O(configuration.disable_session) and O(configuration.use_system_index) only when it
        creates the container. The task fails if one of them must change.
    type: dict
    suboptions:
      index_prefix:
        description:
          - The prefix of the names of the container's indexes, for example C(.plugins-ml-am-PREFIX-memory-working).
          - Containers with the same prefix share their indexes, and the server then refuses to delete these with a container.
            Without a prefix, a container shares the indexes with the prefix C(default); with V(false) for
            O(configuration.use_system_index) the server chooses a prefix.
        type: str
      llm_id:
        description: The name or the id of the model that extracts facts and summarizes sessions. Strategies need it. It must be
          deployed, and answer with the JSON that the server asks for.
        type: str
      max_infer_size:
        description: The number of similar facts that are compared with a new one, at most 10. Needs O(configuration.llm_id).
        type: int
      embedding_model_id:
        description: The name or the id of the model that turns facts into vectors. Strategies need it. The server does not
          change it once the container has strategies.
        type: str
      embedding_model_type:
        description: The kind of the vectors, V(TEXT_EMBEDDING) or V(SPARSE_ENCODING).
        type: str
      embedding_dimension:
        description: The number of dimensions of the vectors. Required for V(TEXT_EMBEDDING).
        type: int
      strategies:
        description:
          - All ways in which facts are extracted from messages. The server cannot remove a strategy, so that those which this
            list omits are disabled.
          - Strategies need the plugins opensearch-knn and opensearch-neural-search, a model in O(configuration.llm_id) and one
            in O(configuration.embedding_model_id).
          - A strategy is found by its O(configuration.strategies[].id), else by its type and namespace, else by its type if the
            container has only one of this type.
        type: list
        elements: dict
        suboptions:
          id:
            description: The id that the server gave to the strategy.
            type: str
          type:
            description: What is extracted, V(SEMANTIC) for facts, V(USER_PREFERENCE) or V(SUMMARY). Cannot be changed.
            type: str
            required: true
          namespace:
            description: The keys by which memories are separated, for example V(user_id). Messages without all of these keys
              are not processed. Required for a new strategy.
            type: list
            elements: str
          enabled:
            description: Whether facts are extracted. The server enables new strategies.
            type: bool
          configuration:
            description: Further configuration of the strategy, such as C(system_prompt) or C(llm_result_path). It is replaced
              as a whole.
            type: dict
          extra_fields:
            description: Further fields of the strategy, which this version of the collection does not know. See O(extra_fields).
            type: dict
      index_settings:
        description: Settings of the indexes, by C(session_index), C(working_memory_index), C(long_term_memory_index) and
          C(long_term_memory_history_index).
        type: dict
      parameters:
        description: Further parameters, such as C(llm_result_path), the path of the text in the answer of the model. For an
          OpenAI-compatible server that is V($.choices[0].message.content).
        type: dict
      disable_history:
        description: Whether to keep no history of the facts.
        type: bool
      disable_session:
        description: Whether to keep no sessions.
        type: bool
      use_system_index:
        description: Whether the indexes are system indexes, which only ML Commons reads and writes. The server's default is
          V(true).
        type: bool
      extra_fields:
        description: Further fields of the configuration, which this version of the collection does not know, such as
          C(retention_policy) of OpenSearch 3.8. See O(extra_fields).
        type: dict
  extra_fields:
    description:
      - Further fields of the container, which this version of the collection does not know, by their names in the API. They
        are sent and compared as they are.
      - The module warns of a field that the server does not store. A field that has an option is refused.
    type: dict
  definition:
    description:
      - The container's body as the API takes it and as the documentation of OpenSearch shows it. Options that you give in
        addition override its fields; the configuration is merged key by key.
      - A field that this version of the collection does not know is sent and compared as it is, as with O(extra_fields).
        Fields that only the server sets, such as C(created_time), are not sent.
    type: dict
  delete_memories:
    description:
      - With O(state=absent), the types of memories to delete with the container. Each is an index, which the server deletes.
      - Without this option and O(delete_all_memories) the indexes stay with all memories. A system index that no container
        uses any more can only be used again by a container with the same O(configuration.index_prefix).
      - The server refuses to delete indexes that another container shares. It never deletes the ingest pipeline that it has
        created for facts, C(.plugins-ml-am-PREFIX-memory-long-term-embedding); delete this one with
        M(searchops.opensearch_ml.opensearch_pipeline).
    type: list
    elements: str
    choices:
      - sessions
      - working
      - long-term
      - history
  delete_all_memories:
    description: With O(state=absent), whether to delete all types of memories. See O(delete_memories).
    type: bool
    default: false
seealso:
  - module: searchops.opensearch_ml.ml_memory_container_info
  - module: searchops.opensearch_ml.ml_agent
  - name: Agentic memory
    description: What a memory container stores, and the strategies that extract facts.
    link: https://docs.opensearch.org/latest/ml-commons-plugin/agentic-memory/
"""

EXAMPLES = r"""
- name: Create a container with indexes of its own
  searchops.opensearch_ml.ml_memory_container:
    hosts: https://opensearch.example.internal:9200
    username: ml_provisioner
    password: "{{ vault_ml_password }}"
    ca_path: /etc/ssl/opensearch-ca.pem
    name: House memory
    description: What users of the house agent said
    configuration:
      index_prefix: house

- name: Create a container that a model summarizes
  searchops.opensearch_ml.ml_memory_container:
    name: Team memory
    configuration:
      index_prefix: team
      llm_id: Local chat
      parameters:
        llm_result_path: $.choices[0].message.content

- name: Change the number of facts that are compared with a new one
  searchops.opensearch_ml.ml_memory_container:
    name: Team memory
    configuration:
      max_infer_size: 3

- name: Let an agent store its conversations in the container
  searchops.opensearch_ml.ml_agent:
    name: House agent with memory
    type: conversational
    llm:
      model_id: Local chat
    memory:
      type: agentic_memory
      memory_container_id: House memory

- name: Delete the agent
  searchops.opensearch_ml.ml_agent:
    name: House agent with memory
    state: absent

- name: Delete the container with all memories
  searchops.opensearch_ml.ml_memory_container:
    name: House memory
    state: absent
    delete_all_memories: true
"""

RETURN = r"""
memory_container_id:
  description: The container's id; for a deleted container, the id that it had. V(null) in check mode if the module would
    create the container.
  returned: success
  type: str
  sample: 9kdPqZQBQwAL8-GODJaz
memory_container:
  description: The container as the server stores it; in check mode, as the server would store it. V(null) when absent.
  returned: success
  type: dict
  contains:
    memory_container_id:
      description: The id that the server gave to the container.
      type: str
      sample: 9kdPqZQBQwAL8-GODJaz
    name:
      description: The name of the container, which other modules take instead of its id.
      type: str
      sample: House memory
    configuration:
      description: The configuration with the ids of the models, and the strategies with the ids that the server gave them.
      type: dict
      sample:
        index_prefix: house
        disable_history: false
        disable_session: false
        use_system_index: true
actions:
  description: The changes that the module made, in order; in check mode, the changes that it would make. On failure,
    the changes made until then.
  returned: always
  type: list
  elements: dict
  sample:
    - action: create
      kind: memory container
      name: House memory
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
      sample: memory_container_not_changeable
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
from ..module_utils._tasks.ml_memory_container import MODULE


def main() -> None:
    run_module(MODULE)


if __name__ == "__main__":
    main()
