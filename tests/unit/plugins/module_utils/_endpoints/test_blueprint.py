# SPDX-License-Identifier: GPL-3.0-or-later
"""Published blueprints, read from files."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._endpoints import blueprint
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.exceptions import Failure
from ansible_collections.searchops.opensearch_ml.tests.unit.support.samples import BLUEPRINT

JSON = json.dumps(BLUEPRINT, indent=2)


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(BLUEPRINT),
        "\ufeff" + json.dumps(BLUEPRINT, indent=2),
        "POST /_plugins/_ml/connectors/_create\n" + json.dumps(BLUEPRINT, indent=2),
        json.dumps(BLUEPRINT).replace('"Chat"', '"""Chat"""'),
        json.dumps(BLUEPRINT) + "\n# a comment of YAML\n",
        f"# Create it\n\nPOST /_plugins/_ml/connectors/_create\n{json.dumps(BLUEPRINT, indent=2)}\n",
        f"// Create it\nPOST /_plugins/_ml/connectors/_create\n# The body\n{JSON}",
        JSON.replace("\n", "\n  // a comment\n", 2),
        JSON.replace(",\n", ", // a \"comment\" behind a value\n").replace("[\n", "[ /* of two\n lines */\n"),
        f"/* A comment */\n{JSON} // the end",
        f"POST /_plugins/_ml/connectors/_create\r\n{JSON}\r\n\r\nGET /_plugins/_ml/connectors/x\r\n",
        f"GET _cat/nodes\n\nPOST _plugins/_ml/connectors/_create\n{JSON}\n# Then\nDELETE /_plugins/_ml/models/x\n",
        f"curl -XPOST 'http://a:9200/_plugins/_ml/connectors/_create' -H 'Content-Type: application/json' -d '{JSON}'",
        f'# With a key\n$ curl -u "$USER" \\\n  --json \\\n  \'{JSON}\' \\\n  https://a:9200/_plugins\n',
        f"curl https://a:9200/x --data-raw='{JSON}'",
        f"curl https://a:9200/x -d'{JSON}'",
        f"sudo -E curl -d'{JSON}' https://a:9200/x",
        f"POST /_plugins/_ml/connectors/_create\n{JSON}}}\n",
        f"### Create it\nPOST {{{{host}}}}/_plugins/_ml/connectors/_create HTTP/1.1\nContent-Type: application/json\n"
        f"Authorization: Basic {{{{user}}}}:{{{{password}}}}\n\n{JSON}\n",
        f"POST http://a:9200/x\r\nContent-Type: application/json\r\n\r\n{JSON}",
        f"```json\nPOST /_plugins/_ml/connectors/_create\n{JSON}\n```\n{{% include copy-curl.html %}}\n",
        f"## Create it\n\n```\n{JSON}\n```",
        f"  ~~~json\n{JSON}\n  ~~~\n",
        textwrap.indent(f"POST /_plugins/_ml/connectors/_create\n{json.dumps(BLUEPRINT, indent=2)}\n", "  "),
        "curl https://a:9200/x -d " + '"' + JSON.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$") + '"',
        "".join(f"> {line}\n" for line in f"```http\nPOST /_plugins/_ml/connectors/_create\n{JSON}\n```".splitlines()),
        f"POST /x\n{JSON}\n\n# response\n{{\n  \"connector_id\": \"a\"\n}}\n",
        "# Don't forget the key\ncurl -d " + '"' + JSON.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$") + '" a',
    ],
    ids=[
        "json", "with a byte order mark", "from the console", "triple quotes", "yaml", "comment", "two comments",
        "comments in JSON", "comments behind values", "comments around JSON", "a request without a body after it",
        "requests without a body around it", "curl", "curl on lines",
        "curl with =", "curl without a blank", "curl behind a word", "a surplus bracket", "headers of a REST client", "headers with carriage returns",
        "Markdown with more behind it", "Markdown with a heading", "indented Markdown", "an indented request", "curl in double quotes",
        "a quotation in Markdown", "an answer behind it", "curl behind an apostrophe",
    ],
)  # fmt: skip
def test_read_file(tmp_path: Path, text: str) -> None:
    file = tmp_path / "blueprint"
    file.write_text(text, encoding="utf-8")
    assert blueprint.read_file(str(file)) == BLUEPRINT


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"[1]", "contains a list, not a mapping. Save only the item to send"),
        (b"{", "neither JSON"),
        (b"", "is empty. Save the body"),
        (b" \n\n", "is empty"),
        (
            b"<!DOCTYPE html>\n<html lang='en'><body>{}</body></html>",
            "a web page. Save the JSON or YAML that the page shows",
        ),
        (b"\n<html>\n", "a web page"),
        (b"<?xml version='1.0'?><a/>", "a web page"),
        (
            b'resource "opensearch_ml_connector" "chat" {\n  body = <<EOF\n{"name": "x"}\nEOF\n}\n',
            "Terraform code. Save only the JSON of the resource's 'body'",
        ),
        (
            b'terraform {}\n\nresource "opensearch_ml_connector" "m" {\n  name = "x"\n  actions {\n    url = "a"\n  }\n}\n',
            r"Terraform code. Write the resource's attributes as YAML, with \$\{ in place of \$\$\{",
        ),
        (
            b"$c = $this->request('POST', '/x', [\n  'credential' => ['k' => 'v'],\n  'b' => '{}',\n]);\n",
            "PHP or Ruby code",
        ),
        (b'body = {\n  "name" => "x",\n}\n', "PHP or Ruby code. Save only the body as JSON"),
        (b'ID=$(curl -s -X POST "$HOST/x" \\\n  -d "{\n    \\"a\\": 1\n  }")\n', "a shell script"),
        (b'import requests\n\nbody = {"name": "x", "a": True}\n', "Python code. Save only the body as JSON"),
        (b'body = {\n  "name": "x",\n}\n', "Python code"),
        (b'{"name": "x", "enabled": True, "y": None,, }', "Python code"),
        (b'{\n"a": {"b": true}\n"c": null,\n}', r"neither JSON \([^)]*line 3"),
        (
            "PUT /a\n{\n\u201ca\u201d: {\n\u201cb\u201d:{\n\u201cc\u201d:\u201cd\u201d\n}\n}\n}".encode(),
            'Write " in place of typographic quotes',
        ),
        (b"client.transport.perform_request('POST', '/x', body={})", "Python code"),
        (b'const body = {\n  name: "x",\n};\n', "JavaScript code. Save only the body as JSON"),
        (b"#!/bin/bash\nset -e\ncurl -d '{}' http://a\n", "shell script. Save only the JSON of the body"),
        (b'{"name": {{ name }}}', "a Jinja template, and no file of 'src' is templated"),
        (b"just some words", "does not contain a mapping"),
        (b"POST /a\n{}\nPOST /b\n{}\n", "more than one request: see its lines 1, 3. Keep only the request"),
        (b"# x\nPUT /a\n{}\n\nGET /b\n\nPOST /c\n{}\n", "see its lines 2, 5, 7"),
        (b"{}\nPOST /a\n{}\n", "text outside of its request in line 2. Keep only the request"),
        (b'POST /a\n{\n  "a": {}},\n  "b": 1\n}\n', r"Extra data: line 3 column 11"),
        (b'POST /a\n{"a": {}}\n{"b": 1}\n', "Extra data: line 3 column 1"),
        (b"GET /_plugins/_ml/connectors/x\n", "a request line, but no body"),
        (b"curl http://a -d '{}'\ncurl http://b -d '{}'\n", "not a single curl command"),
        (b"curl http://a -d @body.json", "not a single curl command"),
        (b"curl http://a", "Keep only the JSON of the body"),
        (b"curl http://a -d '{", "cannot be read: No closing quotation. Keep only the JSON of the body"),
        (b'POST /a\n{\n  "a": 1,,\n}\n', r"neither JSON \([^)]*line 3 column"),
        (b'# x\nPOST /a\n{\n  "s": """\na\nb\n""",\n  "a": x y: z\n}\n', r"line 8 column"),
        (b"POST /a\na: b\nc: [\n", r"nor YAML \([^)]*line [34]"),
        (b"a: [b", r"nor YAML \([^)]*expected"),
        (b"\xff\xfe\x00", "cannot be read"),
        (b" " * ((1 << 20) + 1), "longer than"),
        (b"[" * 100000, "nested too deeply"),
        (b"a: !!set {b, c}", "JSON does not support"),
        (b"a: &a [*a]", "JSON does not support"),
        (b"a: [.inf]", "JSON does not support"),
        (b'{"a": NaN}', "JSON does not support"),
        (b'A=$(api POST "/a" \'{"a": "\'"$B"\'"}\' | jq)\n', r"Keep only the JSON of the body, from its first \{"),
        (b"payload = {'a': region}\n", "looks like Python code"),
        (b'{"a": 1}\n{% include copy-curl.html %}\n', "Keep only the JSON of the body"),
        (b'Step 1: Do this\n{"a": b c: d}', "Keep only the JSON of the body"),
        (b"a: {b: [c}\n", r"nor YAML \([^)]*\)\.$"),
        (b"```\nPOST /a\n{}\n```\n```\nPOST /b\n{}\n```\n", "more than one request: see its lines 2, 6"),
        (
            b'{\n  \\"a\\": \\"\\${parameters.a}\\"\n}',
            r'Write \$\{ in place of \\\$\{ and " in place of \\", which only a shell needs',
        ),
        (b'{"a": 1}} and more', "Keep only the JSON of the body"),
        (rb'{"a": "\${parameters.a}"}', r"Write \$\{ in place of \\\$\{, which only a shell needs"),
    ],
)
def test_read_file_refuses(tmp_path: Path, content: bytes, what: str) -> None:
    file = tmp_path / "blueprint"
    file.write_bytes(content)
    with pytest.raises(Failure, match=what) as refused:
        blueprint.read_file(str(file))
    assert refused.value.code == "invalid_input"


def test_typographic_quotes_that_yaml_reads() -> None:
    pasted = {"\u201cresponse_processors\u201d": []}
    with pytest.raises(Failure, match='definition: Write " in place of typographic quotes such as \u201c and \u201d'):
        blueprint.with_body({"src": None, "definition": pasted}, "pipelines")


def test_a_file_of_the_maximum_length(tmp_path: Path) -> None:
    file = tmp_path / "blueprint"
    file.write_bytes(b"{}".ljust(1 << 20))
    assert blueprint.read_file(str(file)) == {}


def test_a_date_in_yaml_is_text(tmp_path: Path) -> None:
    file = tmp_path / "blueprint.yml"
    file.write_text("parameters: {deep: {since: 2023-06-01, at: 2023-06-01T10:00:00Z}}\n1: {null: 2}\n")
    assert blueprint.read_file(str(file)) == {
        "parameters": {"deep": {"since": "2023-06-01", "at": "2023-06-01T10:00:00Z"}},
        "1": {"null": 2},
    }


def test_a_script_in_triple_quotes_may_contain_comments(tmp_path: Path) -> None:
    file = tmp_path / "blueprint"
    file.write_text('POST /a\n{\n  "f": """\n# a\n  // b\nreturn 1;\n"""\n}\n')
    assert blueprint.read_file(str(file)) == {"f": "\n# a\n  // b\nreturn 1;\n"}


