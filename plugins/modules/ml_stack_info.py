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
  - Reads a cluster and returns its objects as the options of M(searchops.opensearch_ml.ml_stack), with names instead
    of ids. Applied to the same cluster, the result changes nothing. Applied to an empty cluster, it creates the same
    objects.
  - A credential cannot be read back. The declaration contains a variable instead, which RV(variables) lists. A key
    that a header contains in plain text is also replaced with a variable.
  - The module uses searches, which may miss changes of the last second.
  - The playbook C(export) writes the result to a file of variables for the playbook C(stack), with the filter
    P(searchops.opensearch_ml.stack_yaml#filter).
author:
  - The searchops.opensearch_ml maintainers (@searchops)
extends_documentation_fragment:
  - searchops.opensearch_ml.attributes
  - searchops.opensearch_ml.attributes.reads
  - searchops.opensearch_ml.connection
options:
  format:
    description: What the module returns.
    type: str
    choices:
      stack: A declaration of the cluster's objects.
      graph: The nodes and edges of the whole cluster.
    default: stack
  sections:
    description: Only these sections. If not given, all sections.
    type: list
    elements: str
    choices:
      - settings
      - model_groups
      - connectors
      - models
      - controllers
      - memory_containers
      - agents
      - pipelines
  name:
    description: Only objects that the stack of this name created, recognised by their marks, and the limits of its
      models. Settings have no marks and are left out.
    type: str
  name_pattern:
    description:
      - Only objects whose names match this shell-style pattern, such as V(chat-*). The pattern is case-sensitive.
    type: str
seealso:
  - module: searchops.opensearch_ml.ml_stack
  - plugin: searchops.opensearch_ml.stack_yaml
    plugin_type: filter
  - plugin: searchops.opensearch_ml.stack_filled
    plugin_type: filter
  - name: ML Commons APIs
    description: All APIs of ML Commons.
    link: https://docs.opensearch.org/latest/ml-commons-plugin/api/index/
"""

EXAMPLES = r"""
- name: Export everything on the cluster
  searchops.opensearch_ml.ml_stack_info:
    hosts: https://opensearch.example.internal:9200
    username: ml_provisioner
    password: "{{ vault_ml_password }}"
    ca_path: /etc/ssl/opensearch-ca.pem
  register: exported

- name: Write the export to a file of variables
  ansible.builtin.copy:
    content: "{{ named | searchops.opensearch_ml.stack_yaml(exported.variables) }}"
    dest: stack.yml
    mode: "0600"
  vars:
    # The variables of the role stack have this prefix.
    named: "{{ dict(exported.stack | map('regex_replace', '^', 'stack_') | zip(exported.stack.values())) }}"

- name: Export the graph of which object uses which
  searchops.opensearch_ml.ml_stack_info:
    format: graph
"""

RETURN = r"""
stack:
  description: The declaration of the cluster, as options of M(searchops.opensearch_ml.ml_stack).
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
  description: The variables that replace secrets, each with the object and the key that it replaces.
  returned: success, with O(format=stack)
  type: dict
  sample:
    gateway_api_key: "Gateway: api_key"
left_out:
  description: The objects that a declaration cannot contain, such as a local model or one with its connector inside it, those
    that M(searchops.opensearch_ml.ml_stack) would refuse to create, and the objects that refer to these. All other fields that
    the server returns are in the declaration, except those that only the server sets.
  returned: success, with O(format=stack)
  type: list
  elements: dict
  contains:
    section:
      description: The section that the object would belong to.
      type: str
      sample: models
    name:
      description: The name of the object on the cluster.
      type: str
      sample: Old chat
    id:
      description: The id of the object on the cluster.
      type: str
      sample: oUdPqZQBQwAL8-GOCZYL
    reason:
      description: Why the object is left out.
      type: str
      sample: It carries its connector inside it.
cluster:
  description: The cluster's name and version. V(null) for what the cluster does not return.
  returned: success, with O(format=graph)
  type: dict
  contains:
    name:
      description: The name that the cluster gives itself, C(cluster.name).
      type: str
      sample: opensearch-cluster
    version:
      description: The version of OpenSearch.
      type: str
      sample: 3.6.0
nodes:
  description: The objects on the cluster, each of which RV(edges) refers to by its id.
  returned: success, with O(format=graph)
  type: list
  elements: dict
  contains:
    kind:
      description: The kind of the object, such as V(connector) or V(model).
      type: str
      sample: model
    id:
      description: The object's id; for a pipeline, its type and name.
      type: str
      sample: oUdPqZQBQwAL8-GOCZYL
    name:
      description: The name of the object on the cluster.
      type: str
      sample: Local chat
    stack:
      description: The stack that created the object; V(null) if no stack did.
      type: str
      sample: demo
    state:
      description: The state, for a model.
      type: str
      sample: DEPLOYED
    urls:
      description: The URLs that it calls, for a connector.
      type: list
      elements: str
      sample:
        - http://ollama.example.internal:11434/v1/chat/completions
edges:
  description: The uses of one object by another.
  returned: success, with O(format=graph)
  type: list
  elements: dict
  contains:
    from:
      description: The id of the object that uses the other one.
      type: str
      sample: oUdPqZQBQwAL8-GOCZYL
    to:
      description: The id of the object that is used, which may no longer exist.
      type: str
      sample: Keq5FpkB72uHgF272LWj
    relation:
      description: How the one object uses the other.
      type: str
      sample: calls through
actions:
  description: Always empty, because the module changes nothing.
  returned: always
  type: list
  elements: dict
  sample: []
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
      sample: wrong_credentials
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
from ..module_utils._stack.ml_stack_info import MODULE


def main() -> None:
    run_module(MODULE)


if __name__ == "__main__":
    main()
