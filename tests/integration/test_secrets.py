# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""No secret is printed: in results, diffs, failures that repeat the request, or verbose runs."""

from __future__ import annotations

import base64
import contextlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Iterator
from urllib.parse import quote, quote_plus

import pytest

from ansible_collections.searchops.opensearch_ml.tests.integration._stack import CHAT_BODY, GATEWAY, GATEWAY_TLS, chat
from ansible_collections.searchops.opensearch_ml.tests.integration.conftest import WAYS

#: Each way masks secrets on its own.
in_both_ways = pytest.mark.parametrize("run_as", WAYS, indirect=True)

#: With all characters that are escaped in JSON, in URLs or in YAML.
CREDENTIAL = 'cr3d/ént+ial "quoted" \\back &=?%41 #'
SECOND = 'an0ther/cred+ential=="\\'
LITERAL = "l1teral-header+secret/="
PASSWORD = 'p4ss/word+"quoted"\\ &=%:end'
TOKEN = "t0ken.of-the/test+42=="
PROXY = "pr0xy+header/secret=="


def forms(*secrets: str) -> set[str]:
    """Each secret in each form in which it could be printed."""
    found = set()
    for secret in secrets:
        raw = secret.encode()
        found |= {
            secret,
            base64.b64encode(raw).decode(),
            base64.urlsafe_b64encode(raw).decode(),
            quote(secret, safe=""),
            quote(secret),
            quote_plus(secret),
        }
    for _ in range(2):
        found |= {json.dumps(form)[1:-1] for form in found} | {json.dumps(f, ensure_ascii=False)[1:-1] for f in found}
    return found


def leaks(text: str, *secrets: str) -> list[str]:
    return sorted(form for form in forms(*secrets) if form in text)


def test_the_search_finds_each_form():
    """A secret is planted in each form, and the search finds each."""
    for form in forms(CREDENTIAL, PASSWORD):
        assert leaks(f"ok: [localhost] => {{'x': '{form}'}}", CREDENTIAL, PASSWORD) != []
    assert leaks("nothing to see", CREDENTIAL, PASSWORD, LITERAL) == []