def test_a_text_of_yaml_may_contain_lines_that_look_like_comments(tmp_path: Path) -> None:
    file = tmp_path / "blueprint.yml"
    file.write_text("parameters:\n  prompt: |\n    # Title\n    // text\n    POST /a\n")
    assert blueprint.read_file(str(file)) == {"parameters": {"prompt": "# Title\n// text\nPOST /a\n"}}


def test_a_mapping_of_yaml_behind_a_request_line_has_no_headers(tmp_path: Path) -> None:
    file = tmp_path / "blueprint"
    file.write_text("POST /a\nname: Chat\nversion: '1'\n")
    assert blueprint.read_file(str(file)) == {"name": "Chat", "version": "1"}


def test_a_text_of_yaml_may_contain_blocks_of_code(tmp_path: Path) -> None:
    file = tmp_path / "blueprint.yml"
    file.write_text("# Chat\nparameters:\n  prompt: |\n    ```\n    {}\n    ```\n")
    assert blueprint.read_file(str(file)) == {"parameters": {"prompt": "```\n{}\n```\n"}}


def test_a_missing_file() -> None:
    with pytest.raises(Failure) as failed:
        blueprint.read_file("/nowhere/blueprint.json")
    assert failed.value.message == "src: /nowhere/blueprint.json cannot be read: No such file or directory."


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (
            {"name": "a", "workflows": {"provision": {"nodes": []}}},
            "a template of the Flow Framework plugin. Give the 'user_in",
        ),
        ({"took": 3, "hits": {"hits": []}}, "the answer to a search. Give the '_source' of one hit"),
        ({"function_name": "remote", "connector": {"protocol": "http"}}, "Give its 'connector' to ml_connector"),
        ({"persistent": {"a": 1}}, "the body of cluster settings. Use opensearch_cluster_setting"),
        (
            {"type": "dashboard", "attributes": {"title": "Chats"}, "references": []},
            "a saved object of OpenSearch Dashboards, of the type dashboard. These hold no connectors",
        ),
    ],
)
def test_a_file_of_another_form(tmp_path: Path, body: dict[str, Any], what: str) -> None:
    file = tmp_path / "body.json"
    file.write_text(json.dumps(body))
    for params in ({"src": str(file)}, {"definition": body, "src": None}):
        with pytest.raises(Failure) as refused:
            blueprint.with_body(params, "connectors")
        assert what in refused.value.message


