# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Between Ansible and a module that runs in a process of its own: its arguments and its result."""

from __future__ import annotations

from typing import Any, Mapping

from ansible.module_utils.basic import AnsibleModule

from .._errors.printable import printable
from .module import Module, worth_hiding

#: The most that is written into the system's log of one module.
LONGEST_NOTE = 10_000


class _Discreet(AnsibleModule):
    """Tells no secret where Ansible speaks for the module, before that could say what is secret."""

    def __init__(self, described: Module) -> None:
        self._described = described
        super().__init__(argument_spec=described.argument_spec(), supports_check_mode=True, **described.rules)

    def log(self, msg: str, log_args: Mapping[str, Any] | None = None) -> None:
        """Into the system's log, where Ansible notes each module with its arguments."""
        masker = self._described.masker(self.params)
        # No log takes a zero, and a line break would begin another entry.
        super().log(printable(masker(msg), LONGEST_NOTE), log_args and masker(dict(log_args)))

    def fail_json(self, msg: str, **result: Any) -> None:
        self.params.update(self._described.shown(self.params))
        super().fail_json(msg, **result)


def run_module(described: Module) -> None:
    """The whole of a module's main()."""
    module = _Discreet(described)
    masker = described.masker(module.params)
    # Ansible shows the invocation at -vvv; what it does not know to be secret has to be told.
    module.no_log_values.update(masker.forms)
    outcome = described.perform(module.params, masker, check_mode=module.check_mode)
    module.params.update(described.shown(module.params))
    module.no_log_values = worth_hiding(module.no_log_values)
    for warning in outcome.warnings:
        module.warn(warning)
    if outcome.failure:
        module.fail_json(**outcome.result)
    module.exit_json(**outcome.result)
