# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: is_private_url
short_description: Whether ML Commons takes a URL's host for private
version_added: 0.1.0
author:
  - The searchops.opensearch_ml maintainers (@searchops)
description:
  - Tells whether C(plugins.ml_commons.connector.private_ip_enabled) is needed for a connector to the URL.
  - Addresses are judged as ML Commons does it (loopback, RFC 1918, link-local, site-local). Names are resolved on the
    controller; names without a dot, names that are private by convention, and names that cannot be resolved there count
    as private, because the cluster is likely to see them in its own network.
positional: _input
options:
  _input:
    description: The URL that a connector calls.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Allow private addresses where the backend has one
  searchops.opensearch_ml.opensearch_cluster_setting:
    settings:
      plugins.ml_commons.connector.private_ip_enabled: true
  when: llm_url | searchops.opensearch_ml.is_private_url
"""

RETURN = r"""
_value:
  description: Whether the host is private.
  type: bool
  sample: true
"""

from ansible.errors import AnsibleFilterError

from ..module_utils._endpoints import url as url_module
from ..module_utils._errors.exceptions import Failure


def is_private_url(url: object) -> bool:
    try:
        return url_module.is_private(str(url))
    except Failure as failure:
        raise AnsibleFilterError(f"is_private_url: {failure.message}") from failure


class FilterModule:
    def filters(self) -> dict[str, object]:
        return {"is_private_url": is_private_url}