#: A tutorial in the Dev Tools console: the request that a task needs is one of many.
TUTORIAL = """# Trust the server
PUT _cluster/settings
{"persistent": {"plugins.ml_commons.only_run_on_ml_node": false}}

# 1
POST /_plugins/_ml/connectors/_create?pretty
{"name": "Chat"}
POST /_plugins/_ml/models/_register?deploy=true
{"name": "Model"}
GET /_plugins/_ml/tasks/x
POST _plugins/_ml/agents/_register
{"name": "House agent"}
PUT /_ingest/pipeline/vectors
{"processors": []}
PUT /texts
{"settings": {}}
POST /_plugins/_ml/models/x/_predict
{"parameters": {}}
"""

CREATED = {
    "connectors": {"name": "Chat"},
    "agents": {"name": "House agent"},
    "pipelines": {"processors": []},
    "indexes": {"settings": {}},
}


#: The same as a page shows it: with prose, and with what the server answers.
ANSWER = 'Answer \n{\n  "id": "{ \\"x"\n}\n\nStep 2: Do more, {such as this}\n'
PAGE = "".join(f"{line}\n" + (ANSWER if line.startswith("{") else "") for line in TUTORIAL.splitlines())

#: The same in Markdown, with tags around what a page offers to copy.
MARKDOWN = "# Title\n\nSome `words`.\n" + "".join(
    f"\n## Step\n\n```json\n<copy>\n{line}\n"
    if line.startswith(("PUT", "POST", "GET"))
    else f"{line}\n</copy>\n```\n{{% a %}}\n"
    for line in TUTORIAL.splitlines()
    if line and not line.startswith("#")
)

