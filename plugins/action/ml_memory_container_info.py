# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ..module_utils._tasks.ml_memory_container_info import MODULE as _MODULE
from ..plugin_utils.in_process import InProcessAction


class ActionModule(InProcessAction):
    MODULE = _MODULE
