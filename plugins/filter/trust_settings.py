# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: trust_settings
short_description: Create the cluster settings that let connectors call their URLs
version_added: 1.0.0
author:
  - The searchops.opensearch_ml maintainers (@searchops)
description:
  - "Creates the settings that ML Commons requires to call the URLs: a trusted pattern for each, and, if some of the addresses are
    private, the permission for private addresses."
  - "If there are both, the result also has the patterns for private addresses of OpenSearch 3.7. Set them with
    O(searchops.opensearch_ml.opensearch_cluster_setting#module:only_where_set), as in the example: the first pattern makes
    OpenSearch refuse all other private backends, and older versions do not have the setting."
  - The result is empty if no setting is required.
positional: _input
options:
  _input:
    description: The URLs that the connectors call.
    type: list
    elements: str
    required: true
  trust:
    description:
      - V(exact) trusts these URLs only, with the patterns of P(searchops.opensearch_ml.trusted_regex#filter) and
        P(searchops.opensearch_ml.private_regex#filter).
      - V(catch_all) trusts every URL. Setting it requires
        O(searchops.opensearch_ml.opensearch_cluster_setting#module:allow_catch_all).
      - V(skip) returns no patterns.
    type: str
    choices: [exact, catch_all, skip]
    default: exact
  allow_private:
    description:
      - V(auto) allows private addresses if P(searchops.opensearch_ml.is_private_url#filter) is true for one of the URLs.
      - V(always) treats all of the URLs as private, V(never) none of them.
    type: str
    choices: [auto, always, never]
    default: auto
seealso:
  - module: searchops.opensearch_ml.opensearch_cluster_setting
  - plugin: searchops.opensearch_ml.trusted_regex
    plugin_type: filter
  - plugin: searchops.opensearch_ml.private_regex
    plugin_type: filter
  - plugin: searchops.opensearch_ml.untrust_settings
    plugin_type: filter
  - name: ML Commons cluster settings
    description: The settings of ML Commons with their defaults.
    link: https://docs.opensearch.org/latest/ml-commons-plugin/cluster-settings/
"""

EXAMPLES = r"""
- name: Let a connector call its backend
  searchops.opensearch_ml.opensearch_cluster_setting:
    settings: "{{ needed }}"
    list_mode: append
    only_where_set: >-
      {{ needed.keys() | intersect(['plugins.ml_commons.trusted_connector_private_endpoints_regex']) }}
  vars:
    needed: "{{ ['http://ollama.example.internal:11434/v1/chat/completions'] | searchops.opensearch_ml.trust_settings }}"
"""

RETURN = r"""
_value:
  description: The settings by name, for O(searchops.opensearch_ml.opensearch_cluster_setting#module:settings).
  type: dict
  sample:
    plugins.ml_commons.trusted_connector_endpoints_regex:
      - ^http://ollama\.example\.internal:11434/v1/chat/completions$
    plugins.ml_commons.connector.private_ip_enabled: true
    plugins.ml_commons.trusted_connector_private_endpoints_regex:
      - ^http://ollama\.example\.internal:11434/v1/chat/completions$
"""

from typing import Any, Mapping, Sequence

from ansible.errors import AnsibleFilterError

from ..module_utils._endpoints import trusted_pattern
from ..module_utils._endpoints import url as url_module
from ..module_utils._endpoints.trust_settings import CATCH_ALL, IS_PRIVATE, PRIVATE_IP_ENABLED, TRUSTED, TRUSTED_PRIVATE
from ..module_utils._errors.exceptions import Failure


def trust_settings(urls: Sequence[str], trust: str = "exact", allow_private: str = "auto") -> dict[str, Any]:
    for name, value, known in (
        ("trust", trust, ("exact", "catch_all", "skip")),
        ("allow_private", allow_private, tuple(IS_PRIVATE)),
    ):
        if value not in known:
            raise AnsibleFilterError(f"trust_settings: {name} must be one of {', '.join(known)}, not {value!r}.")
    if isinstance(urls, (str, bytes, Mapping)) or not isinstance(urls, Sequence):
        raise AnsibleFilterError(f"trust_settings: requires a list of URLs, not {type(urls).__name__}.")
    settings: dict[str, Any] = {}
    try:
        called = {str(url): url_module.normalize(str(url)) for url in urls}
        private = [url for url in called if IS_PRIVATE[allow_private](url)]
    except Failure as failure:
        raise AnsibleFilterError(f"trust_settings: {failure.message}") from failure
    if called and trust != "skip":
        settings[TRUSTED] = (
            [CATCH_ALL] if trust == "catch_all" else [trusted_pattern.exact_pattern(url) for url in called]
        )
    if private:
        settings[PRIVATE_IP_ENABLED] = True
        if trust != "skip":
            settings[TRUSTED_PRIVATE] = list(
                dict.fromkeys(trusted_pattern.exact_pattern(called[url]) for url in private)
            )
    return settings


class FilterModule:
    def filters(self) -> dict[str, object]:
        return {"trust_settings": trust_settings}
