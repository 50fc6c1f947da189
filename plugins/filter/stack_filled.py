# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: stack_filled
short_description: Put values in the places of an exported stack's variables
version_added: 1.0.0
author:
  - The searchops.opensearch_ml maintainers (@searchops)
description:
  - Puts values in the places where M(searchops.opensearch_ml.ml_stack_info) left variables, as it cannot read secrets back.
  - Only those are touched; any other text stays, even one that looks like a template.
options:
  _input:
    description: The stack.
    type: dict
    required: true
  values:
    description: The values, by the names of the variables.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Make on another cluster what was exported
  searchops.opensearch_ml.ml_stack:
    hosts: ["https://new.example.internal:9200"]
    connectors: "{{ (exported.stack | searchops.opensearch_ml.stack_filled({'gateway_api_key': vault_key})).connectors }}"
"""

RETURN = r"""
_value:
  description: The stack with the values.
  type: dict
"""

import re
from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

_VARIABLE = re.compile(r"\{\{ (\w+) \}\}")


def _filled(value: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(value, Mapping):
        return {name: _filled(each, values) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_filled(each, values) for each in value]
    found = _VARIABLE.fullmatch(value) if isinstance(value, str) else None
    return values[found[1]] if found and found[1] in values else value


def stack_filled(stack: object, values: Mapping[str, Any]) -> Any:
    if not isinstance(stack, Mapping):
        raise AnsibleFilterError(f"stack_filled: needs a stack, not {type(stack).__name__}.")
    return _filled(stack, values)


class FilterModule:
    def filters(self) -> dict[str, object]:
        return {"stack_filled": stack_filled}
