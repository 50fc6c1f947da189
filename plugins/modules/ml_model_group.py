#!/usr/bin/python
# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ml_model_group
short_description: Manage model groups of ML Commons
version_added: 1.0.0
description:
  - Creates, changes, renames and deletes the groups of models of OpenSearch's ML Commons plugin.
  - M(searchops.opensearch_ml.ml_model) creates a missing group by itself. Use this module for groups with a
    description or with rules about who may use them.
author:
  - The searchops.opensearch_ml maintainers (@searchops)
extends_documentation_fragment:
  - searchops.opensearch_ml.attributes
  - searchops.opensearch_ml.connection
  - searchops.opensearch_ml.custom_id
options:
  name:
    description:
      - The group's name. The module finds the group by its name unless O(model_group_id) is given. The server
        requires names to be unique.
      - At most 256 characters. From OpenSearch 3.1 on, letters, numbers, spaces and V(.,!?(\):@-_'/") only.
    type: str
  model_group_id:
    description: The id of an existing group. Together with O(name), the group is renamed.
    type: str
  state:
    description:
      - Whether the group should exist.
      - The module does not delete a group that contains models. The task fails and lists the models.
    type: str
    choices:
      - present
      - absent
    default: present
  description:
    description: The group's description. The server can change a description but cannot remove it.
    type: str
  access_mode:
    description:
      - Who may use the group. If not given, a new group is V(restricted) if you give roles, and V(private) otherwise.
      - Needs the security plugin and the setting C(plugins.ml_commons.model_access_control_enabled).
    type: str
    choices:
      public: All users who may use models.
      private: The group's owner and administrators.
      restricted: Users who have one of the group's roles.
  backend_roles:
    description: All backend roles of a V(restricted) group, in any order. Excludes O(add_all_backend_roles).
    type: list
    elements: str
  add_all_backend_roles:
    description:
      - Whether to give the group all backend roles of the user who sets it to V(restricted).
      - The module does not compare these roles later. A V(restricted) group that has roles counts as unchanged.
    type: bool
  extra_fields:
    description:
      - Further fields of the group, which this version of the collection does not know, by their names in the API. They are
        sent and compared as they are.
      - The module warns of a field that the server does not store, and does not compare it. From OpenSearch 3.9 on, of which
        this version of the collection does not know all fields, the task fails with C(field_not_stored) after the write.
      - A field that has an option is refused.
    type: dict
seealso:
  - module: searchops.opensearch_ml.ml_model_group_info
  - module: searchops.opensearch_ml.ml_model
  - name: Model access control
    description: What the access modes of model groups permit.
    link: https://docs.opensearch.org/latest/ml-commons-plugin/model-access-control/
"""

EXAMPLES = r"""
- name: Create a group with a description
  searchops.opensearch_ml.ml_model_group:
    hosts: https://opensearch.example.internal:9200
    username: ml_provisioner
    password: "{{ vault_ml_password }}"
    ca_path: /etc/ssl/opensearch-ca.pem
    name: Chat models
    description: What the help desk may use
  register: group

- name: Create a group for two roles
  searchops.opensearch_ml.ml_model_group:
    name: Chat models
    access_mode: restricted
    backend_roles:
      - help_desk
      - search_team

- name: Rename the group
  searchops.opensearch_ml.ml_model_group:
    model_group_id: "{{ group.model_group_id }}"
    name: Talking models

- name: Delete the group, if it contains no model
  searchops.opensearch_ml.ml_model_group:
    name: Talking models
    state: absent
"""

RETURN = r"""
model_group_id:
  description: The group's id; for a deleted group, the id that it had. V(null) in check mode if the module would
    create the group.
  returned: success
  type: str
  sample: bEdPqZQBQwAL8-GOBZaa
model_group:
  description:
    - The group as the server stores it; in check mode, as the server would store it. V(null) when absent.
    - M(searchops.opensearch_ml.ml_model_group_info) documents the fields.
  returned: success
  type: dict
  sample:
    model_group_id: bEdPqZQBQwAL8-GOBZaa
    name: Chat models
    description: What the help desk may use
    access_mode: public
    latest_version: 2
actions:
  description: The changes that the module made, in order; in check mode, the changes that it would make. On failure,
    the changes made until then.
  returned: always
  type: list
  elements: dict
  sample:
    - action: create
      kind: model group
      name: Chat models
diff:
  description: The given fields before and after the task.
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
      sample: group_in_use
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
from ..module_utils._tasks.ml_model_group import MODULE


def main() -> None:
    run_module(MODULE)


if __name__ == "__main__":
    main()
