# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connectors on real servers: many shapes, each created, changed and deleted."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.searchops.opensearch_ml.tests.integration._stack import (
    CHAT_BODY,
    GATEWAY,
    OLLAMA,
    chat,
    gateway_keys,
    guarded,
    plain,
)

JSON = {"Content-Type": "application/json"}


def action(**fields: Any) -> dict[str, Any]:
    return {"url": OLLAMA, "headers": JSON, "request_body": CHAT_BODY, **fields}


SHAPES: dict[str, dict[str, Any]] = {
    "numbers": {"parameters": {"model": "m", "max_tokens": 5, "zero": 0, "negative": -3, "large": 2**53}},
    "floats": {"parameters": {"a": 0.50, "b": 1e10, "c": 1.0, "d": 1e-7, "e": 123456789.125, "f": 0.1}},
    "booleans and null": {"parameters": {"yes": True, "no": False, "nothing": None}},
    "texts like numbers": {"parameters": {"a": "0.50", "b": "1e10", "c": "007", "d": "true", "e": "null", "f": ""}},
    "nested": {"parameters": {"o": {"z": 1, "a": {"b": [1, 2.50, {"c": None}], "t": True}}, "l": ["x", 1, False]}},
    "empty nested": {"parameters": {"o": {}, "l": [], "s": " "}},
    "json in strings": {"parameters": {"o": '{"b": 1, "a": [1, 2]}', "l": "[1, 2,  3]", "broken": "{not json"}},
    "placeholder in parameter": {"parameters": {"stop": '["</s>"]', "prompt": "${parameters.messages}"}},
    "unicode": {"parameters": {"system": "Grüße, 世界 \U0001f600 \"quoted\" \\ back\nnew\tline", "ключ": "значение"}},
    "no parameters": {"parameters": {}},
    "parameters not given": {"parameters": None},
    "several actions": {
        "actions": [
            action(),
            action(action_type="execute", url="http://ollama:11434/v1/models", method="GET", request_body=None),
            action(action_type="batch_predict", url="http://gateway:8080/v1/batches"),
        ]
    },
    "headers with numbers": {
        "actions": [action(headers={**JSON, "X-Number": 1, "X-Float": 0.50, "X-Flag": True, "X-Text": "a: b, c"})]
    },
    "no headers": {"actions": [action(headers=None)]},
    "body as structure": {"actions": [action(request_body={"model": "${parameters.model}", "n": 1, "s": False})]},
    "body as text with blanks": {"actions": [action(request_body='{ "model" : "${parameters.model}",  "n":1.0 }')]},
    "functions": {
        "actions": [
            action(
                url="http://ollama:11434/v1/embeddings",
                request_body='{"model": "${parameters.model}", "input": ${parameters.input}}',
                pre_process_function="connector.pre_process.openai.embedding",
                post_process_function="connector.post_process.openai.embedding",
            )
        ]
    },
    "painless": {
        "actions": [
            action(
                pre_process_function='\n  StringBuilder b = new StringBuilder("\\"");\n  b.append(params.text_docs[0]);\n'
                '  b.append("\\"");\n  return "{\\"parameters\\": {\\"input\\": " + b + "}}";\n',
                post_process_function="\n  return params.choices[0].message.content;\n",
            )
        ]
    },
    "one of client_config": {"client_config": {"read_timeout": 77}},
    "most of client_config": {
        "client_config": {
            "max_connection": 7,
            "connection_timeout": 3,
            "read_timeout": 99,
            "retry_backoff_millis": 111,
            "retry_timeout_seconds": 13,
            "max_retry_times": 2,
            "retry_backoff_policy": "exponential_full_jitter",
        }
    },
    "description and version": {"description": "What it (really) is for: chat, or 'so'.", "version": "1.10"},
    "empty description": {"description": ""},
    "credential": {
        "credential": {"api_key": "first-of-the-keys", "other": 5000000001},
        "actions": [action(headers={**JSON, "Authorization": "Bearer ${credential.api_key}"})],
    },
    "url with parameter": {"actions": [action(url="http://ollama:11434/${parameters.path}")], "parameters": {"path": "v1"}},
    "aws_sigv4": {
        "protocol": "aws_sigv4",
        "credential": {"access_key": "AKIAEXAMPLE", "secret_key": "secret-of-the-example"},
        "parameters": {"region": "eu-central-1", "service_name": "bedrock"},
    },
}  # fmt: skip


@pytest.mark.full_on("2.19.1-tls", but=("nested", "functions", "most of client_config", "aws_sigv4"))
@pytest.mark.parametrize("shape", SHAPES)
def test_each_shape_converges(cluster, converges, real_connector, name, shape):
    fields = chat(name, **SHAPES[shape])
    made = converges("ml_connector", ["create"], **fields)
    assert made["connector_id"] == cluster.one("connectors", name).id
    assert made["diff"]["before"] in ({}, {"credential": None})
    real_connector(made["connector_id"], made["diff"]["after"])

    stored = cluster.get("connectors", made["connector_id"])
    for parameter, value in (fields.get("parameters") or {}).items():
        assert plain(stored["parameters"][parameter]) == plain(value), parameter


