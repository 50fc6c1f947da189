# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of OpenAI-compatible servers, and the endpoints that follow from it."""

from __future__ import annotations

import json
import re
from typing import Any, Mapping

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
    route = {"embedding": "/embeddings", "rerank": "/rerank"}.get(capability, "/chat/completions")
    assert at.url.partition("?")[0].endswith(route)
    sent = json.loads(filled(at.request_body, {"model": "m", **at.parameters, **at.probe}))
    assert set(sent) == set(providers.CAPABILITIES[capability].fields) - {"tools"}
    if capability == "agent":
        assert [message["role"] for message in sent["messages"]] == ["system", "user"]
        assert sent["messages"][1]["content"] == at.probe["prompt"]
    else:
        assert sent == {"model": "m", **at.probe}
    assert ("pre_process_function" in at.functions) == (capability in ("embedding", "rerank"))


def filled(body: str, parameters: Mapping[str, Any]) -> str:
    """A body with its placeholders filled as the server fills them, also those in parameters."""
    values = {name: value if isinstance(value, str) else json.dumps(value) for name, value in parameters.items()}
    before = ""
    while body != before:
        before, body = (
            body,
            re.sub(r"\$\{parameters\.(\w+)(?::-([^{}]*))?\}", lambda match: values.get(match[1], match[2] or ""), body),
        )
    return body


def test_the_body_of_an_agent() -> None:
    """What the server inserts for an agent, of which each part is empty in a plain prediction."""
    at = providers.endpoint("vllm", EndpointOptions("http://h:1", "m", "agent", extra_body={"temperature": 0}))
    call = {"role": "assistant", "tool_calls": [{"id": "1"}]}
    history = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    of_agent = {
        "model": "m",
        "system_prompt": "Be brief.",
        "prompt": "Which indexes?",
        "_chat_history": ", ".join(map(json.dumps, history)) + ", ",
        "_interactions": ", " + json.dumps(call),
        "_tools": '{"type": "function"}',
        "tool_configs": ', "tools": [${parameters._tools:-}], "parallel_tool_calls": false',
    }
    assert json.loads(filled(at.request_body, {**at.parameters, **of_agent})) == {
        "model": "m",
        "messages": [
            {"role": "system", "content": "Be brief."},
            *history,
            {"role": "user", "content": "Which indexes?"},
            call,
        ],
        "tools": [{"type": "function"}],
        "parallel_tool_calls": False,
        "temperature": 0,
    }
    messages = [{"role": "user", "content": "Ping"}]
    # vLLM refuses an empty list of tools.
    plain = json.loads(filled(at.request_body, {"model": "m", **at.parameters, "messages": messages}))
    assert plain == {"model": "m", "messages": messages, "temperature": 0}


def test_the_probe_of_rerank_has_a_document_unlike_the_query() -> None:
    """A server gives a document that is the query a score of few digits, with which every function works."""
    probe = providers.CAPABILITIES["rerank"].probe
    assert len(set(probe["documents"]) - {probe["query"]}) >= 1
    assert len(probe["documents"]) >= 2


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


CHAT_AT = "/v1/chat/completions"

AZURE = "https://res.openai.azure.com/openai/deployments/m/chat/completions?api-version=2024-10-21"

