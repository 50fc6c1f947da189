# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Table of OpenAI-compatible servers, and the endpoint of each: URL, headers, body, health route, probe.

To add a provider, add an entry to :data:`PROVIDERS`, run ``dev/run nox -s derive``, which updates options and
documentation, and add what you expect of it to the unit test of this file.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Mapping, NamedTuple
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from .._errors.exceptions import Failure
from . import url as url_module

#: The placeholder for the API key. The entries use no other part of the credential.
KEY = "${credential.api_key}"


class Capability(NamedTuple):
    """A kind of request to a server.

    ``path`` is the route below the API's root; ``fields`` are those that the request body sets; ``probe`` are the parameters
    of a small prediction that proves the connector; ``functions`` the pre- and post-processing functions of its action;
    ``parameters`` those of the connector in addition to ``model``.
    """

    path: str
    request_body: str
    fields: tuple[str, ...]
    probe: Mapping[str, Any]
    functions: Mapping[str, str] = {}
    parameters: Mapping[str, str] = {}


#: The scores of an answer in Cohere's format, in the order of the documents, as the tensors that a search pipeline with the
#: processor ``rerank`` reads. ``connector.post_process.cohere.rerank`` makes the same of scores of up to 18 characters, and fails
#: for longer ones with ``class_cast_exception`` (seen on 2.19.1 and 3.6.0): the server reads these as BigDecimal.
RERANK_SCORES = """\
double[] scores = new double[params.results.size()];
for (def result : params.results) {
  scores[((Number) result.index).intValue()] = ((Number) result.relevance_score).doubleValue();
}
StringBuilder tensors = new StringBuilder('[');
for (int i = 0; i < scores.length; i++) {
  if (i > 0) { tensors.append(','); }
  tensors.append('{"name":"similarity","data_type":"FLOAT32","shape":[1],"data":[').append(scores[i]).append(']}');
}
return tensors.append(']').toString();
"""

#: The messages of an agent: what ml-commons inserts with ``_llm_interface: openai/v1/chat/completions`` (AgentUtils and
#: OpenaiV1ChatCompletionsFunctionCalling, 3.0 to 3.8). Each part brings its own comma, and is empty without a conversation.
AGENT_MESSAGES = (
    '[{"role": "system", "content": "${parameters.system_prompt}"}, ${parameters._chat_history:-}'
    '{"role": "user", "content": "${parameters.prompt}"}${parameters._interactions:-}]'
)

#: Where an agent's request offers the tools, as ``, "tools": [...]``. A request without tools has no such field: vLLM refuses an
#: empty list.
TOOLS_PARAMETER = "tool_configs"

#: The bodies take the model from a parameter, so that the connector's parameters show the model.
CAPABILITIES = {
    "chat": Capability(
        "/chat/completions",
        '{"model": "${parameters.model}", "messages": ${parameters.messages}}',
        ("model", "messages"),
        {"messages": [{"role": "user", "content": "Say OK."}]},
    ),
    # The server inserts parameters into parameters, so that a prediction with messages replaces all of an agent's.
    "agent": Capability(
        "/chat/completions",
        '{"model": "${parameters.model}", "messages": ${parameters.messages}${parameters.tool_configs:-}}',
        ("model", "messages", "tools"),
        {"prompt": "Say OK."},
        parameters={"messages": AGENT_MESSAGES, "system_prompt": "You are a helpful assistant."},
    ),
    "embedding": Capability(
        "/embeddings",
        '{"model": "${parameters.model}", "input": ${parameters.input}}',
        ("model", "input"),
        {"input": ["probe"]},
        {
            "pre_process_function": "connector.pre_process.openai.embedding",
            "post_process_function": "connector.post_process.openai.embedding",
        },
    ),
    # llama.cpp, vLLM, LocalAI and LiteLLM answer in Cohere's format.
    "rerank": Capability(
        "/rerank",
        '{"model": "${parameters.model}", "query": "${parameters.query}", "documents": ${parameters.documents}}',
        ("model", "query", "documents"),
        # Only documents unlike the query get scores of many digits.
        {"query": "probe", "documents": ["probe", "another text"]},
        {
            "pre_process_function": "connector.pre_process.cohere.rerank",
            "post_process_function": RERANK_SCORES,
        },
    ),
}


#: Further routes below the root of an OpenAI-compatible API, with which users end a base URL.
_OTHER_ROUTES = ("/models", "/completions", "/responses", "/chat")

#: Last words of the routes of model servers. A base URL that ends with one belongs to no API's root.
_ROUTE_WORDS = {
    "chat",
    "completion",
    "completions",
    "converse",
    "embed",
    "embedding",
    "embeddings",
    "generate",
    "infer",
    "invocations",
    "invoke",
    "messages",
    "models",
    "rerank",
    "tags",
}

