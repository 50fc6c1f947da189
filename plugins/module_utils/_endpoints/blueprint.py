# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Reads request bodies, such as those of published blueprints, from files."""

from __future__ import annotations

import json
import re
import shlex
import textwrap
from typing import Any, Mapping, NamedTuple

from ansible.module_utils.common.yaml import HAS_YAML, SafeLoader

from .._errors.exceptions import Failure

#: Maximum length of a blueprint file, in characters.
MAX_FILE_LENGTH = 1 << 20

#: A request line of the Dev Tools console or of a file for a REST client, as in ``POST /_plugins/_ml/connectors/_create``.
_CONSOLE_LINE = re.compile(r"^(GET|HEAD|POST|PUT|PATCH|DELETE)[ \t]+\S+([ \t]+HTTP/[0-9.]+)?[ \t]*\r?$", re.MULTILINE)

#: The address of a server in a request line, as files for a REST client and documentation have it before the path.
_HOST = re.compile(r"(?<=[ \t])(https?://[^/\s]+|\{\{[^{}\s]+\}\}|<[^<>\s]+>)")

#: The headers between the request line and a body of JSON in a file for a REST client.
_HEADERS = re.compile(r"\A\s*([A-Za-z][A-Za-z0-9-]*:[^\n]*\n)+\s*(?=\{)")

#: A block of code in Markdown, after headings if there are any. Nothing but such a block may be in the file.
_FENCED = re.compile(
    r"\A(?:[ \t]*(?:#[^\n]*)?\n)*[ \t]*(```|~~~)[\w-]*[ \t]*\r?\n(?P<code>.*?\n)[ \t]*\1[ \t]*\r?(?:\n(?P<after>.*))?\Z",
    re.DOTALL,
)

#: Lines of a quotation in Markdown.
_QUOTATION = re.compile(r"(?:[ \t]*(?:>[^\n]*)?\n)*[ \t]*>[^\n]*\s*")

#: In JSON, what counts for its end: a text or a comment, whose braces do not, and braces.
_TEXT_COMMENT_OR_BRACE = re.compile(r'"(?:\\.|[^"\\\n])*"|(?://|#)[^\n]*|/\*.*?\*/|[{}]', re.DOTALL)

#: What is behind a body and not part of it: nothing, or lines of their own that do not go on in JSON.
_BEHIND_BODY = re.compile(r"\s*\Z|[ \t]*\r?\n\s*[^\s{}\[\],:\"]")

#: The beginning of JSON or of a mapping in YAML.
_BEGINS_AS_DATA = re.compile(r"(?:\s*#[^\n]*\n)*\s*(?:[{\[]|---|[\w\"'-]+:\s)")

#: What a shell takes as one: a comment, a text in quotes, or an escaped character.
_SHELL_PART = re.compile(r"(?<!\S)#[^\n]*|'[^']*'|\"(?:\\.|[^\"\\])*\"|\\.", re.DOTALL)


class _Described(NamedTuple):
    """A kind of object that a file can describe."""

    label: str
    #: The request line that creates such an object; None if the file needs another request.
    created_by: str | None
    #: The fields by which a body is known.
    fields: frozenset[str]
    #: What to use for such a body.
    use: str


#: The kinds, by the names of the sections of a stack.
_DESCRIBED: Mapping[str, _Described] = {
    "connectors": _Described(
        "a connector",
        r"POST\s+/?_plugins/_ml/connectors/_create",
        frozenset(("actions", "protocol")),
        "ml_connector",
    ),
    "agents": _Described(
        "an agent", r"POST\s+/?_plugins/_ml/agents/_register", frozenset(("llm", "tools")), "ml_agent"
    ),
    "pipelines": _Described(
        "a pipeline",
        r"PUT\s+/?_(ingest|search)/pipeline/[^/?\s]+",
        frozenset(("processors", "request_processors", "response_processors", "phase_results_processors")),
        "opensearch_pipeline",
    ),
    "indexes": _Described(
        "an index",
        r"PUT\s+/?[^_/?\s][^/?\s]*",
        frozenset(("aliases", "mappings", "settings")),
        "opensearch_index",
    ),
    "models": _Described(
        "a model",
        r"POST\s+/?_plugins/_ml/models/_register(?:\?\S*)?",
        frozenset(("connector_id", "function_name", "model_format", "model_group_id")),
        "ml_model",
    ),
    "memory_containers": _Described(
        "a memory container",
        r"POST\s+/?_plugins/_ml/memory_containers/_create",
        frozenset(("configuration",)),
        "ml_memory_container",
    ),
}


