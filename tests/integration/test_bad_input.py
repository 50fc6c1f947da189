# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Mistakes of operators: each has its own code and remedy, and changes nothing on the server."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Any, Iterator
from urllib.parse import urlsplit

import pytest
import yaml

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.catalogue import CATALOGUE
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._kinds import setting_types
from ansible_collections.searchops.opensearch_ml.tests.integration._stack import (
    CHAT_BODY,
    ML,
    OLLAMA,
    TRUSTED,
    chat,
    guarded,
    two_of_one_name,
)

SETTING = "opensearch_cluster_setting"
RETRIES = "plugins.ml_commons.model_auto_redeploy.lifetime_retry_times"

TLS = ["2.19.1-tls"]


@pytest.fixture
def untouched(cluster, snapshot) -> Iterator[None]:
    """Check that neither settings nor objects change."""
    before = cluster.settings(), snapshot()
    yield
    assert (cluster.settings(), snapshot()) == before


@pytest.fixture
def direct(cluster, module):
    """Connection options for the server without its recorder; ``without`` removes some of them."""

    def options(*without: str, **changed: Any) -> dict[str, Any]:
        given = {"hosts": [cluster.url], **changed}
        if cluster.tls:
            given = {"username": cluster.user[0], "password": cluster.user[1], "ca_path": cluster.ca, **given}
        for name in without:
            given[name] = None
        return given

    return options


