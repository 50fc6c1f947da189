# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pasted definitions of many shapes: each body that the server accepts converges, and is unchanged in the next run."""

from __future__ import annotations

import json
import string
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ansible_collections.searchops.opensearch_ml.tests.integration import _stack
from ansible_collections.searchops.opensearch_ml.tests.integration._stack import ML

#: Hosts of the published blueprints, so that their bodies can be used unchanged. The tests send nothing to them.
PUBLISHED_HOSTS = (
    r"^https://[a-z0-9${}._-]+\.(amazonaws|openai|azure|cohere|anthropic|googleapis|deepseek|x)\.(com|ai)(/.*|)$"
)
MCP = "plugins.ml_commons.mcp_connector_enabled"

KEY = {"Authorization": "Bearer ${credential.key}"}
CHAT = '{"model": "${parameters.model}", "messages": ${parameters.messages}}'
SCRIPT = """
    String name = "x"; if (params.text_docs == null) { throw new IllegalArgumentException("no \\"docs\\""); }
    StringBuilder builder = new StringBuilder(); def inputs = new ArrayList<String>();
    for (int i = 0; i < params.text_docs.length; i++) { builder.append(params.text_docs[i]); }
    return '{"parameters":{"input":"' + builder + '"}}';
"""


def action(url: str = _stack.OLLAMA, **fields: Any) -> dict[str, Any]:
    return {"action_type": "predict", "method": "POST", "url": url, "request_body": CHAT, **fields}


