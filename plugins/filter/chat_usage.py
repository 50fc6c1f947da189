# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: chat_usage
short_description: Get the number of tokens that a chat model's answer used
version_added: 1.0.0
author:
  - The searchops.opensearch_ml maintainers (@searchops)
description:
  - Returns the backend's C(usage) of a prediction, with whole numbers as integers. It is empty if the backend returns
    none, and in check mode.
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
  - plugin: searchops.opensearch_ml.chat_answer
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

- name: Fail if the answer used too many tokens
  ansible.builtin.assert:
    that: (asked | searchops.opensearch_ml.chat_usage).total_tokens | default(0) < 1000
"""

RETURN = r"""
_value:
  description: The numbers of tokens, by the backend's names.
  type: dict
  sample:
    prompt_tokens: 12
    completion_tokens: 25
    total_tokens: 37
"""

from typing import Any

from ansible.errors import AnsibleFilterError

from ..module_utils._errors.exceptions import Failure
from ..module_utils._operations import chat_answer


def chat_usage(value: object) -> dict[str, Any]:
    try:
        read = chat_answer.parse_any(value)
        return chat_answer.usage(read) if read else {}
    except Failure as failure:
        raise AnsibleFilterError(f"chat_usage: {failure.message}") from failure


class FilterModule:
    def filters(self) -> dict[str, object]:
        return {"chat_usage": chat_usage}
