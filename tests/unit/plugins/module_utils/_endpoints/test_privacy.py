# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the address of a backend is private, and why."""

from __future__ import annotations

import socket

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._endpoints import privacy, providers

NAMES = {
    "api.openai.com": ["104.18.6.192", "2606:4700::6812:6c0"],
    "nas.example.com": ["192.168.1.7"],
    "both.example.com": ["203.0.113.9", "10.1.2.3"],
    "v6.example.com": ["2001:db8::1"],
    "linklocal.example.com": ["fe80::1%eth0"],
}


@pytest.mark.parametrize(
    ("host", "private"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("10.0.0.1", True),
        ("172.16.0.1", True),
        ("172.31.255.255", True),
        ("172.32.0.1", False),
        ("192.168.0.1", True),
        ("169.254.169.254", True),
        ("0.0.0.0", True),  # noqa: S104 # nothing is bound to it
        ("100.64.0.1", False),
        ("8.8.8.8", False),
        ("[::1]", True),
        ("[fec0::1]", True),
        ("[fd00::1]", False),
        ("[2001:4860:4860::8888]", False),
        ("localhost", True),
        ("LOCALHOST", True),
        ("ollama", True),
        ("ollama.local", True),
        ("ollama.svc.cluster.local", True),
        ("llm.internal.", True),
        ("llm.home.arpa", True),
        ("api.openai.com", False),
        ("API.OpenAI.com.", False),
        ("nas.example.com", True),
        ("both.example.com", True),
        ("v6.example.com", False),
        # The server refuses link-local addresses of version 4 only.
        ("[fe80::1]", False),
        ("linklocal.example.com", False),
        ("unknown.example.com", False),
    ],
)
def test_is_private(host: str, private: bool) -> None:
    assert privacy.is_private(f"http://{host}:8080/v1", lambda name: NAMES.get(name, [])) is private


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        ("10.0.0.1", "10.0.0.1 is a private address"),
        ("8.8.8.8", "8.8.8.8 is a public address"),
        ("ollama", "ollama is a name without a dot"),
        ("LLM.internal.", "llm.internal ends with .internal"),
        ("both.example.com", "the controller resolves both.example.com to the private address 10.1.2.3"),
        ("v6.example.com", "the controller resolves v6.example.com to public addresses only"),
        ("api.openai.com", "api.openai.com is the public address of OpenAI"),
        ("unknown.example.com", "the controller cannot resolve unknown.example.com"),
    ],
)
def test_privacy_has_a_reason(host: str, reason: str) -> None:
    at = privacy.privacy(f"http://{host}/v1", lambda name: NAMES.get(name, []))
    assert at.reason.startswith(reason)
    assert at.known is ("cannot resolve" not in reason)


def test_no_provider_opens_private_addresses_on_a_controller_without_a_name_service() -> None:
    hosted = [each.base_url for each in providers.PROVIDERS.values() if each.base_url and each.key == "required"]
    assert len(hosted) > 3
    assert not any(privacy.is_private(url, lambda name: []) for url in hosted)


def test_ipv4_mapped_addresses_count_as_ipv4() -> None:
    assert privacy.is_private("http://[::ffff:10.0.0.1]/")
    assert not privacy.is_private("http://[::ffff:8.8.8.8]/")


def test_is_private_suffix() -> None:
    assert privacy.is_private_suffix("A.Internal.")
    assert not privacy.is_private_suffix("a.example.com")


def test_resolve_host(monkeypatch: pytest.MonkeyPatch) -> None:
    def known(host: str, port: None) -> list[object]:
        if host == "known.test":
            return [(0, 0, 0, "", ("10.0.0.2", 0)), (0, 0, 0, "", ("10.0.0.1", 0)), (0, 0, 0, "", ("10.0.0.1", 0))]
        raise socket.gaierror("unknown")

    monkeypatch.setattr(socket, "getaddrinfo", known)
    assert privacy.resolve_host("known.test") == ("10.0.0.1", "10.0.0.2")
    assert privacy.resolve_host("other.test") == ()
