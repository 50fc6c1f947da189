# SPDX-License-Identifier: GPL-3.0-or-later
"""No module prints a secret in any form, whatever happens. The search finds a leak that a test plants."""

from __future__ import annotations

import base64
import json
from functools import lru_cache
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

#: Each has characters that change in some form; none is a substring of another.
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


@lru_cache(maxsize=None)
def forms(secret: str) -> dict[str, str]:
    """The forms of a secret, written independently of the collection: a form that the masking lacks is found."""
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
    """A cluster, or a proxy in front of it, that answers each write with an error that repeats the whole request."""

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
        echo = f"{'x' * self.pad} {secrets} headers[{dict(headers)}] source[{body}] {quote(body)}"
        return transport.RawAnswer(self.status, {}, json.dumps({"error": {"type": "x", "reason": echo}}).encode())


def given_secrets(connection: Mapping[str, Any]) -> list[str]:
    """The secrets in the options of a task with this connection, which a server can therefore repeat."""
    text = json.dumps([CONNECTOR, connection])
    return [secret for secret in SECRETS.values() if json.dumps(secret) in text]


@pytest.fixture(params=CONNECTIONS)
def connection(request: pytest.FixtureRequest) -> dict[str, Any]:
    return dict(CONNECTIONS[request.param])


# Coverage is measured by the tests of the masking. Here it would take as long again.
@pytest.mark.no_cover
class TestNothingLeaks:
    @pytest.mark.parametrize("check_mode", [True, False])
    def test_create(self, module: Runner, cluster: FakeCluster, connection: dict[str, Any], check_mode: bool) -> None:
        result = module("ml_connector", cluster, check_mode=check_mode, **CONNECTOR, **connection)
        assert result["changed"]
        assert leaks(result) == []

    @pytest.mark.parametrize("check_mode", [True, False])
    def test_update(self, module: Runner, cluster: FakeCluster, connection: dict[str, Any], check_mode: bool) -> None:
        made = module("ml_connector", cluster, **{**CONNECTOR, "credential": {"key": "another"}}, **connection)
        cluster.add_model("Chat", made["connector_id"])
        result = module("ml_connector", cluster, check_mode=check_mode, **CONNECTOR, **connection, description="New")
        assert result["changed"]
        assert leaks(result) == []

    def test_no_change(self, module: Runner, cluster: FakeCluster, connection: dict[str, Any]) -> None:
        module("ml_connector", cluster, **CONNECTOR, **connection)
        result = module("ml_connector", cluster, **CONNECTOR, **connection)
        assert not result["changed"]
        assert leaks(result) == []

    def test_delete(self, module: Runner, cluster: FakeCluster, connection: dict[str, Any]) -> None:
        module("ml_connector", cluster, **CONNECTOR, **connection)
        assert leaks(module("ml_connector", cluster, name="Local chat", state="absent", **connection)) == []

    def test_listing(self, module: Runner, cluster: FakeCluster, connection: dict[str, Any]) -> None:
        """The listing task does not give the secrets, so only the server's answer can leak them."""
        module("ml_connector", cluster, **CONNECTOR, **connection)
        assert leaks(module("ml_connector_info", cluster)) == []
        assert leaks(module("ml_connector", cluster, name="Local chat", description="New")) == []

    @pytest.mark.parametrize("status", [400, 401, 403, 500, 503])
    def test_a_server_that_echoes(
        self, module: Runner, cluster: FakeCluster, connection: dict[str, Any], status: int
    ) -> None:
        result = module(
            "ml_connector", Echo(cluster, *given_secrets(connection), status=status), **CONNECTOR, **connection
        )
        assert result["failed"]
        assert "********" in result["msg"]
        assert leaks(result) == []

    def test_a_long_echo_that_is_cut_within_a_secret(
        self, module: Runner, cluster: FakeCluster, connection: dict[str, Any]
    ) -> None:
        without_comparison = {**CONNECTOR, "update_credential": "on_create"}
        for pad in range(1200, 2000, 13):
            echo = Echo(cluster, *given_secrets(connection), pad=pad)
            result = module("ml_connector", echo, **without_comparison, **connection)
            assert "(cut)" in result["msg"]
            text = json.dumps(result, ensure_ascii=False)
            for secret in SECRETS.values():
                assert not [shape for shape in forms(secret).values() if shape[:6] in text], pad

    def test_a_backend_that_echoes(self, module: Runner, cluster: FakeCluster, connection: dict[str, Any]) -> None:
        def backend(*sent: Any) -> Any:
            raise Refused(401, f"Error from remote service: no such key {SECRETS['key']}")

        made = module("ml_connector", cluster, **{**CONNECTOR, "credential": {"key": "another"}}, **connection)
        cluster.add_model("Chat", made["connector_id"])
        cluster.backend = backend
        result = module("ml_connector", cluster, **CONNECTOR, **connection, probe=QUESTION)
        assert result["failure"]["code"] == "backend_unauthorized"
        assert leaks(result) == []

    @pytest.mark.parametrize("name", ["ml_model", "ml_predict", "opensearch_cluster_setting"])
    def test_other_modules(self, module: Runner, cluster: FakeCluster, connection: dict[str, Any], name: str) -> None:
        cluster.add_model("Chat", cluster.add_connector())
        args: dict[str, Any] = {
            "ml_model": {"name": "Chat", "description": "New"},
            "ml_predict": {"model": "Chat", **QUESTION},
            "opensearch_cluster_setting": {"settings": {"plugins.ml_commons.connector.private_ip_enabled": True}},
        }[name]
        known = [secret for secret in given_secrets(connection) if secret not in (SECRETS["key"], SECRETS["literal"])]
        assert leaks(module(name, Echo(cluster, *known), **args, **connection)) == []
        assert leaks(module(name, cluster, **args, **connection)) == []

    def test_invalid_arguments(self, module: Runner, cluster: FakeCluster, connection: dict[str, Any]) -> None:
        assert leaks(module("ml_connector", cluster, **CONNECTOR, **connection, hosts=["nowhere"])) == []
        # Ansible reports an argument that it refuses before the module can mark what else is secret.
        keyed = {**CONNECTOR, "actions": [{"url": URL, "request_body": BODY}]}
        assert leaks(module("ml_connector", cluster, **keyed, **connection, state="nonsense")) == []

    def test_arguments_that_ansible_cannot_convert(
        self, module: Runner, cluster: FakeCluster, connection: dict[str, Any]
    ) -> None:
        """Ansible fails before the module can mark its secrets, and prints the arguments."""
        result = module("ml_model", cluster, name="Chat", interface="nonsense", **connection)
        assert "dictionary requested" in result["msg"]
        assert leaks(result) == []


