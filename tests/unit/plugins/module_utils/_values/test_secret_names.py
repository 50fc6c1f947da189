# SPDX-License-Identifier: GPL-3.0-or-later
"""The names that say that their value is a secret, and similar ones that do not."""

from __future__ import annotations

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._values.secret_names import (
    is_secret,
    is_secret_header,
    is_secret_in_query,
)

SECRET = (
    "password", "db_password", "passwordOfTheUser", "client.password", "PASSWD", "passphrase", "secret", "client_secret",
    "clientSecret", "secret_key", "aws_secret_access_key", "token", "api_token", "sessionToken", "access-token",
    "vertexAI_token", "hf_token", "api_key", "apiKey", "APIKey", "API_KEY", "apikey", "api_keys", "x-api-key", "openAI_key",
    "openai_key", "cohere_key", "OPENAI_API_KEY_2", "private_key", "encryption_key", "subscription-key", "Authorization",
    "plugins.some.feature.password", "jwt",
)  # fmt: skip

NOT_SECRET = (
    "max_tokens", "maxTokens", "tokens", "total_tokens", "token_limit", "token_count", "tokenizer", "eos_token", "stop_token",
    "pad_token", "next_token", "key", "keys", "key_field", "primary_key", "output_key", "memory_key", "cache_key", "monkey",
    "keyboard", "turkey", "password_field", "password_policy", "secret_name", "secretArn", "credential_type", "api_key_header",
    "update_credential",
    "model", "compass", "secretary", "author", "", "_", "model_id", "token_uri", "client_email",
)  # fmt: skip


@pytest.mark.parametrize("name", SECRET)
def test_names_of_secrets(name: str) -> None:
    assert is_secret(name)
    assert is_secret_header(name)
    assert is_secret_in_query(name)


@pytest.mark.parametrize("name", NOT_SECRET)
def test_names_of_other_values(name: str) -> None:
    assert not is_secret(name)


HEADERS = (
    "Proxy-Authorization", "Cookie", "Set-Cookie", "X-Auth", "X-Auth-Key", "X-Functions-Key", "X-Amz-Security-Token",
    "Ocp-Apim-Subscription-Key", "X-Session-Id", "X-Signature",
)  # fmt: skip

OTHER_HEADERS = (
    "Content-Type", "anthropic-version", "Accept", "Idempotency-Key", "Cache-Key", "X-Max-Tokens", "X-Api-Version", "Host",
)  # fmt: skip


@pytest.mark.parametrize("name", HEADERS)
def test_headers_with_secrets(name: str) -> None:
    assert is_secret_header(name)


@pytest.mark.parametrize("name", OTHER_HEADERS)
def test_other_headers(name: str) -> None:
    assert not is_secret_header(name)


@pytest.mark.parametrize("name", ["key", "sig", "api-key", "access_token", "code"])
def test_parameters_of_urls_with_secrets(name: str) -> None:
    assert is_secret_in_query(name)


@pytest.mark.parametrize("name", ["api-version", "alt", "model", "max_tokens"])
def test_other_parameters_of_urls(name: str) -> None:
    assert not is_secret_in_query(name)
