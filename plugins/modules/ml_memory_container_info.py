#!/usr/bin/python
# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ml_memory_container_info
short_description: List memory containers of ML Commons
version_added: 1.0.0
description:
  - Lists memory containers. Needs OpenSearch 3.3.
author:
  - The searchops.opensearch_ml maintainers (@searchops)
extends_documentation_fragment:
  - searchops.opensearch_ml.attributes
  - searchops.opensearch_ml.attributes.reads
  - searchops.opensearch_ml.connection
options:
  name:
    description: Only containers with exactly this name. Excludes O(name_pattern) and O(memory_container_id).
    type: str
  name_pattern:
    description: Only containers whose names match this shell-style pattern, such as V(house*). The pattern is
      case-sensitive. Excludes O(name) and O(memory_container_id).
    type: str
  memory_container_id:
    description: Only the container with this id.
    type: str
notes:
  - Without O(name) and O(memory_container_id), changes of the last second may be missing.
seealso:
  - module: searchops.opensearch_ml.ml_memory_container
  - name: Search Memory Containers API
    description: The request that finds memory containers.
    link: https://docs.opensearch.org/latest/ml-commons-plugin/api/agentic-memory-apis/search-memory-container/
"""

EXAMPLES = r"""
- name: List all memory containers
  searchops.opensearch_ml.ml_memory_container_info:
    hosts: https://opensearch.example.internal:9200
    username: ml_provisioner
    password: "{{ vault_ml_password }}"
    ca_path: /etc/ssl/opensearch-ca.pem
  register: memory

- name: Show the prefix of the indexes of each container
  ansible.builtin.debug:
    msg: "{{ memory.memory_containers | map(attribute='configuration.index_prefix') }}"
"""

RETURN = r"""
memory_containers:
  description: The containers, as M(searchops.opensearch_ml.ml_memory_container) returns them.
  returned: success
  type: list
  elements: dict
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
      sample: feature_disabled
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
from ..module_utils._tasks.ml_memory_container_info import MODULE


def main() -> None:
    run_module(MODULE)


if __name__ == "__main__":
    main()
