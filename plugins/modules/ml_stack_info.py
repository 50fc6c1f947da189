#!/usr/bin/python
# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ml_stack_info
short_description: Export a cluster as a declaration for ml_stack
version_added: 1.0.0
description:
  - Reads what a cluster has and returns it as the options of M(searchops.opensearch_ml.ml_stack), names in place of ids. Applied
    to the same cluster it changes nothing; applied to an empty one it makes the same set.
  - A credential cannot be read back. In its place stands a variable, which RV(variables) lists. So does one in the place of
    a key that stands in a header in the open.
  - It goes by searches, which may be a second behind what was changed last.
  - The playbook C(export) writes it as a file of variables for the playbook C(stack), by the filter
    P(searchops.opensearch_ml.stack_yaml#filter).
author:
  - The searchops.opensearch_ml maintainers (@searchops)
extends_documentation_fragment:
  - searchops.opensearch_ml.attributes
  - searchops.opensearch_ml.attributes.reads
  - searchops.opensearch_ml.connection
options:
  format:
    description: What to return.
    type: str
    choices:
      stack: A declaration.
      graph: Nodes and edges, of all of the cluster.
    default: stack
  sections:
    description: Only these sections; all unless they are given.
    type: list
    elements: str
    choices:
      - settings
      - model_groups
      - connectors
      - models
      - controllers
      - agents
      - pipelines
  name:
    description: Only what the stack of this name made, as its marks tell, and the limits of its models. Settings carry none and are
      left out.
    type: str
  name_pattern:
    description:
      - Only objects of names that match the pattern as in a shell, such as V(chat-*); upper and lower case differ.
    type: str
seealso:
  - module: searchops.opensearch_ml.ml_stack
"""

EXAMPLES = r"""
- name: Everything on the cluster
  searchops.opensearch_ml.ml_stack_info:
  register: exported

- name: Keep it as a file of variables
  ansible.builtin.copy:
    content: "{{ named | searchops.opensearch_ml.stack_yaml(exported.variables) }}"
    dest: stack.yml
    mode: "0600"
  vars:
    # The names of the inputs of the role stack.
    named: "{{ dict(exported.stack | map('regex_replace', '^', 'stack_') | zip(exported.stack.values())) }}"

- name: Who uses whom
  searchops.opensearch_ml.ml_stack_info:
    format: graph
"""

RETURN = r"""
stack:
  description: The options of M(searchops.opensearch_ml.ml_stack).
  returned: success, with O(format=stack)
  type: dict
  sample:
    connectors:
      - name: Local chat
        protocol: http
    models:
      - name: Local chat
        connector: Local chat
        state: deployed
variables:
  description: The variables that stand for secrets, each with the object and the key that it stands for.
  returned: success, with O(format=stack)
  type: dict
  sample:
    gateway_api_key: "Gateway: api_key"
left_out:
  description: What no declaration can state, such as a model that carries its connector inside it, and what refers to that.
  returned: success, with O(format=stack)
  type: list
  elements: dict
  contains:
    section:
      description: The section to which it would belong.
      type: str
      sample: models
    name:
      description: Its name.
      type: str
      sample: Old chat
    id:
      description: Its id.
      type: str
      sample: oUdPqZQBQwAL8-GOCZYL
    reason:
      description: Why.
      type: str
      sample: It carries its connector inside it.
cluster:
  description: What the cluster is called, and the version that it runs. V(null) of what it does not tell.
  returned: success, with O(format=graph)
  type: dict
  contains:
    name:
      description: The cluster's name.
      type: str
      sample: opensearch-cluster
    version:
      description: The version of OpenSearch.
      type: str
      sample: 3.6.0
nodes:
  description: The objects.
  returned: success, with O(format=graph)
  type: list
  elements: dict
  contains:
    kind:
      description: The kind.
      type: str
      sample: model
    id:
      description: The id; of a pipeline its type and name.
      type: str
      sample: oUdPqZQBQwAL8-GOCZYL
    name:
      description: The name.
      type: str
      sample: Local chat
    stack:
      description: The stack that made it, else V(null).
      type: str
      sample: demo
    state:
      description: The state, of a model.
      type: str
      sample: DEPLOYED
    urls:
      description: What it calls, of a connector.
      type: list
      elements: str
edges:
  description: Who uses whom.
  returned: success, with O(format=graph)
  type: list
  elements: dict
  contains:
    from:
      description: The id of the user.
      type: str
    to:
      description: The id of what is used, which may be gone.
      type: str
    relation:
      description: How.
      type: str
      sample: calls through
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
      sample: wrong_credentials
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
from ..module_utils._stack.ml_stack_info import MODULE


def main() -> None:
    run_module(MODULE)


if __name__ == "__main__":
    main()
