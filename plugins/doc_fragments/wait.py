# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    # The argument spec is in module_utils/_tasks/ml_model.py, the default in module_utils/_operations/deploy.py.
    DOCUMENTATION = r"""
options:
  wait:
    description: Whether to wait until the object has reached the state.
    type: bool
    default: true
  wait_timeout:
    description: Maximum time to wait, in seconds.
    type: float
    default: 300.0
"""
