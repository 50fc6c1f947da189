# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options as a module receives them. Those of a task contain templates, tags and encrypted texts, which are slow to copy."""

from __future__ import annotations

import json
from typing import Any, Mapping

try:
    from ansible.module_utils.common.json import Direction, get_module_encoder
except ImportError:
    # ansible-core 2.18
    from ansible.module_utils.common.json import AnsibleJSONEncoder

    def _to_json(options: Mapping[str, Any]) -> str:
        return json.dumps(options, cls=AnsibleJSONEncoder, vault_to_text=True)

else:

    def _to_json(options: Mapping[str, Any]) -> str:
        return json.dumps(options, cls=get_module_encoder("legacy", Direction.CONTROLLER_TO_MODULE))


def plain(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options as JSON carries them. Raises TypeError or ValueError if it cannot."""
    converted: dict[str, Any] = json.loads(_to_json(options))
    return converted
