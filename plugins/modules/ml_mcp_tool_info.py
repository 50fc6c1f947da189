#!/usr/bin/python
# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ml_mcp_tool_info
short_description: List the tools of the MCP server in OpenSearch
version_added: 1.0.0
description:
  - Lists the tools that OpenSearch offers to clients of the Model Context Protocol.
  - Needs OpenSearch 3.1 and the setting C(plugins.ml_commons.mcp_server_enabled).
author:
  - The searchops.opensearch_ml maintainers (@searchops)
extends_documentation_fragment:
  - searchops.opensearch_ml.attributes
  - searchops.opensearch_ml.attributes.reads
  - searchops.opensearch_ml.connection
options:
  name_pattern:
    description: Only tools whose names match this shell-style pattern, such as V(list*). The pattern is case-sensitive.
    type: str
seealso:
  - module: searchops.opensearch_ml.ml_mcp_tool
  - name: List MCP Tools API
    description: The request that lists the tools of the MCP server.
    link: https://docs.opensearch.org/latest/ml-commons-plugin/api/mcp-server-apis/list-mcp-tools/
"""

EXAMPLES = r"""
- name: Switch the MCP server on
  searchops.opensearch_ml.opensearch_cluster_setting:
    settings:
      plugins.ml_commons.mcp_server_enabled: true

- name: List all tools of the MCP server
  searchops.opensearch_ml.ml_mcp_tool_info:
    hosts: https://opensearch.example.internal:9200
    username: ml_provisioner
    password: "{{ vault_ml_password }}"
    ca_path: /etc/ssl/opensearch-ca.pem
  register: offered

- name: Show what each tool does
  ansible.builtin.debug:
    msg: "{{ offered.mcp_tools | items2dict(key_name='name', value_name='description') }}"
"""

RETURN = r"""
mcp_tools:
  description: The tools, as M(searchops.opensearch_ml.ml_mcp_tool) returns them.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The name by which clients of the MCP server call the tool.
      type: str
      sample: indexes
    type:
      description: The type of tool that does the work.
      type: str
      sample: ListIndexTool
    description:
      description: What the tool does, which a model reads to choose a tool.
      type: str
      sample: Lists the indexes of the house with their sizes
    parameters:
      description: The parameters with which the tool is created.
      type: dict
      sample: {}
    attributes:
      description: Further attributes of the tool, such as C(input_schema).
      type: dict
      sample:
        input_schema:
          type: object
          properties:
            indices:
              type: array
              items:
                type: string
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
      sample: feature_disabled
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
from ..module_utils._tasks.ml_mcp_tool_info import MODULE


def main() -> None:
    run_module(MODULE)


if __name__ == "__main__":
    main()
