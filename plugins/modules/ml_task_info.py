#!/usr/bin/python
# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ml_task_info
short_description: List tasks of ML Commons
version_added: 0.2.0
description:
  - Lists the tasks in which the server registers and deploys models, what became of them, and why they failed on which node.
  - One request for O(task_id), else one search for each 2000 tasks, and two requests more for O(model).
author:
  - The searchops.opensearch_ml maintainers (@searchops)
extends_documentation_fragment:
  - searchops.opensearch_ml.attributes
  - searchops.opensearch_ml.attributes.reads
  - searchops.opensearch_ml.connection
options:
  task_id:
    description: Only the task of this id. Excludes the other options.
    type: str
  model:
    description:
      - Only tasks of the model of this name or id.
      - What no model has as its name counts as an id, as the tasks of a model stay when it is deleted.
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
  - The server keeps tasks for good, and searches see a new one up to a second later. With O(task_id) the present is told.
  - A task that was cut off by the end of its node stays V(RUNNING); its C(idle_seconds) then tell.
  - Ages are by the clock of the host that runs the module.
seealso:
  - module: searchops.opensearch_ml.ml_model
  - module: searchops.opensearch_ml.ml_profile_info
"""

EXAMPLES = r"""
- name: Why models could not be deployed
  searchops.opensearch_ml.ml_task_info:
    task_type: DEPLOY_MODEL
    state: FAILED
  register: failed

- name: The last task of a model
  searchops.opensearch_ml.ml_task_info:
    model: House chat
  register: of_model

- name: Show how it ended
  ansible.builtin.debug:
    msg: "{{ of_model.tasks[0] }}"
"""

RETURN = r"""
tasks:
  description: The tasks, the newest first.
  returned: success
  type: list
  elements: dict
  contains:
    task_id:
      description: The id.
      type: str
      sample: f809C6IBo1c1KPweLTBd
    task_type:
      description: What is done.
      type: str
      sample: DEPLOY_MODEL
    state:
      description: How far it is.
      type: str
      sample: FAILED
    function_name:
      description: The kind of model, V(REMOTE) for one behind a connector; V(null) if the server does not say.
      type: str
      sample: REMOTE
    model_id:
      description: The id of the model; V(null) if the task has none.
      type: str
      sample: oUdPqZQBQwAL8-GOCZYL
    worker_nodes:
      description: The ids of the nodes that do it.
      type: list
      elements: str
      sample: [C54_k7uARlmFjB9d3dFG3w]
    errors:
      description: Why it failed, by the ids of the nodes; under V(cluster) where the server names none. Empty where nothing failed.
      type: dict
      sample:
        C54_k7uARlmFjB9d3dFG3w: "Failed to find connector: Keq5FpkB72uHgF272LWj"
    create_time:
      description: When it was made, in milliseconds since 1970.
      type: int
      sample: 1795484758742
    last_update_time:
      description: When it was last written, the same way; V(null) if the server does not say.
      type: int
      sample: 1795484759302
    age_seconds:
      description: How long ago it was made.
      type: int
      sample: 90
    idle_seconds:
      description: How long ago it was last written.
      type: int
      sample: 89
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
from ..module_utils._tasks.ml_task_info import MODULE


def main() -> None:
    run_module(MODULE)


if __name__ == "__main__":
    main()
