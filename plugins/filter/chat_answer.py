# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: chat_answer
short_description: Get the text of a chat model's answer
version_added: 1.0.0
author:
  - The searchops.opensearch_ml maintainers (@searchops)
description:
  - Returns the text of a prediction. It is empty if the answer has no text, as with tool calls, and in check mode.
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
  - plugin: searchops.opensearch_ml.chat_tool_calls
    plugin_type: filter
  - plugin: searchops.opensearch_ml.chat_usage
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Ask the model
  searchops.opensearch_ml.ml_predict:
    model: Local chat
    messages:
      - role: user
        content: Why is the sky blue?
  register: asked

- name: Show the answer
  ansible.builtin.debug:
    msg: "{{ asked | searchops.opensearch_ml.chat_answer }}"
"""

RETURN = r"""
_value:
  description: The text of the answer.
  type: str
  sample: The sky is blue because air scatters blue light more than red light.
"""

from ansible.errors import AnsibleFilterError

from ..module_utils._errors.exceptions import Failure
from ..module_utils._operations import chat_answer as chat_answer_module


def chat_answer(value: object) -> str:
    try:
        read = chat_answer_module.parse_any(value)
        return (read.content or "") if read else ""
    except Failure as failure:
        raise AnsibleFilterError(f"chat_answer: {failure.message}") from failure


class FilterModule:
    def filters(self) -> dict[str, object]:
        return {"chat_answer": chat_answer}
