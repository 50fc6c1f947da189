# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Predictions through real servers and a real, tiny model, and the failures when it does not answer."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.searchops.opensearch_ml.tests.integration._stack import (
    GATEWAY,
    GATEWAY_TLS,
    GATEWAY_UNKNOWN_TLS,
    ML,
    PRIVATE_IP,
    gateway_keys,
    two_of_one_name,
)

PING = [{"role": "user", "content": "Ping"}]


@pytest.fixture
def serve(cluster, name):
    """Creates a deployed model by plain REST; ``url`` and other options are the connector's, ``model`` are the model's fields."""

    def make(model: dict[str, Any] | None = None, **fields: Any) -> str:
        return cluster.make_model(name, cluster.make_connector(name, **fields), deploy=True, **(model or {}))

    return make


def test_answer(cluster, module, serve, name):
    model_id = serve()
    for reference in (name, model_id):
        for _ in range(2):
            done = module("ml_predict", model=reference, messages=PING, expect_pattern="^Pong")
            assert (done["changed"], done["content"], done["status"]) == (False, "Pong.", 200)
            assert done["usage"]["total_tokens"] > 1
            assert done["model_id"] == model_id
            assert done["result"]["choices"][0]["message"]["content"] == "Pong."
            assert module.recorder.writes == []


@pytest.mark.full_on("2.19.1-tls")
def test_check_mode_sends_no_prediction(module, serve, name):
    serve()
    done = module("ml_predict", check=True, model=name, messages=PING)
    assert (done["changed"], done["content"], done["result"]) == (False, "(not asked in check mode)", None)
    assert done["request"] == {"parameters": {"messages": PING}}
    assert not [request for request in module.recorder.requests if request.path.endswith("/_predict")]


@pytest.mark.full_on("2.19.1-tls")
def test_conversation_and_unicode(module, serve, name):
    serve()
    messages = [
        {"role": "system", "content": 'Du bist "höflich" \\ 世界\nund knapp.'},
        {"role": "user", "content": "Grüße \U0001f600\t\"'"},
        {"role": "assistant", "content": "Hm?"},
        {"role": "user", "content": "Say OK."},
    ]
    assert module("ml_predict", model=name, messages=messages)["content"] == "OK."


def test_parameters_override_the_connectors(module, serve, name):
    serve(parameters={"model": "no-such-model"})
    failure = module.fails("ml_predict", model=name, messages=PING, wait_timeout=0)
    assert (failure["code"], failure["status"]) == ("backend_model_missing", 404)
    assert "no-such-model" in failure["message"]
    assert module("ml_predict", model=name, messages=PING, parameters={"model": "tiny-chat"})["content"] == "Pong."


def test_numbers_and_structures_in_parameters(module, serve, name):
    body = (
        '{"model": "${parameters.model}", "messages": ${parameters.messages}, "max_tokens": ${parameters.max_tokens}, '
        '"stop": ${parameters.stop}, "stream": false}'
    )
    serve(request_body=body)
    done = module(
        "ml_predict",
        model=name,
        parameters={"messages": PING, "max_tokens": 1, "stop": ["</s>"]},
        expect_content=False,
    )
    assert done["usage"]["completion_tokens"] == 1


def test_stream_is_refused_as_it_is_never_answered(cluster, module, serve, name):
    """3.6.0 never answers a prediction with such a parameter, even if it is false."""
    serve()
    args = {"model": name, "messages": PING, "parameters": {"stream": False}}
    if cluster.is_3:
        failure = module.fails("ml_predict", **args)
        assert failure["code"] == "invalid_input"
        assert "stream" in failure["message"]
    else:
        assert module("ml_predict", **args)["content"] == "Pong."


def test_pattern_mismatch_shows_the_text(module, serve, name):
    serve()
    failure = module.fails("ml_predict", model=name, messages=PING, expect_pattern="Ping")
    assert failure["code"] == "pattern_mismatch"
    assert "Pong." in failure["message"]


def test_an_undeployed_model_is_deployed_by_the_prediction(cluster, module, serve, name):
    model_id = serve()
    cluster.undeploy(model_id)
    assert module("ml_predict", model=name, messages=PING)["content"] == "Pong."


def test_an_undeployed_model_without_automatic_deployment(cluster, module, serve, name):
    cluster.undeploy(serve(model={"deploy_setting": {"is_auto_deploy_enabled": False}}))
    failure = module.fails("ml_predict", model=name, messages=PING, wait_timeout=0)
    assert failure["code"] == "model_not_deployed"


def test_disabled_model(cluster, module, serve, name):
    model_id = serve()
    cluster.must("PUT", f"{ML}/models/{model_id}", {"is_enabled": False})
    failure = module.fails("ml_predict", model=name, messages=PING)
    assert (failure["code"], failure["status"]) == ("model_disabled", 403)
    assert "is_enabled" in failure["remedy"]
    module("ml_model", name=name, is_enabled=True)
    assert module("ml_predict", model=name, messages=PING)["content"] == "Pong."


def test_rate_limiter(module, serve, name):
    serve(model={"rate_limiter": {"limit": 1, "unit": "DAYS"}})
    failures = [module.run("ml_predict", model=name, messages=PING).get("failure") for _ in range(3)]
    assert failures[-1]["code"] == "rate_limited"
    assert failures[-1]["status"] == 429


