# SPDX-License-Identifier: GPL-3.0-or-later
"""No form of a secret is in what a module prints, whatever happens; and the search for them finds a planted one."""

from __future__ import annotations

import base64
import json
from typing import Any, Callable, Mapping
from urllib.parse import quote, quote_plus, unquote, urlsplit

import pytest
from ansible.module_utils import basic

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._http import transport
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._runtime import module as runtime
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._values import masking
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.answers import Refused
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.ollama import FakeOllama
from ansible_collections.searchops.opensearch_ml.tests.unit.support import harness
from ansible_collections.searchops.opensearch_ml.tests.unit.support.operations import BODY, QUESTION, URL

Runner = Callable[..., dict[str, Any]]

#: Each has characters that change in some form; none is a part of another.
SECRETS = {
    "password": 'pa"ss\\w/örd+1&',
    "token": "tok=en/with+signs==",
    "header": "proxy s3cret",
    "aws key": "wJalr/K7+bPx&RfiCY",
    "aws token": "IQoJb3/+session+t0ken==",
    "key": "sk-k3y/of+the=backend",
    "literal": "sk-l1teral-in-a-header",
}
CONNECTIONS = {
    "basic": {"username": "joe", "password": SECRETS["password"]},
    "bearer": {"token": SECRETS["token"], "headers": {"X-Proxy": SECRETS["header"]}},
    "aws_sigv4": {
        "aws_region": "eu-central-1",
        "aws_access_key_id": "AKIDEXAMPLE",
        "aws_secret_access_key": SECRETS["aws key"],
        "aws_session_token": SECRETS["aws token"],
    },
}
CONNECTOR = {
    "name": "Local chat",
    "parameters": {"model": "tiny"},
    "credential": {"key": SECRETS["key"]},
    "actions": [
        {
            "url": URL,
            "request_body": BODY,
            "headers": {"Authorization": "Bearer ${credential.key}", "X-Api-Key": SECRETS["literal"]},
        }
    ],
    "update_credential": "when_changed",
}


def forms(secret: str) -> dict[str, str]:
    """Written down here once more, so that a form which the masking forgets is missed."""
    raw = secret.encode()
    return {
        "plain": secret,
        "base64": base64.b64encode(raw).decode(),
        "base64url": base64.urlsafe_b64encode(raw).decode(),
        **({"basic": base64.b64encode(b"joe:" + raw).decode()} if secret == SECRETS["password"] else {}),
        "url": quote(secret, safe=""),
        "form": quote_plus(secret),
        "json": json.dumps(secret)[1:-1],
        "json utf-8": json.dumps(secret, ensure_ascii=False)[1:-1],
        "python": str([secret])[2:-2],
        "python, more quotes": str([f"'{secret}\""])[4:-3],
        "json in python": str([json.dumps(secret)])[3:-3],
    }


def texts(value: Any) -> list[str]:
    """All strings in a result, keys included."""
    if isinstance(value, dict):
        return [text for pair in value.items() for item in pair for text in texts(item)]
    if isinstance(value, list):
        return [text for item in value for text in texts(item)]
    return [str(value)]


def leaks(result: Mapping[str, Any]) -> list[str]:
    found = []
    for text in [json.dumps(result), json.dumps(result, ensure_ascii=False), *texts(dict(result))]:
        for name, secret in SECRETS.items():
            found += [f"{name} as {form}: {text[:300]}" for form, shape in forms(secret).items() if shape in text]
    return found


class Echo:
    """A cluster or a proxy before it that tells all it was sent in the errors it answers to writes."""

    def __init__(self, cluster: FakeCluster, *known: str, status: int = 400, pad: int = 0) -> None:
        self.cluster = cluster
        self.known = known
        self.status = status
        self.pad = pad

    def send(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes | None, timeout: float
    ) -> transport.RawAnswer:
        if method == "GET" or urlsplit(url).path.endswith("_search"):
            return self.cluster.send(method, url, headers, content, timeout)
        body = (content or b"").decode()
        secrets = " ".join(shape for secret in self.known for shape in forms(secret).values())
        told = f"{'x' * self.pad} {secrets} headers[{dict(headers)}] source[{body}] {quote(body)}"
        return transport.RawAnswer(self.status, {}, json.dumps({"error": {"type": "x", "reason": told}}).encode())


def desired(connection: Mapping[str, Any]) -> list[str]:
    """The secrets that a task with this connection states, and that a server can therefore know from it."""
    text = json.dumps([CONNECTOR, connection])
    return [secret for secret in SECRETS.values() if json.dumps(secret) in text]


