# SPDX-License-Identifier: GPL-3.0-or-later
"""Credentials go only to the configured server, over a trusted connection."""

from __future__ import annotations

import re
import socket
import ssl
import warnings
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._http.transport import RequestsTransport
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes import hostile_server, tls
from ansible_collections.searchops.opensearch_ml.tests.unit.support import results
from ansible_collections.searchops.opensearch_ml.tests.unit.support.harness import run_module
from ansible_collections.searchops.opensearch_ml.tests.unit.support.samples import SAMPLES

#: Coverage is measured by the tests of single functions and modules. Here it would take half as long again.
pytestmark = pytest.mark.no_cover

#: Ways to authenticate at a cluster; Ollama's modules have an API key instead.
WAYS: dict[str, dict[str, Any]] = {
    "basic": {"username": "joe", "password": "s3cret-password"},
    "bearer": {"token": "s3cret-token"},
    "headers": {"headers": {"X-Api-Key": "s3cret-key", "Cookie": "s3cret=1"}},
    "aws": {"aws_region": "eu-central-1", "aws_access_key_id": "AKID", "aws_secret_access_key": "s3cret-access-key"},
}


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def run(module: str, url: str, violations: list[str], transport: RequestsTransport, way: str) -> dict[str, Any]:
    if module.startswith("ollama_"):
        server: dict[str, Any] = {"url": url, "api_key": "s3cret-key"}
    else:
        server = {"hosts": [url], **WAYS[way]}
    return run_module(module, {**SAMPLES[module], **server, "timeout": 2.0, "retries": 0}, transport, violations)


class Listener:
    """Answers each connection, and counts them."""

    def __init__(self) -> None:
        self.connections = 0

    def __call__(self, connection: socket.socket, until: float) -> None:
        self.connections += 1
        hostile_server.answers(b"{}")(connection, until)


STATUSES = (301, 302, 303, 307, 308)


@pytest.mark.parametrize("status", STATUSES)
def test_a_redirect_to_another_host_is_not_followed(status: int, check_mode_violations: list[str]) -> None:
    """No module follows it, so the other host does not even see the request.

    Over the statuses, each module authenticates in each way.
    """
    listener = Listener()
    with hostile_server.serving(listener) as elsewhere:
        moved = hostile_server.answers(b"{}", f"Location: {elsewhere}/", status=f"{status} Moved")
        with hostile_server.serving(moved) as url:
            for number, module in enumerate(SAMPLES, STATUSES.index(status)):
                way = list(WAYS)[number % len(WAYS)]
                result = run(module, url, check_mode_violations, RequestsTransport(True, None), way)
                assert result["failure"]["code"] == "redirected", (module, way)
                assert elsewhere in result["msg"]
        assert listener.connections == 0
        # The listener would have counted a connection.
        RequestsTransport(True, None).send("GET", elsewhere, {}, None, 2.0)
        assert listener.connections == 1


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tls.Authority:
    return tls.Authority(tmp_path_factory.mktemp("tls"), "trusted")


CERTIFICATES: dict[str, tuple[dict[str, Any], str]] = {
    "expired": ({"age": 5}, "certificate has expired"),
    "from the future": ({"age": -5}, "not yet valid"),
    "of another address": ({"host": "127.0.0.2"}, "mismatch"),
    "of a name alone": ({"host": "localhost"}, "mismatch|doesn't match"),
}


class TestTls:
    @pytest.mark.parametrize("module", ["ml_connector", "ollama_model"])
    @pytest.mark.parametrize("kind", CERTIFICATES)
    def test_a_wrong_certificate_is_refused(
        self, authority: tls.Authority, check_mode_violations: list[str], kind: str, module: str
    ) -> None:
        details, reason = CERTIFICATES[kind]
        with tls.serving(authority.certificate("wrong", **details)) as server:
            result = self.refused(authority, server, check_mode_violations, module)
        assert result["failure"]["code"] == "tls_not_trusted"
        assert re.search(reason, result["msg"])

    @pytest.mark.parametrize("module", ["ml_connector", "ollama_model"])
    def test_a_certificate_of_another_authority_is_refused(
        self, authority: tls.Authority, check_mode_violations: list[str], tmp_path: Path, module: str
    ) -> None:
        with tls.serving(tls.Authority(tmp_path, "trusted").certificate("wrong")) as server:
            result = self.refused(authority, server, check_mode_violations, module)
        assert result["failure"]["code"] == "tls_not_trusted"

    @pytest.mark.parametrize("module", ["ml_connector", "ollama_model"])
    @pytest.mark.parametrize("version", ["TLSv1", "TLSv1_1"])
    def test_an_old_protocol_is_refused(
        self, authority: tls.Authority, check_mode_violations: list[str], version: str, module: str
    ) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            with tls.serving(authority.certificate("right"), getattr(ssl.TLSVersion, version)) as server:
                assert tls.spoken(server) == version.replace("_", ".")
                result = self.refused(authority, server, check_mode_violations, module)
        assert result["failure"]["code"] == "tls_too_old"
        assert "TLS 1.2" in result["msg"]

    def test_a_right_certificate_is_accepted(self, authority: tls.Authority) -> None:
        """Otherwise the other tests could fail for another reason."""
        with tls.serving(authority.certificate("right")) as server:
            answer = RequestsTransport(str(authority.path), None).send(
                "GET", f"https://127.0.0.1:{server.port}/", {}, None, 2.0
            )
        assert answer.status == 200

    @staticmethod
    def refused(authority: tls.Authority, server: Any, violations: list[str], module: str) -> dict[str, Any]:
        transport = RequestsTransport(str(authority.path), None)
        result = run(module, f"https://127.0.0.1:{server.port}", violations, transport, "basic")
        results.assert_safe(result)
        assert server.requests == []
        return result