@pytest.mark.parametrize("known", [True, False])
def test_the_system_log(
    module: Runner, cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch, connection: dict[str, Any], known: bool
) -> None:
    """Ansible logs the arguments of a module before the module can mark what is secret."""
    log_entries: list[str] = []
    monkeypatch.setattr(basic, "has_journal", False)
    monkeypatch.setattr(basic.AnsibleModule, "_log_to_syslog", lambda self, msg: log_entries.append(msg))
    if not known:
        monkeypatch.setattr(runtime, "_MaskedModule", Unmasked)
    args = {**CONNECTOR, "description": "two\nlines\0", **connection}
    module("ml_connector", cluster, **args)
    assert [entry for entry in log_entries if entry.startswith("Invoked with")]
    assert (leaks({"noted": log_entries}) == []) is known
    assert (not [entry for entry in log_entries if "\n" in entry or "\0" in entry]) is known


class Unmasked(runtime._MaskedModule):
    """Logs as Ansible does by default."""

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
    """The module refuses it, and Ansible prints the arguments."""
    given = url.format(secret)
    for name, server, option, variable in (
        ("ml_connector_info", cluster, "hosts", "OPENSEARCH_HOSTS"),
        ("ollama_model_info", FakeOllama(), "url", "OLLAMA_HOST"),
    ):
        value: dict[str, Any] = {option: [given] if option == "hosts" else given}
        if way == "environment":
            monkeypatch.setenv(variable, given)
            monkeypatch.setattr(harness, "server_of", lambda module: {})
            value = {}
        printed = json.dumps(module(name, server, **value))
        assert '"failed": true' in printed
        assert [form for form in (secret, unquote(secret)) if form in printed] == []


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
    # ansible-core 2.21 and later do not print the arguments.
    arguments = result.get("invocation", {}).get("module_args", {})
    assert {arguments.get(secret, masking.MASK) for secret in ("password", "credential")} == {masking.MASK}


