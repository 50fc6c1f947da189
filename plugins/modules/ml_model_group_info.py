#!/usr/bin/python
# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ml_model_group_info
short_description: List model groups of ML Commons
version_added: 0.2.0
description:
  - Lists model groups, and on request the models that are in them.
  - The number of requests does not depend on the number of groups.
author:
  - The searchops.opensearch_ml maintainers (@searchops)
extends_documentation_fragment:
  - searchops.opensearch_ml.attributes
  - searchops.opensearch_ml.attributes.reads
  - searchops.opensearch_ml.connection
options:
  name:
    description: Only the group of exactly this name.
    type: str
  name_pattern:
    description: Only groups of names that match the pattern as in a shell, such as V(chat-*); upper and lower case differ.
    type: str
  model_group_id:
    description: Only the group of this id.
    type: str
  unused:
    description: Whether to list only groups without a model.
    type: bool
    default: false
  include_used_by:
    description: Whether to tell the models of each group.
    type: bool
    default: false
seealso:
  - module: searchops.opensearch_ml.ml_model_group
  - module: searchops.opensearch_ml.ml_model_info
"""

EXAMPLES = r"""
- name: Groups that are left over
  searchops.opensearch_ml.ml_model_group_info:
    unused: true
  register: left

- name: Take them away
  searchops.opensearch_ml.ml_model_group:
    model_group_id: "{{ item.model_group_id }}"
    state: absent
  loop: "{{ left.model_groups }}"
"""

RETURN = r"""
model_groups:
  description: The groups, as M(searchops.opensearch_ml.ml_model_group) returns them, and more.
  returned: success
  type: list
  elements: dict
  contains:
    model_group_id:
      description: The id.
      type: str
      sample: bEdPqZQBQwAL8-GOBZaa
    name:
      description: The name.
      type: str
      sample: Chat models
    access_mode:
      description: Who may use it.
      type: str
      sample: public
    latest_version:
      description: How many models were put into it so far.
      type: int
      sample: 2
    used_by:
      description: The ids of the models in it, with O(include_used_by) or O(unused).
      type: list
      elements: str
      sample:
        - oUdPqZQBQwAL8-GOCZYL
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
      sample: wrong_credentials
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
from ..module_utils._tasks.ml_model_group_info import MODULE


def main() -> None:
    run_module(MODULE)


if __name__ == "__main__":
    main()
