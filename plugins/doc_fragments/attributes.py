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
      - No write leaves the module in check mode; the client itself refuses to send one.
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in C(check_mode)), when in diff mode.
    support: full
  idempotent:
    description:
      - When run twice in a row outside check mode, with the same arguments, the second invocation indicates no change.
      - This assumes that the system controlled or queried by the module has not changed in a relevant way.
    support: full
  action:
    description: Has an action plugin, so that some of it can run on the controller.
    support: full
    details:
      - Where the connection is local, the whole task runs in the controller's own process, with the Python that runs Ansible. It
        comes to the same in a fraction of the time, and tells on a terminal what it waits for.
      - A task with C(become) or C(async), and one on any other connection, runs as a module. So does one for which the
        controller's Python lacks a library, or which changes C(PYTHON*) or C(LD_*) with C(environment).
      - The variable C(opensearch_ml_in_process) or else E(SEARCHOPS_OPENSEARCH_ML_IN_PROCESS) decides otherwise with V(true) or
        V(false); C(opensearch_ml_progress) or else E(SEARCHOPS_OPENSEARCH_ML_PROGRESS) does so for what is told.
  async:
    description: Supports being used with the C(async) keyword.
    support: full
    details:
      - The task then runs as a module, also where the connection is local.
  action_group:
    description: Use C(group/searchops.opensearch_ml.all) in C(module_defaults) to set the connection once.
    support: full
    membership:
      - searchops.opensearch_ml.all
"""

    # For modules that talk to Ollama; to be used together with the standard fragment, and after it.
    OLLAMA = r"""
options: {}
attributes:
  action_group:
    description: Use C(group/searchops.opensearch_ml.ollama) in C(module_defaults) to set the connection once.
    support: full
    membership:
      - searchops.opensearch_ml.ollama
"""

    # For modules that only read; to be used together with the standard fragment, and after it.
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