#: Shapes from product documentation and published blueprints, shortened to their differences.
PUBLISHED: dict[str, dict[str, Any]] = {
    "openai chat": {
        "parameters": {"endpoint": "api.openai.com", "model": "gpt-4o", "max_tokens": 7, "temperature": 0},
        "credential": {"key": "x"},
        "actions": [action("https://api.openai.com/v1/chat/completions", headers=KEY)],
    },
    "openai embedding": {
        "parameters": {"model": "text-embedding-ada-002"},
        "credential": {"key": "x"},
        "actions": [
            action(
                "https://api.openai.com/v1/embeddings",
                headers=KEY,
                request_body='{ "input": ${parameters.input}, "model": "${parameters.model}" }',
                pre_process_function="connector.pre_process.openai.embedding",
                post_process_function="connector.post_process.openai.embedding",
            )
        ],
    },
    "azure": {
        "parameters": {"endpoint": "res.openai.azure.com", "deploy-name": "gpt", "api-version": "2024-10-21"},
        "credential": {"key": "x"},
        "actions": [
            action(
                "https://res.openai.azure.com/openai/deployments/gpt/chat/completions?api-version=2024-10-21",
                headers={"api-key": "${credential.key}"},
            )
        ],
    },
    "cohere rerank": {
        "parameters": {"model": "rerank-english-v3.0"},
        "credential": {"key": "x"},
        "actions": [
            action(
                "https://api.cohere.ai/v1/rerank",
                headers=KEY,
                request_body='{ "documents": ${parameters.documents}, "query": "${parameters.query}", "top_n": 4 }',
                pre_process_function="connector.pre_process.cohere.rerank",
                post_process_function="connector.post_process.cohere.rerank",
            )
        ],
    },
    "bedrock": {
        "protocol": "aws_sigv4",
        "parameters": {"region": "us-east-1", "service_name": "bedrock", "response_filter": "$.content[0].text"},
        "credential": {"access_key": "x", "secret_key": "y", "session_token": "z"},
        "actions": [
            action(
                "https://bedrock-runtime.${parameters.region}.amazonaws.com/model/m/invoke",
                headers={"content-type": "application/json", "x-amz-content-sha256": "required"},
                request_body='{"inputText": "${parameters.inputText}", "n": [1, 2.50, 1e3], "t": null}',
                pre_process_function=SCRIPT,
                post_process_function="\n  if (params.embedding == null) { return null; }\n",
            )
        ],
    },
    "sagemaker in batches": {
        "protocol": "aws_sigv4",
        "parameters": {
            "region": "us-east-1",
            "service_name": "sagemaker",
            "DataProcessing": {"InputFilter": "$.content", "JoinSource": "Input"},
            "TransformInput": {"ContentType": "application/json", "Splits": ["Line", 2, True, None]},
        },
        "credential": {"access_key": "x", "secret_key": "y"},
        "actions": [
            action("https://runtime.sagemaker.us-east-1.amazonaws.com/endpoints/e/invocations"),
            action("https://api.sagemaker.us-east-1.amazonaws.com/CreateTransformJob", action_type="batch_predict"),
        ],
    },
    "anthropic": {
        "parameters": {"model": "m", "system_prompt": 'You "quote", and\nbreak lines.\t\\ ends'},
        "credential": {"key": "x"},
        "actions": [
            action(
                "https://api.anthropic.com/v1/messages",
                headers={"x-api-key": "${credential.key}", "anthropic-version": "2023-06-01"},
            )
        ],
    },
    "seed blueprint": {
        "parameters": {"endpoint": "ollama:11434", "model": "qwen3:4b"},
        "credential": {"openAI_key": "not needed"},
        "actions": [
            action(
                "http://${parameters.endpoint}/v1/chat/completions",
                headers={"Authorization": "Bearer ${credential.openAI_key}"},
                request_body='{ "model": "${parameters.model}", "messages": ${parameters.messages} }',
            )
        ],
    },
    "numbers": {
        "version": 1.10,
        "parameters": {"a": 5, "b": 0.50, "c": 1e10, "d": -1, "e": 12345678901234567, "f": 1e-7, "g": 100.0, "h": 0},
        "actions": [action()],
    },
    "booleans and nulls": {"parameters": {"a": True, "b": False, "c": None, "d": "true", "e": ""}, "actions": [action()]},
    "nested": {
        "parameters": {"a": {"z": 1, "y": {"x": [1, "2", 3.0, None, True, {"w": "v"}]}}, "b": [], "c": {}},
        "actions": [action()],
    },
    "json in strings": {
        "parameters": {"a": '{"b":  1, "a": [1,2]}', "b": "[1, 2", "c": '"quoted"', "d": "{}", "e": " [1] "},
        "actions": [action(request_body='{"a": "{\\"b\\": 1}", "m": ${parameters.messages}}')],
    },
    "unicode": {
        "parameters": {"ключ": "значение", "emoji": "🙂\u200d", "rtl": "\u202eabc", "nul": "a\u0001b", "line": "a\u2028b"},
        "actions": [action(headers={"X-Title": "plain"}, request_body='{"prompt": "Grüße 你好 ${parameters.messages}"}')],
    },
    "body as a mapping": {"actions": [action(request_body={"model": "m", "n": 1, "t": 0.0, "b": True, "z": None})]},
    # As the console's triple quotes have it.
    "body on lines": {"actions": [action(request_body='\n    {\n      "messages": ${parameters.messages}\n    }\n  ')]},
    "no body": {"actions": [{"action_type": "predict", "method": "GET", "url": _stack.OLLAMA}]},
    "all of the client": {
        "actions": [action()],
        "client_config": {
            "max_connection": "7", "connection_timeout": 1, "read_timeout": 2, "retry_backoff_millis": 3,
            "retry_timeout_seconds": 4, "max_retry_times": 5, "retry_backoff_policy": "EXPONENTIAL_FULL_JITTER",
        },
    },
    "methods": {"actions": [action(method="PUT"), action(method="GET", action_type="batch_predict_status")]},
    "capital letters": {"actions": [action(action_type="PREDICT"), action(action_type="BATCH_PREDICT")]},
    "empty": {"description": "", "parameters": {}, "actions": [action(headers={})]},
    "key in a secret of Amazon": {
        "credential": {"secretArn": "arn:aws:secretsmanager:us-east-1:1:secret:x", "roleArn": "arn:aws:iam::1:role/x"},
        "actions": [action(headers={"Authorization": "Bearer ${credential.secretArn.my_key}"})],
    },
    # Comprehend and Textract: a URL of parameters without a path, and a parameter in a parameter in a header.
    "operation in a header": {
        "protocol": "aws_sigv4",
        "parameters": {
            "region": "us-east-1", "service_name": "textract", "api_name": "Detect", "api": "Textract.${parameters.api_name}",
        },
        "credential": {"access_key": "x", "secret_key": "y", "session_token": "z"},
        "actions": [
            action(
                "https://${parameters.service_name}.${parameters.region}.amazonaws.com",
                headers={"content-type": "application/x-amz-json-1.1", "X-Amz-Target": "${parameters.api}"},
                request_body='{  "Document": { "Bytes": "${parameters.bytes}" }  } ',
            )
        ],
    },
    "converse": {
        "protocol": "aws_sigv4",
        "parameters": {"region": "us-east-1", "service_name": "bedrock", "model": "us.vendor.model-20250514-v1:0"},
        "credential": {"access_key": "x", "secret_key": "y"},
        "actions": [
            action(
                "https://bedrock-runtime.${parameters.region}.amazonaws.com/model/${parameters.model}/converse",
                request_body='{ "system": [{"text": "${parameters.system_prompt}"}], "messages": [${parameters._chat_history:-}'
                '{"role":"user","content":[{"text":"${parameters.prompt}"}]}${parameters._interactions:-}]'
                "${parameters.tool_configs:-} }",
            )
        ],
        "client_config": {"max_retry_times": 3, "retry_backoff_policy": "exponential_full_jitter"},
    },
    "gemini": {
        "parameters": {"model": "gemini-2.0-flash"},
        "credential": {"key": "x"},
        "actions": [
            action(
                "https://generativelanguage.googleapis.com/v1beta/models/${parameters.model}:generateContent",
                headers={"Content-Type": "application/json", "x-goog-api-key": "${credential.key}"},
                request_body='{ "contents": ${parameters.contents} }',
            )
        ],
    },
    "azure with a slash": {
        "parameters": {"endpoint": "res.openai.azure.com/", "deploy-name": "d", "api-version": "2024-10-21"},
        "credential": {"key": "x"},
        "actions": [
            action(
                "https://${parameters.endpoint}/openai/deployments/${parameters.deploy-name}/embeddings"
                "?api-version=${parameters.api-version}",
                headers={"api-key": "${credential.key}"},
                request_body='{ "input": ${parameters.input}, "input_type":  "array"}',
            )
        ],
    },
    "embeddings of several types": {
        "parameters": {
            "model": "embed-v4.0", "input_type": "search_document", "truncate": "END", "embedding_types": ["int8", "float"],
            "input_docs_processed_step_size": 1, "normalize": True, "dimensions": 1024,
        },
        "credential": {"key": "x"},
        "actions": [
            action(
                "https://api.cohere.ai/v2/embed",
                headers={**KEY, "Request-Source": "unspecified:opensearch"},
                request_body='{ "texts": ${parameters.texts}, "embedding_types": ${parameters.embedding_types} }',
                pre_process_function="connector.pre_process.cohere.embedding",
                post_process_function="\n  def type = \"FLOAT32\";\n  if (params.embeddings.int8 != null) { type = \"INT8\"; }"
                "\n  return '{\"name\": \"sentence_embedding\", \"data_type\": \"' + type + '\"}';\n",
            )
        ],
    },
    "images and text": {
        "protocol": "aws_sigv4",
        "parameters": {"region": "us-east-1", "service_name": "bedrock", "input_docs_processed_step_size": 2},
        "credential": {"access_key": "x", "secret_key": "y"},
        "actions": [
            action(
                "https://bedrock-runtime.us-east-1.amazonaws.com/model/m/invoke",
                request_body='{"inputText": "${parameters.inputText:-null}", "inputImage": "${parameters.inputImage:-null}"}',
                pre_process_function="connector.pre_process.bedrock.multimodal_embedding",
                post_process_function="connector.post_process.bedrock.embedding",
            )
        ],
    },
    "scheme of two words": {
        "parameters": {"modelUri": "emb://folder/text-search-doc/latest", "folder_id": "folder"},
        "credential": {"api_key": "x"},
        "actions": [
            action(headers={"Authorization": "Api-Key ${credential.api_key}", "x-folder-id": "${parameters.folder_id}"})
        ],
    },
    "completion": {
        "parameters": {"model": "m", "max_tokens": 7, "temperature": 0},
        "credential": {"key": "x"},
        "actions": [
            action(
                "https://api.openai.com/v1/completions",
                headers=KEY,
                request_body='{ "prompt": "${parameters.prompt}", "temperature": ${parameters.temperature} }',
                post_process_function="\n  return params['completions'][0].data.text; \n",
            )
        ],
    },
    "batches and their status": {
        "parameters": {"input_file_id": "file-1", "endpoint": "/v1/embeddings"},
        "credential": {"key": "x"},
        "actions": [
            action("https://api.openai.com/v1/embeddings", headers=KEY),
            action("https://api.openai.com/v1/batches", action_type="batch_predict", headers=KEY),
            {
                "action_type": "batch_predict_status", "method": "GET", "headers": KEY,
                "url": "https://api.openai.com/v1/batches/${parameters.id}",
            },
            action("https://api.openai.com/v1/batches/${parameters.id}/cancel", action_type="cancel_batch_predict"),
        ],
    },
    "numbers that Java writes otherwise": {"parameters": {"a": 0.0001, "b": 1e8, "c": 1e-300}, "actions": [action()]},
    # The official blueprint for Ollama, from 3.7 on.
    "structured output": {"actions": [action(supports_structured_output=True)]},
    "fields of a later version": {
        "quota": {"tokens": [5]},
        "actions": [action(cache={"seconds": 60})],
        "client_config": {"read_timeout": 60, "idle_timeout": 7},
    },
    "fields of other protocols": {"actions": [action()], "url": "http://gateway:8080/", "headers": {"X-A": "1"}},
    "headers of other types": {"actions": [action(headers={"X-N": 1, "X-B": True, "X-F": 1.0})]},
}  # fmt: skip

