#!/usr/bin/python
# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ml_agent_info
short_description: List agents of ML Commons
version_added: 1.0.0
description:
  - Lists agents, including those that the server created to carry out the plans of other agents.
author:
  - The searchops.opensearch_ml maintainers (@searchops)
extends_documentation_fragment:
  - searchops.opensearch_ml.attributes
  - searchops.opensearch_ml.attributes.reads
  - searchops.opensearch_ml.connection
options:
  name:
    description: Only agents with exactly this name. Excludes O(agent_id).
    type: str
  agent_id:
    description: Only the agent with this id.
    type: str
  type:
    description: Only agents of this type.
    type: str
seealso:
  - module: searchops.opensearch_ml.ml_agent
  - module: searchops.opensearch_ml.ml_agent_execute
  - name: Search Agent API
    description: The request that finds agents.
    link: https://docs.opensearch.org/latest/ml-commons-plugin/api/agent-apis/search-agent/
"""

EXAMPLES = r"""
- name: List all agents
  searchops.opensearch_ml.ml_agent_info:
    hosts: https://opensearch.example.internal:9200
    username: ml_provisioner
    password: "{{ vault_ml_password }}"
    ca_path: /etc/ssl/opensearch-ca.pem
  register: all

- name: Show the tools of each agent
  ansible.builtin.debug:
    msg: "{{ all.agents | items2dict(key_name='name', value_name='tools') }}"
"""

RETURN = r"""
agents:
  description: The agents, as M(searchops.opensearch_ml.ml_agent) returns them.
  returned: success
  type: list
  elements: dict
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
      sample: wrong_credentials
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
from ..module_utils._tasks.ml_agent_info import MODULE


def main() -> None:
    run_module(MODULE)


if __name__ == "__main__":
    main()