#: field -> (old value, new value): changes in place of a connector that no model uses.
CHANGES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "parameter added": ({}, {"parameters": {"model": "tiny-chat", "top_p": 0.9}}),
    "parameter changed": ({"parameters": {"model": "a", "n": 1}}, {"parameters": {"model": "a", "n": 1.5}}),
    "parameter to null": ({"parameters": {"n": 1}}, {"parameters": {"n": None}}),
    "nested changed": ({"parameters": {"o": {"a": 1}}}, {"parameters": {"o": {"a": 2, "b": []}}}),
    "description": ({"description": "one"}, {"description": "two"}),
    "description emptied": ({"description": "one"}, {"description": ""}),
    "description added": ({}, {"description": "two"}),
    "version": ({}, {"version": "2"}),
    "url": ({}, {"actions": [action(url=GATEWAY)]}),
    "header": ({}, {"actions": [action(headers={**JSON, "X-More": "1"})]}),
    "header removed": ({"actions": [action(headers={**JSON, "X-More": "1"})]}, {"actions": [action()]}),
    "request body": ({}, {"actions": [action(request_body='{"messages": ${parameters.messages}}')]}),
    "action added": ({}, {"actions": [action(), action(action_type="execute")]}),
    "action removed": ({"actions": [action(), action(action_type="execute")]}, {"actions": [action()]}),
    "action type": ({}, {"actions": [action(action_type="execute")]}),
    "function added": ({}, {"actions": [action(post_process_function="connector.post_process.default.embedding")]}),
    "function removed": ({"actions": [action(post_process_function="return 1;")]}, {"actions": [action()]}),
    "client_config": ({"client_config": {"max_connection": 9}}, {"client_config": {"read_timeout": 61}}),
    "policy": ({}, {"client_config": {"retry_backoff_policy": "exponential_equal_jitter"}}),
}


@pytest.mark.full_on("2.19.1-tls", but=("parameter to null", "header removed", "action type", "client_config"))
@pytest.mark.parametrize("change", CHANGES)
def test_each_change_in_place(cluster, module, converges, real_connector, name, change):
    before, after = CHANGES[change]
    first = module("ml_connector", **chat(name, **before))
    real_connector(first["connector_id"], first["diff"]["after"])
    old = cluster.one("connectors", name)

    done = converges("ml_connector", ["update"], **chat(name, **after))
    assert done["connector_id"] == old.id
    assert cluster.one("connectors", name).version == old.version + 1
    assert done["diff"]["before"] != done["diff"]["after"]
    real_connector(old.id, done["diff"]["after"])


@pytest.mark.full_on("2.19.1-tls")
def test_client_config_that_is_not_given_is_kept(cluster, module, name):
    module("ml_connector", **chat(name, client_config={"max_connection": 9, "max_retry_times": 3}))
    done = module("ml_connector", **chat(name, client_config={"read_timeout": 61}))
    config = cluster.get("connectors", done["connector_id"])["client_config"]
    assert (config["max_connection"], config["max_retry_times"], config["read_timeout"]) == (9, 3, 61)


@pytest.mark.full_on("2.19.1-tls")
def test_new_connectors_get_sane_timeouts(cluster, module, name):
    made = module("ml_connector", **chat(name))
    config = cluster.get("connectors", made["connector_id"])["client_config"]
    assert (config["connection_timeout"], config["read_timeout"]) == (10, 180)


@pytest.mark.full_on("2.19.1-tls")
def test_fields_that_are_not_given_are_kept(cluster, module, name):
    made = module("ml_connector", **chat(name, description="kept", version="7"))
    for args in ({"name": name}, {"name": name, "parameters": {"model": "tiny-chat"}}):
        assert module("ml_connector", **args)["changed"] is False
    assert cluster.get("connectors", made["connector_id"])["description"] == "kept"


def test_a_removed_parameter_needs_a_new_connector(cluster, module, converges, real_connector, name):
    module("ml_connector", **chat(name, parameters={"model": "tiny-chat", "surplus": 1}))
    old = cluster.one("connectors", name)
    done = converges("ml_connector", ["swap"], **chat(name))
    assert done["connector_id"] == cluster.one("connectors", name).id != old.id
    real_connector(done["connector_id"], done["diff"]["after"])
    assert "surplus" not in cluster.get("connectors", done["connector_id"])["parameters"]


@pytest.mark.full_on("2.19.1-tls")
def test_another_protocol_needs_a_new_connector(cluster, module, converges, name):
    module("ml_connector", **chat(name, parameters={"region": "r", "service_name": "s"}))
    sigv4 = chat(
        name,
        protocol="aws_sigv4",
        parameters={"region": "r", "service_name": "s"},
        credential={"access_key": "AKIAEXAMPLE", "secret_key": "secret-of-the-example"},
    )
    done = converges("ml_connector", ["swap"], **sigv4)
    assert cluster.get("connectors", done["connector_id"])["protocol"] == "aws_sigv4"