#: A text that begins with a curl command, behind comments, a prompt, or up to three words such as ``sudo``.
_CURL = re.compile(r"(\s*(#.*)?\n)*\s*(\$ )?(curl|([\w./-]+ ){1,3}curl(?=(\.exe)?\s+[-\"'\\]))(\.exe)?\s")

#: The options of curl for the body, with the text if it follows at once.
_CURL_BODY = re.compile(r"(?:-d|--data(?:-raw|-ascii|-binary|-urlencode)?|--json)(?:=|(?=[{'\"]))?(.*)", re.DOTALL)

_ONLY_JSON = "Keep only the JSON of the body, the text between the quotes after -d"

#: A line that is a comment in the console: it knows # and //.
_COMMENT_LINE = re.compile(r"^[ \t]*(#|//).*$", re.MULTILINE)

#: In JSON, a text, or a comment outside of texts: OpenSearch accepts both kinds, and blueprints put them behind values.
_TEXT_OR_COMMENT = re.compile(r'("(?:\\.|[^"\\\n])*")|//[^\n]*|/\*.*?\*/', re.DOTALL)

_NO_SAVED_OBJECTS = (
    "These hold no connectors, agents, pipelines or indexes. Give the text of the Dev Tools console, or, of objects that a "
    "cluster has, what ml_stack_info returns"
)

#: A block of Terraform.
_TERRAFORM = r'^\s*(resource|data|provider|variable|module)\s+"[^"\n]+"\s*("[^"\n]+"\s*)?\{'

#: The beginning of a text, or of a line in it -> what it looks like and what to give instead. Only for a text that cannot be
#: read as a body.
_OTHER_TEXTS = tuple(
    (re.compile(pattern, re.MULTILINE), what)
    for pattern, what in (
        (r"\A\s*\Z", "is empty. Save the body of the request in it, as JSON or YAML"),
        (
            r"\A\s*<(?i:!doctype|html|head|body|\?xml)\b",
            "looks like a web page. Save the JSON or YAML that the page shows; on GitHub, that of the address behind 'Raw'",
        ),
        (
            rf"{_TERRAFORM}(?=[\s\S]*<<-?\w+\s*$)",
            "looks like Terraform code. Save only the JSON of the resource's 'body', the text between <<EOF and EOF",
        ),
        (
            _TERRAFORM,
            "looks like Terraform code. Write the resource's attributes as YAML, with ${ in place of $${, and each block 'actions' "
            "as an item of a list",
        ),
        (
            r"\A#!.*sh\b|^\s*curl\s|^\s*\w+=[\"']?\$\(\s*curl\s",
            "looks like a shell script. Save only the JSON of the body, the text between the quotes after -d",
        ),
        (
            r"<\?php|[\"']\s*=>",
            "looks like PHP or Ruby code. Save only the body as JSON, which json_encode($body) or body.to_json returns",
        ),
        (
            r"^\s*(const|let|var)\s+\w+\s*=|\brequire\(|=>\s*\{",
            "looks like JavaScript code. Save only the body as JSON, which JSON.stringify(body) returns",
        ),
        (
            r"^(import|from)\s+[\w.]+|^\s*def\s+\w+\(|^\s*[a-z_][\w.]*\s*=\s*[\[{(\w]|^\s*[a-z_][\w.]*\(|\b(True|None)\b\s*[,}]",
            "looks like Python code. Save only the body as JSON, which json.dumps(body) returns",
        ),
        (
            r"\{\{.*\}\}|\{%.*%\}",
            "looks like a Jinja template, and no file of 'src' is templated. Give it as 'definition' instead, with "
            "lookup('ansible.builtin.template', ...) | from_json",
        ),
    )
)