#: Ends of base URLs that users paste -> what the connector calls.
PASTED: dict[str, dict[str, str]] = {
    "ollama": {
        "http://h:1/api": "http://h:1" + CHAT_AT,
        "http://h:1/api/": "http://h:1" + CHAT_AT,
        "http://h:1/api/chat": "http://h:1" + CHAT_AT,
        "http://h:1/api/generate": "http://h:1" + CHAT_AT,
        "http://h:1/api/version": "http://h:1" + CHAT_AT,
        "http://h:1/v1/models": "http://h:1" + CHAT_AT,
        "http://h:1//v1//chat/completions": "http://h:1" + CHAT_AT,
        "http://h:1/chat/completions": "http://h:1" + CHAT_AT,
        "http://h:1/v1/completions": "http://h:1" + CHAT_AT,
        "http://h:1/proxy/api/chat": "http://h:1/proxy" + CHAT_AT,
        "http://h:1/my-api": "http://h:1/my-api" + CHAT_AT,
    },
    "llama_cpp": {"http://h:1/completion": "http://h:1" + CHAT_AT, "http://h:1/health": "http://h:1" + CHAT_AT},
    "vllm": {"http://h:1/docs": "http://h:1" + CHAT_AT, "http://h:1/api/v1": "http://h:1/api" + CHAT_AT},
    "lm_studio": {"http://h:1/api/v0/chat/completions": "http://h:1" + CHAT_AT},
    "litellm": {"http://h:1/chat/completions": "http://h:1" + CHAT_AT},
    "openai": {"https://api.openai.com/v1/responses": "https://api.openai.com" + CHAT_AT},
    "groq": {
        "https://api.groq.com/openai/v1/models": "https://api.groq.com/openai" + CHAT_AT,
        "https://api.groq.com/v1": "https://api.groq.com/openai" + CHAT_AT,
    },
    "deepseek": {"https://api.deepseek.com/chat/completions": "https://api.deepseek.com" + CHAT_AT},
    "openrouter": {
        "https://openrouter.ai/api": "https://openrouter.ai/api" + CHAT_AT,
        "https://openrouter.ai/api/v1/chat/completions": "https://openrouter.ai/api" + CHAT_AT,
    },
    "openai_compatible": {
        "https://api.perplexity.ai/chat/completions": "https://api.perplexity.ai/chat/completions",
        "https://api.z.ai/api/paas/v4/": "https://api.z.ai/api/paas/v4/chat/completions",
        "https://g.example/v1beta/openai": "https://g.example/v1beta/openai/chat/completions",
        "https://g.example/llm/v1/models": "https://g.example/llm/v1/chat/completions",
        "https://g.example/llm": "https://g.example/llm/v1/chat/completions",
    },
    "azure_openai": dict.fromkeys(
        (
            "https://res.openai.azure.com/openai",
            "https://res.openai.azure.com/openai/v1/",
            "https://res.openai.azure.com/openai/deployments/m",
            AZURE,
        ),
        AZURE,
    ),
}


@pytest.mark.parametrize(
    ("provider", "base", "url"), [(name, *pair) for name, pairs in PASTED.items() for pair in pairs.items()]
)
def test_pasted_base_urls(provider: str, base: str, url: str) -> None:
    at = providers.endpoint(provider, EndpointOptions(base, "m"))
    assert at.url == url
    # A base URL that the table itself gives is the same server.
    assert providers.endpoint(provider, EndpointOptions(at.url, "m")).url == url


@pytest.mark.parametrize("provider", sorted(set(providers.PROVIDERS) - {"azure_openai", "openai_compatible"}))
@pytest.mark.parametrize("capability", providers.CAPABILITIES)
def test_each_route_of_a_provider_may_be_its_base_url(provider: str, capability: str) -> None:
    entry = providers.PROVIDERS[provider]
    if capability not in entry.capabilities:
        return
    plain = providers.endpoint(provider, EndpointOptions("http://h:1", "m", capability))
    route = providers.CAPABILITIES[capability].path
    ends = ["", "/", "/v1", "/v1/", "/v1/models", entry.api, entry.api + route, entry.health, *entry.own_routes]
    others = tuple(each.path for each in providers.CAPABILITIES.values() if each.path != route)
    for end in (each for each in ends if not each.endswith(others)):
        at = providers.endpoint(provider, EndpointOptions("http://h:1" + end, "m", capability))
        assert (at.url, at.health_url) == (plain.url, plain.health_url), end


def test_the_version_in_the_url_of_azure() -> None:
    base = "https://res.openai.azure.com/openai/deployments/m/chat/completions?api-version=2025-01-01-preview"
    at = providers.endpoint("azure_openai", EndpointOptions(base, "m"))
    assert at.url == base
    assert providers.endpoint("azure_openai", EndpointOptions(base, "m", api_version="1")).url.endswith("=1")


