# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: option_errors
short_description: Find what is wrong with the options of a module before its task runs
version_added: 1.0.0
author:
  - The searchops.opensearch_ml maintainers (@searchops)
description:
  - Returns the errors with which a module of this collection would refuse the options on every server. Sends nothing.
  - The roles use it to check all their inputs before the first task that writes.
options:
  _input:
    description: The options of the module. Those that are V(null) count as not given, and those of the connection are not needed.
    type: dict
    required: true
  module:
    description: The name of the module, for example V(ml_connector).
    type: str
    required: true
  names:
    description: The names of the variables that set the options, by option, which an error then names as well.
    type: dict
    default: {}
seealso:
  - plugin: searchops.opensearch_ml.unknown_variables
    plugin_type: lookup
"""

EXAMPLES = r"""
- name: Check the question before anything is set up
  ansible.builtin.assert:
    that: errors | length == 0
    fail_msg: "{{ errors | join(' ') }}"
  vars:
    question:
      model: Local chat
      messages: [{role: user, content: "Why is the sky blue?"}]
      expect_pattern: Rayleigh
    errors: "{{ question | searchops.opensearch_ml.option_errors('ml_predict', names={'expect_pattern': 'pattern'}) }}"
"""

RETURN = r"""
_value:
  description: One text for each error. Empty if the module accepts the options.
  type: list
  elements: str
  sample:
    - "expect_pattern: '(' does not compile: missing ), unterminated subpattern at position 0. This role sets 'expect_pattern' by
      pattern."
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Mapping

from ansible.errors import AnsibleFilterError

from ..plugin_utils import role_variables
from ..plugin_utils.plain import plain

if TYPE_CHECKING:
    from ..module_utils._runtime.module import Module

_TASKS = f"{__name__.rpartition('.filter.')[0]}.module_utils._tasks"


def option_errors(options: Mapping[str, Any], module: str, names: Mapping[str, str] | None = None) -> list[str]:
    if not isinstance(options, Mapping):
        raise AnsibleFilterError(f"option_errors: requires a mapping of options, not {type(options).__name__}.")
    try:
        # Not imported before: a module imports its HTTP client.
        description: Module = import_module(f"{_TASKS}.{module}").MODULE
    except ImportError as exc:
        raise AnsibleFilterError(f"option_errors: this collection has no module {module!r}.") from exc
    given = plain({name: value for name, value in options.items() if value is not None})
    return [error + role_variables.explained(error, names or {}) for error in description.option_errors(given)]


class FilterModule:
    def filters(self) -> dict[str, object]:
        return {"option_errors": option_errors}
