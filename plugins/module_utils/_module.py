# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Between Ansible and the rest: makes the module, runs its task, masks, and turns exceptions into fail_json."""

from __future__ import annotations

from typing import Any, Callable, Iterable, Mapping

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.searchops.opensearch_ml.plugins.module_utils import _options
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors import Failure
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._masking import MASK, SHORTEST, Masker
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._options import Connection
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._run import Run

#: A task: from the module's options and the run to the result, without 'changed', 'actions' and 'warnings'.
Task = Callable[[Mapping[str, Any], Run], "dict[str, Any]"]


def run_module(
    options: Mapping[str, Any],
    task: Task,
    *,
    secrets: Callable[[Mapping[str, Any]], Iterable[str]] = lambda params: (),
    connection: Connection | None = None,
    **rules: Any,
) -> None:
    """The whole of a module: ``options`` and ``rules`` are AnsibleModule's, ``secrets`` names values to hide
    beyond those of 'no_log' options, ``connection`` is the kind of server that the task works on, an
    OpenSearch cluster unless it is named."""
    connection = connection or _options.CLUSTER
    module = AnsibleModule(
        argument_spec={**connection.options(), **options},
        supports_check_mode=True,
        **rules,
    )
    masker = Masker([*connection.secrets(module.params), *map(str, secrets(module.params))])
    # Ansible shows the invocation at -vvv; what it does not know to be secret has to be told.
    module.no_log_values.update(masker.forms)
    try:
        client = connection.connect(module.params, read_only=module.check_mode, mask=masker)
    except Failure as failure:
        _forget_secrets(module)
        module.fail_json(**masker(failed(failure, [], check_mode=module.check_mode)))
    run = Run(client, check_mode=module.check_mode)
    try:
        result = task(module.params, run)
    except Failure as failure:
        _forget_secrets(module)
        module.fail_json(**masker(failed(failure, run.actions, check_mode=module.check_mode)))
    _forget_secrets(module)
    for warning in run.warnings:
        module.warn(masker(warning))
    module.exit_json(**masker({"changed": run.changed, "actions": run.actions, **result}))


def _forget_secrets(module: AnsibleModule) -> None:
    """Take the secrets out of the invocation that Ansible shows, and keep it from masking very short ones everywhere:
    a password of one letter would be cut out of every id."""
    for name, option in module.argument_spec.items():
        if option.get("no_log") and module.params.get(name) is not None:
            module.params[name] = MASK
    module.no_log_values = {value for value in module.no_log_values if len(str(value)) >= SHORTEST}


def failed(failure: Failure, actions: list[dict[str, Any]], *, check_mode: bool) -> dict[str, Any]:
    """The result of a task that failed: what, why, what to do, and what had been done by then."""
    return {
        "msg": f"{failure.message.rstrip('.')}. {failure.remedy}",
        "failure": failure.as_dict(),
        "changed": bool(actions) and not check_mode,
        "actions": actions,
    }
