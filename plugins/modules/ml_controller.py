#!/usr/bin/python
# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ml_controller
short_description: Limit how often each user may use a model of ML Commons
version_added: 1.0.0
description:
  - Sets, changes and removes a model's rate limits for individual users. The server calls them the model's
    controller.
  - For a limit that all users share, see O(searchops.opensearch_ml.ml_model#module:rate_limiter).
author:
  - The searchops.opensearch_ml maintainers (@searchops)
extends_documentation_fragment:
  - searchops.opensearch_ml.attributes
  - searchops.opensearch_ml.connection
options:
  model:
    description: The name or the id of the model.
    type: str
    required: true
  state:
    description:
      - Whether the model should have limits for individual users.
      - V(absent) removes the limits of all users, whatever they are.
    type: str
    choices:
      - present
      - absent
    default: present
  user_rate_limiter:
    description:
      - All limited users, by user name, each with a C(limit) and its C(unit). The module removes the limits of other
        users. Required unless O(state=absent).
      - The C(limit) is the number of requests per C(unit), greater than zero.
      - The C(unit) is one of V(NANOSECONDS), V(MICROSECONDS), V(MILLISECONDS), V(SECONDS), V(MINUTES), V(HOURS) and
        V(DAYS).
      - The module does not check whether the users exist.
    type: dict
  extra_fields:
    description:
      - Further fields of the controller, which this version of the collection does not know, by their names in the API. They are
        sent and compared as they are.
      - The module warns of a field that the server does not store, and does not compare it. From OpenSearch 3.9 on, of which
        this version of the collection does not know all fields, the task fails with C(field_not_stored) after the write.
      - A field that has an option is refused.
    type: dict
  wait_timeout:
    description: The maximum number of seconds to wait for a model that is being deployed, because the server cannot
      limit it in the meantime.
    type: float
    default: 300.0
notes:
  - Limits take effect only if the security plugin identifies the users. Without it, the server stores the limits and
    ignores them.
  - The server divides a limit among the nodes that serve the model, and resets what users have used up when the limit
    is written.
  - Needs the setting C(plugins.ml_commons.controller_enabled), which is on by default.
seealso:
  - module: searchops.opensearch_ml.ml_controller_info
  - module: searchops.opensearch_ml.ml_model
  - name: Create Controller API
    description: How the server limits users, and all fields of a controller.
    link: https://docs.opensearch.org/latest/ml-commons-plugin/api/controller-apis/create-controller/
"""

EXAMPLES = r"""
- name: Allow ten questions a minute to one user, and one question in two seconds to another
  searchops.opensearch_ml.ml_controller:
    hosts: https://opensearch.example.internal:9200
    username: ml_provisioner
    password: "{{ vault_ml_password }}"
    ca_path: /etc/ssl/opensearch-ca.pem
    model: House chat
    user_rate_limiter:
      help_desk:
        limit: 10
        unit: MINUTES
      intranet:
        limit: 0.5
        unit: SECONDS

- name: Remove all limits for individual users
  searchops.opensearch_ml.ml_controller:
    model: House chat
    state: absent
"""

RETURN = r"""
controller:
  description: The limits after the task; V(null) if the model has none.
  returned: success
  type: dict
  contains:
    model_id:
      description: The id of the model; V(null) in check mode for a model that an earlier task would create.
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
  description: The id of the model; V(null) if the model does not exist.
  returned: success
  type: str
  sample: oUdPqZQBQwAL8-GOCZYL
actions:
  description: The changes that the module made, in order; in check mode, the changes that it would make. On failure,
    the changes made until then.
  returned: always
  type: list
  elements: dict
  sample:
    - action: create
      kind: controller
      name: House chat
      id: oUdPqZQBQwAL8-GOCZYL
diff:
  description: The limits before and after the task.
  returned: success
  type: dict
  contains:
    before:
      description: The values before the task.
      type: dict
    after:
      description: The values after the task; in check mode, the predicted values.
      type: dict
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
from ..module_utils._tasks.ml_controller import MODULE


def main() -> None:
    run_module(MODULE)


if __name__ == "__main__":
    main()
