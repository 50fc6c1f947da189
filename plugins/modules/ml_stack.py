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
  - Applies the declared settings, model groups, connectors, models, limits, agents and pipelines to a cluster in one
    task, as a loop over the single modules would. There is no state file.
  - Reads the cluster with one search for each kind of object, whatever the number of objects. Reports all problems of
    the declaration, and all conflicts with the cluster, together and with their positions, before it writes anything.
  - Applies an item after the items that it depends on. References are names of items that are declared here or of
    objects that the cluster has.
  - If an item fails, the module leaves out the items that depend on it, applies all others, and reports the failures
    together. The next run continues from there.
  - Fails if you give no section, as a declaration of nothing would be a success on every cluster. An empty list counts as
    given. O(prune=managed) alone removes all objects of the stack.
  - Prints the plan with C(--check --diff), one line for each action.
  - Reads the cluster again after a change and plans again. The second plan must be empty.
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
        Objects that the stack creates get a mark with this name at the end of their description, as in "Local chat
        (stack: demo)". Objects that existed before get no mark, and keep the mark that they have. Settings and limits
        have no marks.
      - Without a name, the module sets no marks.
    type: str
  settings:
    description: Items with the options of M(searchops.opensearch_ml.opensearch_cluster_setting). They are applied
      before all other sections.
    type: list
    elements: dict
  model_groups:
    description: Items with the options of M(searchops.opensearch_ml.ml_model_group), identified by name.
    type: list
    elements: dict
  connectors:
    description:
      - Items with the options of M(searchops.opensearch_ml.ml_connector), identified by name.
      - >-
        To notice a changed credential, each run takes about 0.1 s of processor time for each different
        credential. Connectors that get the same credential in the same run share its fingerprint, so that users who
        can read the connectors see that their credentials are the same. C(update_credential=on_create) compares none.
    type: list
    elements: dict
  models:
    description: Items with the options of M(searchops.opensearch_ml.ml_model), identified by name.
    type: list
    elements: dict
  controllers:
    description: Items with the options of M(searchops.opensearch_ml.ml_controller).
    type: list
    elements: dict
  memory_containers:
    description: Items with the options of M(searchops.opensearch_ml.ml_memory_container), identified by name. Removing one
      keeps its memories, unless the item has C(delete_all_memories).
    type: list
    elements: dict
  agents:
    description: Items with the options of M(searchops.opensearch_ml.ml_agent), identified by name.
    type: list
    elements: dict
  pipelines:
    description: Items with the options of M(searchops.opensearch_ml.opensearch_pipeline).
    type: list
    elements: dict
  prune:
    description:
      - Which undeclared objects to remove. The module keeps an object that a remaining object uses, with a warning.
      - An item with C(state=absent) is always removed.
    type: str
    choices:
      none: Keep objects that are not declared.
      managed: Objects that an earlier run of the stack of this O(name) created, recognised by their marks.
      all: All objects of the sections that you give, even as an empty list; of the models, only remote ones. Settings
        stay. Needs O(prune_confirm).
    default: none
  prune_confirm:
    description: The name of the cluster, as C(GET /) returns it, to confirm O(prune=all).
    type: str
  parallel:
    description:
      - How many items the module works on at the same time.
      - The server creates objects one after the other, so that a higher number only means longer waiting.
    type: int
    default: 2
seealso:
  - module: searchops.opensearch_ml.ml_stack_info
  - module: searchops.opensearch_ml.ml_connector
  - module: searchops.opensearch_ml.ml_model
  - module: searchops.opensearch_ml.ml_agent
  - module: searchops.opensearch_ml.opensearch_pipeline
  - name: Role stack
    link: https://github.com/searchops/opensearch_ml/blob/main/roles/stack/README.md
    description: The role that applies a stack from variables.
  - name: ML Commons APIs
    description: All APIs of ML Commons.
    link: https://docs.opensearch.org/latest/ml-commons-plugin/api/index/
"""

EXAMPLES = r"""
- name: Apply two chat models and everything that they need
  searchops.opensearch_ml.ml_stack:
    hosts: https://opensearch.example.internal:9200
    username: ml_provisioner
    password: "{{ vault_ml_password }}"
    ca_path: /etc/ssl/opensearch-ca.pem
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
    models:
      - name: Local chat
        connector: Local chat
      - name: Gateway chat
        connector: Gateway
    prune: managed
"""

RETURN = r"""
stack:
  description: The name of the stack; V(null) without one.
  returned: success
  type: str
  sample: demo
plan:
  description: The planned actions, one line for each; C(+) creates, C(~) changes, C(-) deletes.
  returned: success
  type: list
  elements: str
  sample:
    - "+ create connector 'Local chat'"
    - "~ change model 'Gateway chat' (in place): connector_id"
    - "- delete model 'Old'"
changes:
  description: The given fields of each item that changes, before and after, with secrets masked.
  returned: success
  type: list
  elements: dict
  contains:
    section:
      description: The section of the declaration that has the item.
      type: str
      sample: connectors
    name:
      description: The name of the item in its section.
      type: str
      sample: Local chat
    before:
      description: The values before the task.
      type: dict
      sample:
        connector: Local chat
    after:
      description: The values after the task; in check mode, the predicted values.
      type: dict
      sample:
        connector: Gateway
actions:
  description: The changes that the module made, in the order of the plan; in check mode, those that it would make.
  returned: always
  type: list
  elements: dict
  contains:
    action:
      description: The kind of change, such as V(create), V(update) or V(delete).
      type: str
      sample: create
    kind:
      description: The kind of the object.
      type: str
      sample: connector
    name:
      description: The name of the object that was changed.
      type: str
      sample: Local chat
    section:
      description: The section of the item that needed the change.
      type: str
      sample: connectors
    place:
      description: The item's position in the declaration, or C(prune).
      type: str
      sample: connectors[0]
    reason:
      description: Why the change was needed.
      type: str
      sample: It is declared and not on the cluster.
    fields:
      description: The fields that differ, if an object was changed.
      type: list
      elements: str
      sample:
        - connector_id
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
  description: The plan as C(--diff) prints it.
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
      sample: invalid_stack
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
      description:
        - C(problems), each with place, code, message and remedy, if the module rejected the declaration.
        - C(failed) and C(left_out) if items failed, and C(left), the other changes that are still needed.
      type: dict
"""

from ..module_utils._runtime.module import run_module
from ..module_utils._stack.ml_stack import MODULE


def main() -> None:
    run_module(MODULE)


if __name__ == "__main__":
    main()
