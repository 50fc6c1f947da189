#!/usr/bin/python
# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ml_predict
short_description: Send a prediction to a model of ML Commons
version_added: 1.0.0
description:
  - Sends a prediction to a deployed model and checks the answer, which proves that the set-up works.
  - Repeats the prediction while the backend is loading its model.
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
      - The module sends nothing in check mode; RV(request) shows the request that it would send.
options:
  model:
    description: The name or the id of the model.
    type: str
    required: true
  messages:
    description: The conversation so far, each message with C(role) and C(content). The same as C(messages) in
      O(parameters).
    type: list
    elements: dict
  parameters:
    description: Parameters of the prediction, for the placeholders of the connector's action.
    type: dict
    default: {}
  text_docs:
    description:
      - Texts for a model of embeddings or a reranker, given in the form in which ingest pipelines, neural queries and
        rerank processors give them. The C(pre_process_function) of the connector's action makes the placeholders of
        them, so such a prediction proves that these can use the model.
      - Not together with O(messages). From OpenSearch 3.3 on, O(parameters) can have C(content_type) and
        C(sparse_embedding_format), but not with O(query_text). The server would ignore others, so the task refuses them.
    type: list
    elements: str
  query_text:
    description: The question with which a reranker compares O(text_docs).
    type: str
  expect_status:
    description: The HTTP statuses that the backend may answer with.
    type: list
    elements: int
    default:
      - 200
  expect_content:
    description:
      - Whether the answer must contain what a model of its kind answers. A chat model or a completion must answer with
        text; reasoning alone does not count as text. An embedding model must answer with a vector, and a reranker with
        scores. The module recognizes the kind by the structure of the answer.
      - An answer of any other structure fails the task, because the module cannot check it.
    type: bool
    default: true
  expect_pattern:
    description: A Python regular expression that must be found in the answer's text.
    type: str
  predict_timeout:
    description: The maximum number of seconds to wait for one answer. It should be longer than the connector's
      C(read_timeout).
    type: float
    default: 180.0
  wait_timeout:
    description: The number of seconds for which to repeat the prediction while the backend is loading or busy.
    type: float
    default: 120.0
seealso:
  - module: searchops.opensearch_ml.ml_model
  - module: searchops.opensearch_ml.ml_tool_call_check
  - plugin: searchops.opensearch_ml.chat_answer
    plugin_type: filter
  - plugin: searchops.opensearch_ml.chat_tool_calls
    plugin_type: filter
  - plugin: searchops.opensearch_ml.chat_usage
    plugin_type: filter
  - name: Predict API
    description: The request that asks a model.
    link: https://docs.opensearch.org/latest/ml-commons-plugin/api/train-predict/predict/
"""

EXAMPLES = r"""
- name: Ask a model a question
  searchops.opensearch_ml.ml_predict:
    hosts: https://opensearch.example.internal:9200
    username: ml_provisioner
    password: "{{ vault_ml_password }}"
    ca_path: /etc/ssl/opensearch-ca.pem
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

- name: Ask a model of embeddings as an ingest pipeline does
  searchops.opensearch_ml.ml_predict:
    model: Local embeddings
    text_docs:
      - Open from nine to five.

- name: Ask a reranker as a search pipeline does
  searchops.opensearch_ml.ml_predict:
    model: Local reranker
    query_text: When is the office open?
    text_docs:
      - Open from nine to five.
      - The key to the cellar hangs behind the door.
"""

RETURN = r"""
content:
  description: The answer's text. In check mode, the text that the model was not asked.
  returned: success
  type: str
  sample: The sky is blue because air scatters blue light more than red light.
reasoning:
  description: The model's reasoning, if the backend returns it.
  returned: success, not in check mode
  type: str
  sample: The user asks about the colour of the sky. That is Rayleigh scattering.
usage:
  description: The number of tokens used, if the backend returns it.
  returned: success
  type: dict
  sample:
    prompt_tokens: 12
    completion_tokens: 25
    total_tokens: 37
timings:
  description: The time used, if the backend returns it, as llama.cpp does.
  returned: success
  type: dict
  sample:
    prompt_n: 12
    prompt_ms: 3.4
    predicted_n: 25
    predicted_ms: 41.7
status:
  description: The HTTP status of the backend's answer.
  returned: success, not in check mode
  type: int
  sample: 200
elapsed:
  description: The number of seconds that the answer took, counted from the last repetition of the prediction. Waiting
    for a backend that was loading its model does not count.
  returned: success, not in check mode
  type: float
  sample: 0.42
result:
  description: The backend's complete answer, or what the connector's C(post_process_function) makes of it. If these are
    several outputs, such as the vectors of several texts, they are the list C(output) in it. V(null) in check mode.
  returned: success
  type: dict
  sample:
    choices:
      - message:
          role: assistant
          content: The sky is blue because air scatters blue light more than red light.
request:
  description: The request that the module sent; in check mode, the request that it would send.
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
asked:
  description: Whether the model was asked, which it is not in check mode.
  returned: success
  type: bool
  sample: true
actions:
  description: Always empty, because the module changes nothing.
  returned: always
  type: list
  elements: dict
  sample: []
retries:
  description: How many requests the module sent again.
  returned: always
  type: int
  sample: 0
failure:
  description: Why the task failed.
  returned: on failure
  type: dict
  contains:
    code:
      description: The failure code, which stays the same across releases.
      type: str
      sample: backend_model_missing
    message:
      description: What the module was doing, and the server's reason.
      type: str
    remedy:
      description: How to fix the problem.
      type: str
    status:
      description: The HTTP status of the answer, if the server answered.
      type: int
    details:
      description: More facts about the failure, which depend on the code.
      type: dict
"""

from ..module_utils._runtime.module import run_module
from ..module_utils._tasks.ml_predict import MODULE


def main() -> None:
    run_module(MODULE)


if __name__ == "__main__":
    main()
