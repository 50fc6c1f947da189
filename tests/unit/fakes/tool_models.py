# SPDX-License-Identifier: GPL-3.0-or-later
"""Chat models that call tools in each way, right and wrong, as servers with OpenAI's API return them.

Each takes the fields of a request and returns the HTTP status and the answer. The models find the tool's result in the
messages, so that they answer any agent, too.
"""

from __future__ import annotations

import json
import re
from typing import Any, Callable, Mapping

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._endpoints import providers
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.answers import Refused, prediction
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster

Request = Mapping[str, Any]
Answer = tuple[int, dict[str, Any]]


def completion(message: Mapping[str, Any], finish_reason: str = "stop") -> Answer:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish_reason}
    usage = {"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14}
    return 200, {"id": "chatcmpl-1", "object": "chat.completion", "choices": [choice], "usage": usage}


def error(status: int, message: str) -> Answer:
    return status, {"error": {"message": message, "type": "BadRequestError", "param": None, "code": status}}


def call(request: Request, arguments: str | None = None, **changed: Any) -> Answer:
    """A call of the tool that requires least; its arguments are texts for all that it requires."""

    def required(tool: Mapping[str, Any]) -> list[str]:
        return list((tool["function"].get("parameters") or {}).get("required") or [])

    tool = min(request["tools"], key=lambda each: (len(required(each)), each["function"]["name"] != "ListIndexTool"))
    function = tool["function"]
    given = json.dumps(dict.fromkeys(required(tool), "kitchen")) if arguments is None else arguments
    made = {"id": "call_1", "type": "function", "function": {"name": function["name"], "arguments": given}, **changed}
    made = {name: value for name, value in made.items() if value is not None}
    return completion({"content": None, "tool_calls": [made]}, "tool_calls")


def results(request: Request) -> list[str]:
    return [str(message["content"]) for message in request["messages"] if message["role"] == "tool"]


def text(content: str | None) -> Answer:
    return completion({"content": content})


def works(request: Request) -> Answer:
    found = results(request)
    if found:
        return text(f"The tool says: {found[-1]}")
    return call(request) if request.get("tools") else text("There is no tool.")


def calls_twice(request: Request) -> Answer:
    return call(request) if len(results(request)) < 2 else works(request)


def stops_instead(request: Request) -> Answer:
    """As servers that do not set the reason for a call."""
    status, body = call(request)
    body["choices"][0]["finish_reason"] = "stop"
    return status, body


def refuses(request: Request) -> Answer:
    """As vLLM without a parser."""
    if request.get("tools"):
        return error(400, '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set')
    return text("I do not know the code word.")


def refuses_results(request: Request) -> Answer:
    """As a template without messages of tools."""
    return error(500, "Conversation roles must alternate user/assistant") if results(request) else works(request)


def is_broken(request: Request) -> Answer:
    return error(400, "The model is broken.")


def plans(request: Request) -> Answer:
    """Makes a plan of one step, carries it out with a tool, and returns what it found. The planner gets no tools."""
    if request.get("tools"):
        return works(request)
    prompt = str(request["messages"][-1]["content"])
    found = re.search(r"<step-1-result>\s*(.*?)\s*</step-1-result>", prompt, re.DOTALL)
    if found:
        return text(json.dumps({"steps": [], "result": f"The step found: {found[1]}"}))
    if "Objective:" in prompt:
        return text(json.dumps({"steps": ["List the indexes"], "result": ""}))
    return text("OK.")


#: Verdict -> the models that get it. A key after the verdict names the model.
MODELS: dict[str, Callable[[Request], Answer]] = {
    "works": works,
    "works: after two calls": calls_twice,
    "no_call": lambda request: text("I would look into the kitchen."),
    "no_call: empty": lambda request: text(None),
    "call_in_text": lambda request: text(
        '<tool_call>\n{"name": "look_up_code_word", "arguments": {"room": "kitchen"}}\n</tool_call>'
    ),
    "call_in_text: JSON": lambda request: text('{"name": "look_up_code_word", "parameters": {"room": "kitchen"}}'),
    "broken_arguments": lambda request: call(request, '{"room": "kitch'),
    "broken_arguments: a list": lambda request: call(request, '["kitchen"]'),
    "broken_arguments: without the required one": lambda request: call(request, "{}"),
    "unusable_call: finish_reason": stops_instead,
    "unusable_call: no id": lambda request: call(request, id=None),
    "unusable_call: another tool": lambda request: call(request, function={"name": "open_door", "arguments": "{}"}),
    "unusable_call: no function": lambda request: call(request, function=None),
    "result_ignored": lambda request: text("I do not know.") if results(request) else call(request),
    "result_ignored: empty": lambda request: text("") if results(request) else call(request),
    "endless_calls": call,
    "refused": refuses,
    "refused: the result": refuses_results,
}


def serve(cluster: FakeCluster, model: Callable[[Request], Answer]) -> None:
    """Add a model named "Agent model", whose connector has the capability agent and whose backend is the given model."""
    at = providers.endpoint("ollama", providers.EndpointOptions("http://llm.test:8080", "tiny", "agent"))
    action = {"action_type": "predict", "method": "POST", "url": at.url, "request_body": at.request_body}
    connector = cluster.add_connector("Agent model", actions=[action], parameters={"model": "tiny", **at.parameters})
    cluster.add_model("Agent model", connector)

    def backend(connector: Any, credential: Any, parameters: dict[str, Any]) -> dict[str, Any]:
        status, answer = model(request_of(parameters))
        if status != 200:
            raise Refused(status, f"Error from remote service: {json.dumps(answer)}")
        return prediction(answer)

    cluster.backend = backend


def request_of(parameters: Mapping[str, Any]) -> Any:
    """The fields of the request that the server makes of a prediction with messages."""
    return json.loads('{"messages": ' + json.dumps(parameters["messages"]) + parameters.get("tool_configs", "") + "}")
