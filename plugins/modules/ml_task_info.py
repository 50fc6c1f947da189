#!/usr/bin/python
# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ml_task_info
short_description: List tasks of ML Commons
version_added: 1.0.0
description:
  - Lists the tasks in which the server registers and deploys models, with their states and the reason for each node's
    failure.
  - Sends one request with O(task_id); otherwise one search for each 2000 tasks, and two more requests with O(model).
author:
  - The searchops.opensearch_ml maintainers (@searchops)
extends_documentation_fragment:
  - searchops.opensearch_ml.attributes
  - searchops.opensearch_ml.attributes.reads
  - searchops.opensearch_ml.connection
options:
  task_id:
    description: Only the task with this id. Excludes the other options.
    type: str
  model:
    description:
      - Only tasks of the model with this name or id.
      - A value that is not the name of a model counts as an id, because the tasks of a deleted model remain.
    type: str
  task_type:
    description: Only tasks of this type, such as V(REGISTER_MODEL) or V(DEPLOY_MODEL).
    type: str
  state:
    description: Only tasks in this state.
    type: str
    choices:
      - CREATED
      - RUNNING
      - COMPLETED
      - FAILED
      - CANCELLED
      - COMPLETED_WITH_ERROR
      - CANCELLING
      - EXPIRED
      - UNREACHABLE
notes:
  - The server never deletes tasks, and searches show a new task up to a second late. With O(task_id), the result is
    up to date.
  - A task whose node stopped stays V(RUNNING). A large C(idle_seconds) is the sign of that.
  - Ages are measured with the clock of the host that runs the module.
seealso:
  - module: searchops.opensearch_ml.ml_model
  - module: searchops.opensearch_ml.ml_profile_info
  - name: Search ML Tasks API
    description: The request that finds tasks.
    link: https://docs.opensearch.org/latest/ml-commons-plugin/api/tasks-apis/search-task/
"""

EXAMPLES = r"""
- name: List the deployments that failed, with the reasons
  searchops.opensearch_ml.ml_task_info:
    hosts: https://opensearch.example.internal:9200
    username: ml_provisioner
    password: "{{ vault_ml_password }}"
    ca_path: /etc/ssl/opensearch-ca.pem
    task_type: DEPLOY_MODEL
    state: FAILED
  register: failed

- name: List the tasks of one model, the latest first
  searchops.opensearch_ml.ml_task_info:
    model: House chat
  register: model_tasks

- name: Show the latest task
  ansible.builtin.debug:
    msg: "{{ model_tasks.tasks[0] }}"
"""

RETURN = r"""
tasks:
  description: The tasks, the newest first.
  returned: success
  type: list
  elements: dict
  contains:
    task_id:
      description: The id of the task.
      type: str
      sample: f809C6IBo1c1KPweLTBd
    task_type:
      description: What the task does.
      type: str
      sample: DEPLOY_MODEL
    state:
      description: The state of the task.
      type: str
      sample: FAILED
    function_name:
      description: The kind of model, V(REMOTE) for a model on a connector; V(null) if the server does not return it.
      type: str
      sample: REMOTE
    model_id:
      description: The id of the model; V(null) if the task has none.
      type: str
      sample: oUdPqZQBQwAL8-GOCZYL
    worker_nodes:
      description: The ids of the nodes that run the task.
      type: list
      elements: str
      sample: [C54_k7uARlmFjB9d3dFG3w]
    errors:
      description: Why the task failed, by the ids of the nodes; under V(cluster) if the server names no node. Empty
        if nothing failed.
      type: dict
      sample:
        C54_k7uARlmFjB9d3dFG3w: "Failed to find connector: Keq5FpkB72uHgF272LWj"
    create_time:
      description: When the task was created, in milliseconds since 1970.
      type: int
      sample: 1795484758742
    last_update_time:
      description: When the server last updated the task, in milliseconds since 1970; V(null) if the server does not
        return it.
      type: int
      sample: 1795484759302
    age_seconds:
      description: The number of seconds since the task was created.
      type: int
      sample: 90
    idle_seconds:
      description: The number of seconds since the task was last updated.
      type: int
      sample: 89
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
from ..module_utils._tasks.ml_task_info import MODULE


def main() -> None:
    run_module(MODULE)


if __name__ == "__main__":
    main()
