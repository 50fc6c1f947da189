#!/usr/bin/python
# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ml_model
short_description: Manage remote models of ML Commons
version_added: 0.1.0
description:
  - Registers, changes, deploys, undeploys and deletes remote models of OpenSearch's ML Commons plugin.
  - A model that was undeployed, or is deployed on some nodes only, is drift that O(state=deployed) mends.
  - It waits for the model's real state; the answers of the API alone do not tell whether a deployment succeeded. When a
    deployment fails, each node's reason is reported.
author:
  - The searchops.opensearch_ml maintainers (@searchops)
extends_documentation_fragment:
  - searchops.opensearch_ml.attributes
  - searchops.opensearch_ml.connection
  - searchops.opensearch_ml.custom_id
  - searchops.opensearch_ml.wait
options:
  name:
    description:
      - The model's name. It finds the model unless O(model_id) is given; O(model_group) narrows the search when several
        models have the name. More than one match is refused with the ids.
      - At most 256 characters. From OpenSearch 3.1 on letters, numbers, spaces and V(.,!?(\):@-_'/") only.
    type: str
  model_id:
    description:
      - The id of an existing model. With O(name) the model is renamed.
      - A name that another model of its group has is refused.
    type: str
  state:
    description: What the model is to be.
    type: str
    choices:
      present: Registered; whether it is deployed does not matter.
      deployed: Registered and deployed on all planned nodes.
      undeployed: Registered and on no node. A prediction deploys it again unless automatic deployment is switched off.
      absent: Undeployed and deleted.
    default: deployed
  connector:
    description: The name or the id of the standalone connector. Needed for a new model.
    type: str
  model_group:
    description:
      - The name or the id of the model's group. A group that does not exist is made under this name.
      - A new model without it is put into a group of its own name.
      - A model of the name that is in another group is moved into this one, but never deleted from there with
        O(state=absent).
    type: str
  description:
    description: What it is for.
    type: str
  is_enabled:
    description: Whether predictions are answered.
    type: bool
  rate_limiter:
    description: How many predictions are let through. The server cannot take a limiter away again.
    type: dict
    suboptions:
      limit:
        description: So many predictions.
        type: float
        required: true
      unit:
        description: In one of this unit.
        type: str
        required: true
        choices:
          - NANOSECONDS
          - MICROSECONDS
          - MILLISECONDS
          - SECONDS
          - MINUTES
          - HOURS
          - DAYS
  guardrails:
    description:
      - What is refused in questions and answers.
      - The server can change a side and add the other, but neither take one away nor empty a list (seen on 2.19.1 and 3.6.0).
        So what is not stated is left as it is. To be rid of it, delete the model and register it anew.
    type: dict
    suboptions:
      type:
        description: Whether patterns or another model decide.
        type: str
        choices:
          - local_regex
          - model
        default: local_regex
      input_guardrail:
        description: What is checked in questions.
        type: dict
        suboptions:
          stop_words:
            description: Indexes with words that are refused, for the type V(local_regex).
            type: list
            elements: dict
            suboptions:
              index_name:
                description: The index.
                type: str
                required: true
              source_fields:
                description: The fields that hold the words.
                type: list
                elements: str
                required: true
          regex:
            description: Patterns that are refused, for the type V(local_regex).
            type: list
            elements: str
          model_id:
            description: The model that judges, for the type V(model).
            type: str
          response_filter:
            description: Where in the judge's answer its verdict is, for the type V(model).
            type: str
          response_validation_regex:
            description: What a good verdict matches, for the type V(model).
            type: str
      output_guardrail:
        description: What is checked in answers.
        type: dict
        suboptions:
          stop_words:
            description: Indexes with words that are refused, for the type V(local_regex).
            type: list
            elements: dict
            suboptions:
              index_name:
                description: The index.
                type: str
                required: true
              source_fields:
                description: The fields that hold the words.
                type: list
                elements: str
                required: true
          regex:
            description: Patterns that are refused, for the type V(local_regex).
            type: list
            elements: str
          model_id:
            description: The model that judges, for the type V(model).
            type: str
          response_filter:
            description: Where in the judge's answer its verdict is, for the type V(model).
            type: str
          response_validation_regex:
            description: What a good verdict matches, for the type V(model).
            type: str
  interface:
    description: JSON schemas that predictions and answers are checked against.
    type: dict
    suboptions:
      input:
        description: The schema of predictions.
        type: dict
      output:
        description: The schema of answers.
        type: dict
  deploy_setting:
    description: How the model is deployed; counts from the next deployment on.
    type: dict
    suboptions:
      is_auto_deploy_enabled:
        description: Whether a prediction deploys the model when it is not.
        type: bool
      model_ttl_minutes:
        description: After how many idle minutes the server undeploys it. Such a model counts as deployed.
        type: int
  register_deploy:
    description: How a new model is registered and deployed. The result is the same.
    type: str
    choices:
      one_step: With one request, C(_register?deploy=true).
      two_step: With C(_register), then C(_deploy).
    default: one_step
  delete_empty_group:
    description:
      - With O(state=absent), whether to delete the group O(model_group), or else the group of the model's name, if no
        model is left in it.
    type: bool
    default: false
seealso:
  - module: searchops.opensearch_ml.ml_controller
  - module: searchops.opensearch_ml.ml_connector
  - module: searchops.opensearch_ml.ml_predict
"""

EXAMPLES = r"""
- name: A deployed model on a connector
  searchops.opensearch_ml.ml_model:
    name: Local chat
    connector: Local chat
    description: Chat on our own Ollama

- name: The same with a group of another name, and a limit
  searchops.opensearch_ml.ml_model:
    name: Local chat
    connector: Local chat
    model_group: Chat models
    rate_limiter:
      limit: 60
      unit: MINUTES

- name: Out of service
  searchops.opensearch_ml.ml_model:
    name: Local chat
    state: undeployed

- name: Gone, with its group
  searchops.opensearch_ml.ml_model:
    name: Local chat
    state: absent
    delete_empty_group: true
"""

RETURN = r"""
model_id:
  description: The model's id; of a deleted one the id it had. V(null) in check mode for one that would be registered.
  returned: success
  type: str
  sample: oUdPqZQBQwAL8-GOCZYL
model_group_id:
  description: The id of the model's group.
  returned: success, when state is not absent
  type: str
  sample: bEdPqZQBQwAL8-GOBZaa
connector_id:
  description: The id of the model's connector.
  returned: success, when state is not absent
  type: str
  sample: Keq5FpkB72uHgF272LWj
model:
  description:
    - The model as the server stores it; in check mode as it would be. V(null) when absent.
    - M(searchops.opensearch_ml.ml_model_info) documents the fields.
  returned: success
  type: dict
  sample:
    model_id: oUdPqZQBQwAL8-GOCZYL
    name: Local chat
    state: DEPLOYED
    connector_id: Keq5FpkB72uHgF272LWj
    current_worker_node_count: 3
    planning_worker_node_count: 3
actions:
  description: What was done, or in check mode would be done, in this order. On failure, what had been done by then.
  returned: always
  type: list
  elements: dict
  sample:
    - action: register_and_deploy
      kind: model
      name: Local chat
diff:
  description: The stated fields before and after, secrets masked.
  returned: success
  type: dict
  contains:
    before:
      description: As they were.
      type: dict
    after:
      description: As they are; in check mode, as they would be.
      type: dict
failure:
  description: Why the task failed.
  returned: on failure
  type: dict
  contains:
    code:
      description: A stable name of the problem.
      type: str
      sample: deploy_failed
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
from ..module_utils._tasks.ml_model import MODULE


def main() -> None:
    run_module(MODULE)


if __name__ == "__main__":
    main()
