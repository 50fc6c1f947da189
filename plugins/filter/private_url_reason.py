# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: private_url_reason
short_description: Explain why ML Commons treats a URL's host as private or not
version_added: 1.0.0
author:
  - The searchops.opensearch_ml maintainers (@searchops)
description:
  - Returns why P(searchops.opensearch_ml.is_private_url#filter) is true or false for the URL.
positional: _input
options:
  _input:
    description: The URL that a connector calls.
    type: str
    required: true
seealso:
  - plugin: searchops.opensearch_ml.is_private_url
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Show why private addresses must be allowed
  ansible.builtin.debug:
    msg: "{{ 'http://10.0.0.5:11434' | searchops.opensearch_ml.private_url_reason }}"
"""

RETURN = r"""
_value:
  description: The reason, as a clause.
  type: str
  sample: 10.0.0.5 is a private address
"""

from ansible.errors import AnsibleFilterError

from ..module_utils._endpoints import privacy
from ..module_utils._errors.exceptions import Failure


def private_url_reason(url: object) -> str:
    try:
        return privacy.privacy(str(url)).reason
    except Failure as failure:
        raise AnsibleFilterError(f"private_url_reason: {failure.message}") from failure


class FilterModule:
    def filters(self) -> dict[str, object]:
        return {"private_url_reason": private_url_reason}
