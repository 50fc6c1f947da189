#!/usr/bin/python
# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ml_controller
short_description: Limit how often each user may use a model of ML Commons
version_added: 0.2.0
description:
  - Sets, changes and removes the rate limits that single users have for a model. The server calls them the model's controller.
  - For a limit that all users share see O(searchops.opensearch_ml.ml_model#module:rate_limiter).
author:
  - The searchops.opensearch_ml maintainers (@searchops)
extends_documentation_fragment:
  - searchops.opensearch_ml.attributes
  - searchops.opensearch_ml.connection
options:
  model:
    description: The model, by its name or id.
    type: str
    required: true
  state:
    description:
      - Whether the model is to have limits for single users.
      - With V(absent) the limits of all users are removed, whatever they are.
    type: str
    choices:
      - present
      - absent
    default: present
  user_rate_limiter:
    description:
      - All users who are limited, by their names, each with a C(limit) and its C(unit). What the server holds for others
        is removed. Needed unless O(state=absent).
      - The C(limit) is a number above zero, of requests per C(unit).
      - The C(unit) is one of V(NANOSECONDS), V(MICROSECONDS), V(MILLISECONDS), V(SECONDS), V(MINUTES), V(HOURS) and V(DAYS).
      - Whether a user of a name exists is not checked.
    type: dict
  wait_timeout:
    description: How long to wait at most, in seconds, for a model that is just being deployed, as it cannot be limited meanwhile.
    type: float
    default: 300.0
notes:
  - Limits have an effect only where the security plugin tells the cluster who asks. Without it they are stored and ignored.
  - The server shares a limit among the nodes that serve the model, and forgets what was used up when it is written.
  - Needs the setting C(plugins.ml_commons.controller_enabled), which is on by default.
seealso:
  - module: searchops.opensearch_ml.ml_controller_info
  - module: searchops.opensearch_ml.ml_model
"""

EXAMPLES = r"""
- name: Ten questions a minute for the one, one in two seconds for the other
  searchops.opensearch_ml.ml_controller:
    model: House chat
    user_rate_limiter:
      help_desk:
        limit: 10
        unit: MINUTES
      intranet:
        limit: 0.5
        unit: SECONDS

- name: No limits for single users any more
  searchops.opensearch_ml.ml_controller:
    model: House chat
    state: absent
"""

RETURN = r"""
controller:
  description: The limits after the task; V(null) if there are none.
  returned: success
  type: dict
  contains:
    model_id:
      description: The id of the model; V(null) in check mode for a model that an earlier task would make.
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
model_id:
  description: The id of the model; V(null) if there is none.
  returned: success
  type: str
  sample: oUdPqZQBQwAL8-GOCZYL
actions:
  description: What was done, or in check mode would be done, in this order. On failure, what had been done by then.
  returned: always
  type: list
  elements: dict
  sample:
    - action: create
      kind: controller
      name: House chat
      id: oUdPqZQBQwAL8-GOCZYL
diff:
  description: The limits before and after.
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
from ..module_utils._tasks.ml_controller import MODULE


def main() -> None:
    run_module(MODULE)


if __name__ == "__main__":
    main()
