#!/usr/bin/python
# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ml_model_group
short_description: Manage model groups of ML Commons
version_added: 0.2.0
description:
  - Makes, changes, renames and deletes the groups in which the models of OpenSearch's ML Commons plugin stand.
  - M(searchops.opensearch_ml.ml_model) makes a missing group by itself; this module is for groups with a description or
    with rules about who may use them.
author:
  - The searchops.opensearch_ml maintainers (@searchops)
extends_documentation_fragment:
  - searchops.opensearch_ml.attributes
  - searchops.opensearch_ml.connection
  - searchops.opensearch_ml.custom_id
options:
  name:
    description:
      - The group's name. It finds the group unless O(model_group_id) is given; the server holds names to be unique.
      - At most 256 characters. From OpenSearch 3.1 on letters, numbers, spaces and V(.,!?(\):@-_'/") only.
    type: str
  model_group_id:
    description: The id of an existing group. With O(name) the group is renamed.
    type: str
  state:
    description:
      - What the group is to be.
      - A group in which models are is not deleted; they are listed instead.
    type: str
    choices:
      - present
      - absent
    default: present
  description:
    description: What it is for. The server can change a description, but not take it away.
    type: str
  access_mode:
    description:
      - Who may use the group. Without it a new group is V(restricted) if roles are given, else V(private).
      - Needs the security plugin and the setting C(plugins.ml_commons.model_access_control_enabled).
    type: str
    choices:
      public: Everybody who may use models.
      private: Its owner and administrators.
      restricted: Whoever has one of its roles.
  backend_roles:
    description: All roles of a V(restricted) group, in any order. Excludes O(add_all_backend_roles).
    type: list
    elements: str
  add_all_backend_roles:
    description:
      - Whether to give a group the roles of the user who makes it V(restricted).
      - Which roles those are is not compared later. A group that is V(restricted) and has roles counts as right.
    type: bool
seealso:
  - module: searchops.opensearch_ml.ml_model
"""

EXAMPLES = r"""
- name: A group with a description
  searchops.opensearch_ml.ml_model_group:
    name: Chat models
    description: What the help desk may use

- name: A group for two roles
  searchops.opensearch_ml.ml_model_group:
    name: Chat models
    access_mode: restricted
    backend_roles:
      - help_desk
      - search_team

- name: Another name
  searchops.opensearch_ml.ml_model_group:
    model_group_id: bEdPqZQBQwAL8-GOBZaa
    name: Talking models

- name: Gone, if no model is in it
  searchops.opensearch_ml.ml_model_group:
    name: Talking models
    state: absent
"""

RETURN = r"""
model_group_id:
  description: The group's id; of a deleted one the id it had. V(null) in check mode for one that would be made.
  returned: success
  type: str
  sample: bEdPqZQBQwAL8-GOBZaa
model_group:
  description:
    - The group as the server stores it; in check mode as it would be. V(null) when absent.
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
  description: What was done, or in check mode would be done, in this order. On failure, what had been done by then.
  returned: always
  type: list
  elements: dict
  sample:
    - action: create
      kind: model group
      name: Chat models
diff:
  description: The stated fields before and after.
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
      sample: group_in_use
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
from ..module_utils._tasks.ml_model_group import MODULE


def main() -> None:
    run_module(MODULE)


if __name__ == "__main__":
    main()