#: The end of the path of an API's root, as of https://api.z.ai/api/paas/v4 and .../v1beta/openai
_API_ROOT = re.compile(r"/(v\d[\w.]*|openai|openapi)\Z")


class Provider(NamedTuple):
    """One kind of server.

    ``health`` is a free route below the server's root; ``api`` the path of the API's root; ``base_url`` the default
    URL of the server; ``key`` is 'required' or 'optional'; ``key_header`` and ``key_form`` are the header that carries
    the key, and its value. With ``deployments``, the URL contains the model. ``own_routes`` are those of the server's own
    API, with which users end a base URL as well. With ``any_api``, the API's root may be anywhere, so that a base URL with
    a version or a whole route at its end tells where it is.
    """

    label: str
    health: str
    capabilities: tuple[str, ...] = ("chat", "agent", "embedding")
    api: str = "/v1"
    base_url: str | None = None
    key: str = "optional"
    key_header: str = "Authorization"
    key_form: str = "Bearer " + KEY
    deployments: bool = False
    api_version: str | None = None
    own_routes: tuple[str, ...] = ()
    any_api: bool = False


PROVIDERS = {
    "ollama": Provider(
        "Ollama",
        "/api/version",
        base_url="http://127.0.0.1:11434",
        own_routes=(
            "/api",
            "/api/chat",
            "/api/generate",
            "/api/embed",
            "/api/embeddings",
            "/api/tags",
            "/api/show",
            "/api/ps",
        ),
    ),
    "llama_cpp": Provider(
        "llama.cpp's llama-server",
        "/health",
        ("chat", "agent", "embedding", "rerank"),
        base_url="http://127.0.0.1:8080",
        own_routes=("/completion", "/embedding", "/reranking", "/props", "/slots", "/tokenize"),
    ),
    "vllm": Provider(
        "vLLM",
        "/health",
        ("chat", "agent", "embedding", "rerank"),
        base_url="http://127.0.0.1:8000",
        own_routes=("/docs", "/metrics", "/version"),
    ),
    "lm_studio": Provider(
        "LM Studio",
        "/v1/models",
        base_url="http://127.0.0.1:1234",
        own_routes=("/api/v0", "/api/v0/chat/completions", "/api/v0/embeddings", "/api/v0/models"),
    ),
    "localai": Provider(
        "LocalAI", "/readyz", ("chat", "agent", "embedding", "rerank"), base_url="http://127.0.0.1:8080"
    ),
    # /health sends requests to the models behind LiteLLM, which may cost money.
    "litellm": Provider(
        "LiteLLM", "/health/readiness", ("chat", "agent", "embedding", "rerank"), base_url="http://127.0.0.1:4000"
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
        "Groq",
        "/openai/v1/models",
        ("chat", "agent"),
        api="/openai/v1",
        base_url="https://api.groq.com",
        key="required",
    ),
    "deepseek": Provider(
        "DeepSeek", "/v1/models", ("chat", "agent"), base_url="https://api.deepseek.com", key="required"
    ),
    "openrouter": Provider(
        "OpenRouter",
        "/api/v1/models",
        ("chat", "agent"),
        api="/api/v1",
        base_url="https://openrouter.ai",
        key="required",
    ),
    "openai_compatible": Provider(
        "any server with the OpenAI API", "/v1/models", ("chat", "agent", "embedding", "rerank"), any_api=True
    ),
}


class Endpoint(NamedTuple):
    """The route of one capability on one server.

    ``url``, ``headers``, ``request_body`` and ``functions`` (pre- and post-processing) belong into the connector's
    action, ``parameters`` into the connector; ``health_url`` answers without cost; ``probe`` are the parameters of a
    prediction that proves the connector.
    """

    url: str
    health_url: str
    headers: dict[str, str]
    request_body: str
    functions: dict[str, str]
    parameters: dict[str, str]
    probe: dict[str, Any]


@dataclass(frozen=True)
class EndpointOptions:
    """The options of ml_connector that describe the server of a provider.

    ``base_url`` may be the server's root, its API's root (``.../v1``) or the whole URL of one of its routes; ``api_path``
    replaces the provider's usual route, from the server's root on; ``extra_body`` is added to the request body. Without
    ``assume_local``, a server that one runs oneself has no default URL.
    """

    base_url: str | None = None
    model: str | None = None
    capability: str = "chat"
    api_path: str | None = None
    api_version: str | None = None
    extra_body: Mapping[str, Any] | None = None
    assume_local: bool = True