#: A key in the quotes that word processors and web pages write.
_TYPOGRAPHIC_KEY = re.compile(r"^[\s{,]*[\u201c\u201d\u201e«][^\n:]*:", re.MULTILINE)
_NO_TYPOGRAPHIC_QUOTES = 'Write " in place of typographic quotes such as \u201c and \u201d'

#: In the body of a model, a connector that belongs to it alone.
_INLINE_CONNECTOR = re.compile(r'"connector"\s*:\s*\{')

#: Text in triple quotes, in which the Dev Tools console writes scripts.
_TRIPLE_QUOTED = re.compile(r'"""(.*?)"""', re.DOTALL)


def with_body(params: Mapping[str, Any], objects: str) -> Mapping[str, Any]:
    """The parameters with the body in the file that ``src`` names as their ``definition``; the same parameters without
    ``src``. ``objects``: what they describe one of, such as ``connectors``. Raises Failure."""
    if not isinstance(params.get("src"), str) or not params["src"]:
        _check_form(params.get("definition"), "definition", objects)
        return params
    body = read_file(params["src"], objects)
    _check_form(body, f"src: {params['src']}", objects)
    return {**params, "definition": body, "src": None}


def _check_form(body: Any, place: str, objects: str) -> None:
    """Raises Failure for something that contains the body of a request instead of being one, or that is one of another
    kind."""
    if not isinstance(body, Mapping):
        return
    if any(_TYPOGRAPHIC_KEY.match(f"{name}:") for name in body):
        raise Failure("invalid_input", f"{place}: {_NO_TYPOGRAPHIC_QUOTES}.")
    other = _other_form(body) or _other_kind(body, objects)
    if other:
        raise Failure("invalid_input", f"{place} is {other}.")


def _other_kind(body: Mapping[str, Any], objects: str) -> str | None:
    """What such a mapping is, and what to do with it; None for a body of these objects, and for one that may be."""
    if objects not in _DESCRIBED or not _DESCRIBED[objects].fields.isdisjoint(body):
        return None
    for name, inner in body.items():
        if len(body) == 1 and isinstance(inner, Mapping) and not _DESCRIBED[objects].fields.isdisjoint(inner):
            return f"an answer of the server. Give what is below {str(name)!r}"
    for other in _DESCRIBED.values():
        if not other.fields.isdisjoint(body):
            return f"the body of {other.label}. Use {other.use}"
    return None


def _other_form(body: Mapping[str, Any]) -> str | None:
    """What such a mapping is, and which part of it to give; None for any other mapping."""
    workflows, hits, connector = body.get("workflows"), body.get("hits"), body.get("connector")
    if isinstance(workflows, Mapping) and any(
        isinstance(each, Mapping) and "nodes" in each for each in workflows.values()
    ):
        return "a template of the Flow Framework plugin. Give the 'user_inputs' of the node that creates the object"
    if isinstance(hits, Mapping) and isinstance(hits.get("hits"), list):
        return "the answer to a search. Give the '_source' of one hit"
    if isinstance(connector, Mapping) and ("actions" in connector or "protocol" in connector):
        return (
            "the body of a model with a connector in it. Give its 'connector' to ml_connector, and its other fields and the "
            "connector's name to ml_model"
        )
    if isinstance(body.get("attributes"), Mapping) and isinstance(body.get("type"), str):
        return f"a saved object of OpenSearch Dashboards, of the type {body['type']}. {_NO_SAVED_OBJECTS}"
    if body and set(body) <= {"persistent", "transient", "defaults"}:
        return "the body of cluster settings. Use opensearch_cluster_setting with the options 'settings' and 'scope'"
    return None