@contextlib.contextmanager
def echoing(status: int) -> Iterator[str]:
    """A server that returns a version, finds nothing, and refuses each write with an error that repeats the request."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            if self.path == "/":
                code, answer = 200, {"version": {"number": "3.6.0"}}
            elif self.path.endswith("/_search"):
                code, answer = 200, {"hits": {"hits": []}}
            elif self.command == "GET" and status < 500:
                code, answer = 200, {"persistent": {}, "transient": {}, "defaults": {}}
            else:
                headers = "; ".join(f"{key}: {value}" for key, value in self.headers.items())
                reason = f"cannot index source[{body}] of a request with {headers}"
                code, answer = status, {"error": {"type": "some_exception", "reason": reason}, "status": status}
            content = json.dumps(answer).encode()
            self.send_response(code)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_DELETE = answer

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def secretive(name: str) -> dict[str, Any]:
    """A connector with a secret in its credential, and another in a plain header."""
    action = {
        "url": GATEWAY,
        "request_body": CHAT_BODY,
        "headers": {"Authorization": "Bearer ${credential.key}", "X-Api-Key": LITERAL},
    }
    return {**chat(name), "credential": {"key": CREDENTIAL, "nested": {"deep": SECOND}}, "actions": [action]}


LOGINS: dict[str, dict[str, Any]] = {
    "basic": {"username": "joe", "password": PASSWORD},
    "bearer": {"token": TOKEN},
    "proxy": {"headers": {"X-Proxy": PROXY}},
}


@in_both_ways
@pytest.mark.parametrize("login", LOGINS)
@pytest.mark.parametrize("status", [400, 500])
@pytest.mark.parametrize(
    ("name_of_module", "args"),
    [
        ("ml_connector", secretive("it")),
        ("ml_connector", {**secretive("it"), "update_credential": "when_changed"}),
        ("ml_connector_info", {"connector_id": "x"}),
        ("ml_model", {"model_id": "x"}),
        ("ml_predict", {"model": "x", "messages": [{"role": "user", "content": "Ping"}]}),
        ("opensearch_cluster_setting", {"settings": {"some.setting": 1}}),
    ],
)
def test_server_that_echoes(run_module, name_of_module, args, status, login):
    with echoing(status) as url:
        options = {
            **args,
            **LOGINS[login],
            "hosts": [url],
            "retries": 0,
            # The task, not the lock, gets the answers.
            "lock": "never",
            "_ansible_verbosity": 4,
            "_ansible_diff": True,
        }
        result, text = run_module(name_of_module, options)
    if name_of_module != "ml_model" or status == 500:
        assert result.get("failed") or name_of_module in ("ml_predict", "ml_connector_info"), text
    pair = base64.b64encode(f"joe:{PASSWORD}".encode()).decode()
    assert leaks(text, CREDENTIAL, SECOND, LITERAL, PASSWORD, TOKEN, PROXY, pair) == []
    # The server did repeat the request.
    assert not result.get("failed") or name_of_module == "ml_predict" or "cannot index source" in text


@in_both_ways
def test_a_long_message_that_is_cut_within_a_secret(run_module):
    """Wherever the message is cut, it does not show the beginning of a secret."""
    with echoing(400) as url:
        for length in range(1000, 1500, 5):
            options = {
                **secretive("it"), "description": "x" * length, "hosts": [url], "retries": 0, "lock": "never"
            }  # fmt: skip
            result, text = run_module("ml_connector", options)
            assert "... (cut)" in result["msg"] or length < 1400
            assert leaks(text, CREDENTIAL[:6], SECOND[:6]) == []


@in_both_ways
@pytest.mark.full_on("3.6.0")
def test_real_servers(cluster, module, run_module, connection, name):
    """Create, list, change, swap, refuse and delete, each at full verbosity."""
    texts = []

    def run(module_name: str, **args: Any) -> dict[str, Any]:
        result, text = run_module(
            module_name, {**connection, **args, "_ansible_verbosity": 4, "_ansible_diff": True, **extra}
        )
        texts.append(text)
        return result

    fields = secretive(name)
    # 2.19 and 3.6 accept only strings.
    fields["credential"] = {"key": CREDENTIAL, "second": SECOND}
    for check in (True, False):
        extra: dict[str, Any] = {"_ansible_check_mode": check}
        assert run("ml_connector", **fields)["changed"] is True
    assert run("ml_connector", **fields)["changed"] is False
    run("ml_connector_info", name=name)
    model = cluster.make_model(name, cluster.one("connectors", name).id, deploy=True)
    changed = {**fields, "actions": [{**fields["actions"][0], "url": GATEWAY_TLS}], "update_credential": "when_changed"}
    assert run("ml_connector", **changed)["changed"] is True
    probe = {"messages": [{"role": "user", "content": "Ping"}]}
    failed = run("ml_connector", **{**fields, "update_credential": "always"}, probe=probe)
    assert failed["failure"]["code"] == "backend_unauthorized"
    untrusted = {**fields["actions"][0], "url": "https://untrusted.example.com"}
    assert run("ml_connector", **{**fields, "name": f"{name} b", "actions": [untrusted]})["failed"] is True
    cluster.undeploy(model)
    cluster.must("DELETE", f"/_plugins/_ml/models/{model}")
    run("ml_connector", name=name, state="absent")
    secrets = [CREDENTIAL, SECOND, LITERAL]
    if cluster.user:
        secrets += [cluster.user[1], base64.b64encode(":".join(cluster.user).encode()).decode()]
    assert len(texts) == 8
    assert leaks("\n".join(texts), *secrets) == []
    # Masked values are marked as such.
    assert "********" in texts[1]


@in_both_ways
@pytest.mark.parametrize("cluster", ["2.19.1-tls"], indirect=True)
def test_a_wrong_password_is_not_printed(run_module, connection):
    options = {**connection, "password": PASSWORD, "settings": {"a": 1}, "_ansible_verbosity": 4}
    result, text = run_module("opensearch_cluster_setting", options)
    assert result["failure"]["code"] == "wrong_credentials"
    pair = base64.b64encode(f"{connection['username']}:{PASSWORD}".encode()).decode()
    assert leaks(text, PASSWORD, pair) == []
