#!/usr/bin/python
# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ml_predict
short_description: Ask a model of ML Commons
version_added: 0.1.0
description:
  - Sends a prediction to a deployed model and checks the answer; the proof that a set-up works.
  - While the backend is loading its model, it asks again.
author:
  - The searchops.opensearch_ml maintainers (@searchops)
extends_documentation_fragment:
  - searchops.opensearch_ml.attributes
  - searchops.opensearch_ml.attributes.reads
  - searchops.opensearch_ml.connection
attributes:
  check_mode:
    support: full
    details:
      - Nothing is asked in check mode; RV(request) says what would be.
options:
  model:
    description: The name or the id of the model.
    type: str
    required: true
  messages:
    description: The conversation so far, each message with C(role) and C(content). The same as C(messages) in O(parameters).
    type: list
    elements: dict
  parameters:
    description: Parameters of the prediction, for the placeholders of the connector's action.
    type: dict
    default: {}
  expect_status:
    description: The statuses that the backend may answer.
    type: list
    elements: int
    default:
      - 200
  expect_content:
    description: Whether the answer must hold text. An answer that only reasons does not.
    type: bool
    default: true
  expect_pattern:
    description: A Python regular expression that must be found in the answer's text.
    type: str
  predict_timeout:
    description: How long to wait for one answer, in seconds. It should outlast the connector's C(read_timeout).
    type: float
    default: 180.0
  wait_timeout:
    description: For how long to ask again while the backend is loading or busy, in seconds.
    type: float
    default: 120.0
seealso:
  - module: searchops.opensearch_ml.ml_model
"""

EXAMPLES = r"""
- name: Ask
  searchops.opensearch_ml.ml_predict:
    model: Local chat
    messages:
      - role: system
        content: You are a helpful assistant.
      - role: user
        content: Why is the sky blue?
    expect_pattern: "[Ss]catter"
  register: answer

- name: Show the answer
  ansible.builtin.debug:
    var: answer.content
"""

RETURN = r"""
content:
  description: The answer's text. V(null) in check mode.
  returned: success
  type: str
  sample: The sky is blue because air scatters blue light more than red light.
reasoning:
  description: What the model reasoned, if it tells.
  returned: success, not in check mode
  type: str
usage:
  description: The tokens that were used, if the backend tells.
  returned: success
  type: dict
  sample:
    prompt_tokens: 12
    completion_tokens: 25
    total_tokens: 37
timings:
  description: The time that was used, if the backend tells, as llama.cpp does.
  returned: success
  type: dict
status:
  description: The status that the backend answered.
  returned: success, not in check mode
  type: int
  sample: 200
elapsed:
  description: How many seconds the answer took, from the last question on; what was waited before, for a backend that was loading
    its model, does not count.
  returned: success, not in check mode
  type: float
  sample: 0.42
  version_added: 1.0.0
result:
  description: The backend's whole answer. V(null) in check mode.
  returned: success
  type: dict
request:
  description: What was asked, or in check mode would be.
  returned: success
  type: dict
  sample:
    parameters:
      messages:
        - role: user
          content: Why is the sky blue?
model_id:
  description: The id of the model.
  returned: success
  type: str
  sample: oUdPqZQBQwAL8-GOCZYL
actions:
  description: Always empty, as nothing is changed.
  returned: always
  type: list
  elements: dict
  sample: []
failure:
  description: Why the task failed.
  returned: on failure
  type: dict
  contains:
    code:
      description: A stable name of the problem.
      type: str
      sample: backend_model_missing
    message:
      description: What was being done, and the server's reason.
      type: str
    remedy:
      description: What to do about it.
      type: str
    status:
      description: The HTTP status, if the server answered.
      type: int
    details:
      description: Further facts, depending on the code.
      type: dict
"""

from ..module_utils._runtime.module import run_module
from ..module_utils._tasks.ml_predict import MODULE


def main() -> None:
    run_module(MODULE)


if __name__ == "__main__":
    main()
