#!/usr/bin/python
# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ml_controller_info
short_description: List the rate limits of individual users of ML Commons models
version_added: 1.0.0
description:
  - Lists the models that have limits for individual users, with their limits.
  - The server cannot search for limits. The module therefore sends one search for models, and one request for each
    model that has limits.
author:
  - The searchops.opensearch_ml maintainers (@searchops)
extends_documentation_fragment:
  - searchops.opensearch_ml.attributes
  - searchops.opensearch_ml.attributes.reads
  - searchops.opensearch_ml.connection
options:
  model:
    description: Only the model with this name or id. If not given, all models.
    type: str
notes:
  - Searches show a model's first limits up to a second late. With O(model), the result is up to date.
seealso:
  - module: searchops.opensearch_ml.ml_controller
  - name: Get Controller API
    description: The request that reads the limits of a model.
    link: https://docs.opensearch.org/latest/ml-commons-plugin/api/controller-apis/get-controller/
"""

EXAMPLES = r"""
- name: List all users who are limited, for each model
  searchops.opensearch_ml.ml_controller_info:
    hosts: https://opensearch.example.internal:9200
    username: ml_provisioner
    password: "{{ vault_ml_password }}"
    ca_path: /etc/ssl/opensearch-ca.pem
  register: limits

- name: List the limits of one model
  searchops.opensearch_ml.ml_controller_info:
    model: House chat
"""

RETURN = r"""
controllers:
  description: The models that have limits, as M(searchops.opensearch_ml.ml_controller) returns them.
  returned: success
  type: list
  elements: dict
  contains:
    model_id:
      description: The id of the model.
      type: str
      sample: oUdPqZQBQwAL8-GOCZYL
    model_name:
      description: The name of the model.
      type: str
      sample: House chat
    user_rate_limiter:
      description: The limit of each user.
      type: dict
      sample:
        help_desk:
          limit: 10.0
          unit: MINUTES
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
      sample: controller_disabled
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
from ..module_utils._tasks.ml_controller_info import MODULE


def main() -> None:
    run_module(MODULE)


if __name__ == "__main__":
    main()
