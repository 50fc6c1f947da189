# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter provider_endpoint."""

from __future__ import annotations

import re

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.searchops.opensearch_ml.plugins.filter.provider_endpoint import provider_endpoint
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._endpoints import providers, trusted_pattern
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._endpoints.providers import EndpointOptions

BASE_URLS = {
    "azure_openai": "https://res.openai.azure.com",
    "openai_compatible": "https://gateway.example/llm/v1",
    "vllm": "http://llm:8000/v1",
}


@pytest.mark.parametrize("provider", providers.PROVIDERS)
def test_the_endpoint_of_each_provider(provider: str) -> None:
    base = BASE_URLS.get(provider)
    at = providers.endpoint(provider, EndpointOptions(base, "the model"))
    found = provider_endpoint(base, provider, model="the model")
    needs_key = providers.PROVIDERS[provider].key == "required"
    assert (found["url"], found["health_url"], found["needs_key"]) == (at.url, at.health_url, needs_key)
    assert re.fullmatch(str(found["trusted_regex"]), at.url)
    assert found["trusted_regex"] == trusted_pattern.exact_pattern(at.url)


@pytest.mark.parametrize("required", [True, False])
@pytest.mark.parametrize(("provider", "options"), [("openai_compatible", {}), ("azure_openai", {"model": "m"})])
def test_without_a_url(provider: str, options: dict[str, str], required: bool) -> None:
    if not required:
        assert provider_endpoint("", provider, required=False, **options) == {}
        return
    with pytest.raises(AnsibleFilterError, match=r"provider_endpoint: base_url: .* has no default URL"):
        provider_endpoint("", provider, **options)


def test_without_a_model_for_the_url() -> None:
    with pytest.raises(AnsibleFilterError, match="provider_endpoint: model: the URL of Azure OpenAI contains it"):
        provider_endpoint("https://res.openai.azure.com", "azure_openai")
    assert provider_endpoint("https://res.openai.azure.com", "azure_openai", required=False) == {}


@pytest.mark.parametrize(("base", "provider"), [("", "unknown"), ("llm:11434", "openai_compatible")])
def test_invalid_options_are_refused_also_if_not_required(base: str, provider: str) -> None:
    with pytest.raises(AnsibleFilterError):
        provider_endpoint(base, provider, required=False)


def test_a_provider_with_a_default_url_needs_none() -> None:
    assert provider_endpoint("", "ollama", required=False) == provider_endpoint("", "ollama")


@pytest.mark.parametrize("provider", ["ollama", "vllm"])
def test_a_server_of_ones_own_is_not_assumed_on_each_node(provider: str) -> None:
    assert provider_endpoint("", provider, required=False, assume_local=False) == {}
    with pytest.raises(
        AnsibleFilterError, match=r"set the URL of the server, such as http://127\.0\.0\.1:\d+ if it runs on"
    ):
        provider_endpoint("", provider, assume_local=False)
    assert provider_endpoint("", "openai", assume_local=False) == provider_endpoint("", "openai")
