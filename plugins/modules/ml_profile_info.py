#!/usr/bin/python
# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ml_profile_info
short_description: List the models and tasks that nodes have in memory
version_added: 1.0.0
description:
  - Lists the models that each node serves and the tasks that it runs, as the nodes themselves report them.
    M(searchops.opensearch_ml.ml_model_info) lists what the server has stored, which can lag behind.
  - Sends one request, and two more with O(model).
author:
  - The searchops.opensearch_ml maintainers (@searchops)
extends_documentation_fragment:
  - searchops.opensearch_ml.attributes
  - searchops.opensearch_ml.attributes.reads
  - searchops.opensearch_ml.connection
options:
  subset:
    description: What the module lists.
    type: str
    choices:
      - all
      - models
      - tasks
    default: all
  model:
    description:
      - Only entries about the model with this name or id.
      - A value that is not the name of a model counts as an id, because a node can still have a deleted model in
        memory.
    type: str
notes:
  - A node resets its counts when the model is undeployed or when the node restarts. It does not know the model's
    name.
  - Durations cover the last 100 requests, unless C(plugins.ml_commons.monitoring_request_count) sets another number.
seealso:
  - module: searchops.opensearch_ml.ml_model_info
  - module: searchops.opensearch_ml.ml_task_info
  - name: Profile API
    description: What each node reports about models and tasks.
    link: https://docs.opensearch.org/latest/ml-commons-plugin/api/profile/
"""

EXAMPLES = r"""
- name: List the nodes that really serve a model, and how fast they are
  searchops.opensearch_ml.ml_profile_info:
    hosts: https://opensearch.example.internal:9200
    username: ml_provisioner
    password: "{{ vault_ml_password }}"
    ca_path: /etc/ssl/opensearch-ca.pem
    subset: models
    model: House chat
  register: profile

- name: Show the median duration of each node's predictions
  ansible.builtin.debug:
    msg: "{{ item.node_id }}: {{ item.predict_request_stats.p50 }} ms"
  loop: "{{ profile.models | selectattr('predict_request_stats') }}"
"""

RETURN = r"""
models:
  description: One entry for each model and each node that has data about it. Empty with O(subset=tasks).
  returned: success
  type: list
  elements: dict
  contains:
    model_id:
      description: The id of the model.
      type: str
      sample: gM09C6IBo1c1KPweLTCB
    node_id:
      description: The id of the node.
      type: str
      sample: C54_k7uARlmFjB9d3dFG3w
    state:
      description: The model's state on this node; V(null) if the node does not have the model itself.
      type: str
      sample: DEPLOYED
    loaded:
      description: Whether the node has the model ready to answer.
      type: bool
      sample: true
    target_worker_nodes:
      description: The ids of the nodes that should serve the model, as far as this node knows.
      type: list
      elements: str
      sample: [C54_k7uARlmFjB9d3dFG3w]
    worker_nodes:
      description: The ids of the nodes that serve the model, as far as this node knows.
      type: list
      elements: str
      sample: [C54_k7uARlmFjB9d3dFG3w]
    predict_request_stats:
      description:
        - The number of predictions that this node received, and their durations in milliseconds. Failed predictions
          count.
        - V(null) if the node received none.
      type: dict
      sample: {count: 2, max: 42.9, min: 24.5, average: 33.7, p50: 33.7, p90: 41.1, p99: 42.7}
    model_inference_stats:
      description: The same statistics for successful calls of the backend.
      type: dict
      sample: {count: 2, max: 42.0, min: 23.6, average: 32.8, p50: 32.8, p90: 40.1, p99: 41.8}
tasks:
  description:
    - One entry for each task that a node runs, as M(searchops.opensearch_ml.ml_task_info) returns it, with the id of
      the node.
    - Empty with O(subset=models).
  returned: success
  type: list
  elements: dict
  contains:
    task_id:
      description: The id of the task.
      type: str
      sample: f809C6IBo1c1KPweLTBd
    node_id:
      description: The id of the node.
      type: str
      sample: C54_k7uARlmFjB9d3dFG3w
    model_id:
      description: The id of the model; V(null) if the task has none.
      type: str
      sample: gM09C6IBo1c1KPweLTCB
    state:
      description: The state of the task.
      type: str
      sample: RUNNING
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
from ..module_utils._tasks.ml_profile_info import MODULE


def main() -> None:
    run_module(MODULE)


if __name__ == "__main__":
    main()