MCP_BODIES: dict[str, dict[str, Any]] = {
    "mcp_sse": {
        "protocol": "mcp_sse",
        "url": "http://gateway:8080/",
        "headers": {"X-A": 1, **KEY},
        "credential": {"key": "x"},
    },
    "mcp_streamable_http": {
        "protocol": "mcp_streamable_http",
        "url": "http://gateway:8080/",
        "parameters": {"endpoint": "/mcp"},
        "credential": {"key": "x"},
    },
    "mcp with more": {
        "protocol": "mcp_sse",
        "description": "Tools",
        "url": "http://gateway:8080/",
        "credential": {"key": "x"},
        "actions": [action()],
        "client_config": {"read_timeout": 9},
    },
}


@pytest.fixture
def _published_hosts(cluster, settings_restored):
    more = {MCP: True} if cluster.is_3 else {}
    cluster.put_settings({_stack.TRUSTED: [*_stack.TRUST, PUBLISHED_HOSTS], _stack.PRIVATE_IP: True, **more})


def converge(cluster, module, name: str, body: dict[str, Any]) -> str:
    """Returns 'created' or 'refused'; anything else fails."""
    definition = {"version": "1", "protocol": "http", **body, "name": name}
    planned = module.run("ml_connector", check=True, definition=definition)
    assert module.recorder.writes == []
    made = module.run("ml_connector", definition=definition)
    if made.get("failed"):
        assert made["failure"]["status"] is not None or planned.get("failed"), made["failure"]
        assert made["failure"]["message"]
        assert made["failure"]["remedy"]
        assert cluster.named("connectors", name) == []
        return "refused"
    assert made["changed"]
    assert planned["changed"]
    assert planned["diff"] == made["diff"]
    version = cluster.one("connectors", name).version
    again = module("ml_connector", definition=definition)
    assert (again["changed"], module.recorder.writes) == (False, []), json.dumps(again["diff"], indent=1)
    assert cluster.one("connectors", name).version == version
    module("ml_connector", name=name, state="absent")
    return "created"


