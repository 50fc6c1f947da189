# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    # The argument spec is module_utils/_options.py: wait_options().
    DOCUMENTATION = r"""
options:
  wait:
    description: Whether to wait until the state is reached.
    type: bool
    default: true
  wait_timeout:
    description: How long to wait at most, in seconds.
    type: float
    default: 300.0
"""
