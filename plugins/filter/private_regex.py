# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: private_regex
short_description: Create the pattern that allows exactly one private URL
version_added: 1.0.0
author:
  - The searchops.opensearch_ml maintainers (@searchops)
description:
  - Creates the pattern for C(plugins.ml_commons.trusted_connector_private_endpoints_regex) that matches the URL and no other.
  - The setting was added in OpenSearch 3.7. An empty list restricts nothing; with the first pattern, OpenSearch refuses all
    other private addresses. So only append to a list that already has a pattern.
  - The pattern is that of P(searchops.opensearch_ml.trusted_regex#filter) without the default port of the scheme, because the
    server removes that port from the URL before it compares.
  - Built against the published source of OpenSearch 3.7, not run on a real server of that version.
positional: _input
options:
  _input:
    description: The URL that a connector calls.
    type: str
    required: true
seealso:
  - module: searchops.opensearch_ml.opensearch_cluster_setting
  - plugin: searchops.opensearch_ml.trusted_regex
    plugin_type: filter
  - plugin: searchops.opensearch_ml.trust_settings
    plugin_type: filter
  - name: ML Commons cluster settings
    description: The settings of ML Commons with their defaults.
    link: https://docs.opensearch.org/latest/ml-commons-plugin/cluster-settings/
"""

EXAMPLES = r"""
- name: Read whether private addresses are restricted
  searchops.opensearch_ml.opensearch_cluster_setting_info:
    patterns:
      - plugins.ml_commons.trusted_connector_private_endpoints_regex
  register: restricted

- name: Allow one endpoint if private addresses are restricted
  searchops.opensearch_ml.opensearch_cluster_setting:
    settings:
      plugins.ml_commons.trusted_connector_private_endpoints_regex:
        - "{{ 'http://10.0.0.5:11434/v1/chat/completions' | searchops.opensearch_ml.private_regex }}"
    list_mode: append
  when: restricted.settings.values() | flatten | length > 0
"""

RETURN = r"""
_value:
  description: The anchored and escaped pattern.
  type: str
  sample: ^http://10\.0\.0\.5:11434/v1/chat/completions$
"""

from ansible.errors import AnsibleFilterError

from ..module_utils._endpoints import trusted_pattern
from ..module_utils._endpoints import url as url_module
from ..module_utils._errors.exceptions import Failure


def private_regex(url: object) -> str:
    try:
        return trusted_pattern.exact_pattern(url_module.normalize(str(url)))
    except Failure as failure:
        raise AnsibleFilterError(f"private_regex: {failure.message}") from failure


class FilterModule:
    def filters(self) -> dict[str, object]:
        return {"private_regex": private_regex}