#: The same with the addresses of servers.
WITH_HOSTS = (
    TUTORIAL.replace("PUT /", "PUT http://a:9200/")
    .replace("POST _", "POST {{host}}/_")
    .replace("POST /", "POST <domain>/")
)


@pytest.mark.parametrize("form", ["text", "export", "export of several", "page", "Markdown", "with hosts"])
@pytest.mark.parametrize("objects", CREATED)
def test_the_request_that_creates_the_object(tmp_path: Path, objects: str, form: str) -> None:
    file = tmp_path / "console"
    exported = {"id": "a", "createdAt": 1, "updatedAt": 2, "text": TUTORIAL}
    forms = {
        "text": TUTORIAL,
        "export": json.dumps(exported),
        "export of several": json.dumps([exported]),
        "page": PAGE,
        "Markdown": MARKDOWN,
        "with hosts": WITH_HOSTS,
    }
    file.write_text(forms[form])
    assert blueprint.with_body({"src": str(file)}, objects)["definition"] == CREATED[objects]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (
            TUTORIAL + 'POST _plugins/_ml/connectors/_create\n{"name": "Other"}\n',
            "contains 2 requests that create a connector: see its lines 6, 19. Keep only one of them",
        ),
        (
            TUTORIAL.replace("connectors/_create?pretty", "connectors/x"),
            "contains more than one request, and none that creates a connector: see its lines 2, 6, 8, 10, 11, 13, 15, 17.",
        ),
        (
            '<copy>\nPOST _plugins/_ml/agents/_register\n{"name": "a"}\n</copy>\n',
            "contains text outside of its request in line 2, which does not create a connector. Keep only the request",
        ),
        (
            'GET /x\n\n# Register it\nPOST /_plugins/_ml/models/_register\n{"name": "a", "connector": {"protocol": "http"}}\n'
            "POST /_plugins/_ml/models/x/_predict\n{}\n",
            "see its lines 1, 4, 6. Save only what is below 'connector' in the body of the model in line 4.",
        ),
        (
            '{"type":"dashboard","id":"a","attributes":{},"references":[]}\n'
            '{"type":"index-pattern","id":"b","attributes":{}}\n{"exportedCount":2,"missingRefCount":0}\n',
            "is an export of saved objects of OpenSearch Dashboards (dashboard, index-pattern). These hold no connectors",
        ),
        ('{"type":"dashboard","id":"a","attributes":{"title":"x"}}\n', "These hold no connectors"),
    ],
)
def test_what_holds_no_single_connector(tmp_path: Path, text: str, what: str) -> None:
    file = tmp_path / "console"
    file.write_text(text)
    with pytest.raises(Failure) as refused:
        blueprint.with_body({"src": str(file)}, "connectors")
    assert what in refused.value.message