def test_the_models_of_another_api_root() -> None:
    for base in ("https://api.z.ai/api/paas/v4", "https://api.z.ai/api/paas/v4/chat/completions"):
        at = providers.endpoint("openai_compatible", EndpointOptions(base, "m"))
        assert at.health_url == "https://api.z.ai/api/paas/v4/models"


def test_the_api_root_of_vertex() -> None:
    base = "https://aiplatform.googleapis.com/v1/projects/p/locations/us/endpoints/openapi"
    assert providers.endpoint("openai_compatible", EndpointOptions(base, "m")).url == f"{base}/chat/completions"


@pytest.mark.parametrize(
    ("provider", "options", "message"),
    [
        (
            "ollama",
            {"base_url": "http://h:1/v1/embeddings"},
            "base_url: ends with '/embeddings', the route of another capability; set 'capability: embedding', or write "
            "'http://h:1/v1'.",
        ),
        (
            "openai_compatible",
            {"base_url": "https://api.anthropic.com/v1/messages"},
            "base_url: ends with '/messages', which is no part of the OpenAI API; write 'https://api.anthropic.com/v1'; if the "
            "server has no such API, give 'definition' in place of 'provider'.",
        ),
        (
            "openai_compatible",
            {"base_url": "http://h:1/embed", "capability": "embedding"},
            "base_url: ends with '/embed', which is no part of the OpenAI API; write 'http://h:1'; if the server has no such "
            "API, give 'definition' in place of 'provider'.",
        ),
        (
            "vllm",
            {"base_url": "http://h:1/generate"},
            "base_url: ends with '/generate', which is no part of the OpenAI API of vLLM; write 'http://h:1'.",
        ),
        (
            "azure_openai",
            {"base_url": "https://r.openai.azure.com/openai/deployments/other", "model": "m"},
            "model: base_url contains the deployment 'other', and model is 'm'; give the name of the deployment as model.",
        ),
        (
            "ollama",
            {"base_url": "http://h:1/v1?key=s3cret"},
            "base_url: must have no query and no fragment; leave out what follows the path.",
        ),
        (
            "azure_openai",
            {"base_url": "https://r.openai.azure.com/?key=s3cret", "model": "m"},
            "base_url: must have no query and no fragment; leave out what follows the path.",
        ),
        (
            "ollama",
            {"base_url": "llm:11434"},
            "base_url: 'llm:11434' is not a usable URL: it must begin with http:// or https:// and contain a host; write "
            "'http://llm:11434' or 'https://llm:11434'.",
        ),
        (
            "openrouter",
            {"capability": "embedding"},
            "capability: OpenRouter does not support embedding; it supports chat, agent. If the server offers it by now, use "
            "'provider: openai_compatible' with 'base_url: https://openrouter.ai/api/v1'.",
        ),
    ],
)
def test_what_to_type_instead(provider: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(Failure) as refused:
        providers.endpoint(provider, EndpointOptions(**options))
    assert (refused.value.code, refused.value.message) == ("invalid_input", message)


def test_a_capability_of_a_server_without_a_default_url() -> None:
    with pytest.raises(Failure) as refused:
        providers.endpoint("azure_openai", EndpointOptions(capability="rerank", model="m"))
    assert refused.value.message.endswith("it supports chat, agent, embedding.")


@pytest.mark.parametrize("provider", providers.PROVIDERS)
def test_check_key(provider: str) -> None:
    actions = [{"headers": {"Authorization": providers.KEY}}]
    for credential in ({"api_key": "x"}, {"api_key": "x", "other": "y"}):
        providers.check_key(provider, credential, actions)
    providers.check_key(provider, None, [{"headers": {}}])
    if providers.PROVIDERS[provider].key == "required":
        with pytest.raises(Failure, match="api_key: provider"):
            providers.check_key(provider, None, actions)
    else:
        providers.check_key(provider, None, actions)


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
        ("ollama", {"capability": "agent", "extra_body": {"tools": []}}),
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
