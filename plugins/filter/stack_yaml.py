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
  - Writes what M(searchops.opensearch_ml.ml_stack_info) returned so that a playbook reads the same back, with the variables in the
    places of secrets.
  - Text that Ansible would take for a template, such as that of a request body with double braces, is marked C(!unsafe).
options:
  _input:
    description: The stack.
    type: dict
    required: true
  variables:
    description: The variables in it that are to be filled in, by name.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Keep an export as a file of variables
  ansible.builtin.copy:
    content: "{{ named | searchops.opensearch_ml.stack_yaml(exported.variables) }}"
    dest: stack.yml
    mode: "0600"
  vars:
    # The names of the inputs of the role stack.
    named: "{{ dict(exported.stack | map('regex_replace', '^', 'stack_') | zip(exported.stack.values())) }}"
"""

RETURN = r"""
_value:
  description: The YAML text.
  type: str
"""

import re
from collections.abc import Mapping
from typing import Any

import yaml
from ansible.errors import AnsibleFilterError

_VARIABLE = re.compile(r"\{\{ (\w+) \}\}")
_TEMPLATE = re.compile(r"\{[{%#]")


class _Unsafe(str):
    """Text that no template engine may touch."""


class _Dumper(yaml.SafeDumper):
    """Writes the same object out each time, as Ansible's readers of YAML need no anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


_Dumper.add_representer(_Unsafe, lambda dumper, text: dumper.represent_scalar("!unsafe", str(text), style='"'))


def _marked(value: Any, variables: Mapping[str, Any]) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _marked(each, variables) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_marked(each, variables) for each in value]
    if isinstance(value, str):
        # A plain one, as Ansible's own kinds of text are unknown to YAML.
        found = _VARIABLE.fullmatch(value)
        filled_in = found is not None and found[1] in variables
        return _Unsafe(value) if _TEMPLATE.search(value) and not filled_in else str(value)
    return value


def stack_yaml(stack: object, variables: Mapping[str, Any] | None = None) -> str:
    if not isinstance(stack, Mapping):
        raise AnsibleFilterError(f"stack_yaml: needs a stack, not {type(stack).__name__}.")
    return yaml.dump(
        _marked(stack, variables or {}), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120,
        explicit_start=True,
    )  # fmt: skip


class FilterModule:
    def filters(self) -> dict[str, object]:
        return {"stack_yaml": stack_yaml}
