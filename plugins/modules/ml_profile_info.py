#!/usr/bin/python
# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ml_profile_info
short_description: List what the nodes have in memory of ML Commons
version_added: 0.2.0
description:
  - Lists the models that each node serves and the tasks that it runs, as the nodes themselves see it. What
    M(searchops.opensearch_ml.ml_model_info) lists is what is written down, which can lag behind.
  - One request, and two more for O(model).
author:
  - The searchops.opensearch_ml maintainers (@searchops)
extends_documentation_fragment:
  - searchops.opensearch_ml.attributes
  - searchops.opensearch_ml.attributes.reads
  - searchops.opensearch_ml.connection
options:
  subset:
    description: What to list.
    type: str
    choices:
      - all
      - models
      - tasks
    default: all
  model:
    description:
      - Only what is about the model of this name or id.
      - What no model has as its name counts as an id, as a node can still hold a model that is deleted.
    type: str
notes:
  - A node forgets its counts when the model is undeployed, or when the node is restarted. The model's name is not known to it.
  - Durations are those of the last 100 requests, unless C(plugins.ml_commons.monitoring_request_count) says otherwise.
seealso:
  - module: searchops.opensearch_ml.ml_model_info
  - module: searchops.opensearch_ml.ml_task_info
"""

EXAMPLES = r"""
- name: Which nodes really serve a model, and how fast
  searchops.opensearch_ml.ml_profile_info:
    subset: models
    model: House chat
  register: profile

- name: Half of the requests are answered within
  ansible.builtin.debug:
    msg: "{{ item.node_id }}: {{ item.predict_request_stats.p50 }} ms"
  loop: "{{ profile.models | selectattr('predict_request_stats') }}"
"""

RETURN = r"""
models:
  description: One entry for each model and each node that holds something of it. Empty with O(subset=tasks).
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
      description: The model's state on this node; V(null) if it is not there itself.
      type: str
      sample: DEPLOYED
    loaded:
      description: Whether the node has the model ready to answer.
      type: bool
      sample: true
    target_worker_nodes:
      description: The ids of the nodes that are to serve the model, as this node knows.
      type: list
      elements: str
      sample: [C54_k7uARlmFjB9d3dFG3w]
    worker_nodes:
      description: The ids of the nodes that serve the model, as this node knows.
      type: list
      elements: str
      sample: [C54_k7uARlmFjB9d3dFG3w]
    predict_request_stats:
      description:
        - How many predictions this node was asked for, and how long they took, in milliseconds. Failed ones count.
        - V(null) if there were none.
      type: dict
      sample: {count: 2, max: 42.9, min: 24.5, average: 33.7, p50: 33.7, p90: 41.1, p99: 42.7}
    model_inference_stats:
      description: The same for the calls of the backend that succeeded.
      type: dict
      sample: {count: 2, max: 42.0, min: 23.6, average: 32.8, p50: 32.8, p90: 40.1, p99: 41.8}
tasks:
  description:
    - One entry for each task that a node runs, as M(searchops.opensearch_ml.ml_task_info) returns it, and its node.
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
      description: How far it is.
      type: str
      sample: RUNNING
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
from ..module_utils._tasks.ml_profile_info import MODULE


def main() -> None:
    run_module(MODULE)


if __name__ == "__main__":
    main()
