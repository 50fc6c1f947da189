#!/usr/bin/python
# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ml_connector_info
short_description: List ML Commons connectors
version_added: 0.1.0
description:
  - Lists standalone connectors, and on request those that models carry inside them, with the URLs that they call.
  - With O(connector_id) or O(name) they are told as they are now. Other lists come from a search, which may not see yet what was
    changed within the last second.
author:
  - The searchops.opensearch_ml maintainers (@searchops)
extends_documentation_fragment:
  - searchops.opensearch_ml.attributes
  - searchops.opensearch_ml.attributes.reads
  - searchops.opensearch_ml.connection
options:
  name:
    description: Only connectors of exactly this name. Excludes O(connector_id).
    type: str
  name_pattern:
    description:
      - Only connectors of names that match the pattern as in a shell, such as V(chat-*); upper and lower case differ.
        Excludes O(name) and O(connector_id).
    type: str
    version_added: 0.2.0
  connector_id:
    description: Only the connector of this id.
    type: str
  protocol:
    description: Only connectors of this protocol, such as V(http) or V(aws_sigv4).
    type: str
    version_added: 0.2.0
  include_inline:
    description: Whether to list the connectors inside models as well. They have no id, so that O(connector_id) finds none.
    type: bool
    default: false
  unused:
    description: Whether to list only connectors that no model uses. Agents and pipelines are not looked at.
    type: bool
    default: false
    version_added: 0.2.0
  include_used_by:
    description: Whether to tell the models that use each connector. One more search, however many connectors there are.
    type: bool
    default: false
    version_added: 0.2.0
seealso:
  - module: searchops.opensearch_ml.ml_connector
  - module: searchops.opensearch_ml.ml_model_info
"""

EXAMPLES = r"""
- name: All connectors
  searchops.opensearch_ml.ml_connector_info:
  register: all

- name: Connectors of the tests that nobody uses
  searchops.opensearch_ml.ml_connector_info:
    name_pattern: test-*
    unused: true

- name: Who calls what
  ansible.builtin.debug:
    msg: "{{ all.connectors | items2dict(key_name='name', value_name='urls') }}"
"""

RETURN = r"""
connectors:
  description: The connectors, as M(searchops.opensearch_ml.ml_connector) returns them, and more.
  returned: success
  type: list
  elements: dict
  contains:
    connector_id:
      description: The id; V(null) for a connector inside a model.
      type: str
      sample: Keq5FpkB72uHgF272LWj
    model_id:
      description: The model that carries the connector inside it, else V(null).
      type: str
    name:
      description: The name.
      type: str
      sample: Local chat
    description:
      description: The description.
      type: str
      sample: Qwen 3 on the GPU host
    version:
      description: The version that its maker gave it.
      type: str
      sample: "1"
    protocol:
      description: The protocol.
      type: str
      sample: http
    parameters:
      description: The parameters that fill its placeholders.
      type: dict
      sample:
        model: qwen3:4b
    actions:
      description: What it calls for which kind of request; keys in headers are masked. A connector to an MCP server has none.
      type: list
      elements: dict
    client_config:
      description: Its connections, timeouts and retries, in the units that M(searchops.opensearch_ml.ml_connector) takes.
      type: dict
    owner:
      description: Who made it; there with the security plugin only.
      type: dict
    created_time:
      description: When it was made, in milliseconds since 1970.
      type: int
      sample: 1763900000000
    last_updated_time:
      description: When it was last changed, in milliseconds since 1970.
      type: int
      sample: 1763900000000
    urls:
      description: The URLs that its actions call, with its own parameters filled in.
      type: list
      elements: str
      sample:
        - http://ollama.example.internal:11434/v1/chat/completions
    used_by:
      description: The ids of the models that use it, with O(include_used_by) or O(unused).
      version_added: 0.2.0
      type: list
      elements: str
      sample:
        - oUdPqZQBQwAL8-GOCZYL
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
from ..module_utils._tasks.ml_connector_info import MODULE


def main() -> None:
    run_module(MODULE)


if __name__ == "__main__":
    main()
