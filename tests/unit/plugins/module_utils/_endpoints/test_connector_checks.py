# SPDX-License-Identifier: GPL-3.0-or-later
"""The URLs and the credential of a connector."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._endpoints import connector_checks
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.exceptions import Failure

URL = "http://llm.test:8080/v1/chat/completions"
KEYS = {"access_key": "AKIAEXAMPLE", "secret_key": "abc"}
SCOPE = {"region": "us-east-1", "service_name": "bedrock"}


def fields(url: str, **parameters: Any) -> dict[str, Any]:
    return {"actions": [{"url": URL}, {"url": url}], "parameters": parameters}


@pytest.mark.parametrize(
    ("url", "parameters", "filled"),
    [
        ("http://${parameters.host}/v1", {"host": "a:1"}, "http://a:1/v1"),
        ("${parameters.endpoint}/v1", {"endpoint": "http://${parameters.host}", "host": "a"}, "http://a/v1"),
        ("http://a/${parameters.x:-y}/${parameters.z}", {"z": 5}, "http://a/y/5"),
        ("http://a/${parameters.x}", {"x": None}, "http://a/${parameters.x}"),
        ("http://a/${parameters.x}", {"x": "${parameters.x}"}, "http://a/${parameters.x}"),
        ("http://a/${credential.x}", {"x": 1}, "http://a/${credential.x}"),
    ],
)
def test_calls(url: str, parameters: dict[str, Any], filled: str) -> None:
    assert connector_checks.calls(fields(url, **parameters)) == [("actions[0].url", URL), ("actions[1].url", filled)]
    assert connector_checks.calls({"url": url, "parameters": parameters}) == [("url", filled)]


@pytest.mark.parametrize(
    ("url", "parameters", "fault"),
    [
        ("http://${parameters.endpoint}/x", {"endpoint": "http://h:1"}, "it has two schemes; write 'http://h:1/x'"),
        ("${parameters.endpoint}/x", {"endpoint": "h:1"}, "write 'http://h:1/x' or 'https://h:1/x'"),
        ("http://${parameters.host}/x", {"host": ""}, "contain a host"),
        ("http://my_llm:8080/x", {}, "its host 'my_llm' has an underscore"),
        ("http://${parameters.host}/x", {"host": "a_b.example"}, "its host 'a_b.example' has an underscore"),
        ("http://h:${parameters.port}/x", {"port": 70000}, "range 0-65535"),
        ("http://h:0/x", {}, "range 1-65535"),
        ("http://h:1/x ", {}, "a space"),
        ("http://h:1/{", {}, "its path contains '{', which no URL may have; write %7B in its place"),
        ("https://h/endpoints/{your-name}/x", {}, "'{your-name}' is a word of a template; write your own value in its"),
        ("https://h.${parameters.r}.example/x", {"r": "your_region"}, "'your_region' is a word of a template"),
        ("https://PUT_YOUR_ENDPOINT_HERE", {}, "'PUT_YOUR_ENDPOINT_HERE' is a word of a template"),
        ("your_model_endpoint", {}, "'your_model_endpoint' is a word of a template"),
        ("http://h:1/a%zz", {}, "its path contains '%'"),
        ("http://127.1/x", {}, "its host '127.1' has a form"),
        ("http://-a.example/x", {}, "its host '-a.example' has a form"),
        ("http://a..example/x", {}, "its host 'a..example' has a form"),
        ("http://b\u00fccher.example/x", {}, "its host 'b\u00fccher.example' has a form"),
    ],
)
def test_an_unusable_url(url: str, parameters: dict[str, Any], fault: str) -> None:
    with pytest.raises(Failure) as caught:
        connector_checks.check(fields(url, **parameters), None)
    assert caught.value.code == "invalid_input"
    assert caught.value.message.startswith("actions[1].url: ")
    assert fault in caught.value.message


@pytest.mark.parametrize(
    ("url", "warning"),
    [
        ("http://${parameters.host}/v1", "takes its host from a parameter"),
        ("${parameters.endpoint}/v1", "takes its host from a parameter"),
        ("http://a.test:${parameters.port}", "takes its host from a parameter"),
        ("https://llm.test:11434/v1", "Ollama speaks plain HTTP"),
        ("http://llm.test:8080", "has no path"),
        ("http://llm.test:8080/", "has no path"),
        ("http://llm.test:8080//v1", "has two slashes in its path"),
    ],
)
def test_a_warning_about_a_url(url: str, warning: str) -> None:
    [found] = connector_checks.check(fields(url), None)
    assert warning in found


def test_the_url_of_an_mcp_server_has_no_path() -> None:
    """It is a parameter: ``endpoint`` or ``sse_endpoint``."""
    assert connector_checks.check({"protocol": "mcp_sse", "url": "http://tools.test:8080"}, None) == []


@pytest.mark.parametrize(
    ("protocol", "credential", "needed"),
    [
        ("aws_sigv4", {"roleArn": "arn:aws:iam::1:role/x"}, True),
        ("aws_sigv4", {**KEYS, "roleArn": "x"}, False),
        ("aws_sigv4", None, False),
        ("http", {"roleArn": "x"}, False),
    ],
)
def test_a_credential_that_only_amazon_takes(protocol: str, credential: Any, needed: bool) -> None:
    assert connector_checks.needs_amazon({"protocol": protocol}, credential) is needed


def test_timeouts_in_milliseconds() -> None:
    config = {"connection_timeout": 30000, "read_timeout": 600}
    [found] = connector_checks.check({"client_config": config}, None)
    assert found.startswith("client_config.connection_timeout: 30000 seconds are 8.3 hours.")
    assert "write 30 if you mean 30 seconds" in found


@pytest.mark.parametrize(
    ("action", "warned"),
    [
        ({"method": "POST"}, True),
        ({"method": "post", "action_type": "PREDICT", "request_body": ""}, True),
        ({"method": "POST", "request_body": "{}"}, False),
        ({"method": "POST", "action_type": "cancel_batch_predict"}, False),
        ({"method": "GET"}, False),
    ],
)
def test_a_post_without_a_body(action: dict[str, str], warned: bool) -> None:
    warnings = connector_checks.check({"actions": [{"url": URL, **action}]}, None)
    assert ["actions[0]: has no request_body" in warning for warning in warnings] == [True] * warned
    filled = {"actions": [{"url": URL, **action}], "parameters": {"http_body": "{}"}}
    assert connector_checks.check(filled, None) == []


def test_an_api_that_names_its_operation_in_a_header_needs_no_path() -> None:
    given = {"actions": [{"url": "https://comprehend.us-east-1.amazonaws.com", "headers": {"X-Amz-Target": "x"}}]}
    assert connector_checks.check(given, None) == []


@pytest.mark.parametrize(
    "url",
    [
        URL,
        "http://10.0.0.1/x",
        "http://[::1]:8080/x",
        "https://a-1.example./x?y=[1]&z=%20",
        "http://h/${parameters.model}/x",
        "http://h/x?model=${parameters.model:-a}",
    ],
)
def test_a_usable_url(url: str) -> None:
    assert connector_checks.check(fields(url), {}) == []


def test_a_user_in_a_url_is_not_shown() -> None:
    for url in ("http://joe:s3cret@a_b/x", "http://http://joe:s3cret@a/x", "http://joe:s3cret@a:0/x"):
        with pytest.raises(Failure) as caught:
            connector_checks.check(fields(url), None)
        assert "s3cret" not in caught.value.message


@pytest.mark.parametrize(
    ("credential", "parameters", "missing"),
    [
        ({}, SCOPE, ["credential.access_key", "credential.secret_key"]),
        ({"access_key": "a", "secret_key": ""}, SCOPE, ["credential.secret_key"]),
        (KEYS, {}, ["parameters.service_name", "parameters.region"]),
        (KEYS, {"region": "us-east-1"}, ["parameters.service_name"]),
        ({"roleArn": "arn:aws:iam::1:role/x"}, {}, ["parameters.service_name", "parameters.region"]),
        (KEYS, SCOPE, []),
        ({**KEYS, **SCOPE}, {}, []),
        ({"roleArn": "arn:aws:iam::1:role/x"}, SCOPE, []),
        ({"secretArn": "arn:aws:secretsmanager:x"}, SCOPE, []),
        # The server has a credential already.
        (None, {}, []),
    ],
)
def test_what_sigv4_needs(credential: dict[str, str] | None, parameters: dict[str, str], missing: list[str]) -> None:
    connector = {"protocol": "aws_sigv4", "parameters": parameters}
    if not missing:
        assert connector_checks.check(connector, credential) == []
        return
    with pytest.raises(Failure) as caught:
        connector_checks.check(connector, credential)
    assert (caught.value.code, caught.value.details["missing"]) == ("sigv4_incomplete", missing)
    assert connector_checks.check({**connector, "protocol": "http"}, credential) == []


@pytest.mark.parametrize(
    "value",
    [
        "YOUR_API_KEY",
        "your-openai-key",
        "<your key>".strip("<>"),
        "Enter your API key here",
        "PASTE_YOUR_TOKEN_HERE",
        "my secret key",
        "changeme",
        "change_me",
        "ChangeThis",
        "REPLACE_ME",
        "...",
        "sk-...",
        "sk-...AbCd",
        "sk-xxxx",
        "xxxxxxxx",
        "gsk_XXXXXXXXXXXX",
        "********",
        "sk-****abcd",
        "TODO",
        "$OPENAI_API_KEY",
        "${OPENAI_API_KEY}",
        "{{ vault_key }}",
        "{% raw %}{{aws-access-key-id}}{% endraw %}",
        "%OPENAI_API_KEY%",
    ],
)
def test_a_value_that_was_left_in(value: str) -> None:
    for credential, headers, place in (
        ({"key": value}, {}, "credential.key"),
        ({"key": {"nested": [value]}}, {}, "credential.key"),
        ({}, {"api-key": value.split(" ")[-1] if value.count(" ") == 2 else value}, "actions[0].headers.api-key"),
    ):
        if headers and (value.startswith("$") or " " in value):
            continue
        [warning] = connector_checks.check({"actions": [{"url": URL, "headers": headers}]}, credential)
        assert warning.startswith(f"{place}: looks like")
        assert value == "..." or value not in warning


@pytest.mark.parametrize(
    "value",
    [
        "sk-proj-4fJx9Q2mZ8",
        "EMPTY",
        "none",
        "dummy",
        "ollama",
        "not-needed",
        "test",
        "xx",
        "taxxxi",
        "p4ssw0rd!",
        "gAAAAB$x{y}",
        "a" * 5000,
        "arn:aws:iam::123456789012:role/my-key-role",
        "",
        5,
        None,
    ],
)
def test_a_value_of_one_s_own(value: Any) -> None:
    assert connector_checks.check({"actions": [{"url": URL}]}, {"key": value}) == []


@pytest.mark.parametrize(
    "value",
    [
        "your_region_like_us-west-2",
        "YOUR-REGION",
        "put_your_region_here",
        "${AWS_REGION}",
        "$REGION",
        "{{region}}",
        "%REGION%",
    ],
)
def test_a_parameter_that_was_left_in(value: str) -> None:
    [warning] = connector_checks.check({"actions": [{"url": URL}], "parameters": {"region": value}}, None)
    assert warning.startswith("parameters.region: looks like a value of an example")


@pytest.mark.parametrize(
    "value",
    ["us-west-2", "Your task: answer.", "yours-1", "Greet {{name}}", "${parameters.prompt}", "$.choices[0]", 5, None],
)
def test_a_parameter_of_one_s_own(value: Any) -> None:
    assert connector_checks.check({"actions": [{"url": URL}], "parameters": {"prompt": value}}, None) == []


def test_a_left_in_bearer_token() -> None:
    [warning] = connector_checks.check({"headers": {"Authorization": "Bearer YOUR_API_KEY"}}, None)
    assert warning.startswith("headers.Authorization: ")


@pytest.mark.parametrize(
    ("key", "header", "warned"),
    [
        ("Bearer sk-1", "Bearer ${credential.key}", True),
        ("bearer sk-1", "Bearer ${credential.key}", True),
        ("Token x", "Token ${credential.key}", True),
        ("sk-1", "Bearer ${credential.key}", False),
        ("Bearer sk-1", "${credential.key}", False),
        ("two words", "Bearer ${credential.key}", False),
        ("Bearer sk-1", "Bearer ${credential.other}", False),
    ],
)
def test_a_key_with_the_word_of_its_header(key: str, header: str, warned: bool) -> None:
    action = {"url": URL, "headers": {"Authorization": header}}
    warnings = connector_checks.check({"actions": [action]}, {"key": key})
    assert [text.startswith("credential.key: begins with") for text in warnings] == [True] * warned
    assert "sk-1" not in str(warnings)
    assert connector_checks.check({"url": URL, "headers": {"Authorization": header}}, {"key": key}) == warnings


@pytest.mark.parametrize(
    ("key", "header", "warned"),
    [
        (" sk-1", "Bearer ${credential.key}", True),
        ("sk-1 ", "${credential.key}", True),
        ("sk-1\u00a0", "Bearer ${credential.key}", True),
        ("sk-1 2", "Bearer ${credential.key}", False),
        (" sk-1 ", "Bearer ${credential.other}", False),
    ],
)
def test_a_key_with_a_blank_at_its_start_or_end(key: str, header: str, warned: bool) -> None:
    action = {"url": URL, "headers": {"Authorization": header}}
    warnings = connector_checks.check({"actions": [action]}, {"key": key})
    assert [text.startswith("credential.key: begins or ends with a blank") for text in warnings] == [True] * warned
    assert "sk-1" not in str(warnings)
