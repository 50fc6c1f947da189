# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
    support: full
    details:
      - In check mode the module sends no write requests; its HTTP client refuses them as a second guard.
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in C(check_mode)), when in diff mode.
    support: full
  idempotent:
    description:
      - When run twice in a row outside check mode, with the same arguments, the second invocation indicates no change.
      - This assumes that the system controlled or queried by the module has not changed in a relevant way.
    support: full
  action:
    description: Indicates this has a corresponding action plugin so some parts of the options can be executed on the controller.
    support: full
    details:
      - With a local connection the whole task runs in the controller's process, with the Python that runs Ansible. The result
        is the same in a fraction of the time, and the task shows on the terminal what it is waiting for.
      - A task with C(become) or C(async), or with another connection, runs as a module. So does a task that changes C(PYTHON*)
        or C(LD_*) with C(environment), and any task if the controller's Python lacks a required library.
      - Set the variable C(opensearch_ml_in_process) or E(SEARCHOPS_OPENSEARCH_ML_IN_PROCESS) to V(true) or V(false) to choose
        where tasks run, and C(opensearch_ml_progress) or E(SEARCHOPS_OPENSEARCH_ML_PROGRESS) to choose whether they show progress.
        The variable takes precedence.
  async:
    description: Supports being used with the C(async) keyword.
    support: full
    details:
      - With C(async) the task runs as a module, also with a local connection.
  action_group:
    description: Use C(group/searchops.opensearch_ml.all) in C(module_defaults) to set the connection options for all modules.
    support: full
    membership:
      - searchops.opensearch_ml.all
"""

    # For modules of Ollama. List it after the standard fragment.
    OLLAMA = r"""
options: {}
attributes:
  action_group:
    description: Use C(group/searchops.opensearch_ml.ollama) in C(module_defaults) to set the connection options for all modules.
    support: full
    membership:
      - searchops.opensearch_ml.ollama
"""

    # For modules that only read. List it after the standard fragment.
    READS = r"""
options: {}
attributes:
  check_mode:
    support: full
    details:
      - This action does not modify state.
  diff_mode:
    support: N/A
    details:
      - This action does not modify state.
  idempotent:
    support: full
    details:
      - This action does not modify state.
"""
