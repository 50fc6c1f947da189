#!/usr/bin/python
# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ml_mcp_tool
short_description: Manage the tools of the MCP server in OpenSearch
version_added: 1.0.0
description:
  - Registers, changes and removes tools that OpenSearch offers to clients of the Model Context Protocol.
  - Needs OpenSearch 3.1 and the setting C(plugins.ml_commons.mcp_server_enabled).
  - Clients call the tools by JSON-RPC at C(/_plugins/_ml/mcp) from OpenSearch 3.3 on, with the rights of their users.
author:
  - The searchops.opensearch_ml maintainers (@searchops)
extends_documentation_fragment:
  - searchops.opensearch_ml.attributes
  - searchops.opensearch_ml.connection
options:
  name:
    description:
      - The name by which clients know the tool. It cannot be changed.
      - OpenSearch compares these names word by word. It refuses a name that shares a word with that of another tool, and when
        it removes a tool it removes those that share a word with it. The module refuses both. An underscore joins words, a
        hyphen and a space separate them. So C(list_indexes) and C(list_tasks) can exist together, C(list-indexes) and
        C(list-tasks) cannot.
    type: str
    required: true
  state:
    description: Whether the tool should exist.
    type: str
    choices:
      - present
      - absent
    default: present
  type:
    description: The type of tool that does the work, for example V(ListIndexTool). Required for a new tool. The server cannot
      change it in place.
    type: str
  description:
    description: What the tool does. Models read this to choose a tool. The server's default is that of the type.
    type: str
  parameters:
    description:
      - All parameters with which the tool is created, for example the C(index) and C(model_id) of a VectorDBTool. The server
        cannot remove one in place.
      - "In any text, C(${model:NAME}) becomes the id of the model with this name, C(${agent:NAME}) the id of an agent, and
        C(${connector:NAME}) the id of a connector."
    type: dict
  attributes:
    description: Further attributes of the tool. Its C(input_schema) says which arguments clients may give, as a JSON schema;
      the server's default is that of the type.
    type: dict
  extra_fields:
    description:
      - Further fields of the tool, which this version of the collection does not know, by their names in the API. They are
        sent and compared as they are.
      - The module warns of a field that the server does not store. A field that has an option is refused.
    type: dict
  update_strategy:
    description: How the module may change the tool.
    type: str
    choices:
      in_place: Only in place. The task fails if the server cannot make the change in place.
      recreate: If the tool cannot be changed in place, it is removed and registered again, for which O(type) must be given.
        For a moment clients do not find it. What the options do not give is kept, unless the run is interrupted in between.
    default: in_place
seealso:
  - module: searchops.opensearch_ml.ml_mcp_tool_info
  - module: searchops.opensearch_ml.opensearch_cluster_setting
  - name: Register MCP Tools API
    description: All fields of a tool of the MCP server.
    link: https://docs.opensearch.org/latest/ml-commons-plugin/api/mcp-server-apis/register-mcp-tools/
"""

EXAMPLES = r"""
- name: Switch the MCP server on
  searchops.opensearch_ml.opensearch_cluster_setting:
    settings:
      plugins.ml_commons.mcp_server_enabled: true

- name: Offer the list of indexes to clients of the MCP server
  searchops.opensearch_ml.ml_mcp_tool:
    hosts: https://opensearch.example.internal:9200
    username: ml_provisioner
    password: "{{ vault_ml_password }}"
    ca_path: /etc/ssl/opensearch-ca.pem
    name: list_house_indexes
    type: ListIndexTool
    description: Lists the indexes of the house with their sizes
    attributes:
      input_schema:
        type: object
        properties:
          indices:
            type: array
            items:
              type: string

- name: Describe the tool otherwise
  searchops.opensearch_ml.ml_mcp_tool:
    name: list_house_indexes
    description: Lists the indexes of the house

- name: Remove the tool
  searchops.opensearch_ml.ml_mcp_tool:
    name: list_house_indexes
    state: absent
"""

RETURN = r"""
mcp_tool:
  description: The tool as the server stores it; in check mode, as the server would store it. V(null) when absent.
  returned: success
  type: dict
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
  description: The changes that the module made, in order; in check mode, the changes that it would make. On failure,
    the changes made until then.
  returned: always
  type: list
  elements: dict
  sample:
    - action: create
      kind: MCP tool
      name: list_house_indexes
diff:
  description: The given fields before and after the task, with references instead of ids.
  returned: success
  type: dict
  contains:
    before:
      description: The values before the task.
      type: dict
    after:
      description: The values after the task; in check mode, the predicted values.
      type: dict
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
      sample: mcp_tool_name_taken
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
from ..module_utils._tasks.ml_mcp_tool import MODULE


def main() -> None:
    run_module(MODULE)


if __name__ == "__main__":
    main()