@pytest.mark.usefixtures("_published_hosts")
def test_published_shapes(cluster, module, name):
    bodies = {**PUBLISHED, **(MCP_BODIES if cluster.is_3 else {})}
    outcomes = {
        shape: converge(cluster, module, f"{name} {number}", body)
        for number, (shape, body) in enumerate(bodies.items())
    }
    assert {shape for shape, outcome in outcomes.items() if outcome != "created"} == set()


@pytest.mark.usefixtures("_published_hosts")
def test_connectors_of_another_client_are_adopted(cluster, module, name):
    """The same bodies, created by plain REST as curl and Terraform do. A field that the server does not store is not sent."""
    for number, (shape, body) in enumerate(PUBLISHED.items()):
        definition = {"version": "1", "protocol": "http", "credential": {"k": "x"}, **body, "name": f"{name} {number}"}
        if cluster.send("POST", f"{ML}/connectors/_create", definition).status_code != 200:
            # The server takes no mapping for a body.
            assert shape == "body as a mapping"
            continue
        adopted = module("ml_connector", definition=definition, update_credential="on_create")
        assert not adopted["changed"], (shape, adopted["diff"])
        module("ml_connector", name=definition["name"], state="absent")


def test_a_file_with_comments(cluster, module, name, tmp_path):
    """The server takes the text itself as well: blueprints show examples of values in comments."""
    body = json.dumps(
        {"name": name, "version": "1", "protocol": "http", "credential": {"k": "x"}, "actions": [action()]}, indent=1
    )
    text = body.replace(",\n", ", // an example\n").replace("[\n", "[ /* of one */\n")
    (tmp_path / "body.json").write_text(f"POST /_plugins/_ml/connectors/_create\n{text}\n")
    assert module("ml_connector", src=str(tmp_path / "body.json"))["changed"]
    assert not module("ml_connector", src=str(tmp_path / "body.json"))["changed"]
    module("ml_connector", name=name, state="absent")
    sent = cluster.send_text("POST", f"{ML}/connectors/_create", text)
    assert sent.status_code == 200, sent.text


