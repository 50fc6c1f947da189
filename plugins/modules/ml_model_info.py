#!/usr/bin/python
# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ml_model_info
short_description: List models of ML Commons
version_added: 1.0.0
description:
  - Lists models with the names of their connectors and groups.
  - Finds orphans, which are models whose connector or group no longer exists.
  - Sends at most three searches, and one more request for each of up to 20 models that have one O(name) or that do
    not serve.
author:
  - The searchops.opensearch_ml maintainers (@searchops)
extends_documentation_fragment:
  - searchops.opensearch_ml.attributes
  - searchops.opensearch_ml.attributes.reads
  - searchops.opensearch_ml.connection
options:
  name:
    description: Only models with exactly this name.
    type: str
  name_pattern:
    description: Only models whose names match this shell-style pattern, such as V(chat-*). The pattern is
      case-sensitive.
    type: str
  model_id:
    description: Only the model with this id.
    type: str
  model_group:
    description: Only models in the group with this name or id.
    type: str
  connector:
    description: Only models on the standalone connector with this name or id.
    type: str
  states:
    description: Only models in one of these states.
    type: list
    elements: str
    choices:
      - REGISTERED
      - REGISTERING
      - DEPLOYING
      - DEPLOYED
      - PARTIALLY_DEPLOYED
      - DEPLOY_FAILED
      - UNDEPLOYED
  orphans:
    description:
      - Whether to list only models whose connector or group no longer exists.
      - A connector or group that the user may not read counts as missing, too.
    type: bool
    default: false
notes:
  - Searches show a change of a model's state up to a second late. With O(model_id) or O(name), the result is up to
    date.
seealso:
  - module: searchops.opensearch_ml.ml_model
  - module: searchops.opensearch_ml.ml_connector_info
  - module: searchops.opensearch_ml.ml_profile_info
  - name: Search Model API
    description: The request that finds models.
    link: https://docs.opensearch.org/latest/ml-commons-plugin/api/model-apis/search-model/
"""

EXAMPLES = r"""
- name: List the models that do not serve on all their nodes
  searchops.opensearch_ml.ml_model_info:
    hosts: https://opensearch.example.internal:9200
    username: ml_provisioner
    password: "{{ vault_ml_password }}"
    ca_path: /etc/ssl/opensearch-ca.pem
    states:
      - PARTIALLY_DEPLOYED
      - DEPLOY_FAILED
  register: broken

- name: List the models on one connector
  searchops.opensearch_ml.ml_model_info:
    connector: Local chat

- name: List the models whose connector or group no longer exists
  searchops.opensearch_ml.ml_model_info:
    orphans: true
"""

RETURN = r"""
models:
  description: The models, as M(searchops.opensearch_ml.ml_model) returns them, with additional fields.
  returned: success
  type: list
  elements: dict
  contains:
    model_id:
      description: The id that the server gave to the model.
      type: str
      sample: oUdPqZQBQwAL8-GOCZYL
    name:
      description: The name of the model, which other modules take instead of its id.
      type: str
      sample: Local chat
    state:
      description: The model's state, as the server stores it.
      type: str
      sample: DEPLOYED
    connector_id:
      description: The id of the standalone connector; V(null) for a model without one.
      type: str
      sample: Keq5FpkB72uHgF272LWj
    connector_name:
      description: The connector's name; V(null) if the model has no connector, or if the connector no longer exists.
      type: str
      sample: Local chat
    model_group_id:
      description: The id of the model's group.
      type: str
      sample: bEdPqZQBQwAL8-GOBZaa
    model_group_name:
      description: The group's name; V(null) if the group no longer exists.
      type: str
      sample: Local chat
    inline_connector:
      description: Whether the model contains its own connector.
      type: bool
      sample: false
    missing:
      description: What the model refers to that no longer exists, V(connector) or V(model_group).
      type: list
      elements: str
      sample: []
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
from ..module_utils._tasks.ml_model_info import MODULE


def main() -> None:
    run_module(MODULE)


if __name__ == "__main__":
    main()