@pytest.fixture(params=CONNECTIONS)
def connection(request: pytest.FixtureRequest) -> dict[str, Any]:
    return dict(CONNECTIONS[request.param])


class TestNothingLeaks:
    @pytest.mark.parametrize("check_mode", [True, False])
    def test_when_it_is_made(
        self, module: Runner, cluster: FakeCluster, connection: dict[str, Any], check_mode: bool
    ) -> None:
        result = module("ml_connector", cluster, check_mode=check_mode, **CONNECTOR, **connection)
        assert result["changed"]
        assert leaks(result) == []

    @pytest.mark.parametrize("check_mode", [True, False])
    def test_when_it_is_changed(
        self, module: Runner, cluster: FakeCluster, connection: dict[str, Any], check_mode: bool
    ) -> None:
        made = module("ml_connector", cluster, **{**CONNECTOR, "credential": {"key": "another"}}, **connection)
        cluster.add_model("Chat", made["connector_id"])
        result = module("ml_connector", cluster, check_mode=check_mode, **CONNECTOR, **connection, description="New")
        assert result["changed"]
        assert leaks(result) == []

    def test_when_nothing_is_done(self, module: Runner, cluster: FakeCluster, connection: dict[str, Any]) -> None:
        module("ml_connector", cluster, **CONNECTOR, **connection)
        result = module("ml_connector", cluster, **CONNECTOR, **connection)
        assert not result["changed"]
        assert leaks(result) == []

    def test_when_it_is_deleted(self, module: Runner, cluster: FakeCluster, connection: dict[str, Any]) -> None:
        module("ml_connector", cluster, **CONNECTOR, **connection)
        assert leaks(module("ml_connector", cluster, name="Local chat", state="absent", **connection)) == []

    def test_when_others_look(self, module: Runner, cluster: FakeCluster, connection: dict[str, Any]) -> None:
        """Who lists the connector does not state its secrets, so only what the server tells can give them away."""
        module("ml_connector", cluster, **CONNECTOR, **connection)
        assert leaks(module("ml_connector_info", cluster)) == []
        assert leaks(module("ml_connector", cluster, name="Local chat", description="New")) == []

    @pytest.mark.parametrize("status", [400, 401, 403, 500, 503])
    def test_when_the_server_echoes(
        self, module: Runner, cluster: FakeCluster, connection: dict[str, Any], status: int
    ) -> None:
        result = module("ml_connector", Echo(cluster, *desired(connection), status=status), **CONNECTOR, **connection)
        assert result["failed"]
        assert "********" in result["msg"]
        assert leaks(result) == []

    def test_when_a_long_echo_is_cut_within_a_secret(
        self, module: Runner, cluster: FakeCluster, connection: dict[str, Any]
    ) -> None:
        unwatched = {**CONNECTOR, "update_credential": "on_create"}
        for pad in range(1200, 2000, 13):
            echo = Echo(cluster, *desired(connection), pad=pad)
            result = module("ml_connector", echo, **unwatched, **connection)
            assert "(cut)" in result["msg"]
            text = json.dumps(result, ensure_ascii=False)
            for secret in SECRETS.values():
                assert not [shape for shape in forms(secret).values() if shape[:6] in text], pad

    def test_when_the_backend_echoes(self, module: Runner, cluster: FakeCluster, connection: dict[str, Any]) -> None:
        def backend(*sent: Any) -> Any:
            raise Refused(401, f"Error from remote service: no such key {SECRETS['key']}")

        made = module("ml_connector", cluster, **{**CONNECTOR, "credential": {"key": "another"}}, **connection)
        cluster.add_model("Chat", made["connector_id"])
        cluster.backend = backend
        result = module("ml_connector", cluster, **CONNECTOR, **connection, probe=QUESTION)
        assert result["failure"]["code"] == "backend_unauthorized"
        assert leaks(result) == []

    @pytest.mark.parametrize("name", ["ml_model", "ml_predict", "opensearch_cluster_setting"])
    def test_in_the_other_modules(
        self, module: Runner, cluster: FakeCluster, connection: dict[str, Any], name: str
    ) -> None:
        cluster.add_model("Chat", cluster.add_connector())
        args: dict[str, Any] = {
            "ml_model": {"name": "Chat", "description": "New"},
            "ml_predict": {"model": "Chat", **QUESTION},
            "opensearch_cluster_setting": {"settings": {"plugins.ml_commons.connector.private_ip_enabled": True}},
        }[name]
        known = [secret for secret in desired(connection) if secret not in (SECRETS["key"], SECRETS["literal"])]
        assert leaks(module(name, Echo(cluster, *known), **args, **connection)) == []
        assert leaks(module(name, cluster, **args, **connection)) == []

    def test_in_arguments_that_are_refused(
        self, module: Runner, cluster: FakeCluster, connection: dict[str, Any]
    ) -> None:
        assert leaks(module("ml_connector", cluster, **CONNECTOR, **connection, hosts=["nowhere"])) == []
        # What Ansible itself refuses it shows before the module can say what else is secret.
        keyed = {**CONNECTOR, "actions": [{"url": URL, "request_body": BODY}]}
        assert leaks(module("ml_connector", cluster, **keyed, **connection, state="nonsense")) == []

    def test_in_arguments_that_ansible_cannot_read(
        self, module: Runner, cluster: FakeCluster, connection: dict[str, Any]
    ) -> None:
        """It ends before it has learned what is secret, and shows the arguments all the same."""
        result = module("ml_model", cluster, name="Chat", interface="nonsense", **connection)
        assert "dictionary requested" in result["msg"]
        assert leaks(result) == []


