#!/usr/bin/python
# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ml_model_info
short_description: List models of ML Commons
version_added: 0.2.0
description:
  - Lists models with the names of their connectors and groups.
  - Finds orphans, which are models whose connector or group is gone.
  - At most three searches, and one more request for each of up to 20 models of one O(name), or that do not serve.
author:
  - The searchops.opensearch_ml maintainers (@searchops)
extends_documentation_fragment:
  - searchops.opensearch_ml.attributes
  - searchops.opensearch_ml.attributes.reads
  - searchops.opensearch_ml.connection
options:
  name:
    description: Only models of exactly this name.
    type: str
  name_pattern:
    description: Only models of names that match the pattern as in a shell, such as V(chat-*); upper and lower case differ.
    type: str
  model_id:
    description: Only the model of this id.
    type: str
  model_group:
    description: Only models in the group of this name or id.
    type: str
  connector:
    description: Only models on the standalone connector of this name or id.
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
      - Whether to list only models whose connector or group is gone.
      - What the user may not read counts as gone as well.
    type: bool
    default: false
notes:
  - The server notes a change of a model's state up to a second before searches show it.
    With O(model_id) or O(name) the present is told.
seealso:
  - module: searchops.opensearch_ml.ml_model
  - module: searchops.opensearch_ml.ml_connector_info
"""

EXAMPLES = r"""
- name: What does not serve as it should
  searchops.opensearch_ml.ml_model_info:
    states:
      - PARTIALLY_DEPLOYED
      - DEPLOY_FAILED
  register: broken

- name: Models on one connector
  searchops.opensearch_ml.ml_model_info:
    connector: Local chat

- name: Models whose connector is gone
  searchops.opensearch_ml.ml_model_info:
    orphans: true
"""

RETURN = r"""
models:
  description: The models, as M(searchops.opensearch_ml.ml_model) returns them, and more.
  returned: success
  type: list
  elements: dict
  contains:
    model_id:
      description: The id.
      type: str
      sample: oUdPqZQBQwAL8-GOCZYL
    name:
      description: The name.
      type: str
      sample: Local chat
    state:
      description: The state that the server notes.
      type: str
      sample: DEPLOYED
    connector_id:
      description: The id of the standalone connector, else V(null).
      type: str
      sample: Keq5FpkB72uHgF272LWj
    connector_name:
      description: Its name; V(null) without a connector, or if it is gone.
      type: str
      sample: Local chat
    model_group_id:
      description: The id of the group.
      type: str
      sample: bEdPqZQBQwAL8-GOBZaa
    model_group_name:
      description: Its name; V(null) if it is gone.
      type: str
      sample: Local chat
    inline_connector:
      description: Whether the model carries its own connector inside it.
      type: bool
      sample: false
    missing:
      description: What the model refers to that is gone, V(connector) or V(model_group).
      type: list
      elements: str
      sample: []
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
from ..module_utils._tasks.ml_model_info import MODULE


def main() -> None:
    run_module(MODULE)


if __name__ == "__main__":
    main()