#: A tutorial as its page shows it, with the answers of the server.
TUTORIAL = """# Chat

## 1. Trust the server
```json
PUT /_cluster/settings
{"persistent": {"plugins.ml_commons.connector.private_ip_enabled": true}}
```

## 2. Create the connector
```json
POST http://localhost:9200/_plugins/_ml/connectors/_create
%s
```
{%% include copy-curl.html %%}
The answer has the id:
```json
{"connector_id": "bIHyoKABQ8HfuLGquJdW"}
```

## 3. Create the pipeline
PUT /_ingest/pipeline/texts
{
  "description": "Texts {of a tutorial",
  "processors": []
}
Response
{"acknowledged": true}
"""


def test_a_whole_tutorial(cluster, module, name, tmp_path):
    body = {"version": "1", "protocol": "http", "credential": {"k": "x"}, "actions": [action()], "name": "Chat"}
    (tmp_path / "page.md").write_text(TUTORIAL % json.dumps(body, indent=1))
    src = {"src": str(tmp_path / "page.md"), "name": name}
    for task, more in (("ml_connector", {}), ("opensearch_pipeline", {"type": "ingest"})):
        assert module(task, **src, **more)["changed"]
        assert not module(task, **src, **more)["changed"]
        assert module.recorder.writes == []
        module(task, name=name, state="absent", **more)
    failure = module.refuses("invalid_input", "ml_agent", **src)
    assert "none that creates an agent: see its lines 5, 11, 36" in failure["message"]


def test_a_protocol_of_another_server(module, name):
    """Oracle's managed service has this one."""
    body = {"name": name, "protocol": "oci_sigv1", "credential": {}, "actions": [action()]}
    planned = module("ml_connector", check=True, definition=body)
    assert "Servers without it refuse the connector" in str(planned["warnings"])
    assert module.fails("ml_connector", definition=body)["code"] == "invalid_protocol"


def test_a_field_that_the_server_drops_is_a_warning(module, name):
    made = module("ml_connector", **_stack.chat(name), extra_fields={"quota": 1})
    assert "does not store quota" in str(made.get("warnings"))


#: What makes every prediction fail -> the code with which it is refused before anything is sent.
NEVER_WORKS: dict[str, tuple[dict[str, Any], str]] = {
    "no value": ({"credential": {"key": ""}, "actions": [action(headers=KEY)]}, "credential_missing"),
    "key in the body": ({"actions": [action(request_body='{"key": "${credential.key}"}')]}, "placeholder_never_filled"),
    "escape of Terraform": (
        {"actions": [action(request_body='{"m": "$${parameters.model}"}')]},
        "placeholder_never_filled",
    ),
    "key in a parameter": (
        {"parameters": {"uri": "x://${credential.key}"}, "actions": [action()]},
        "placeholder_never_filled",
    ),
    "blank in a placeholder": (
        {"actions": [action(request_body='{"m": "${parameters. model}"}')]},
        "placeholder_never_filled",
    ),
    "misspelt kind": ({"actions": [action(request_body='{"m": "${parameter.model}"}')]}, "placeholder_never_filled"),
    "misspelt function": (
        {"actions": [action(pre_process_function="connector.pre_process.openai.embeddings")]},
        "unknown_function",
    ),
    "header of a prediction": ({"actions": [action(headers={"X-A": "${parameters.a}"})]}, "placeholder_unfilled"),
}


@pytest.mark.parametrize("case", NEVER_WORKS)
def test_what_never_works_is_refused_before_it_is_sent(cluster, module, name, case):
    """The server itself accepts each of them."""
    fields, code = NEVER_WORKS[case]
    body = {"name": name, "version": "1", "protocol": "http", "credential": {"key": "x"}, **fields}
    for check in (True, False):
        module.refuses(code, "ml_connector", check=check, definition=body)
    created = cluster.send("POST", f"{ML}/connectors/_create", body)
    assert created.status_code == 200, created.text