@contextlib.contextmanager
def forwarded(url: str) -> Iterator[int]:
    """Listens on 127.0.0.2, which no certificate names, and forwards the bytes of each connection to the server."""
    target = urlsplit(url)
    listener = socket.create_server(("127.0.0.2", 0))

    def pump(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _address = listener.accept()
                far = socket.create_connection((target.hostname, target.port))
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=pump, args=pair, daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.close()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


MODULES: dict[str, dict[str, Any]] = {
    "ml_connector": chat("it never made"),
    "ml_model": {"name": "it never made", "connector": "it never made"},
    "ml_predict": {"model": "it never made", "messages": [{"role": "user", "content": "Ping"}]},
    SETTING: {"settings": {RETRIES: 5}},
}


# --- The connection -----------------------------------------------------------------------------------------------


@pytest.mark.full_on("2.19.1-tls")
@pytest.mark.parametrize("name_of_module", MODULES)
def test_refused_port(module, direct, untouched, name_of_module):
    url = f"http://127.0.0.1:{free_port()}"
    failure = module.fails(name_of_module, **MODULES[name_of_module], **direct(hosts=[url], retries=1))
    assert failure["code"] == "unreachable"
    assert url in failure["message"]
    assert "refused" in failure["message"]


@pytest.mark.full_on("2.19.1-tls")
def test_unknown_host(module, direct, untouched):
    failure = module.fails(SETTING, settings={RETRIES: 5}, **direct(hosts=["http://no-such-host.invalid"], retries=0))
    assert failure["code"] == "unreachable"
    assert "no-such-host.invalid" in failure["message"]


@pytest.mark.full_on("2.19.1-tls")
def test_second_host_is_tried(cluster, module, direct, untouched):
    hosts = [f"http://127.0.0.1:{free_port()}", cluster.url]
    observed = cluster.effective(RETRIES)
    assert module(SETTING, settings={RETRIES: observed}, **direct(hosts=hosts))["changed"] is False


@pytest.mark.full_on("2.19.1-tls")
def test_https_to_the_plain_port(stack, module, direct, untouched):
    url = stack["3.6.0"].url.replace("http://", "https://")
    failure = module.fails(SETTING, settings={RETRIES: 5}, **direct(hosts=[url], retries=1))
    assert failure["code"] == "tls_to_plain_port"
    assert "http://" in failure["remedy"]


@pytest.mark.full_on("3.6.0")
def test_http_to_the_tls_port(stack, module, direct, untouched):
    url = stack["2.19.1-tls"].url.replace("https://", "http://")
    failure = module.fails(SETTING, settings={RETRIES: 5}, **direct(hosts=[url], retries=1))
    assert failure["code"] == "no_answer"
    assert "https://" in failure["remedy"]


@pytest.mark.full_on("2.19.1-tls")
def test_service_that_is_not_opensearch(module, direct, untouched):
    with serving(b'{"status": "ok"}') as url:
        failure = module.fails(SETTING, settings={RETRIES: 5}, **direct(hosts=[url]))
        assert failure["code"] == "not_opensearch"
    with serving(b"<html>Welcome</html>") as url:
        failure = module.fails("ml_connector", **chat("it never made"), **direct(hosts=[url]))
        assert failure["code"] == "not_opensearch"


@contextlib.contextmanager
def serving(content: bytes) -> Iterator[str]:
    """A web server that gives every request the same answer."""
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("cluster", TLS, indirect=True)
@pytest.mark.parametrize("name_of_module", MODULES)
def test_authority_not_trusted(module, direct, untouched, name_of_module):
    failure = module.fails(name_of_module, **MODULES[name_of_module], **direct("ca_path"))
    assert failure["code"] == "tls_not_trusted"
    assert "ca_path" in failure["remedy"]


@pytest.mark.parametrize("cluster", TLS, indirect=True)
def test_wrong_host_name_in_the_certificate(cluster, module, direct, untouched):
    with forwarded(cluster.url) as port:
        url = f"https://127.0.0.2:{port}"
        failure = module.fails(SETTING, settings={RETRIES: 5}, **direct(hosts=[url]))
        assert failure["code"] == "tls_not_trusted"
        assert "127.0.0.2" in failure["message"]
        # Without validation it succeeds: only the name was wrong.
        observed = cluster.effective(RETRIES)
        assert (
            module(SETTING, settings={RETRIES: observed}, **direct(hosts=[url], validate_certs=False))["changed"]
            is False
        )


@pytest.mark.parametrize("cluster", TLS, indirect=True)
def test_missing_authority_file(module, direct, untouched):
    failure = module.fails(SETTING, settings={RETRIES: 5}, **direct(ca_path="/no/such/ca.pem"))
    assert failure["code"] == "invalid_input"
    assert "/no/such/ca.pem" in failure["message"]


@pytest.mark.parametrize("cluster", TLS, indirect=True)
@pytest.mark.parametrize("name_of_module", MODULES)
def test_wrong_password(module, direct, untouched, name_of_module):
    failure = module.fails(name_of_module, **MODULES[name_of_module], **direct(password="not-the-password"))
    assert (failure["code"], failure["status"]) == ("wrong_credentials", 401)
    assert "password" in failure["remedy"]


@pytest.mark.parametrize("cluster", TLS, indirect=True)
def test_no_password_at_all(module, direct, untouched):
    failure = module.fails(SETTING, settings={RETRIES: 5}, **direct("username", "password"))
    assert failure["code"] == "wrong_credentials"


@pytest.fixture(scope="module")
def user_without_rights(stack):
    """The options of a user without any rights."""
    cluster = stack["2.19.1-tls"]
    user, path = "it_powerless", "/_plugins/_security/api/internalusers/it_powerless"
    password = "Only-for-this-test-4711"
    cluster.must("PUT", path, {"password": password})
    yield {"username": user, "password": password}
    cluster.must("DELETE", path)


@pytest.mark.parametrize("cluster", TLS, indirect=True)
@pytest.mark.parametrize(
    ("name_of_module", "permission"),
    [
        ("ml_connector", "cluster:admin/opensearch/ml/connectors/search"),
        ("ml_model", "cluster:admin/opensearch/ml/"),
        ("ml_predict", "cluster:admin/opensearch/ml/models/search"),
        (SETTING, "cluster:monitor/state"),
    ],
)
def test_user_without_rights(module, untouched, user_without_rights, name_of_module, permission):
    failure = module.fails(name_of_module, **MODULES[name_of_module], **user_without_rights)
    assert (failure["code"], failure["status"]) == ("forbidden", 403)
    assert permission in failure["message"]
    assert permission in failure["remedy"]
    assert failure["details"]["permission"].startswith(permission)


@pytest.mark.parametrize("cluster", TLS, indirect=True)
def test_client_certificate_alone(cluster, module, direct, untouched):
    folder = cluster.ca.rsplit("/", 1)[0]
    args = direct(
        "username",
        "password",
        client_cert=f"{folder}/ml_provisioner.pem",
        client_key=f"{folder}/ml_provisioner.key",
    )
    assert module(SETTING, settings={RETRIES: cluster.effective(RETRIES)}, **args)["changed"] is False


# --- Settings -----------------------------------------------------------------------------------------------------

SETTINGS: dict[str, tuple[dict[str, Any], str, bool]] = {
    "pattern that does not compile": ({TRUSTED: ["^https://a(b$"]}, "invalid_regex", True),
    "catch-all": ({TRUSTED: [".*"]}, "catch_all_refused", True),
    "catch-all among others": ({TRUSTED: [r"^https://a\.example/.*$", "^https?://.*$"]}, "catch_all_refused", True),
    "host open at its end": ({TRUSTED: ["^https://api.openai.com.*$"]}, "catch_all_refused", True),
    "any host": ({TRUSTED: ["^https?://[^/]+/.*$"]}, "catch_all_refused", True),
    "patterns in one text": ({TRUSTED: "^https://a/.*$,^https://b/.*$"}, "useless_pattern", True),
    "no end of the URL": ({TRUSTED: ["http://ollama:11434"]}, "useless_pattern", True),
    "unknown": ({"plugins.ml_commons.no_such_setting": True}, "unknown_setting", True),
    "unknown, not ours": ({"no.such.setting": 1}, "unknown_setting", False),
    "static": ({"plugins.ml_commons.master_key_cache_ttl_minutes": 7}, "static_setting", False),
    "static, not ours": ({"http.port": 9400}, "static_setting", False),
    "bad boolean": ({"plugins.ml_commons.connector.private_ip_enabled": "maybe"}, "invalid_setting_value", True),
    "bad number": ({RETRIES: "many"}, "invalid_setting_value", True),
    "out of range": ({"plugins.ml_commons.max_deploy_model_tasks_per_node": -5}, "invalid_setting_value", True),
    "none": ({}, "invalid_input", True),
}


@pytest.mark.full_on("2.19.1-tls", but=("unknown", "static", "bad number"))
@pytest.mark.parametrize("mistake", SETTINGS)
def test_settings(cluster, module, untouched, mistake):
    settings, code, before_anything_is_sent = SETTINGS[mistake]
    if mistake == "static" and not cluster.is_3:
        code = "unknown_setting"  # 2.19.1 does not have it yet.
    failure = module.fails(SETTING, settings=settings)
    assert failure["code"] == code, failure
    assert failure["remedy"] == CATALOGUE[code].remedy
    assert not before_anything_is_sent or module.recorder.writes == []
    for setting in settings:
        assert setting in failure["message"]


@pytest.mark.full_on("2.19.1-tls")
@pytest.mark.usefixtures("settings_restored")
def test_a_catch_all_pattern_by_regex(cluster, module):
    module(SETTING, settings={TRUSTED: [".*"]}, allow_catch_all=True)
    assert cluster.effective(TRUSTED) == [".*"]


@pytest.mark.usefixtures("settings_restored")
def test_a_stored_pattern_that_does_not_compile(cluster, module, name):
    """The server has accepted it, and then refuses every connector."""
    cluster.put_settings({TRUSTED: ["^https://a(b$", *cluster.effective(TRUSTED)]})
    failure = module.fails("ml_connector", **chat(name))
    assert failure["code"] == "broken_trusted_regex", failure
    assert "list_mode: remove" in failure["remedy"]
    module(SETTING, settings={TRUSTED: ["^https://a(b$"]}, list_mode="remove")
    module("ml_connector", **chat(name))


# --- Connectors ---------------------------------------------------------------------------------------------------


def action(**fields: Any) -> dict[str, Any]:
    return {"url": OLLAMA, "request_body": CHAT_BODY, **fields}


#: The mistake -> (fields, the code, a text in the message).
CONNECTORS: dict[str, tuple[dict[str, Any], str, str]] = {
    "name too long": ({"name": "it " + "x" * 260}, "invalid_input", "256"),
    "blank name": ({"name": " "}, "invalid_input", "name"),
    "no actions": ({"actions": None}, "invalid_input", "actions"),
    "url without a scheme": ({"actions": [action(url="ollama:11434/v1")]}, "invalid_input", "http://"),
    "url with a password": ({"actions": [action(url="http://u:p@ollama:11434/v1")]}, "invalid_input", "credential"),
    "missing placeholder": (
        {"parameters": {}, "probe": {"messages": []}},
        "placeholder_unfilled",
        "${parameters.model}",
    ),
    "credential placeholder": (
        {
            "credential": {"other": "given-but-not-used"},
            "actions": [action(headers={"Authorization": "Bearer ${credential.api_key}"})],
        },
        "credential_missing",
        "${credential.api_key}",
    ),
}


@pytest.mark.full_on("2.19.1-tls")
@pytest.mark.parametrize("mistake", CONNECTORS)
@pytest.mark.parametrize("check", [False, True])
def test_connectors(module, untouched, name, mistake, check):
    fields, code, word = CONNECTORS[mistake]
    failure = module.refuses(code, "ml_connector", check=check, **{**chat(name), **fields})
    assert word in failure["message"]


@pytest.mark.parametrize("field", ["name", "description"])
def test_characters(cluster, module, name, field):
    """3.1 and later refuse some characters; 2.19 accepts them."""
    args = {**chat(name), field: f"{name} <b>&"}
    if cluster.is_3:
        failure = module.refuses("invalid_characters", "ml_connector", **args)
        assert "& < >" in failure["message"]
        assert cluster.named("connectors", args["name"]) == []
    else:
        assert module("ml_connector", **args)["changed"] is True
        assert module("ml_connector", **args)["changed"] is False


def test_untrusted_endpoint(cluster, module, untouched, name):
    url = "https://untrusted.example.com/v1"
    failure = module.fails("ml_connector", **chat(name, url=url))
    assert (failure["code"], failure["status"]) == ("untrusted_endpoint", 400)
    assert TRUSTED in failure["remedy"]
    assert failure["details"]["urls"] == {"actions[0].url": url}
    assert failure["details"]["patterns"] == [r"^https://untrusted\.example\.com/v1$"]
    assert r"['^https://untrusted\.example\.com/v1$']" in failure["message"]


@pytest.mark.usefixtures("settings_restored")
def test_the_task_in_the_message_trusts_the_endpoint(cluster, module, name):
    """Also of a URL whose host is a parameter; check mode warns of it in advance."""
    body = chat(name, url="https://${parameters.host}/v1", parameters={"host": "untrusted.example.com"})
    before = module("ml_connector", **body, check=True)
    [warning] = [text for text in map(str, before["warnings"]) if "no pattern in" in text]
    failure = module.fails("ml_connector", **body)
    for text in (warning, failure["message"]):
        [task] = yaml.safe_load(text[text.index("- searchops") : text.rindex("}") + 1])
        [(_module, options)] = task.items()
        module(SETTING, **options)
    assert "no pattern" not in str(module("ml_connector", **body, check=True).get("warnings"))
    assert module("ml_connector", **body)["changed"] is True


URLS = {
    "underscore": "http://my_llm:8080/v1",
    "two schemes": "http://http://llm:8080/v1",
    "port": "http://llm:0/v1",
}


@pytest.mark.parametrize("mistake", URLS)
def test_a_url_that_no_prediction_could_use(module, untouched, name, mistake):
    failure = module.refuses("invalid_input", "ml_connector", **chat(name, url=URLS[mistake]))
    assert "actions[0].url" in failure["message"]


def test_a_misspelt_setting_names_the_right_one(cluster, module, untouched):
    failure = module.refuses("unknown_setting", SETTING, settings={TRUSTED.replace("points", "point"): []})
    assert f"Did you mean '{TRUSTED}'?" in failure["message"]
    failure = module.fails(SETTING, settings={"cluster.routing.allocation.enabled": "all"})
    assert "Did you mean 'cluster.routing.allocation.enable'?" in failure["message"]


def test_the_table_of_types_has_every_setting(module):
    """And no other type than the value in effect shows."""
    listed = module(f"{SETTING}_info", patterns=[f"{setting_types.ML_PREFIX}*"])["settings"]
    for setting, value in listed.items():
        known = setting_types.type_of(setting)
        assert known is not None, setting
        assert (known.kind == "list") == isinstance(value, list), setting
        assert (known.kind == "boolean") == (value in ("true", "false")), setting


def test_new_features_on_an_old_server(cluster, module, name):
    for args in (
        {"client_config": {"skip_ssl_verification": True}},
        {"actions": [action(name="chat")]},
    ):
        if cluster.is_3:
            module("ml_connector", **{**chat(name), **args})
            assert module("ml_connector", **{**chat(name), **args})["changed"] is False
            module("ml_connector", name=name, state="absent")
        else:
            failure = module.refuses("unsupported_version", "ml_connector", **{**chat(name), **args})
            assert "3.5" in failure["message"]
            assert "2.19" in failure["message"]


@pytest.mark.full_on("2.19.1-tls")
def test_access_options_without_access_control(module, untouched, name):
    failure = module.fails("ml_connector", **chat(name, access_mode="private"))
    assert failure["code"] == "access_control_disabled"


@pytest.mark.full_on("2.19.1-tls")
@pytest.mark.parametrize("check", [False, True])
def test_connector_in_use_is_not_deleted(cluster, module, name, check):
    connector = cluster.make_connector(name)
    model = cluster.make_model(f"{name} model", connector)
    failure = module.refuses("connector_in_use", "ml_connector", check=check, name=name, state="absent")
    assert model in failure["message"]
    assert failure["details"]["models"] == [model]
    assert cluster.one("connectors", name).id == connector


@pytest.mark.full_on("2.19.1-tls")
def test_unknown_connector_id(module, untouched):
    failure = module.refuses("unknown_connector", "ml_connector", connector_id="no-such-connector", description="x")
    assert "no-such-connector" in failure["message"]


@pytest.mark.full_on("2.19.1-tls")
@pytest.mark.parametrize("check", [False, True])
def test_ambiguous_connector(cluster, module, name, check):
    ids = two_of_one_name(cluster, "connectors", lambda: cluster.make_connector(name))
    for args in (chat(name), {"name": name, "state": "absent"}):
        failure = module.refuses("ambiguous_name", "ml_connector", check=check, **args)
        assert sorted(failure["details"]["ids"]) == sorted(ids)
        assert all(connector_id in failure["message"] for connector_id in ids)
    failure = module.refuses("ambiguous_name", "ml_model", check=check, name=name, connector=name)
    assert sorted(failure["details"]["ids"]) == sorted(ids)
    assert len(cluster.named("connectors", name)) == 2


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"credential": {"access_key": "x", "secret_key": "y"}},
        {"parameters": {"region": "us-east-1", "service_name": "bedrock"}},
    ],
    ids=["nothing", "keys", "region"],
)
def test_what_a_signature_needs(module, untouched, name, given):
    failure = module.refuses("sigv4_incomplete", "ml_connector", **chat(name, protocol="aws_sigv4", **given))
    assert failure["details"]["missing"]


