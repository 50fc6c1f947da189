#!/usr/bin/python
# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ml_controller_info
short_description: List the rate limits of single users of ML Commons models
version_added: 0.2.0
description:
  - Lists the models that have limits for single users, and the limits.
  - The server cannot search for them. So this takes one search for models and one more request for each that has limits.
author:
  - The searchops.opensearch_ml maintainers (@searchops)
extends_documentation_fragment:
  - searchops.opensearch_ml.attributes
  - searchops.opensearch_ml.attributes.reads
  - searchops.opensearch_ml.connection
options:
  model:
    description: Only the model of this name or id. All models where nothing is stated.
    type: str
notes:
  - Searches see a model that has just been given its first limits up to a second later. With O(model) the present is told.
seealso:
  - module: searchops.opensearch_ml.ml_controller
"""

EXAMPLES = r"""
- name: Who is limited, and for which models
  searchops.opensearch_ml.ml_controller_info:
  register: limits

- name: The limits of one model
  searchops.opensearch_ml.ml_controller_info:
    model: House chat
"""

RETURN = r"""
controllers:
  description: The limits of each model that has some, as M(searchops.opensearch_ml.ml_controller) returns them.
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
      sample: controller_disabled
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
from ..module_utils._tasks.ml_controller_info import MODULE


def main() -> None:
    run_module(MODULE)


if __name__ == "__main__":
    main()