@pytest.mark.usefixtures("_published_hosts")
def test_keys_of_a_role(cluster, module, name):
    """Published for Amazon OpenSearch Service. Other servers refuse it; check mode cannot know which server it is."""
    scope = {"region": "us-east-1", "service_name": "bedrock"}
    options = {"name": name, "protocol": "aws_sigv4", "parameters": scope, "actions": [action()]}
    options["credential"] = {"roleArn": "arn:aws:iam::1:role/x", "externalAccountRoleArn": "arn:aws:iam::2:role/y"}
    planned = module("ml_connector", check=True, **options)
    assert "only Amazon OpenSearch Service takes the keys of a role" in str(planned["warnings"])
    failure = module.fails("ml_connector", **options)
    assert (failure["code"], failure["status"]) == ("sigv4_incomplete", 400)
    assert cluster.named("connectors", name) == []


def test_a_probe_shows_that_the_body_becomes_json(module, name):
    quoted = '{"model": "tiny-chat", "messages": "${parameters.messages}"}'
    options = {**_stack.chat(name, request_body=quoted), "probe": {"messages": [{"role": "user", "content": "Ping"}]}}
    module.refuses("invalid_payload", "ml_connector", **options)


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), max_size=12)
NAMES = st.text(string.ascii_letters + string.digits + "_-", min_size=1, max_size=10)
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False), TEXT
)
TREES = st.recursive(
    SCALARS, lambda item: st.lists(item, max_size=3) | st.dictionaries(NAMES, item, max_size=3), max_leaves=6
)
HEADERS = st.dictionaries(st.from_regex(r"X-[A-Za-z]{1,8}", fullmatch=True), st.integers() | NAMES, max_size=2)
FUNCTIONS = st.sampled_from(["connector.pre_process.default.embedding", SCRIPT, "return params.x;"]) | st.none()


def actions(kinds: list[str]) -> st.SearchStrategy[list[dict[str, Any]]]:
    def one(kind: str) -> st.SearchStrategy[dict[str, Any]]:
        return st.fixed_dictionaries(
            {
                "action_type": st.sampled_from([kind, kind.upper()]),
                "method": st.sampled_from(["POST", "GET"]),
                "url": st.sampled_from(
                    [_stack.OLLAMA, "http://ollama:11434/${parameters.route}", "https://gateway:8443/x?a=b%20c#d"]
                ),
            },
            optional={
                "headers": HEADERS,
                "request_body": TREES.map(json.dumps) | st.just(CHAT) | TEXT,
                "pre_process_function": FUNCTIONS,
                "post_process_function": FUNCTIONS,
            },
        )

    return st.tuples(*map(one, kinds)).map(list)


BODIES = st.fixed_dictionaries(
    {"actions": st.sampled_from([["predict"], ["predict", "batch_predict"], ["execute"]]).flatmap(actions)},
    optional={
        "description": st.text(string.ascii_letters + " .,!?", max_size=20),
        "version": st.integers(0, 99) | st.floats(0, 9).map(lambda number: round(number, 2)) | st.just("1.10"),
        "protocol": st.just("http"),
        "parameters": st.dictionaries(NAMES | TEXT.filter(str.strip), TREES, max_size=4),
        "credential": st.dictionaries(NAMES, TEXT.filter(str.strip), min_size=1, max_size=2),
        "client_config": st.fixed_dictionaries(
            {},
            optional={
                "max_connection": st.integers(1, 100),
                "connection_timeout": st.integers(1, 100),
                "read_timeout": st.integers(1, 1000),
                "retry_backoff_policy": st.sampled_from(["constant", "EXPONENTIAL_EQUAL_JITTER"]),
            },
        ),
    },
)


@pytest.mark.full_on("3.6.0")
@pytest.mark.usefixtures("_published_hosts")
def test_generated_shapes(cluster, module, name):
    """Bodies drawn from the create schema: 40 together with the published ones."""
    outcomes: list[str] = []

    @given(body=BODIES)
    @settings(
        max_examples=40,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def check(body: dict[str, Any]) -> None:
        outcomes.append(converge(cluster, module, f"{name} {len(outcomes)}", body))

    check()
    assert outcomes.count("created") + len(PUBLISHED) >= 40, outcomes


@pytest.mark.usefixtures("_published_hosts")
@pytest.mark.parametrize(
    ("fields", "code", "reason"),
    [
        ({"actions": [action("https://elsewhere.example/v1")]}, "untrusted_endpoint", "not matching the trusted"),
    ],
    ids=["untrusted"],
)
def test_what_the_server_refuses(cluster, module, name, fields, code, reason):
    failure = module.fails("ml_connector", definition={"name": name, "version": "1", "protocol": "http", **fields})
    assert failure["status"] >= 400
    assert failure["code"] == code
    assert reason in failure["message"]
    assert cluster.named("connectors", name) == []
