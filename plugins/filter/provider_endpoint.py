# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: provider_endpoint
short_description: Get the endpoint of a provider's server
version_added: 1.0.0
description:
  - Returns, for an OpenAI-compatible server, the URL that a connector calls, the pattern that trusts it, the URL of its
    health check, and the parameters of a prediction that proves the connector.
  - It uses the same table as O(searchops.opensearch_ml.ml_connector#module:provider).
author:
  - The searchops.opensearch_ml maintainers (@searchops)
positional: provider
options:
  _input:
    description: The URL of the server's root, of its API's root or of a route. If empty, the provider's default URL.
    type: str
    required: true
  provider:
    description: The provider; see O(searchops.opensearch_ml.ml_connector#module:provider).
    type: str
    required: true
  model:
    description: The name of the model. The URL of some providers contains it.
    type: str
  capability:
    description: The capability to use, V(chat), V(agent), V(embedding) or V(rerank).
    type: str
    default: chat
  api_path:
    description: The path of the route from the server's root on, if it is not the provider's usual one.
    type: str
  api_version:
    description: The C(api-version) of V(azure_openai).
    type: str
  required:
    description:
      - Whether to fail if the URL is not known, because the provider has no default URL or its URL contains the model. With
        V(false), the filter then returns V({}).
    type: bool
    default: true
  assume_local:
    description:
      - Whether the default URL of a server that one runs oneself counts. It is that of each OpenSearch node itself.
      - With V(false), the URL of such a server is not known without one.
    type: bool
    default: true
seealso:
  - module: searchops.opensearch_ml.ml_connector
  - plugin: searchops.opensearch_ml.trusted_regex
    plugin_type: filter
  - name: Connector blueprints
    description: The definitions of connectors that OpenSearch publishes.
    link: https://docs.opensearch.org/latest/ml-commons-plugin/remote-models/blueprints/
"""

EXAMPLES = r"""
- name: Trust the URL that the connector will call
  searchops.opensearch_ml.opensearch_cluster_setting:
    settings:
      plugins.ml_commons.trusted_connector_endpoints_regex:
        - "{{ ('http://vllm.example.internal:8000' | searchops.opensearch_ml.provider_endpoint('vllm')).trusted_regex }}"
    list_mode: append
"""

RETURN = r"""
_value:
  description: The endpoint of the server.
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
      description: A URL of the server that answers without cost once it is ready. Some servers require the key.
      type: str
      sample: http://vllm.example.internal:8000/health
    needs_key:
      description: Whether the provider requires a key.
      type: bool
      sample: false
    probe:
      description: The parameters of a prediction that proves the connector.
      type: dict
      sample:
        messages:
          - role: user
            content: Say OK.
"""

from ansible.errors import AnsibleFilterError

from ..module_utils._endpoints import providers, trusted_pattern
from ..module_utils._errors.exceptions import Failure


def provider_endpoint(  # noqa: PLR0913 - its parameters are the filter's public options
    base_url: object,
    provider: object,
    model: str | None = None,
    capability: str = "chat",
    api_path: str | None = None,
    api_version: str | None = None,
    required: bool = True,
    assume_local: bool = True,
) -> dict[str, object]:
    options = providers.EndpointOptions(
        str(base_url or "") or None,
        model=model or None,
        capability=str(capability),
        api_path=api_path or None,
        api_version=api_version or None,
        assume_local=assume_local,
    )
    try:
        if not required and not providers.has_url(str(provider), options):
            return {}
        at = providers.endpoint(str(provider), options)
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
