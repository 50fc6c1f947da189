# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._tasks import _dedupe
from ansible_collections.searchops.opensearch_ml.plugins.plugin_utils._in_process import InProcessAction


class ActionModule(InProcessAction):
    MODULE = _dedupe.MODULE
