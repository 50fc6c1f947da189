# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: trust_settings
short_description: The cluster settings that let connectors call their URLs
version_added: 1.0.0
author:
  - The searchops.opensearch_ml maintainers (@searchops)
description:
  - "Makes the settings without which ML Commons calls none of the URLs: their trusted patterns, and, if some of the addresses are
    private, the permission for those."
  - "The pattern for private addresses of OpenSearch 3.7 is among them where both are stated. State it with
    O(searchops.opensearch_ml.opensearch_cluster_setting#module:only_where_set), as in the example: a first pattern would keep
    everybody else's private backends out, and older versions do not know the setting."
  - The result is empty where nothing has to be set.
positional: _input
options:
  _input:
    description: The URLs that the connectors call.
    type: list
    elements: str
    required: true
  trust:
    description:
      - V(exact) trusts the URLs and nothing else, by P(searchops.opensearch_ml.trusted_regex#filter) and
        P(searchops.opensearch_ml.private_regex#filter).
      - V(catch_all) trusts every URL, which is only set with
        O(searchops.opensearch_ml.opensearch_cluster_setting#module:allow_catch_all).
      - V(skip) leaves the lists of patterns alone.
    type: str
    choices: [exact, catch_all, skip]
    default: exact
  allow_private:
    description:
      - V(auto) allows private addresses if one of the URLs has one, as P(searchops.opensearch_ml.is_private_url#filter) judges it.
      - V(always) and V(never) take all or none of the URLs for private.
    type: str
    choices: [auto, always, never]
    default: auto
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
  description: The settings by their names, as O(searchops.opensearch_ml.opensearch_cluster_setting#module:settings) takes them.
  type: dict
  sample:
    plugins.ml_commons.trusted_connector_endpoints_regex:
      - ^http://ollama\.example\.internal:11434/v1/chat/completions$
    plugins.ml_commons.connector.private_ip_enabled: true
    plugins.ml_commons.trusted_connector_private_endpoints_regex:
      - ^http://ollama\.example\.internal:11434/v1/chat/completions$
"""

from typing import Any, Callable, Mapping, Sequence

from ansible.errors import AnsibleFilterError

from ..module_utils._endpoints import trusted_pattern
from ..module_utils._endpoints import url as url_module
from ..module_utils._errors.exceptions import Failure

_TRUSTED = "plugins.ml_commons.trusted_connector_endpoints_regex"
_PRIVATE = "plugins.ml_commons.connector.private_ip_enabled"
#: Of OpenSearch 3.7.
_RESTRICTION = "plugins.ml_commons.trusted_connector_private_endpoints_regex"

_CATCH_ALL = ".*$"

_IS_PRIVATE: Mapping[str, Callable[[str], bool]] = {
    "auto": url_module.is_private,
    "always": lambda url: True,
    "never": lambda url: False,
}


def trust_settings(urls: Sequence[str], trust: str = "exact", allow_private: str = "auto") -> dict[str, Any]:
    for name, value, known in (
        ("trust", trust, ("exact", "catch_all", "skip")),
        ("allow_private", allow_private, tuple(_IS_PRIVATE)),
    ):
        if value not in known:
            raise AnsibleFilterError(f"trust_settings: {name} must be one of {', '.join(known)}, and is {value!r}.")
    if isinstance(urls, (str, bytes, Mapping)) or not isinstance(urls, Sequence):
        raise AnsibleFilterError(f"trust_settings: takes a list of URLs, and was given {type(urls).__name__}.")
    settings: dict[str, Any] = {}
    try:
        called = {str(url): url_module.normalize(str(url)) for url in urls}
        private = [url for url in called if _IS_PRIVATE[allow_private](url)]
    except Failure as failure:
        raise AnsibleFilterError(f"trust_settings: {failure.message}") from failure
    if called and trust != "skip":
        settings[_TRUSTED] = (
            [_CATCH_ALL] if trust == "catch_all" else [trusted_pattern.exact_pattern(url) for url in called]
        )
    if private:
        settings[_PRIVATE] = True
        if trust != "skip":
            settings[_RESTRICTION] = list(dict.fromkeys(trusted_pattern.exact_pattern(called[url]) for url in private))
    return settings


class FilterModule:
    def filters(self) -> dict[str, object]:
        return {"trust_settings": trust_settings}
