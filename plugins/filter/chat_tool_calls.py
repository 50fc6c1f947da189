# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: chat_tool_calls
short_description: Get the tool calls of a chat model's answer
version_added: 1.0.0
author:
  - The searchops.opensearch_ml maintainers (@searchops)
description:
  - Returns the tool calls of a prediction, with decoded arguments. The list is empty if the model calls no tool, and in
    check mode.
positional: _input
options:
  _input:
    description:
      - The registered result of M(searchops.opensearch_ml.ml_predict), the answer of ML Commons to C(_predict), or a chat
        completion of an OpenAI-compatible server or of Ollama.
    type: dict
    required: true
seealso:
  - module: searchops.opensearch_ml.ml_predict
  - module: searchops.opensearch_ml.ml_tool_call_check
  - plugin: searchops.opensearch_ml.chat_answer
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Ask a model that may call a function
  searchops.opensearch_ml.ml_predict:
    model: Local chat
    messages:
      - role: user
        content: How is the weather in Bern?
    # For the text ${parameters.tools} in the request body of the model's connector.
    parameters:
      tools:
        - type: function
          function:
            name: weather
            parameters:
              type: object
              properties:
                city:
                  type: string
    expect_content: false
  register: asked

- name: Show which tools the model calls
  ansible.builtin.debug:
    msg: "{{ item.name }} with {{ item.arguments }}"
  loop: "{{ asked | searchops.opensearch_ml.chat_tool_calls }}"
"""

RETURN = r"""
_value:
  description: The tool calls, in the model's order.
  type: list
  elements: dict
  contains:
    id:
      description: The id of the call, with which its result is sent back; V(null) if the backend returns none.
      type: str
    name:
      description: The name of the function.
      type: str
    arguments:
      description: The arguments of the call, by name.
      type: dict
  sample:
    - id: call_8x2k
      name: weather
      arguments:
        city: Bern
"""

from typing import Any

from ansible.errors import AnsibleFilterError

from ..module_utils._errors.exceptions import Failure
from ..module_utils._operations import chat_answer


def chat_tool_calls(value: object) -> list[dict[str, Any]]:
    try:
        read = chat_answer.parse_any(value)
        return chat_answer.tool_calls(read) if read else []
    except Failure as failure:
        raise AnsibleFilterError(f"chat_tool_calls: {failure.message}") from failure


class FilterModule:
    def filters(self) -> dict[str, object]:
        return {"chat_tool_calls": chat_tool_calls}
