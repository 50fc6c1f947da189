#!/usr/bin/python
# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ml_connector_info
short_description: List ML Commons connectors
version_added: 1.0.0
description:
  - Lists standalone connectors and, on request, the connectors inside models, with the URLs that they call.
  - With O(connector_id) or O(name), the result is up to date. Other lists come from a search, which may miss changes
    of the last second.
author:
  - The searchops.opensearch_ml maintainers (@searchops)
extends_documentation_fragment:
  - searchops.opensearch_ml.attributes
  - searchops.opensearch_ml.attributes.reads
  - searchops.opensearch_ml.connection
options:
  name:
    description: Only connectors with exactly this name. Excludes O(connector_id).
    type: str
  name_pattern:
    description:
      - Only connectors whose names match this shell-style pattern, such as V(chat-*). The pattern is case-sensitive.
        Excludes O(name) and O(connector_id).
    type: str
  connector_id:
    description: Only the connector with this id.
    type: str
  protocol:
    description: Only connectors with this protocol, such as V(http) or V(aws_sigv4).
    type: str
  include_inline:
    description: Whether to list the connectors inside models as well. They have no id, so O(connector_id) does not
      find them.
    type: bool
    default: false
  unused:
    description: Whether to list only connectors that no model uses. The module does not check agents and pipelines.
    type: bool
    default: false
  include_used_by:
    description: Whether to list the models that use each connector. This takes one more search, whatever the number
      of connectors.
    type: bool
    default: false
seealso:
  - module: searchops.opensearch_ml.ml_connector
  - module: searchops.opensearch_ml.ml_model_info
  - name: Search Connector API
    description: The request that finds connectors.
    link: https://docs.opensearch.org/latest/ml-commons-plugin/api/connector-apis/search-connector/
"""

EXAMPLES = r"""
- name: List all connectors
  searchops.opensearch_ml.ml_connector_info:
    hosts: https://opensearch.example.internal:9200
    username: ml_provisioner
    password: "{{ vault_ml_password }}"
    ca_path: /etc/ssl/opensearch-ca.pem
  register: all

- name: List the connectors of the tests that no model uses
  searchops.opensearch_ml.ml_connector_info:
    name_pattern: test-*
    unused: true

- name: Show the URLs that each connector calls
  ansible.builtin.debug:
    msg: "{{ all.connectors | items2dict(key_name='name', value_name='urls') }}"
"""

RETURN = r"""
connectors:
  description: The connectors, as M(searchops.opensearch_ml.ml_connector) returns them, with additional fields.
  returned: success
  type: list
  elements: dict
  contains:
    connector_id:
      description: The connector's id; V(null) for a connector inside a model.
      type: str
      sample: Keq5FpkB72uHgF272LWj
    model_id:
      description: The id of the model that contains the connector; V(null) for a standalone connector.
      type: str
      sample: oUdPqZQBQwAL8-GOCZYL
    name:
      description: The name of the connector, which other modules take instead of its id.
      type: str
      sample: Local chat
    description:
      description: The text for people that the server stores with the connector.
      type: str
      sample: Qwen 3 on the GPU host
    version:
      description: The connector's version, as its creator chose it.
      type: str
      sample: "1"
    protocol:
      description: The protocol between OpenSearch and the backend, such as V(http) or V(aws_sigv4).
      type: str
      sample: http
    parameters:
      description: The parameters that fill the connector's placeholders.
      type: dict
      sample:
        model: qwen3:4b
    actions:
      description: The requests that the connector sends for each type of action, with keys in headers masked. A
        connector to an MCP server has none.
      type: list
      elements: dict
      sample:
        - action_type: PREDICT
          method: POST
          url: http://ollama.example.internal:11434/v1/chat/completions
          headers:
            Content-Type: application/json
          request_body: '{"model": "${parameters.model}", "messages": ${parameters.messages}}'
    client_config:
      description: The connector's connections, timeouts and retries, in the units that
        M(searchops.opensearch_ml.ml_connector) takes.
      type: dict
      sample:
        connection_timeout: 10
        read_timeout: 180
    owner:
      description: The user who created the connector. Present with the security plugin only.
      type: dict
      sample:
        name: ml_provisioner
        backend_roles: []
        roles:
          - ml_provisioner
    created_time:
      description: When the connector was created, in milliseconds since 1970.
      type: int
      sample: 1763900000000
    last_updated_time:
      description: When the connector was last changed, in milliseconds since 1970.
      type: int
      sample: 1763900000000
    urls:
      description: The URLs that the connector's actions call, with its own parameters filled in.
      type: list
      elements: str
      sample:
        - http://ollama.example.internal:11434/v1/chat/completions
    used_by:
      description: The ids of the models that use the connector, with O(include_used_by) or O(unused).
      type: list
      elements: str
      sample:
        - oUdPqZQBQwAL8-GOCZYL
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
from ..module_utils._tasks.ml_connector_info import MODULE


def main() -> None:
    run_module(MODULE)


if __name__ == "__main__":
    main()
