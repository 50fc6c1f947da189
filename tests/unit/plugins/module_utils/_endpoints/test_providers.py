# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of OpenAI-compatible servers, and the endpoints that follow from it."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._endpoints import providers
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._endpoints.providers import EndpointOptions
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.exceptions import Failure
from ansible_collections.searchops.opensearch_ml.plugins.modules import ml_connector

BEARER = {"Authorization": "Bearer ${credential.api_key}"}

#: provider -> (base URL, URL of the chat, health URL, headers without a key, headers with one)
EXPECTED: dict[str, tuple[str | None, str, str, dict[str, str], dict[str, str]]] = {
    "ollama": (
        "http://llm:11434", "http://llm:11434/v1/chat/completions", "http://llm:11434/api/version", {}, BEARER,
    ),
    "llama_cpp": ("http://llm:8080", "http://llm:8080/v1/chat/completions", "http://llm:8080/health", {}, BEARER),
    "vllm": ("http://llm:8000/v1", "http://llm:8000/v1/chat/completions", "http://llm:8000/health", {}, BEARER),
    "lm_studio": (
        "http://llm:1234/v1/", "http://llm:1234/v1/chat/completions", "http://llm:1234/v1/models", {}, BEARER,
    ),
    "localai": ("http://llm:8080", "http://llm:8080/v1/chat/completions", "http://llm:8080/readyz", {}, BEARER),
    "litellm": (
        "http://llm:4000", "http://llm:4000/v1/chat/completions", "http://llm:4000/health/readiness", {}, BEARER,
    ),
    "openai": (
        None, "https://api.openai.com/v1/chat/completions", "https://api.openai.com/v1/models", BEARER, BEARER,
    ),
    "azure_openai": (
        "https://res.openai.azure.com",
        "https://res.openai.azure.com/openai/deployments/the%20model/chat/completions?api-version=2024-10-21",
        "https://res.openai.azure.com/openai/models?api-version=2024-10-21",
        {"api-key": "${credential.api_key}"},
        {"api-key": "${credential.api_key}"},
    ),
    "groq": (
        None, "https://api.groq.com/openai/v1/chat/completions", "https://api.groq.com/openai/v1/models",
        BEARER, BEARER,
    ),
    "deepseek": (
        None, "https://api.deepseek.com/v1/chat/completions", "https://api.deepseek.com/v1/models", BEARER, BEARER,
    ),
    "openrouter": (
        None, "https://openrouter.ai/api/v1/chat/completions", "https://openrouter.ai/api/v1/models", BEARER, BEARER,
    ),
    "openai_compatible": (
        "https://gateway.example/llm/v1", "https://gateway.example/llm/v1/chat/completions",
        "https://gateway.example/llm/v1/models", {}, BEARER,
    ),
}  # fmt: skip


def test_every_provider_has_an_expectation() -> None:
    assert set(EXPECTED) == set(providers.PROVIDERS)


@pytest.mark.parametrize("provider", EXPECTED)
def test_url_headers_health_and_probe(provider: str) -> None:
    base, url, health, bare, keyed = EXPECTED[provider]
    for with_key, headers in ((False, bare), (True, keyed)):
        at = providers.endpoint(provider, EndpointOptions(base, "the model"), with_key=with_key)
        assert (at.url, at.health_url) == (url, health)
        assert at.headers == {"Content-Type": "application/json", **headers}
        assert at.probe == {"messages": [{"role": "user", "content": "Say OK."}]}


@pytest.mark.parametrize("provider", EXPECTED)
@pytest.mark.parametrize("capability", providers.CAPABILITIES)
def test_capabilities(provider: str, capability: str) -> None:
    base = EXPECTED[provider][0]
    if capability not in providers.PROVIDERS[provider].capabilities:
        with pytest.raises(Failure) as refused:
            providers.endpoint(provider, EndpointOptions(base, "m", capability))
        assert refused.value.code == "invalid_input"
        return
    at = providers.endpoint(provider, EndpointOptions(base, "m", capability))
    route = {"chat": "/chat/completions", "embedding": "/embeddings", "rerank": "/rerank"}[capability]
    assert at.url.partition("?")[0].endswith(route)
    # The probe and the parameter 'model' fill each placeholder, and the result is JSON.
    filled = at.request_body
    for name, value in {"model": "m", **at.probe}.items():
        assert "${parameters." + name + "}" in filled
        filled = filled.replace("${parameters." + name + "}", value if isinstance(value, str) else json.dumps(value))
    assert json.loads(filled) == {"model": "m", **at.probe}
    assert ("pre_process_function" in at.functions) == (capability != "chat")


@pytest.mark.parametrize(
    ("base", "root"),
    [
        ("http://h:1/", "http://h:1"),
        ("http://h:1/v1", "http://h:1"),
        ("http://h:1/v1/", "http://h:1"),
        ("http://h:1/v1/chat/completions", "http://h:1"),
        ("http://h:1/proxy", "http://h:1/proxy"),
        ("http://h:1/proxy/v1", "http://h:1/proxy"),
        ("http://h:1/v10", "http://h:1/v10"),
        ("http://v1", "http://v1"),
    ],
)
def test_the_base_url_may_contain_a_part_of_the_route(base: str, root: str) -> None:
    at = providers.endpoint("ollama", EndpointOptions(base))
    assert (at.url, at.health_url) == (root + "/v1/chat/completions", root + "/api/version")


@pytest.mark.parametrize(
    "base", ["https://api.groq.com", "https://api.groq.com/openai", "https://api.groq.com/openai/v1"]
)
def test_the_base_url_may_contain_a_part_of_a_longer_api_path(base: str) -> None:
    assert providers.endpoint("groq", EndpointOptions(base)).url == "https://api.groq.com/openai/v1/chat/completions"


def test_api_path_and_extra_body() -> None:
    at = providers.endpoint(
        "openai_compatible",
        EndpointOptions("http://h/api/chat", api_path="/api/chat", extra_body={"temperature": 0, "n": [1]}),
    )
    assert at.url == "http://h/api/chat"
    assert at.request_body.endswith('"messages": ${parameters.messages}, "temperature": 0, "n": [1]}')


@pytest.mark.parametrize(
    ("provider", "options"),
    [
        ("unknown", {}),
        ("azure_openai", {"model": "m"}),
        ("azure_openai", {"base_url": "https://res.openai.azure.com"}),
        ("openai_compatible", {}),
        ("ollama", {"base_url": "llm:11434"}),
        ("ollama", {"base_url": "http://user:word@llm"}),
        ("ollama", {"api_path": "v1/chat"}),
        ("ollama", {"extra_body": {"messages": []}}),
        ("ollama", {"extra_body": {"model": "x"}}),
    ],
)
def test_unsupported_options_are_refused(provider: str, options: dict[str, Any]) -> None:
    with pytest.raises(Failure) as refused:
        providers.endpoint(provider, EndpointOptions(**options))
    assert refused.value.code == "invalid_input"


def test_the_documentation_lists_the_table() -> None:
    options = yaml.safe_load(ml_connector.DOCUMENTATION)["options"]
    assert options["provider"]["choices"] == list(providers.PROVIDERS)
    assert options["capability"]["choices"] == list(providers.CAPABILITIES)
