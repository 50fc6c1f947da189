# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: provider_endpoint
short_description: What follows from a provider and an address
version_added: 0.2.0
description:
  - Tells, for an OpenAI-compatible server, the URL that a connector calls, the pattern that trusts it, the route that tells
    its health, and parameters of a prediction that proves it.
  - It reads the same table as O(searchops.opensearch_ml.ml_connector#module:provider).
author:
  - The searchops.opensearch_ml maintainers (@searchops)
positional: provider
options:
  _input:
    description: The server's root, its API's root or the whole URL of the route. Empty for a provider's usual address.
    type: str
    required: true
  provider:
    description: The provider, see O(searchops.opensearch_ml.ml_connector#module:provider).
    type: str
    required: true
  model:
    description: The model's name; some providers have it in the URL.
    type: str
  capability:
    description: What the server is to be asked for, V(chat), V(embedding) or V(rerank).
    type: str
    default: chat
  api_path:
    description: The route from the server's root on, where it is another than the provider's usual one.
    type: str
  api_version:
    description: The C(api-version) of Azure OpenAI.
    type: str
  required:
    description:
      - Whether it is an error that no URL follows from what is given, for want of an address or of a model that stands in the
        URL. With V(false) the value is V({}) then.
    type: bool
    default: true
    version_added: 1.0.0
"""

EXAMPLES = r"""
- name: Trust what the connector will call
  searchops.opensearch_ml.opensearch_cluster_setting:
    settings:
      plugins.ml_commons.trusted_connector_endpoints_regex:
        - "{{ ('http://vllm.example.internal:8000' | searchops.opensearch_ml.provider_endpoint('vllm')).trusted_regex }}"
    list_mode: append
"""

RETURN = r"""
_value:
  description: The endpoint.
  type: dict
  contains:
    url:
      description: The URL that the connector calls.
      type: str
      sample: http://vllm.example.internal:8000/v1/chat/completions
    trusted_regex:
      description: The pattern that trusts this URL and no other.
      type: str
      sample: ^http://vllm\.example\.internal:8000/v1/chat/completions$
    health_url:
      description: A URL of the server that answers without cost once it is ready. Some want the key.
      type: str
      sample: http://vllm.example.internal:8000/health
    needs_key:
      description: Whether the provider never answers without a key.
      type: bool
      sample: false
    probe:
      description: Parameters of a prediction that proves the connector.
      type: dict
      sample:
        messages:
          - role: user
            content: Say OK.
"""

from ansible.errors import AnsibleFilterError

from ..module_utils._endpoints import providers, trusted_pattern
from ..module_utils._errors.exceptions import Failure


def provider_endpoint(
    base_url: object,
    provider: object,
    model: str | None = None,
    capability: str = "chat",
    api_path: str | None = None,
    api_version: str | None = None,
    required: bool = True,
) -> dict[str, object]:
    address = str(base_url or "") or None
    try:
        if not required and not providers.has_url(str(provider), base_url=address, model=model):
            return {}
        at = providers.endpoint(
            str(provider),
            base_url=address,
            model=model or None,
            capability=str(capability),
            api_path=api_path or None,
            api_version=api_version or None,
        )
    except Failure as failure:
        raise AnsibleFilterError(f"provider_endpoint: {failure.message}") from failure
    return {
        "url": at.url,
        "trusted_regex": trusted_pattern.exact_pattern(at.url),
        "health_url": at.health_url,
        "needs_key": providers.PROVIDERS[str(provider)].key == "required",
        "probe": at.probe,
    }


class FilterModule:
    def filters(self) -> dict[str, object]:
        return {"provider_endpoint": provider_endpoint}