def endpoint(provider: str, options: EndpointOptions, *, with_key: bool = False) -> Endpoint:
    """The endpoint of a provider's server.

    ``with_key`` adds the header with the key also where the provider does not require one. Raises Failure for options
    that the provider does not support.
    """
    entry = _entry(provider)
    capability = CAPABILITIES[_supported_capability(entry, options)]
    base = _base_url(entry, options)
    entry, root = _located(entry, base, capability, options)
    route = _route(entry, capability, options)
    version = options.api_version or _queried_version(entry, base) or entry.api_version
    query = "?" + urlencode({"api-version": version}) if version else ""
    reserved = set(capability.fields) & set(options.extra_body or {})
    if reserved:
        raise Failure("invalid_input", f"extra_body: {', '.join(sorted(reserved))} cannot be set here.")
    headers = {"Content-Type": "application/json"}
    if with_key or entry.key == "required":
        headers[entry.key_header] = entry.key_form
    return Endpoint(
        root + route + query,
        root + entry.health + query,
        headers,
        _extended(capability.request_body, options.extra_body),
        dict(capability.functions),
        dict(capability.parameters),
        dict(capability.probe),
    )


def has_url(provider: str, options: EndpointOptions) -> bool:
    """Whether the options determine a URL. Raises Failure for an unknown provider."""
    entry = _entry(provider)
    return bool(_given_or_usual_url(entry, options)) and bool(options.model or not entry.deployments)


def connector_fields(
    provider: str, *, api_key: str | None, capability: str | None = None, **options: Any
) -> dict[str, Any]:
    """The fields of a connector to a provider's server; ``options`` are those of :class:`EndpointOptions`.

    Raises Failure as :func:`endpoint` does, and without a model.
    """
    of_server = EndpointOptions(capability=capability or "chat", **options)
    if not of_server.model:
        raise Failure("invalid_input", f"model: provider {provider!r} requires the name of the model.")
    at = endpoint(provider, of_server, with_key=bool(api_key))
    action = {"action_type": "predict", "method": "POST", "url": at.url, "headers": at.headers}
    return {
        "parameters": {"model": of_server.model, **at.parameters},
        "credential": {"api_key": api_key} if api_key else None,
        "actions": [{**action, "request_body": at.request_body, **at.functions}],
        "probe": at.probe,
    }


def check_key(provider: str, credential: Mapping[str, Any] | None, actions: Any) -> None:
    """Raises Failure if the actions use the key, the provider requires one, and the credential has none."""
    needed = _entry(provider).key == "required" and KEY in json.dumps(actions, default=str)
    if needed and not (credential or {}).get("api_key"):
        raise Failure("api_key_missing", f"api_key: provider {provider!r} requires a key.")


def _entry(provider: str) -> Provider:
    if provider not in PROVIDERS:
        raise Failure("invalid_input", f"provider: {provider!r} is unknown; use one of {', '.join(PROVIDERS)}.")
    return PROVIDERS[provider]


def _supported_capability(entry: Provider, options: EndpointOptions) -> str:
    capability, other = options.capability, "openai_compatible"
    if capability in entry.capabilities:
        return capability
    message = f"capability: {entry.label} does not support {capability}; it supports {', '.join(entry.capabilities)}."
    base = options.base_url or entry.base_url
    if base and capability in PROVIDERS[other].capabilities:
        api = base if options.base_url else base + entry.api
        message += f" If the server offers it by now, use 'provider: {other}' with 'base_url: {api}'."
    raise Failure("invalid_input", message)


def _given_or_usual_url(entry: Provider, options: EndpointOptions) -> str | None:
    is_usual = options.assume_local or (entry.base_url or "").startswith("https://")
    return options.base_url or (entry.base_url if is_usual else None)


def _base_url(entry: Provider, options: EndpointOptions) -> str:
    base = _given_or_usual_url(entry, options)
    if not base:
        usual = f", such as {entry.base_url} if it runs on each OpenSearch node" if entry.base_url else ""
        raise Failure("invalid_input", f"base_url: {entry.label} has no default URL; set the URL of the server{usual}.")
    try:
        parts = urlsplit(base)
        url_module.parse(base)
    except Failure as failure:
        raise Failure(failure.code, f"base_url: {failure.message}") from failure
    unused = [name for name, _value in parse_qsl(parts.query, keep_blank_values=True) if name != "api-version"]
    if unused or parts.fragment or (parts.query and not entry.api_version):
        # Without the values: one may be a key.
        raise Failure("invalid_input", "base_url: must have no query and no fragment; leave out what follows the path.")
    if entry.deployments and not options.model:
        raise Failure("invalid_input", f"model: the URL of {entry.label} contains it, as the name of the deployment.")
    return base


