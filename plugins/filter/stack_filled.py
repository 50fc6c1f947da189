# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: stack_filled
short_description: Replace the variables of an exported stack by values
version_added: 1.0.0
author:
  - The searchops.opensearch_ml maintainers (@searchops)
description:
  - Replaces the variables that M(searchops.opensearch_ml.ml_stack_info) returns instead of secrets, which it cannot read.
  - Any other text stays as it is, even if it contains a template.
options:
  _input:
    description: The RV(searchops.opensearch_ml.ml_stack_info#module:stack) that was exported.
    type: dict
    required: true
  values:
    description: The values of the variables, by name.
    type: dict
    required: true
seealso:
  - module: searchops.opensearch_ml.ml_stack
  - module: searchops.opensearch_ml.ml_stack_info
  - plugin: searchops.opensearch_ml.stack_yaml
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Export a cluster
  searchops.opensearch_ml.ml_stack_info:
  register: exported

- name: Create the exported connectors on another cluster
  searchops.opensearch_ml.ml_stack:
    hosts: ["https://new.example.internal:9200"]
    connectors: "{{ (exported.stack | searchops.opensearch_ml.stack_filled({'gateway_api_key': vault_key})).connectors }}"
"""

RETURN = r"""
_value:
  description: The stack with the values in place of the variables.
  type: dict
  sample:
    connectors:
      - name: Gateway
        provider: openai_compatible
        base_url: https://llm.example.com
        credential:
          api_key: the value of gateway_api_key
"""

import re
from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ..module_utils._values.nested import map_strings

_VARIABLE = re.compile(r"\{\{ (\w+) \}\}")


def stack_filled(stack: object, values: Mapping[str, Any]) -> Any:
    if not isinstance(stack, Mapping):
        raise AnsibleFilterError(f"stack_filled: requires a stack, not {type(stack).__name__}.")

    def fill(text: str) -> Any:
        variable = _VARIABLE.fullmatch(text)
        return values.get(variable[1], text) if variable else text

    return map_strings(stack, fill)


class FilterModule:
    def filters(self) -> dict[str, object]:
        return {"stack_filled": stack_filled}
