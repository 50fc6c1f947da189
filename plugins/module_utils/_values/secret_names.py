# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Which names say that their value is a secret: of parameters, settings, other fields, headers, and parameters of URLs.

A name is read as words, so that ``max_tokens``, ``token_limit``, ``key_field`` and ``monkey`` are none, and ``openAI_key``,
``x-api-key`` and ``sessionToken`` are.
"""

from __future__ import annotations

import re
from functools import lru_cache

#: The end of a word: before a capital letter, also that of the last word after an abbreviation, as in ``APIKey``.
_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")

_WORD = re.compile(r"[A-Za-z]+")

#: Words that make a name secret wherever they are in it.
_SECRETS = frozenset(
    {
        "password", "passwords", "passwd", "pwd", "passphrase", "secret", "secrets", "apikey", "apikeys", "apitoken",
        "accesskey", "secretkey", "privatekey", "accesstoken", "authtoken",
    }
)  # fmt: skip

#: Last words of names whose value is about a secret, and not the secret itself.
_ABOUT = frozenset(
    {
        "age", "algorithm", "allowed", "arn", "count", "enabled", "encoding", "endpoint", "expiry", "field", "fields", "file",
        "format", "header", "id", "length", "level", "limit", "max", "min", "mode", "name", "names", "path", "pattern", "policy",
        "position", "prefix", "provider", "regex", "required", "size", "source", "strategy", "suffix", "timeout", "ttl", "type",
        "uri", "url", "version",
    }
)  # fmt: skip

#: Last words that make a name secret.
_LAST = frozenset({"authorization", "jwt"})

#: Words before ``token`` that mean one of a text, or one that counts.
_NO_TOKEN = frozenset(
    {
        "bos", "by", "cls", "end", "eos", "first", "image", "last", "mask", "max", "min", "next", "pad", "padding", "per", "sep",
        "special", "start", "stop", "text", "think", "thinking", "unk", "unknown",
    }
)  # fmt: skip

#: Words before ``key`` that mean one that grants access. ``ai`` ends the names of many providers, as in ``openAI_key``.
_KEY_OF = frozenset(
    {
        "access", "account", "admin", "ai", "api", "app", "auth", "authentication", "authorization", "encryption", "license",
        "master", "personal", "private", "secret", "service", "shared", "signing", "storage", "subscription",
        "anthropic", "azure", "bedrock", "claude", "cohere", "deepseek", "fireworks", "gemini", "google", "groq", "huggingface",
        "hf", "jina", "llm", "mistral", "nvidia", "openai", "openrouter", "perplexity", "together", "vertexai", "voyage", "xai",
    }
)  # fmt: skip

#: Words that make a header secret.
_HEADER_WORDS = frozenset({"auth", "authorization", "bearer", "cookie", "jwt", "session", "signature"})

#: Words before ``key`` in the names of headers that are no secret.
_NO_KEY = frozenset({"cache", "idempotency", "partition", "routing", "surrogate"})

#: Parameters of URLs in which services take a key.
_QUERY_WORDS = frozenset({"code", "key", "sig", "signature"})


@lru_cache(maxsize=4096)
def is_secret(name: str) -> bool:
    """Whether the value of a field, a parameter or a setting with this name is a secret."""
    words = _words(name)
    last, before = (["", ""] + words)[:-3:-1]
    if not _SECRETS.isdisjoint(words) and last not in _ABOUT:
        return True
    if last == "token":
        return before not in _NO_TOKEN
    return last in _LAST or (last in ("key", "keys") and before in _KEY_OF)


@lru_cache(maxsize=4096)
def is_secret_header(name: str) -> bool:
    """Whether the value of a header with this name is a secret."""
    words = _words(name)
    last, before = (["", ""] + words)[:-3:-1]
    return (
        is_secret(name)
        or not _HEADER_WORDS.isdisjoint(words)
        or (last in ("key", "token") and before not in _NO_KEY | _NO_TOKEN)
    )


def is_secret_in_query(name: str) -> bool:
    """Whether the value of a parameter of a URL with this name is a secret."""
    return name.lower() in _QUERY_WORDS or is_secret_header(name)


def _words(name: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(_CAPITAL.sub(" ", name))]
