# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The table of OpenAI-compatible servers, and what follows from an entry: URL, headers, body, health route, probe.

A provider more is one entry in :data:`PROVIDERS`; options, documentation and tests go by the table.
"""

from __future__ import annotations

import json
from typing import Any, Mapping, NamedTuple
from urllib.parse import quote, urlencode, urlsplit

from .._errors.exceptions import Failure
from . import url as url_module

#: The one placeholder of the credential that the entries use.
KEY = "${credential.api_key}"


class Capability(NamedTuple):
    """What a server can be asked for: the route below its API, the request body, a small question that proves it."""

    path: str
    request_body: str
    probe: Mapping[str, Any]
    functions: Mapping[str, str] = {}


#: The bodies name the model by a parameter, so that a connector tells which one it asks.
CAPABILITIES = {
    "chat": Capability(
        "/chat/completions",
        '{"model": "${parameters.model}", "messages": ${parameters.messages}}',
        {"messages": [{"role": "user", "content": "Say OK."}]},
    ),
    "embedding": Capability(
        "/embeddings",
        '{"model": "${parameters.model}", "input": ${parameters.input}}',
        {"input": ["probe"]},
        {
            "pre_process_function": "connector.pre_process.openai.embedding",
            "post_process_function": "connector.post_process.openai.embedding",
        },
    ),
    # The answer has Cohere's form on llama.cpp, vLLM, LocalAI and LiteLLM.
    "rerank": Capability(
        "/rerank",
        '{"model": "${parameters.model}", "query": "${parameters.query}", "documents": ${parameters.documents}}',
        {"query": "probe", "documents": ["probe"]},
        {
            "pre_process_function": "connector.pre_process.cohere.rerank",
            "post_process_function": "connector.post_process.cohere.rerank",
        },
    ),
}


class Provider(NamedTuple):
    """One kind of server.

    ``api`` is the path in front of the capabilities' routes; ``base_url`` where a hosted one is; ``health`` a route
    that costs nothing, from the server's root; ``key`` tells whether it wants one: 'required' or 'optional';
    ``key_header`` and ``key_form`` how it is sent. With ``deployments`` the model stands in the path.
    """

    label: str
    health: str
    capabilities: tuple[str, ...] = ("chat", "embedding")
    api: str = "/v1"
    base_url: str | None = None
    key: str = "optional"
    key_header: str = "Authorization"
    key_form: str = "Bearer " + KEY
    deployments: bool = False
    api_version: str | None = None


PROVIDERS = {
    "ollama": Provider("Ollama", "/api/version", base_url="http://127.0.0.1:11434"),
    "llama_cpp": Provider(
        "llama.cpp's llama-server", "/health", ("chat", "embedding", "rerank"), base_url="http://127.0.0.1:8080"
    ),
    "vllm": Provider("vLLM", "/health", ("chat", "embedding", "rerank"), base_url="http://127.0.0.1:8000"),
    "lm_studio": Provider("LM Studio", "/v1/models", base_url="http://127.0.0.1:1234"),
    "localai": Provider("LocalAI", "/readyz", ("chat", "embedding", "rerank"), base_url="http://127.0.0.1:8080"),
    # Its /health asks the models behind it, which may cost money.
    "litellm": Provider(
        "LiteLLM", "/health/readiness", ("chat", "embedding", "rerank"), base_url="http://127.0.0.1:4000"
    ),
    "openai": Provider("OpenAI", "/v1/models", base_url="https://api.openai.com", key="required"),
    "azure_openai": Provider(
        "Azure OpenAI",
        "/openai/models",
        api="/openai",
        key="required",
        key_header="api-key",
        key_form=KEY,
        deployments=True,
        api_version="2024-10-21",
    ),
    "groq": Provider(
        "Groq", "/openai/v1/models", ("chat",), api="/openai/v1", base_url="https://api.groq.com", key="required"
    ),
    "deepseek": Provider("DeepSeek", "/v1/models", ("chat",), base_url="https://api.deepseek.com", key="required"),
    "openrouter": Provider(
        "OpenRouter", "/api/v1/models", ("chat",), api="/api/v1", base_url="https://openrouter.ai", key="required"
    ),
    "openai_compatible": Provider(
        "any server that speaks the OpenAI protocol", "/v1/models", ("chat", "embedding", "rerank")
    ),
}


class Endpoint(NamedTuple):
    """What follows from an entry and an address.

    ``url`` is called by the connector, ``health_url`` answers without cost, ``headers`` and ``request_body`` are the
    action's, ``functions`` its pre- and post-processing, ``probe`` parameters of a prediction that proves it.
    """

    url: str
    health_url: str
    headers: dict[str, str]
    request_body: str
    functions: dict[str, str]
    probe: dict[str, Any]


def endpoint(
    provider: str,
    *,
    base_url: str | None = None,
    model: str | None = None,
    with_key: bool = False,
    capability: str = "chat",
    api_path: str | None = None,
    api_version: str | None = None,
    extra_body: Mapping[str, Any] | None = None,
) -> Endpoint:
    """Work an entry of the table out for one server. Raises Failure for what the entry cannot do.

    ``base_url`` may be the server's root, its API's root (``.../v1``) or the whole URL of the route; ``api_path``
    replaces the route that the table knows, from the root on; ``extra_body`` is added to the request body.
    """
    entry = _entry(provider)
    if capability not in entry.capabilities:
        raise Failure(
            "invalid_input",
            f"capability: {entry.label} has no {capability} in the table; it has {', '.join(entry.capabilities)}.",
        )
    base = base_url or entry.base_url
    if not base:
        raise Failure("invalid_input", f"base_url: {entry.label} has no usual address; say where the server is.")
    url_module.parse(base)
    if entry.deployments and not model:
        raise Failure("invalid_input", f"model: {entry.label} has it in the URL, as the name of the deployment.")
    able = CAPABILITIES[capability]
    if api_path and not api_path.startswith("/"):
        raise Failure("invalid_input", f"api_path: {api_path!r} must begin with a slash.")
    route = api_path or (
        f"{entry.api}/deployments/{quote(str(model), safe='')}{able.path}"
        if entry.deployments
        else entry.api + able.path
    )
    root = _root(base, route)
    version = api_version or entry.api_version
    query = "?" + urlencode({"api-version": version}) if version else ""
    taken = {"model", *able.probe} & set(extra_body or {})
    if taken:
        raise Failure("invalid_input", f"extra_body: {', '.join(sorted(taken))} cannot be given here.")
    headers = {"Content-Type": "application/json"}
    if with_key or entry.key == "required":
        headers[entry.key_header] = entry.key_form
    return Endpoint(
        root + route + query,
        root + entry.health + query,
        headers,
        _with(able.request_body, extra_body),
        dict(able.functions),
        dict(able.probe),
    )


def has_url(provider: str, *, base_url: str | None, model: str | None) -> bool:
    """Whether enough is given for a URL to follow from it. Raises Failure where the provider is unknown."""
    entry = _entry(provider)
    return bool(base_url or entry.base_url) and bool(model or not entry.deployments)


def connector_fields(
    provider: str, *, model: str | None, api_key: str | None, capability: str | None = None, **more: Any
) -> dict[str, Any]:
    """The options of a connector that an entry stands for. Raises Failure as :func:`endpoint` does."""
    if not model:
        raise Failure("invalid_input", f"model: with provider {provider!r}, say which model is to be asked.")
    at = endpoint(provider, model=model, with_key=bool(api_key), capability=capability or "chat", **more)
    action = {"action_type": "predict", "method": "POST", "url": at.url, "headers": at.headers}
    return {
        "parameters": {"model": model},
        "credential": {"api_key": api_key} if api_key else None,
        "actions": [{**action, "request_body": at.request_body, **at.functions}],
        "probe": at.probe,
    }


def _entry(provider: str) -> Provider:
    if provider not in PROVIDERS:
        raise Failure("invalid_input", f"provider: {provider!r} is unknown; known are {', '.join(PROVIDERS)}.")
    return PROVIDERS[provider]


def _root(base: str, route: str) -> str:
    """The server's root: the base without that much of its end as the route begins with, whole segments only."""
    parts = urlsplit(base)
    path = parts.path.rstrip("/")
    segments = route.split("/")
    # OpenAI's clients write /v1, whatever route is asked for.
    starts = ["/".join(segments[:length]) for length in range(len(segments), 1, -1)] + ["/v1"]
    known = next((start for start in starts if path.endswith(start)), "")
    return f"{parts.scheme}://{parts.netloc}{path[: len(path) - len(known)]}"


def _with(body: str, extra: Mapping[str, Any] | None) -> str:
    """A body with placeholders is no JSON yet: more fields are written into its text."""
    return body[:-1] + ", " + json.dumps(dict(extra))[1:] if extra else body
