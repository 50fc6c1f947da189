#!/usr/bin/python
# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ml_dedupe
short_description: Find objects that share a name, and keep one of each
version_added: 1.0.0
description:
  - Finds connectors, model groups, and remote models of one group that share a name, for example because a script
    created them without a search. All other modules refuse such names. The result lists the users of each object.
  - Only reports, unless O(apply) is set. With O(apply), the module keeps one object of each name and removes the
    others, models before connectors.
  - The module prefers to keep an object that an agent or a pipeline refers to by its id, because these cannot be
    pointed at another object; then the object with the most users; then a model that serves; then the oldest object.
  - Models that use a surplus connector are pointed at the kept connector while they serve, if both are the same in
    everything that the server stores. A surplus object that is in use, or whose name has no object in use, is removed
    only if it is the same as the kept object. If any of these objects differ, the task fails before it changes
    anything, and lists them with their ids.
  - Objects that agents, pipelines or guardrails use are never removed, nor are groups that contain models. They stay,
    with a warning.
  - The module cannot see other users of an object's id, such as an application that asks a model.
author:
  - The searchops.opensearch_ml maintainers (@searchops)
extends_documentation_fragment:
  - searchops.opensearch_ml.attributes
  - searchops.opensearch_ml.connection
options:
  apply:
    description: Whether to remove the surplus objects.
    type: bool
    default: false
  name_pattern:
    description: Only objects whose names match this shell-style pattern, such as V(chat-*). The pattern is
      case-sensitive.
    type: str
  trust_credentials:
    description:
      - Whether to assume that connectors of one name that are otherwise the same also have the same credential.
      - A credential cannot be read back. Without this option, the module does not merge connectors that use one.
    type: bool
    default: false
  probe:
    description:
      - Parameters of a prediction, for example C(messages). The module sends it to a model through the kept connector
        before it deletes the other connector. If the prediction fails, the module points the models back and the task
        fails.
    type: dict
  wait_timeout:
    description: The maximum number of seconds to wait for a model to be undeployed and for the answer to the probe.
    type: float
    default: 180
seealso:
  - module: searchops.opensearch_ml.ml_connector
  - module: searchops.opensearch_ml.ml_model
  - module: searchops.opensearch_ml.ml_model_group
  - module: searchops.opensearch_ml.ml_stack_info
  - name: Connecting to externally hosted models
    description: How groups, connectors and models belong together.
    link: https://docs.opensearch.org/latest/ml-commons-plugin/remote-models/index/
"""

EXAMPLES = r"""
- name: List the objects that share a name
  searchops.opensearch_ml.ml_dedupe:
    hosts: https://opensearch.example.internal:9200
    username: ml_provisioner
    password: "{{ vault_ml_password }}"
    ca_path: /etc/ssl/opensearch-ca.pem
  register: found

- name: Keep one object of each name
  searchops.opensearch_ml.ml_dedupe:
    apply: true
    trust_credentials: true
    probe:
      messages:
        - role: user
          content: Say OK.
"""

RETURN = r"""
duplicates:
  description: The names that several objects had before the task.
  returned: success
  type: list
  elements: dict
  contains:
    kind:
      description: The kind of the objects.
      type: str
      sample: connector
    name:
      description: The name that the objects share.
      type: str
      sample: Local chat
    kept:
      description: The id of the object that is kept.
      type: str
      sample: oUdPqZQBQwAL8-GOCZYL
    objects:
      description: All objects with the name, the kept one first.
      type: list
      elements: dict
      contains:
        id:
          description: The id of the object on the cluster.
          type: str
          sample: oUdPqZQBQwAL8-GOCZYL
        created_time:
          description: When the object was created, in milliseconds since 1970.
          type: int
          sample: 1700000000000
        state:
          description: The state, for a model.
          type: str
          sample: DEPLOYED
        users:
          description: The users of the object, each with kind, id and name.
          type: list
          elements: dict
          sample:
            - kind: model
              id: oUdPqZQBQwAL8-GOCZYL
              name: Local chat
        fate:
          description: >-
            What happens to the object: V(keep), V(delete), V(merge) (its models are pointed at the kept object, then
            it is deleted), V(stay) (it is surplus, but its users cannot be changed), or V(refuse) (it differs and
            prevents O(apply)).
          type: str
          sample: merge
        reason:
          description: Why the object has this fate.
          type: str
          sample: oUdPqZQBQwAL8-GOCZYL is kept
plan:
  description: The objects that the module removed or would remove, one line for each.
  returned: success
  type: list
  elements: str
  sample:
    - "- delete connector 'Local chat' (pEdPqZQBQwAL8-GOHpZv), its 1 models call through oUdPqZQBQwAL8-GOCZYL"
actions:
  description: The changes that the module made; in check mode, those that it would make. Empty without O(apply).
  returned: always
  type: list
  elements: dict
  contains:
    action:
      description: The change, V(merge) or V(delete).
      type: str
      sample: merge
    kind:
      description: The kind of the object.
      type: str
      sample: connector
    name:
      description: The name of the object, which others had too.
      type: str
      sample: Local chat
    id:
      description: The id of the object on the cluster.
      type: str
      sample: pEdPqZQBQwAL8-GOHpZv
    into:
      description: The id of the connector that replaces it.
      type: str
      sample: oUdPqZQBQwAL8-GOCZYL
    models:
      description: The ids of the models that are pointed at that connector.
      type: list
      elements: str
      sample:
        - oUdPqZQBQwAL8-GOCZYL
leftovers:
  description: Connectors that no model uses and that remain, because the server refuses to delete them, as
    RV(searchops.opensearch_ml.ml_connector#module:leftovers).
  returned: success
  type: list
  elements: dict
  contains:
    connector_id:
      description: The id of the connector that remains.
      type: str
      sample: Keq5FpkB72uHgF272LWj
    name:
      description: The name of the connector that remains.
      type: str
      sample: Local chat
    models:
      description: The ids of the models because of which the server refuses.
      type: list
      elements: str
      sample:
        - oUdPqZQBQwAL8-GOCZYL
    reason:
      description: Why the server refuses, with the names of these models and their connectors.
      type: str
      sample: No model uses connector Keq5FpkB72uHgF272LWj, but the server refuses to change or delete it
diff:
  description: With O(apply), the plan as C(--diff) prints it.
  returned: success
  type: dict
  contains:
    prepared:
      description: The lines of RV(plan).
      type: str
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
      sample: duplicates_differ
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
      description: C(problems), each with kind, name, id and message, if surplus objects differ.
      type: dict
"""

from ..module_utils._runtime.module import run_module
from ..module_utils._tasks.ml_dedupe import MODULE


def main() -> None:
    run_module(MODULE)


if __name__ == "__main__":
    main()
