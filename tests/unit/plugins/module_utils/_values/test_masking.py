# SPDX-License-Identifier: GPL-3.0-or-later
"""Masks secrets in each form in which they are transferred, and nothing else."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._values.masking import (
    MASK,
    Masker,
    find_secrets,
    hidden,
    is_literal_secret,
)

AWKWARD = 'p"a\\s/s wörd+&=%\n'

FORMS = {
    "plain": AWKWARD,
    "base64": base64.b64encode(AWKWARD.encode()).decode(),
    "base64url": base64.urlsafe_b64encode(AWKWARD.encode()).decode(),
    "url": quote(AWKWARD, safe=""),
    "form": quote_plus(AWKWARD),
    "json": json.dumps(AWKWARD),
    "json utf-8": json.dumps(AWKWARD, ensure_ascii=False),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_each_form_is_masked(form: str) -> None:
    masked = Masker([AWKWARD])(f"before {form} after")
    assert masked.startswith("before ")
    assert masked.endswith(" after")
    assert MASK in masked
    assert form.strip('"') not in masked


def test_values_are_masked_at_any_depth_but_keys_are_not() -> None:
    masked = Masker(["changed"])({"changed": [{"b": ("x changed y", 5, None, True)}]})
    assert masked == {"changed": [{"b": [f"x {MASK} y", 5, None, True]}]}


def test_a_secret_that_contains_another() -> None:
    assert Masker(["abcd", "abcdef"])("abcdef abcd") == f"{MASK} {MASK}"


@pytest.mark.parametrize("secret", ["", "x", "abc"])
def test_short_secrets_are_not_masked(secret: str) -> None:
    masker = Masker([secret])
    assert masker("text with abc and x") == "text with abc and x"
    assert not masker.forms


def test_secrets_added_later_are_masked() -> None:
    masker = Masker()
    assert masker("s3cret") == "s3cret"
    masker.add("s3cret")
    assert masker("s3cret") == MASK


@given(secret=st.text(min_size=6), before=st.text(), after=st.text())
def test_no_secret_survives(secret: str, before: str, after: str) -> None:
    masker = Masker([secret])
    masked = masker(before + secret + after)
    # Next to the mask, the text may form a secret of asterisks with a part of it; no other secret.
    assert secret not in masked.replace(MASK, "") or secret not in masked or set(secret) == {"*"}


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Authorization", "Bearer sk-123"),
        ("authorization", "sk-123"),
        ("Authorization", "Basic am9lOng="),
        ("X-API-Key", "sk-123"),
        ("x-api-key", "${parameters.prefix}-sk-123"),
        ("api_key", "sk-123"),
        ("Ocp-Apim-Subscription-Key", "sk-123"),
        ("X-Auth-Token", "sk-123"),
        ("Cookie", "session=1"),
        ("X-Secret", "sk-123"),
        ("Proxy-Authorization", "Bearer sk-123"),
        ("X-Amz-Security-Token", "abc"),
        ("Authorization", "Bearer ${credential.key} sk-123"),
    ],
)
def test_literal_secrets_are_detected(header: str, value: str) -> None:
    assert is_literal_secret(header, value)


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Authorization", "Bearer ${credential.key}"),
        ("Authorization", "${credential.key}"),
        ("Authorization", "Api-Key ${credential.key}"),
        ("Authorization", " Basic ${credential.user}${credential.password} "),
        ("x-api-key", "${credential.key}"),
        ("Content-Type", "application/json"),
        ("anthropic-version", "2023-06-01"),
        ("Accept", "*/*"),
        ("Authorization", ""),
    ],
)
def test_placeholders_and_other_headers_are_not_secret(header: str, value: str) -> None:
    assert not is_literal_secret(header, value)


@pytest.mark.parametrize("text", ["got: SK-A1B2C3", "got: sk-a1b2c3", "got: Sk-A1b2c3"])
def test_a_secret_whose_case_was_changed_is_masked(text: str) -> None:
    assert Masker(["Sk-A1b2c3"])(text) == "got: ********"


def test_a_password_with_a_slash_is_found() -> None:
    """No URL can have it, so that a message refuses the URL."""
    assert "s3/cr?et" in set(find_secrets({"url": "http://joe:s3/cr?et@chat/v1"}))


@pytest.mark.parametrize("text", ["a%2fb%2bc%3d", "a%2Fb%2Bc%3D", "A%2FB%2BC%3D"])
def test_a_quoted_secret_is_masked_in_either_case(text: str) -> None:
    assert Masker(["a/b+c="])(text) == "********"


@pytest.mark.parametrize(
    "value",
    [
        {"credential": "s3cret"},
        {"credential": {"a": ["s3cret", None, "", True]}},
        {"definition": '{"credential": {"key": "s3cret"}}'},
        [{"models": [{"api_key": "s3cret"}]}],
        {"actions": [{"headers": {"Authorization": "s3cret"}}]},
        {"mcp_headers": '{"X-Api-Key": "s3cret"}'},
        {"base_url": "https://joe:s3cret@chat/v1"},
        '{"credentials": {"key": "s3cret"}}',
        {"definition": {"Credential": {"key": "s3cret"}, "crednetial": "s3cret"}},
        {"parameters": {"secret_key": "s3cret", "apiKey": "s3cret"}},
        {"headers": ["Authorization", "s3cret"]},
        {"headers": [{"name": "Authorization", "value": "s3cret"}]},
        {"mcp_headers": "s3cret"},
        {"url": "https://chat/v1/models/a:generateContent?alt=sse&key=s3cret"},
        {
            "parameters": {
                "openAI_key": "s3cret",
                "max_tokens": "4096000",
                "token_limit": "8192000",
                "key_field": "text",
            }
        },
        {"extra_fields": {"token": "s3cret", "keystore_password": "s3cret", "monkey": "business"}},
        {"settings": {"plugins.x.client.password": "s3cret", "plugins": {"y": {"auth_token": "s3cret"}}}},
        {"parameters": {"endpoint": "https://host/v1?api_key=s3cret&api-version=2024-10-21"}},
        {"parameters": {"proxy": "https://joe:s3cret@host/v1"}},
        {"actions": [{"headers": {"X-Functions-Key": "s3cret", "X-Auth": "s3cret", "Idempotency-Key": "abcdef"}}]},
        {"parameters": {"api_keys": ["s3cret", "${credential.b}"]}},
    ],
)
def test_secrets_are_found_in_any_structure(value: Any) -> None:
    assert set(find_secrets(value)) == {"s3cret"}


@pytest.mark.parametrize(
    "value",
    [
        None, 5, "text", [1, "credential"], {"credential": None}, {"api_key": "${parameters.key}"}, {"headers": "text"},
        {"headers": {"Authorization": "Bearer ${credential.key}"}}, {"url": "https://host:443/v1/gemini@001:predict"},
        {"url": "https://host/v1?api-version=2024-10-21&key=${parameters.key}"}, {"url": "http://${parameters.host}:80/@cf/a"},
        {"url": "http://host:${parameters.port}/@cf/a"}, {"tokens": "text", "max_tokens": "text", "key": "text"},
    ],
)  # fmt: skip
def test_values_without_secrets(value: Any) -> None:
    assert list(find_secrets(value)) == []


@pytest.mark.parametrize("value", [(), [1], {"a": [{"b": "text"}], "c": None, "d": True}])
def test_what_has_no_secret_is_shown_as_it_is(value: Any) -> None:
    assert hidden(value) == (list(value) if isinstance(value, tuple) else value)


def test_each_secret_is_hidden_in_its_place() -> None:
    """Another text that happens to be the same stays: it is masked only where it was given as a secret."""
    value = {
        "name": "s3cret",
        "parameters": {"openAI_key": "s3cret", "model": "tiny", "max_tokens": "512", "token": "${credential.key}"},
        "credential": {"key": "s3cret", "empty": "", "number": 5},
        "actions": [
            {
                "url": "https://joe:s3cret@host/v1?alt=sse&key=s3cret",
                "headers": {"Authorization": "Bearer s3cret", "X-Api-Key": "${credential.key}", "Accept": "*/*"},
            }
        ],
        "api_keys": ["s3cret", {"password": "s3cret"}],
    }
    assert hidden(value) == {
        "name": "s3cret",
        "parameters": {"openAI_key": MASK, "model": "tiny", "max_tokens": "512", "token": "${credential.key}"},
        "credential": {"key": MASK, "empty": "", "number": MASK},
        "actions": [
            {
                "url": f"https://joe:{MASK}@host/v1?alt=sse&key={MASK}",
                "headers": {"Authorization": MASK, "X-Api-Key": "${credential.key}", "Accept": "*/*"},
            }
        ],
        "api_keys": [MASK, {"password": MASK}],
    }


def test_a_url_with_placeholders_is_shown_as_it_is() -> None:
    url = "https://${parameters.host}/v1?key=${parameters.key}&api-version=1"
    assert hidden({"url": url}) == {"url": url}