def test_rename_by_id(cluster, module, converges, name):
    made = module("ml_connector", **chat(name))
    new_name = f"{name} renamed"
    done = converges("ml_connector", ["update"], connector_id=made["connector_id"], name=new_name)
    assert done["diff"] == {"before": {"name": name}, "after": {"name": new_name}}
    assert cluster.one("connectors", new_name).id == made["connector_id"]


def test_absent(cluster, converges, module, name):
    module("ml_connector", **chat(name))
    old = cluster.one("connectors", name)
    done = converges("ml_connector", ["delete"], name=name, state="absent", again=False)
    assert done["connector_id"] == old.id
    assert cluster.named("connectors", name) == []
    assert cluster.send("GET", f"/_plugins/_ml/connectors/{old.id}").status_code == 404
    for args in ({"name": name}, {"connector_id": old.id}):
        for check in (False, True):
            again = module("ml_connector", check=check, state="absent", **args)
            assert (again["changed"], module.recorder.writes) == (False, [])


@pytest.mark.full_on("2.19.1-tls")
def test_absent_by_id_keeps_another_of_the_same_name(cluster, module, name):
    first, second = cluster.make_connector(name), cluster.make_connector(name)
    module("ml_connector", connector_id=first, state="absent")
    assert cluster.one("connectors", name).id == second


@pytest.mark.full_on("2.19.1-tls")
def test_similar_names_are_distinguished(cluster, module, name):
    for similar in (f"{name}-chat", f"{name} chat", f"{name}-Chat", f"{name}-chat-2"):
        assert module("ml_connector", **chat(similar))["changed"] is True
        assert module("ml_connector", **chat(similar))["changed"] is False
    assert len(cluster.find("connectors", {"prefix": {"name.keyword": name}})) == 4


def test_credential_policies(cluster, module, converges, name):
    one, two = gateway_keys()
    made = module("ml_connector", **guarded(name, one, update_credential="on_create"))
    model = cluster.make_model(name, made["connector_id"], deploy=True)
    assert cluster.answer(model) == "Pong."
    # Without a fingerprint, an existing connector keeps its credential, and a warning says that it was not compared.
    module.recorder.clear()
    adopted = module("ml_connector", **guarded(name, "another"))
    assert (adopted["changed"], module.recorder.writes) == (False, [])
    assert "'credential' was not compared" in str(adopted["warnings"])
    assert cluster.answer(model) == "Pong."

    # The first such run stores the fingerprint, so that the second one knows that nothing has changed.
    first = converges("ml_connector", ["swap"], **guarded(name, two, update_credential="unless_same"))
    assert "_searchops" not in str(first["connector"])
    assert cluster.answer(model) == "Pong."
    wrong = module("ml_connector", **guarded(name, "wrong"))
    assert wrong["changed"] is True
    assert cluster.predict(model).status_code == 401
    converges("ml_connector", ["swap"], **guarded(name, one))
    assert cluster.answer(model) == "Pong."
    for _ in range(2):
        assert module("ml_connector", **guarded(name, one, update_credential="always"))["changed"] is True
    assert cluster.answer(model) == "Pong."
    assert len(cluster.named("connectors", name)) == 1


def test_credential_is_kept_by_a_put_without_one(cluster, module, name):
    """The body of an update has no credential: the gateway must still accept the stored one afterwards."""
    key = gateway_keys()[0]
    made = module("ml_connector", **guarded(name, key))
    for number in range(3):
        args = guarded(name, key, description=f"Take {number}")
        assert [done["action"] for done in module("ml_connector", **args)["actions"]] == ["update"]
    assert cluster.answer(cluster.make_model(name, made["connector_id"], deploy=True)) == "Pong."


@pytest.mark.full_on("2.19.1-tls")
def test_fingerprint_alone_is_an_update(cluster, module, converges, name):
    key = gateway_keys()[0]
    module("ml_connector", **guarded(name, key, update_credential="on_create"))
    done = converges("ml_connector", ["update"], **guarded(name, key, update_credential="unless_same"))
    source = cluster.get("connectors", done["connector_id"])
    assert key not in str(source)
    assert set(source["parameters"]) == {"model", "_searchops"}


@pytest.mark.full_on("2.19.1-tls")
def test_more_connectors_than_one_page(cluster, module, name):
    """More connectors than a search returns by default."""
    cluster.age("connectors", *[cluster.make_connector(name) for _ in range(11)])
    cluster.make_connector(name)
    failure = module.refuses("ambiguous_name", "ml_connector", **chat(name))
    assert sorted(failure["details"]["ids"]) == sorted(item.id for item in cluster.named("connectors", name))


@pytest.mark.full_on("2.19.1-tls")
def test_a_parameter_named_stream_causes_a_warning(module, name):
    made = module("ml_connector", **chat(name, parameters={"model": "tiny-chat", "stream": False}))
    assert any("'stream'" in str(warning) for warning in made["warnings"])
