# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: is_private_url
short_description: Check whether ML Commons treats a URL's host as private
version_added: 1.0.0
author:
  - The searchops.opensearch_ml maintainers (@searchops)
description:
  - Returns whether a connector to the URL requires C(plugins.ml_commons.connector.private_ip_enabled).
  - Addresses count as private as in ML Commons (loopback, RFC 1918, link-local, site-local). Names are resolved on the
    controller. Names without a dot and names that are private by convention, such as those in C(.internal), count as private.
  - Any other name that the controller cannot resolve counts as public, so that a controller without a name service does not allow
    private addresses for a hosted service.
positional: _input
options:
  _input:
    description: The URL that a connector calls.
    type: str
    required: true
seealso:
  - plugin: searchops.opensearch_ml.private_url_reason
    plugin_type: filter
  - module: searchops.opensearch_ml.opensearch_cluster_setting
  - plugin: searchops.opensearch_ml.trust_settings
    plugin_type: filter
  - name: ML Commons cluster settings
    description: The settings of ML Commons with their defaults.
    link: https://docs.opensearch.org/latest/ml-commons-plugin/cluster-settings/
"""

EXAMPLES = r"""
- name: Allow private addresses if the backend has one
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

from ..module_utils._endpoints import privacy
from ..module_utils._errors.exceptions import Failure


def is_private_url(url: object) -> bool:
    try:
        return privacy.is_private(str(url))
    except Failure as failure:
        raise AnsibleFilterError(f"is_private_url: {failure.message}") from failure


class FilterModule:
    def filters(self) -> dict[str, object]:
        return {"is_private_url": is_private_url}
