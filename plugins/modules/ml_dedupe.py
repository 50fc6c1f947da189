#!/usr/bin/python
# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ml_dedupe
short_description: Find objects that share a name, and leave one of each
version_added: 1.0.0
description:
  - Finds connectors, model groups, and remote models of one group that share a name, as scripts leave them behind that create
    without a look. All other modules refuse such names. Tells who uses which.
  - Only reports, unless O(apply) is set. Then one of each is kept and the others are removed, models before connectors.
  - What an agent or a pipeline names by its id is kept before all, as they cannot be pointed elsewhere; then what most use; then a
    model that serves; then the oldest.
  - Models that call through a surplus connector are pointed at the kept one while they serve, if the two are the same in all that is
    stored. Of what is in use, and of several of which none is, only what is the same as the kept one is removed; where anything is
    not, the task fails before anything is done, and tells all of it with the ids.
  - What agents, pipelines or guardrails use is never removed, nor is a group with models in it. It stays, with a warning.
  - Who else knows an object by its id, such as an application that asks a model, cannot be seen.
author:
  - The searchops.opensearch_ml maintainers (@searchops)
extends_documentation_fragment:
  - searchops.opensearch_ml.attributes
  - searchops.opensearch_ml.connection
options:
  apply:
    description: Whether to remove what is surplus.
    type: bool
    default: false
  name_pattern:
    description: Only names that match the pattern as in a shell, such as V(chat-*); upper and lower case differ.
    type: str
  trust_credentials:
    description:
      - Take it that connectors of one name which are the same otherwise have the same credential, too.
      - A credential cannot be read back, so without this connectors that use one are not merged.
    type: bool
    default: false
  probe:
    description:
      - Parameters of a prediction, for example with C(messages), that a model is asked through the kept connector before the
        other one is deleted. If it fails, the models are pointed back and the task fails.
    type: dict
  wait_timeout:
    description: How long to wait at most for a model to be undeployed and for the probe's answer, in seconds.
    type: float
    default: 180
seealso:
  - module: searchops.opensearch_ml.ml_stack_info
"""

EXAMPLES = r"""
- name: Look what shares a name
  searchops.opensearch_ml.ml_dedupe:
  register: found

- name: Leave one of each
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
  description: The names that several objects had, as they were found.
  returned: success
  type: list
  elements: dict
  contains:
    kind:
      description: The kind.
      type: str
      sample: connector
    name:
      description: The name.
      type: str
      sample: Local chat
    kept:
      description: The id of the one that is kept.
      type: str
      sample: oUdPqZQBQwAL8-GOCZYL
    objects:
      description: All that have the name, the kept one first.
      type: list
      elements: dict
      contains:
        id:
          description: The id.
          type: str
          sample: oUdPqZQBQwAL8-GOCZYL
        created_time:
          description: When it was made, in milliseconds since 1970.
          type: int
          sample: 1700000000000
        state:
          description: The state of a model.
          type: str
          sample: DEPLOYED
        users:
          description: Who uses it, each with kind, id and name.
          type: list
          elements: dict
        fate:
          description: >-
            What becomes of it: V(keep), V(delete), V(merge) (its models are pointed at the kept one, then it is deleted), V(stay)
            (surplus, and used by what cannot be changed), or V(refuse) (it keeps O(apply) from being done).
          type: str
          sample: merge
        reason:
          description: Why.
          type: str
          sample: oUdPqZQBQwAL8-GOCZYL is kept
plan:
  description: What is to be removed, or was, a line for each object.
  returned: success
  type: list
  elements: str
  sample:
    - "- delete connector 'Local chat' (pEdPqZQBQwAL8-GOHpZv), its 1 models call through oUdPqZQBQwAL8-GOCZYL"
actions:
  description: What was done, or in check mode would be; nothing without O(apply).
  returned: always
  type: list
  elements: dict
  contains:
    action:
      description: V(merge) or V(delete).
      type: str
      sample: merge
    kind:
      description: The kind of the object.
      type: str
      sample: connector
    name:
      description: Its name.
      type: str
      sample: Local chat
    id:
      description: Its id.
      type: str
      sample: pEdPqZQBQwAL8-GOHpZv
    into:
      description: The id of the connector that takes its place.
      type: str
      sample: oUdPqZQBQwAL8-GOCZYL
    models:
      description: The ids of the models that are pointed there.
      type: list
      elements: str
diff:
  description: With O(apply) the plan, as C(--diff) prints it.
  returned: success
  type: dict
  contains:
    prepared:
      description: The lines of RV(plan).
      type: str
failure:
  description: Why the task failed.
  returned: on failure
  type: dict
  contains:
    code:
      description: A stable name of the problem.
      type: str
      sample: duplicates_differ
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
      description: C(problems), each with kind, name, id and message, where surplus objects differ.
      type: dict
"""

from ..module_utils._runtime.module import run_module
from ..module_utils._tasks.ml_dedupe import MODULE


def main() -> None:
    run_module(MODULE)


if __name__ == "__main__":
    main()