@pytest.mark.parametrize(
    "text", ['{"a": 1}', '{"text": "x"}', '{"a": 1}\n', '{"type": "flow", "name": "x"}', '{"text": 1, "createdAt": 2}']
)
def test_what_is_no_export(tmp_path: Path, text: str) -> None:
    file = tmp_path / "body"
    file.write_text(text)
    assert blueprint.read_file(str(file), "agents") == json.loads(text)


@pytest.mark.parametrize(
    ("objects", "body", "what"),
    [
        ("connectors", {"name": "a", "type": "flow", "tools": []}, "definition is the body of an agent. Use ml_agent."),
        (
            "connectors",
            {"function_name": "remote"},
            "the body of a model. Use ml_model",
        ),
        ("agents", {"response_processors": []}, "the body of a pipeline. Use opensearch_pipeline."),
        ("agents", {"name": "a", "actions": []}, "the body of a connector. Use ml_connector."),
        ("pipelines", {"mappings": {}}, "the body of an index. Use opensearch_index."),
        ("pipelines", {"p": {"processors": []}}, "an answer of the server. Give what is below 'p'."),
        ("indexes", {"rag": {"mappings": {}}}, "an answer of the server. Give what is below 'rag'."),
    ],
)
def test_a_body_of_another_kind(objects: str, body: dict[str, Any], what: str) -> None:
    with pytest.raises(Failure) as failed:
        blueprint.with_body({"definition": body, "src": None}, objects)
    assert what in failed.value.message


@pytest.mark.parametrize(
    ("objects", "body"),
    [
        ("connectors", {"description": "Only a part", "parameters": {"model": "m"}}),
        ("connectors", {"protocol": "mcp_sse", "tools": []}),
        ("agents", {"type": "flow", "tools": [], "actions": []}),
        ("agents", {"memory": {"type": "x"}}),
        ("pipelines", {"description": "x"}),
        ("indexes", {}),
    ],
)
def test_a_body_of_the_kind(objects: str, body: dict[str, Any]) -> None:
    assert blueprint.with_body({"definition": body, "src": None}, objects)["definition"] == body
