#!/usr/bin/python
# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ml_model_group_info
short_description: List model groups of ML Commons
version_added: 1.0.0
description:
  - Lists model groups and, on request, the models that they contain.
  - The number of requests does not depend on the number of groups.
author:
  - The searchops.opensearch_ml maintainers (@searchops)
extends_documentation_fragment:
  - searchops.opensearch_ml.attributes
  - searchops.opensearch_ml.attributes.reads
  - searchops.opensearch_ml.connection
options:
  name:
    description: Only the group with exactly this name.
    type: str
  name_pattern:
    description: Only groups whose names match this shell-style pattern, such as V(chat-*). The pattern is
      case-sensitive.
    type: str
  model_group_id:
    description: Only the group with this id.
    type: str
  unused:
    description: Whether to list only groups that contain no model.
    type: bool
    default: false
  include_used_by:
    description: Whether to list the models of each group.
    type: bool
    default: false
seealso:
  - module: searchops.opensearch_ml.ml_model_group
  - module: searchops.opensearch_ml.ml_model_info
  - name: Search Model Group API
    description: The request that finds model groups.
    link: https://docs.opensearch.org/latest/ml-commons-plugin/api/model-group-apis/search-model-group/
"""

EXAMPLES = r"""
- name: List the groups that contain no model
  searchops.opensearch_ml.ml_model_group_info:
    hosts: https://opensearch.example.internal:9200
    username: ml_provisioner
    password: "{{ vault_ml_password }}"
    ca_path: /etc/ssl/opensearch-ca.pem
    unused: true
  register: unused

- name: Delete these groups
  searchops.opensearch_ml.ml_model_group:
    model_group_id: "{{ item.model_group_id }}"
    state: absent
  loop: "{{ unused.model_groups }}"
"""

RETURN = r"""
model_groups:
  description: The groups, as M(searchops.opensearch_ml.ml_model_group) returns them, with additional fields.
  returned: success
  type: list
  elements: dict
  contains:
    model_group_id:
      description: The id that the server gave to the group.
      type: str
      sample: bEdPqZQBQwAL8-GOBZaa
    name:
      description: The name of the group, which other modules take instead of its id.
      type: str
      sample: Chat models
    access_mode:
      description: Who may use the group.
      type: str
      sample: public
    latest_version:
      description: The number of models that were ever put into the group.
      type: int
      sample: 2
    used_by:
      description: The ids of the group's models, with O(include_used_by) or O(unused).
      type: list
      elements: str
      sample:
        - oUdPqZQBQwAL8-GOCZYL
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
from ..module_utils._tasks.ml_model_group_info import MODULE


def main() -> None:
    run_module(MODULE)


if __name__ == "__main__":
    main()