@pytest.mark.parametrize("known", [True, False])
def test_the_log_of_the_system(
    module: Runner, cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch, connection: dict[str, Any], known: bool
) -> None:
    """Ansible notes there what a module is called with, before that can say what in it is secret."""
    log_entries: list[str] = []
    monkeypatch.setattr(basic, "has_journal", False)
    monkeypatch.setattr(basic.AnsibleModule, "_log_to_syslog", lambda self, msg: log_entries.append(msg))
    if not known:
        monkeypatch.setattr(runtime, "_MaskedModule", Indiscreet)
    args = {**CONNECTOR, "description": "two\nlines\0", **connection}
    module("ml_connector", cluster, **args)
    assert [note for note in log_entries if note.startswith("Invoked with")]
    assert (leaks({"noted": log_entries}) == []) is known
    assert (not [note for note in log_entries if "\n" in note or "\0" in note]) is known


class Indiscreet(runtime._MaskedModule):
    """As Ansible does by itself."""

    log = basic.AnsibleModule.log


@pytest.mark.parametrize(
    "url",
    [
        "http://joe:{}@127.0.0.1:19",
        "joe:{}@127.0.0.1:19",
        "http://joe:{}@[127.0.0.1",
        "ftp://joe:{}@127.0.0.1",
    ],
)
@pytest.mark.parametrize("secret", ["s3cret-of-the-url", "s3%2Fcret+url"])
@pytest.mark.parametrize("way", ["option", "environment"])
def test_a_password_in_a_url(
    module: Runner, cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch, url: str, secret: str, way: str
) -> None:
    """It is refused, and the task's arguments are shown with it."""
    stated = url.format(secret)
    for name, server, option, variable in (
        ("ml_connector_info", cluster, "hosts", "OPENSEARCH_HOSTS"),
        ("ollama_model_info", FakeOllama(), "url", "OLLAMA_HOST"),
    ):
        value: dict[str, Any] = {option: [stated] if option == "hosts" else stated}
        if way == "environment":
            monkeypatch.setenv(variable, stated)
            monkeypatch.setattr(harness, "server_of", lambda module: {})
            value = {}
        told = json.dumps(module(name, server, **value))
        assert '"failed": true' in told
        assert [form for form in (secret, unquote(secret)) if form in told] == []


@pytest.mark.parametrize("name", SECRETS)
def test_a_planted_leak_is_found(name: str) -> None:
    for shape in forms(SECRETS[name]).values():
        assert leaks({"changed": True, "actions": [{"name": f"a {shape} b"}]})


def test_a_module_that_does_not_mask_is_found(
    module: Runner, cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(masking.Masker, "add", lambda self, *secrets: None)
    assert leaks(module("ml_connector", Echo(cluster, *SECRETS.values()), **CONNECTOR, **CONNECTIONS["basic"]))


def test_placeholders_stay_readable(module: Runner, cluster: FakeCluster) -> None:
    result = module("ml_connector", cluster, **CONNECTOR)
    headers = result["connector"]["actions"][0]["headers"]
    assert headers == {"Authorization": "Bearer ${credential.key}", "X-Api-Key": masking.MASK}


def test_a_very_short_secret_neither_spoils_the_result_nor_is_shown(module: Runner, cluster: FakeCluster) -> None:
    result = module("ml_connector", cluster, **{**CONNECTOR, "credential": {"key": "a"}}, password="e", username="joe")
    assert result["connector_id"] in cluster.connectors
    assert result["connector"]["name"] == "Local chat"
    # From ansible-core 2.21 on a module does not print its arguments any more.
    arguments = result.get("invocation", {}).get("module_args", {})
    assert {arguments.get(secret, masking.MASK) for secret in ("password", "credential")} == {masking.MASK}