def _route(entry: Provider, capability: Capability, options: EndpointOptions) -> str:
    """The path of the capability's route, from the server's root on."""
    if options.api_path:
        if not options.api_path.startswith("/"):
            raise Failure("invalid_input", f"api_path: {options.api_path!r} must begin with a slash.")
        return options.api_path
    if entry.deployments:
        return f"{entry.api}/deployments/{quote(str(options.model), safe='')}{capability.path}"
    return entry.api + capability.path


def _queried_version(entry: Provider, base: str) -> str | None:
    """The version in the query of a whole URL, as Azure's portal shows it."""
    return dict(parse_qsl(urlsplit(base).query)).get("api-version") if entry.api_version else None


def _located(entry: Provider, base: str, capability: Capability, options: EndpointOptions) -> tuple[Provider, str]:
    """The provider with its API where the base URL says it is, and the URL of the server's root. Raises Failure for a base
    URL that ends with the route of something else."""
    parts = urlsplit(base)
    server, path = f"{parts.scheme}://{parts.netloc}", re.sub("/{2,}", "/", parts.path).rstrip("/")
    if options.api_path:
        return entry, server + _without_end(path, [*_beginnings(options.api_path), "/v1"])
    if entry.deployments:
        return entry, server + _without_deployment(path, options)
    _check_capability(server, path, capability)
    if entry.any_api:
        of_route = next((route for route in _routes() if path.endswith(route)), "")
        api_root = path[: len(path) - len(of_route)]
        if of_route or _API_ROOT.search(api_root):
            return entry._replace(api=api_root, health=f"{api_root}/models"), server
        _check_words(entry, server, path)
        return entry, server + path
    # Users of OpenAI's clients end a base URL with /v1, whatever the server.
    roots = ["", "/v1", *_beginnings(entry.api)]
    ends = [root + route for root in roots for route in ("", *_routes())]
    rest = _without_end(path, [*ends, *entry.own_routes, entry.health])
    _check_words(entry, server, rest)
    return entry, server + rest


def _check_words(entry: Provider, server: str, path: str) -> None:
    """Raises Failure for a path that ends with the route of another API than that of OpenAI."""
    before, _slash, word = path.rpartition("/")
    if word in _ROUTE_WORDS:
        of_server = "" if entry.any_api else f" of {entry.label}"
        other = "; if the server has no such API, give 'definition' in place of 'provider'" if entry.any_api else ""
        raise Failure(
            "invalid_input",
            f"base_url: ends with '/{word}', which is no part of the OpenAI API{of_server}; write {server + before!r}{other}.",
        )


def _routes() -> list[str]:
    """The routes below an API's root, the longest first."""
    return sorted({*(each.path for each in CAPABILITIES.values()), *_OTHER_ROUTES}, key=len, reverse=True)


def _beginnings(route: str) -> list[str]:
    """A path, and each whole beginning of it."""
    segments = route.split("/")
    return ["/".join(segments[:length]) for length in range(2, len(segments) + 1)]


def _without_end(path: str, ends: list[str]) -> str:
    """The path without the longest of these ends, which are whole segments, that it has."""
    known = max((end for end in ends if path.endswith(end)), key=len, default="")
    return path[: len(path) - len(known)].rstrip("/")


def _check_capability(server: str, path: str, capability: Capability) -> None:
    """Raises Failure for a base URL that is the route of another capability."""
    for name, other in CAPABILITIES.items():
        if other.path != capability.path and path.endswith(other.path):
            raise Failure(
                "invalid_input",
                f"base_url: ends with {other.path!r}, the route of another capability; set 'capability: {name}', or write "
                f"{server + path[: -len(other.path)]!r}.",
            )


def _without_deployment(path: str, options: EndpointOptions) -> str:
    """The path in front of the API's root, of which the base URL may have any beginning, with a deployment."""
    front, found, behind = path.partition("/openai")
    if not found or (behind and not behind.startswith("/")):
        return path
    deployment = re.match(r"/deployments/([^/]+)", behind)
    if deployment and unquote(deployment[1]) != options.model:
        raise Failure(
            "invalid_input",
            f"model: base_url contains the deployment {unquote(deployment[1])!r}, and model is {options.model!r}; give the name of "
            "the deployment as model.",
        )
    return front


def _extended(body: str, extra: Mapping[str, Any] | None) -> str:
    """The body with extra fields, added to its text: with placeholders it is not JSON that could be parsed."""
    return body[:-1] + ", " + json.dumps(dict(extra))[1:] if extra else body