EXPOSED = "sk-expos3d-by-its-name"


def test_a_parameter_whose_name_says_that_it_is_secret(module: Runner, cluster: FakeCluster) -> None:
    """Masked wherever it is shown, also if only the server knows it. A warning says who else can see it."""
    parameters = {
        "model": "tiny",
        "openAI_key": EXPOSED,
        "max_tokens": 4096000,
        "endpoint": f"https://llm.test/v1?key={EXPOSED}",
    }
    args = {**CONNECTOR, "parameters": parameters, "extra_fields": {"token": EXPOSED}}
    cluster.later_fields = {"token"}
    made = module("ml_connector", cluster, **args)
    assert made["connector"]["parameters"] == {
        "model": "tiny",
        "openAI_key": masking.MASK,
        "max_tokens": "4096000",
        "endpoint": f"https://llm.test/v1?key={masking.MASK}",
    }
    [warning] = [each for each in made["warnings"] if "openAI_key" in each]
    assert warning == (
        "parameters: every user who may read the connector can see openAI_key. Give it as 'credential: {openAI_key: ...}' "
        "instead, and write ${credential.openAI_key} in place of ${parameters.openAI_key}."
    )
    shown = [
        made,
        module("ml_connector", cluster, **args),
        module("ml_connector", cluster, **CONNECTOR),
        module("ml_connector_info", cluster),
        module("ml_connector", cluster, **args, check_mode=True),
        module("ml_stack", cluster, connectors=[args], check_mode=True),
        module("ml_connector", Echo(cluster, EXPOSED), **args, description="New"),
        module("ml_connector", cluster, **args, state="nonsense"),
    ]
    assert [EXPOSED in json.dumps(each) for each in shown] == [False] * len(shown)


def test_settings_and_pipelines_with_names_of_secrets(module: Runner, cluster: FakeCluster) -> None:
    setting = "plugins.ml_commons.some.client.password"
    cluster.defaults[setting] = ""
    cluster.persistent[setting] = "an-0lder-one"
    result = module("opensearch_cluster_setting", cluster, settings={setting: EXPOSED})
    assert result["diff"] == {"before": {setting: masking.MASK}, "after": {setting: masking.MASK}}
    listed = module("opensearch_cluster_setting_info", cluster, patterns=["*password"])
    assert listed["settings"] == {setting: masking.MASK}
    processor = {"ml_inference": {"model_config": {"api_key": EXPOSED}, "output_map": [{"token": "answer.text"}]}}
    made = module("opensearch_pipeline", cluster, name="p", type="ingest", definition={"processors": [processor]})
    assert made["pipeline"]["definition"]["processors"][0]["ml_inference"] == {
        "model_config": {"api_key": masking.MASK},
        "output_map": [{"token": "answer.text"}],
    }
    for each in (result, listed, made, module("opensearch_pipeline_info", cluster)):
        assert EXPOSED not in json.dumps(each)
        assert "an-0lder-one" not in json.dumps(each)