def test_guardrails(module, serve, name):
    guard = {"type": "local_regex", "input_guardrail": {"stop_words": [], "regex": ["(?s).*forbidden.*"]}}
    serve(model={"guardrails": guard})
    assert module("ml_predict", model=name, messages=PING)["content"] == "Pong."
    messages = [{"role": "user", "content": "This is forbidden."}]
    failure = module.fails("ml_predict", model=name, messages=messages, wait_timeout=0)
    assert failure["code"] == "guardrail"


def test_interface(module, serve, name):
    schema = '{"type": "object", "required": ["parameters"], "properties": {"parameters": {"required": ["messages"]}}}'
    serve(model={"interface": {"input": schema}})
    assert module("ml_predict", model=name, messages=PING)["content"] == "Pong."
    failure = module.fails("ml_predict", model=name, parameters={"prompt": "Ping"})
    assert failure["code"] == "interface_mismatch"


def test_https_backend_with_a_key(module, serve, name):
    key = gateway_keys()[0]
    serve(url=GATEWAY_TLS, credential={"key": key}, headers={"Authorization": "Bearer ${credential.key}"})
    assert module("ml_predict", model=name, messages=PING)["content"] == "Pong."


STREAMED = '{"model": "${parameters.model}", "messages": ${parameters.messages}, "stream": true}'
NO_MESSAGES = '{"model": "${parameters.model}", "messages": []}'
WEB_PAGE = {"action_type": "predict", "method": "GET", "url": "http://llama-cpp:8080/", "request_body": "{}"}

#: Failure of the backend -> (the connector's fields, the code, the status, a word of the message or remedy).
BACKENDS: dict[str, tuple[dict[str, Any], str, int | None, str]] = {
    "closed port": ({"url": "http://localhost:1/v1"}, "backend_refused", None, "localhost"),
    "unknown host": ({"url": "http://nowhere.invalid:80/v1"}, "backend_unknown_host", None, "nowhere.invalid"),
    "https to a plain port": (
        {"url": "https://ollama:11434/v1/chat/completions"},
        "backend_closed",
        None,
        "plain HTTP",
    ),
    "unknown certificate": ({"url": GATEWAY_UNKNOWN_TLS}, "backend_tls_untrusted", None, "certificate"),
    "no key": ({"url": GATEWAY}, "backend_unauthorized", 401, "credential"),
    "wrong key": (
        {"url": GATEWAY, "credential": {"k": "not-the-key"}, "headers": {"Authorization": "Bearer ${credential.k}"}},
        "backend_unauthorized",
        401,
        "credential",
    ),
    "unknown model": ({"parameters": {"model": "no-such-model"}}, "backend_model_missing", 404, "no-such-model"),
    "unknown path": ({"url": "http://ollama:11434/v2/chat"}, "backend_path_missing", 404, "404"),
    "429": ({"url": "http://gateway:8080/status/429/v1"}, "backend_busy", 429, "Rate limit"),
    "500": ({"url": "http://gateway:8080/status/500/v1"}, "backend_error", 500, "server had an error"),
    "503": ({"url": "http://gateway:8080/status/503/v1"}, "backend_busy", 503, "overloaded"),
    "stream of events": ({"request_body": STREAMED}, "backend_streams", None, "'stream'"),
    "stream of lines": ({"url": "http://ollama:11434/api/chat"}, "backend_streams", None, "'stream'"),
    "web page": ({"actions": [WEB_PAGE]}, "backend_not_json", None, "web page"),
    "request that the backend rejects": ({"request_body": NO_MESSAGES}, "backend_rejected", 400, "messages"),
    "missing placeholder": ({"parameters": {}}, "placeholder_unfilled", 400, "model"),
    "body is no JSON": (
        {"request_body": '{"messages": ${parameters.messages}, "model": }'},
        "invalid_payload",
        400,
        "request_body",
    ),
}


@pytest.mark.parametrize("backend", BACKENDS)
def test_each_failing_backend_has_its_code(module, serve, name, backend):
    fields, code, status, word = BACKENDS[backend]
    serve(**fields)
    failure = module.fails("ml_predict", model=name, messages=PING, wait_timeout=0)
    assert failure["code"] == code, failure
    if status:
        assert failure["status"] == status
    assert word in failure["message"] + failure["remedy"]


@pytest.mark.usefixtures("settings_restored")
def test_private_address_refused(cluster, module, serve, name):
    cluster.put_settings({PRIVATE_IP: False})
    serve()
    failure = module.fails("ml_predict", model=name, messages=PING, wait_timeout=0)
    assert (failure["code"], failure["status"]) == ("private_address_refused", 400)
    assert PRIVATE_IP in failure["remedy"]


@pytest.mark.full_on("2.19.1-tls")
def test_unknown_and_ambiguous_model(cluster, module, name):
    assert module.fails("ml_predict", model=f"{name} none", messages=PING)["code"] == "unknown_model"
    connector = cluster.make_connector(name)
    ids = two_of_one_name(cluster, "models", lambda: cluster.make_model(name, connector))
    failure = module.fails("ml_predict", model=name, messages=PING)
    assert failure["code"] == "ambiguous_name"
    assert sorted(failure["details"]["ids"]) == sorted(ids)


@pytest.mark.full_on("2.19.1-tls")
def test_input_is_checked_first(module, name):
    assert module.fails("ml_predict", model=name)["code"] == "invalid_input"
    assert module.fails("ml_predict", model=name, messages=PING, expect_pattern="(")["code"] == "invalid_pattern"
    assert module.recorder.requests == []