def read_file(path: str, objects: str = "") -> dict[str, Any]:
    """The mapping in a JSON or YAML file; for requests of the Dev Tools console, the body of the one that creates one of
    the ``objects``. Raises Failure."""
    try:
        with open(path, encoding="utf-8-sig") as file:
            text = file.read(MAX_FILE_LENGTH + 1)
    except OSError as exc:
        raise Failure("invalid_input", f"src: {path} cannot be read: {exc.strerror}.") from exc
    except ValueError as exc:
        # The file is not UTF-8, or the path contains a null character.
        raise Failure("invalid_input", f"src: {path} cannot be read: {exc}") from exc
    if len(text) > MAX_FILE_LENGTH:
        raise Failure("invalid_input", f"src: {path} is longer than {MAX_FILE_LENGTH} characters.")
    return body_of(text, f"src: {path}", objects)


def body_of(text: str, place: str, objects: str = "") -> dict[str, Any]:
    """The mapping in a text as :func:`read_file` reads it from a file. ``place`` names it in messages. Raises Failure."""
    _check_no_saved_objects(text, place)
    body = _parse(text, place, objects)
    console = _text_of_console(body)
    if console is not None:
        body = _parse(console, place, objects)
    if isinstance(body, list):
        raise Failure("invalid_input", f"{place} contains a list, not a mapping. Save only the item to send.")
    if not isinstance(body, dict):
        raise Failure("invalid_input", f"{place} {_looks_like(text) or 'does not contain a mapping'}.")
    try:
        # YAML has sets, bytes, recursive values and infinite numbers, which JSON does not have.
        as_json: dict[str, Any] = json.loads(json.dumps(body, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as exc:
        raise Failure("invalid_input", f"{place} contains a value that JSON does not support: {exc}") from exc
    return as_json


def _check_no_saved_objects(text: str, place: str) -> None:
    """Raises Failure for an export of several saved objects, which has one in each line."""
    types: list[str] = []
    for line in text.splitlines():
        if not line.startswith(('{"', '{ "')):
            return
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            return
        if "exportedCount" in found:
            continue
        if not isinstance(found.get("attributes"), dict) or not isinstance(found.get("type"), str):
            return
        types.append(found["type"])
    if len(types) > 1:
        raise Failure(
            "invalid_input",
            f"{place} is an export of saved objects of OpenSearch Dashboards ({', '.join(sorted(set(types)))}). "
            f"{_NO_SAVED_OBJECTS}.",
        )


def _text_of_console(value: Any) -> str | None:
    """The text in the file that the Dev Tools console exports; None for any other value."""
    texts: list[str] = []
    for item in value if isinstance(value, list) else [value]:
        if (
            not isinstance(item, dict)
            or not isinstance(item.get("text"), str)
            or not {"createdAt", "updatedAt"} & set(item)
        ):
            return None
        texts.append(item["text"])
    return "\n".join(texts) if texts else None


def _parse(text: str, place: str, objects: str) -> Any:
    if _QUOTATION.fullmatch(text):
        text = re.sub(r"^[ \t]*> ?", "", text, flags=re.MULTILINE)
    if text.lstrip("\r\n")[:1] in (" ", "\t"):
        # As a block of Markdown below an item of a list.
        text = textwrap.dedent(text)
    text = _TRIPLE_QUOTED.sub(_one_line, _code_of_markdown(text))
    if _CURL.match(text):
        text = _body_of_curl(text, place)
    text = _only_body(text, place, objects)
    json_error = ""
    try:
        # The first form is also YAML, in which // is no comment.
        for form in (text, _TEXT_OR_COMMENT.sub(_only_text, text)):
            try:
                return json.loads(form)
            except ValueError as exc:
                json_error = str(exc)
                end = getattr(exc, "pos", 0)
                if json_error.startswith("Extra data") and not form[end:].strip("]} \t\r\n"):
                    # The server ignores surplus brackets as well (seen on 3.6.0).
                    return json.loads(form[:end])
    except RecursionError as exc:
        raise Failure("invalid_input", f"{place} is nested too deeply.") from exc
    if "{" in text and not _BEGINS_AS_DATA.match(text):
        # YAML takes some programs for a mapping.
        known = _looks_like(text)
        described = known or f"contains more than a body ({json_error})"
        raise Failure("invalid_input", f"{place} {described}.{_hint(text, has_more=not known)}")
    if not HAS_YAML:
        raise Failure(
            "invalid_input", f"{place} is not JSON ({json_error}), and reading YAML requires the library PyYAML."
        )
    try:
        return _load_yaml(text)
    except Exception as exc:  # the exceptions of PyYAML's versions have no common base class
        # Without the rest of the error's text, which quotes the line: it may contain a key.
        mark = getattr(exc, "problem_mark", None)
        problem = _without_quotes(getattr(exc, "problem", None) or type(exc).__name__)
        where = f", line {mark.line + 1}" if mark else ""
        described = _looks_like(text) or f"is neither JSON ({json_error}) nor YAML ({problem}{where})"
        hint = _hint(text, has_more=json_error.startswith("Extra data"))
        raise Failure("invalid_input", f"{place} {described}.{hint}") from None


def _looks_like(text: str) -> str:
    """What a text is that is no body, and what to save instead; empty if it is nothing that is known."""
    return next((what for pattern, what in _OTHER_TEXTS if pattern.search(text)), "")


def _hint(text: str, *, has_more: bool) -> str:
    """What to correct in a text that was copied from a program or a web page, as the end of a message. ``has_more`` is
    whether the text has more than a body."""
    hints = []
    if has_more:
        hints.append(" Keep only the JSON of the body, from its first { to the } that belongs to it.")
    escapes = (("${", r"(?<!\\)\\\$\{"), ('"', r'^\s*\{?\s*\\"'))
    escaped = [plain for plain, pattern in escapes if re.search(pattern, text, re.MULTILINE)]
    if escaped:
        instead = " and ".join(f"{plain} in place of \\{plain}" for plain in escaped)
        hints.append(f" Write {instead}, which only a shell needs.")
    if _TYPOGRAPHIC_KEY.search(text):
        hints.append(f" {_NO_TYPOGRAPHIC_QUOTES}.")
    return "".join(hints)


def _code_of_markdown(text: str) -> str:
    """The only block of code of a text in Markdown, after as many empty lines as there are before it; else the text."""
    block = _FENCED.match(text)
    if block is None or "```" in (block["after"] or ""):
        return text
    return "\n" * text.count("\n", 0, block.start("code")) + block["code"]


def _one_line(quoted: re.Match[str]) -> str:
    """A text in triple quotes as JSON, with as many lines after it as it had, so that line numbers stay right."""
    return json.dumps(quoted[1]) + "\n" * quoted[0].count("\n")


def _only_text(match: re.Match[str]) -> str:
    """The text of JSON that matched; for a comment, as many lines as it has."""
    return match[1] or "\n" * match[0].count("\n")


def _only_body(text: str, place: str, objects: str) -> str:
    """The text with the console's request lines and comments left empty. Of several requests with bodies, it has that of the
    one that creates one of the objects. Raises Failure if that is not exactly one."""
    requests = list(_CONSOLE_LINE.finditer(text))
    if not requests:
        return _without_comments(text)
    ends = [request.start() for request in requests[1:]] + [len(text)]
    bodies = [
        (request, body)
        for request, body in zip(requests, (text[each.end() : end] for each, end in zip(requests, ends)))
        if _without_comments(body).strip()
    ]
    described = _DESCRIBED.get(objects)
    what, pattern = (described.label, described.created_by) if described and described.created_by else ("", "(?!)")
    creating = [
        (request, body)
        for request, body in bodies
        if re.fullmatch(rf"{pattern}(\?\S*)?(\s+HTTP/\S+)?\s*", _HOST.sub("", request[0]))
    ]
    if len(creating) > 1:
        raise Failure(
            "invalid_input",
            f"{place} contains {len(creating)} requests that create {what}: see its lines {_lines(text, creating)}. Keep "
            "only one of them, and write the others to files of their own.",
        )
    if not creating and (len(bodies) > 1 or _COMMENT_LINE.sub("", text[: requests[0].start()]).strip()):
        raise Failure("invalid_input", f"{place} {_no_single_request(text, requests, bodies, what)}")
    if not bodies:
        raise Failure("invalid_input", f"{place} contains a request line, but no body.")
    [(request, body)] = creating or bodies
    body = _HEADERS.sub(lambda headers: "\n" * headers[0].count("\n"), body)
    return "\n" * text.count("\n", 0, request.end()) + _without_comments(_without_explanation(body))


def _no_single_request(
    text: str, requests: list[re.Match[str]], bodies: list[tuple[re.Match[str], str]], what: str
) -> str:
    """What is wrong with a text of which no request can be taken, and what to keep, as the end of a message."""
    lines = _lines(text, [(each, "") for each in requests])
    if len(requests) == 1:
        found = f"contains text outside of its request in line {lines}"
        found += f", which does not create {what}" if what else ""
    else:
        found = "contains more than one request" + (f", and none that creates {what}" if what else "")
        found += f": see its lines {lines}"
    inline = _lines(text, [each for each in bodies if _INLINE_CONNECTOR.search(each[1])])
    if inline and what == _DESCRIBED["connectors"].label:
        return (
            f"{found}. Save only what is below 'connector' in the body of the model in line {inline.partition(',')[0]}."
        )
    return f"{found}. Keep only the request whose body this task is to send."


def _without_explanation(body: str) -> str:
    """The body without the lines behind its JSON: in a tutorial, prose or the answer of the server follow."""
    if not _without_comments(body).lstrip().startswith("{"):
        return body
    depth = 0
    for part in _TEXT_COMMENT_OR_BRACE.finditer(body):
        depth += {"{": 1, "}": -1}.get(part[0], 0)
        if depth == 0 and part[0] == "}":
            return body[: part.end()] if _BEHIND_BODY.match(body, part.end()) else body
    return body


def _lines(text: str, requests: list[tuple[re.Match[str], str]]) -> str:
    """The numbers of the lines of requests."""
    return ", ".join(str(text.count("\n", 0, request.start()) + 1) for request, _body in requests)


def _without_comments(text: str) -> str:
    """The text with lines that are comments left empty if it is JSON. YAML has comments, and texts with such lines."""
    stripped = _COMMENT_LINE.sub("", text)
    return stripped if stripped.lstrip()[:1] == "{" else text


def _body_of_curl(text: str, place: str) -> str:
    """The body of a curl command, after as many empty lines as there are before it. Raises Failure if there is not exactly
    one."""
    try:
        words = shlex.split(_SHELL_PART.sub(_as_in_a_shell, re.sub(r"\\\r?\n", " ", text)), comments=True)
    except ValueError as exc:
        raise Failure(
            "invalid_input", f"{place} contains a curl command that cannot be read: {exc}. {_ONLY_JSON}."
        ) from None
    bodies = []
    for number, word in enumerate(words):
        option = _CURL_BODY.fullmatch(word)
        if option:
            bodies.append(option[1] or "".join(words[number + 1 : number + 2]))
    if sum(word in ("curl", "curl.exe") for word in words) != 1 or len(bodies) != 1 or bodies[0].startswith("@"):
        raise Failure(
            "invalid_input",
            f"{place} contains a shell command that is not a single curl command with its body in it. {_ONLY_JSON}.",
        )
    return "\n" * text.count("\n", 0, max(text.find(bodies[0][:20]), 0)) + bodies[0]


def _as_in_a_shell(part: re.Match[str]) -> str:
    """A part of a shell command without those escapes in double quotes that ``shlex`` leaves: a shell has some more."""
    if not part[0].startswith('"'):
        return part[0]
    return re.sub(r"\\([$`])|\\.", lambda escape: escape[1] or escape[0], part[0], flags=re.DOTALL)


def _without_quotes(problem: object) -> str:
    """A problem of YAML without what it quotes of the text, other than punctuation: a key may begin as a tag or an alias."""
    text = str(problem)
    return re.sub(r"(['\"]).*\1", "...", text) if re.search("['\"]", re.sub(r"(['\"]).\1", "", text)) else text


def _load_yaml(text: str) -> Any:
    """Read YAML. What looks like a date, such as the version of an API, stays text as in JSON."""

    class Loader(SafeLoader):
        yaml_implicit_resolvers = {
            first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
            for first, resolvers in SafeLoader.yaml_implicit_resolvers.items()
        }

    return Loader(text).get_single_data()
