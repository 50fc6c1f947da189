#!/usr/bin/python
# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ml_stack
short_description: Manage a whole set of ML Commons resources as one declaration
version_added: 1.0.0
description:
  - Brings settings, model groups, connectors, models, limits, agents and pipelines of a cluster to the declared state, as a
    loop over the single modules would, in one task. There is no state file.
  - The cluster is read at once, with one search for each kind of object, however many objects there are. What is wrong with
    the declaration, or stands in its way on the cluster, is told all at once, with its places, before anything is written.
  - What needs something else comes after it. References are names, of what is declared here or of what the cluster has.
  - A failure stops what depends on it; the rest is done, and the failures are reported together. The next run goes on from
    there.
  - With C(--check --diff) the plan is printed, a line for each action.
  - After a change the cluster is read anew and planned again, which must find nothing left to do.
author:
  - The searchops.opensearch_ml maintainers (@searchops)
extends_documentation_fragment:
  - searchops.opensearch_ml.attributes
  - searchops.opensearch_ml.connection
options:
  name:
    description:
      - The stack's name, of up to 64 letters, digits, dots, hyphens and underscores.
      - >-
        What the stack makes carries it as a mark at the end of the description, as in "Local chat (stack: demo)". What was
        there before gets no mark and keeps the one that it has. Settings and limits carry none.
      - Without a name nothing is marked.
    type: str
  settings:
    description: Items with the options of M(searchops.opensearch_ml.opensearch_cluster_setting). They come before all others.
    type: list
    elements: dict
  model_groups:
    description: Items with the options of M(searchops.opensearch_ml.ml_model_group), by name.
    type: list
    elements: dict
  connectors:
    description:
      - Items with the options of M(searchops.opensearch_ml.ml_connector), by name.
      - >-
        With C(update_credential=when_changed) each run takes some 0.1 s of processor time for each different credential.
        Connectors that are given one in the same run share its fingerprint, which tells whoever may read them so.
    type: list
    elements: dict
  models:
    description: Items with the options of M(searchops.opensearch_ml.ml_model), by name.
    type: list
    elements: dict
  controllers:
    description: Items with the options of M(searchops.opensearch_ml.ml_controller).
    type: list
    elements: dict
  agents:
    description: Items with the options of M(searchops.opensearch_ml.ml_agent), by name.
    type: list
    elements: dict
  pipelines:
    description: Items with the options of M(searchops.opensearch_ml.opensearch_pipeline).
    type: list
    elements: dict
  prune:
    description:
      - What to remove that is not declared. Whatever something that stays uses is kept, with a warning.
      - An item with C(state=absent) is removed in any case.
    type: str
    choices:
      none: Nothing.
      managed: What an earlier run of the stack of this O(name) made, as its mark tells.
      all: Whatever the cluster has in the sections that are given, were it an empty list; of models, the remote ones. Settings
        stay. Needs O(prune_confirm).
    default: none
  prune_confirm:
    description: The name of the cluster, as C(GET /) tells it, to confirm O(prune=all).
    type: str
  parallel:
    description:
      - How many items are worked on at the same time.
      - The server makes objects one after the other; more than a few only wait longer.
    type: int
    default: 2
seealso:
  - module: searchops.opensearch_ml.ml_connector
  - module: searchops.opensearch_ml.ml_model
"""

EXAMPLES = r"""
- name: Two chat models and what they need
  searchops.opensearch_ml.ml_stack:
    name: demo
    settings:
      - settings:
          plugins.ml_commons.trusted_connector_endpoints_regex:
            - ^http://ollama\.example\.internal:11434/v1/chat/completions$
            - ^https://llm\.example\.com/v1/chat/completions$
          plugins.ml_commons.connector.private_ip_enabled: true
        list_mode: append
    connectors:
      - name: Local chat
        provider: ollama
        base_url: http://ollama.example.internal:11434
        model: llama3.2
      - name: Gateway
        provider: openai_compatible
        base_url: https://llm.example.com
        model: large
        api_key: "{{ llm_key }}"
        update_credential: when_changed
    models:
      - name: Local chat
        connector: Local chat
      - name: Gateway chat
        connector: Gateway
    prune: managed
"""

RETURN = r"""
stack:
  description: The stack's name.
  returned: success
  type: str
  sample: demo
plan:
  description: What was to be done, a line for each action; C(+) creates, C(~) changes, C(-) deletes.
  returned: success
  type: list
  elements: str
  sample:
    - "+ create connector 'Local chat'"
    - "~ change model 'Gateway chat' (in place): connector_id"
    - "- delete model 'Old'"
changes:
  description: The stated fields of each item that changes, before and after, secrets hidden.
  returned: success
  type: list
  elements: dict
  contains:
    section:
      description: The section.
      type: str
      sample: connectors
    name:
      description: The item's name.
      type: str
      sample: Local chat
    before:
      description: As it was.
      type: dict
    after:
      description: As it is; in check mode, as it would be.
      type: dict
actions:
  description: What was done, or in check mode would be, in the order of the plan.
  returned: always
  type: list
  elements: dict
  contains:
    action:
      description: What was done.
      type: str
      sample: create
    kind:
      description: The kind of the object.
      type: str
      sample: connector
    name:
      description: Its name.
      type: str
      sample: Local chat
    section:
      description: The section of the item that it was done for.
      type: str
      sample: connectors
    place:
      description: Where the item stands, or C(prune).
      type: str
      sample: connectors[0]
    reason:
      description: Why.
      type: str
      sample: It is declared and not on the cluster.
    fields:
      description: The fields that differ, of a change.
      type: list
      elements: str
diff:
  description: The plan, as C(--diff) prints it.
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
      sample: invalid_stack
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
      description:
        - C(problems), each with place, code and message, where the declaration was refused.
        - C(failed) and C(left_out), where items failed, and C(left), what was found to be still to be done beside that.
      type: dict
"""

from ..module_utils._runtime.module import run_module
from ..module_utils._stack.ml_stack import MODULE


def main() -> None:
    run_module(MODULE)


if __name__ == "__main__":
    main()
