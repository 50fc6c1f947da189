# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: trusted_regex
short_description: Create the pattern that trusts exactly one URL
version_added: 1.0.0
author:
  - The searchops.opensearch_ml maintainers (@searchops)
description:
  - Creates the pattern for C(plugins.ml_commons.trusted_connector_endpoints_regex) that matches the URL and no other.
positional: _input
options:
  _input:
    description: The URL that a connector calls.
    type: str
    required: true
seealso:
  - module: searchops.opensearch_ml.opensearch_cluster_setting
  - plugin: searchops.opensearch_ml.trust_settings
    plugin_type: filter
  - name: ML Commons cluster settings
    description: The settings of ML Commons with their defaults.
    link: https://docs.opensearch.org/latest/ml-commons-plugin/cluster-settings/
"""

EXAMPLES = r"""
- name: Trust one endpoint
  searchops.opensearch_ml.opensearch_cluster_setting:
    settings:
      plugins.ml_commons.trusted_connector_endpoints_regex:
        - "{{ 'http://ollama.example.internal:11434/v1/chat/completions' | searchops.opensearch_ml.trusted_regex }}"
    list_mode: append
"""

RETURN = r"""
_value:
  description: The anchored and escaped pattern.
  type: str
  sample: ^http://ollama\.example\.internal:11434/v1/chat/completions$
"""

from ansible.errors import AnsibleFilterError

from ..module_utils._endpoints import trusted_pattern
from ..module_utils._endpoints import url as url_module
from ..module_utils._errors.exceptions import Failure


def trusted_regex(url: object) -> str:
    try:
        url_module.parse(str(url))
    except Failure as failure:
        raise AnsibleFilterError(f"trusted_regex: {failure.message}") from failure
    return trusted_pattern.exact_pattern(str(url))


class FilterModule:
    def filters(self) -> dict[str, object]:
        return {"trusted_regex": trusted_regex}