# --- Models -------------------------------------------------------------------------------------------------------


@pytest.mark.full_on("2.19.1-tls")
def test_model_name_too_long(cluster, module, untouched, name):
    connector = cluster.make_connector(name)
    failure = module.refuses("invalid_input", "ml_model", name="it " + "x" * 260, connector=connector)
    assert "256" in failure["message"]
    cluster.must("DELETE", f"{ML}/connectors/{connector}")


@pytest.mark.parametrize("cluster", ["3.6.0"], indirect=True)
def test_model_characters(cluster, module, name):
    cluster.make_connector(name)
    module.refuses("invalid_characters", "ml_model", name=f"{name} <b>", connector=name)
    assert cluster.find("model_groups", {"prefix": {"name.keyword": name}}) == []


def test_a_wrong_key_is_reported_with_the_backends_message(module, name, cluster):
    module("ml_connector", **guarded(name, "not-the-key"))
    module("ml_model", name=name, connector=name)
    failure = module.fails("ml_predict", model=name, messages=[{"role": "user", "content": "Ping"}])
    assert (failure["code"], failure["status"]) == ("backend_unauthorized", 401)
    assert "Incorrect API key provided" in failure["message"]


def test_invalid_options_are_refused_before_the_cluster_is_contacted(module, direct, untouched):
    """Also by a check without a cluster: nothing listens on the port."""
    closed = direct(hosts=[f"http://127.0.0.1:{free_port()}"], retries=0)
    failure = module.fails("ml_model", name="Chat", connector={"name": "c"}, **closed)
    assert failure["code"] == "invalid_input"
    assert "connector: takes one text, not a mapping; write connector: c" in failure["message"]
    action = {"url": "http://127.0.0.1:9/v1", "headers": {"Authorization": "Bearer ${credential.key}"}}
    left_in = {"name": "Chat", "actions": [action], "credential": {"key": "<YOUR API KEY>"}}
    assert module.fails("ml_connector", **left_in, **closed)["code"] == "placeholder_left_in"
    failure = module.fails("ml_stack", connectors=[{**left_in, "provder": "ollama"}], **closed)
    assert failure["code"] == "invalid_stack"
    assert "connectors[0]: unknown option 'provder'; did you mean 'provider'?" in failure["message"]
