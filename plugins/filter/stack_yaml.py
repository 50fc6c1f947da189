# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: stack_yaml
short_description: Write an exported stack as YAML
version_added: 1.0.0
author:
  - The searchops.opensearch_ml maintainers (@searchops)
description:
  - Writes a stack that M(searchops.opensearch_ml.ml_stack_info) returned as YAML from which a playbook reads the same stack,
    with variables instead of secrets.
  - Text that Ansible would evaluate as a template, such as a request body with double braces, is marked C(!unsafe).
options:
  _input:
    description: The RV(searchops.opensearch_ml.ml_stack_info#module:stack) that was exported.
    type: dict
    required: true
  variables:
    description: The variables of the stack, by name. They stay templates.
    type: dict
    default: {}
seealso:
  - module: searchops.opensearch_ml.ml_stack_info
  - plugin: searchops.opensearch_ml.stack_filled
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Export a cluster
  searchops.opensearch_ml.ml_stack_info:
  register: exported

- name: Write an export into a file of variables
  ansible.builtin.copy:
    content: "{{ named | searchops.opensearch_ml.stack_yaml(exported.variables) }}"
    dest: stack.yml
    mode: "0600"
  vars:
    # With the names of the options of the role stack.
    named: "{{ dict(exported.stack | map('regex_replace', '^', 'stack_') | zip(exported.stack.values())) }}"
"""

RETURN = r"""
_value:
  description: The stack as a YAML document.
  type: str
  sample: |
    ---
    stack_connectors:
      - name: Gateway
        credential:
          api_key: "{{ gateway_api_key }}"
"""

import re
from collections.abc import Mapping
from typing import Any

import yaml
from ansible.errors import AnsibleFilterError

_VARIABLE = re.compile(r"\{\{ (\w+) \}\}")
_TEMPLATE = re.compile(r"\{[{%#]")


class _Unsafe(str):
    """Text that Ansible must not evaluate as a template."""


class _Dumper(yaml.SafeDumper):
    """Writes no anchors: an object that occurs twice is written in full each time."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


_Dumper.add_representer(_Unsafe, lambda dumper, text: dumper.represent_scalar("!unsafe", str(text), style='"'))


def _mark(value: Any, variables: Mapping[str, Any]) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _mark(item, variables) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_mark(item, variables) for item in value]
    if isinstance(value, str):
        match = _VARIABLE.fullmatch(value)
        is_variable = match is not None and match[1] in variables
        # str() because PyYAML cannot represent Ansible's own subclasses of str.
        return _Unsafe(value) if _TEMPLATE.search(value) and not is_variable else str(value)
    return value


def stack_yaml(stack: object, variables: Mapping[str, Any] | None = None) -> str:
    if not isinstance(stack, Mapping):
        raise AnsibleFilterError(f"stack_yaml: requires a stack, not {type(stack).__name__}.")
    return yaml.dump(
        _mark(stack, variables or {}), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120,
        explicit_start=True,
    )  # fmt: skip


class FilterModule:
    def filters(self) -> dict[str, object]:
        return {"stack_yaml": stack_yaml}
