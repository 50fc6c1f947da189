#!/usr/bin/python
# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ml_tool_call_check
short_description: Check whether a model calls tools as agents need it
version_added: 1.0.0
description:
  - Asks a deployed model a question that it can only answer by calling a tool, returns the tool's result to it, and judges
    what it does. Nothing is created, and no real tool runs.
  - Run it before you register an agent that chooses its tools. Many models and servers answer a plain question, but call no
    tools, or in a way that OpenSearch cannot carry out.
  - Needs OpenSearch 3.0, the first version whose agents let a model call tools as functions, and a connector whose request
    body sends the tools, such as one of V(agent) in O(searchops.opensearch_ml.ml_connector#module:capability).
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
      - The module does not ask the model in check mode, and gives no verdict.
options:
  model:
    description: The name or the id of the model.
    type: str
    required: true
  max_predictions:
    description: The number of predictions after which a model that still calls the tool is judged to call it endlessly.
    type: int
    default: 4
  on_defect:
    description: What to do if the model does not call tools as it should.
    type: str
    choices:
      fail: The task fails with the evidence and the remedy.
      warn: The task succeeds with a warning. RV(verdict) has the result.
    default: fail
  predict_timeout:
    description: The maximum number of seconds to wait for one answer. It should be longer than the connector's
      C(read_timeout).
    type: float
    default: 180.0
  wait_timeout:
    description: The number of seconds for which to repeat a prediction while the backend is loading or busy.
    type: float
    default: 120.0
notes:
  - One conversation shows what a model can do, not how often it does it. A small model may fail with the next question. Set
    C(temperature) to 0 in O(searchops.opensearch_ml.ml_connector#module:extra_body) for the same answers each time.
seealso:
  - module: searchops.opensearch_ml.ml_agent
  - module: searchops.opensearch_ml.ml_connector
  - module: searchops.opensearch_ml.ml_predict
  - plugin: searchops.opensearch_ml.chat_tool_calls
    plugin_type: filter
  - name: Conversational agents
    description: The agents whose model calls tools.
    link: https://docs.opensearch.org/latest/ml-commons-plugin/agents-tools/agents/conversational/
"""

EXAMPLES = r"""
- name: Create a connector that an agent can use
  searchops.opensearch_ml.ml_connector:
    name: Agent model
    provider: ollama
    base_url: http://ollama.example.internal:11434
    model: qwen3:4b
    capability: agent

- name: Deploy the model
  searchops.opensearch_ml.ml_model:
    name: Agent model
    connector: Agent model

- name: Check that the model calls tools
  searchops.opensearch_ml.ml_tool_call_check:
    hosts: https://opensearch.example.internal:9200
    username: ml_provisioner
    password: "{{ vault_ml_password }}"
    ca_path: /etc/ssl/opensearch-ca.pem
    model: Agent model
    on_defect: warn
  register: tool_calls

- name: Show the verdict
  ansible.builtin.debug:
    var: tool_calls.verdict
"""

RETURN = r"""
verdict:
  description:
    - What the model does. V(null) in check mode.
    - V(works) calls the tool with valid arguments and answers from its result.
    - V(no_call) answers without calling the tool.
    - V(call_in_text) writes the call into its text, because the server does not recognize it as a call.
    - V(broken_arguments) calls the tool with arguments that are not JSON or lack a required one.
    - V(unusable_call) calls a tool that does not exist, or without an id, or with another C(finish_reason) than
      C(tool_calls).
    - V(result_ignored) calls the tool, but does not answer from its result.
    - V(endless_calls) calls the tool again and again.
    - V(refused) the server refuses requests with tools.
  returned: success
  type: str
  sample: works
works:
  description: Whether the verdict is V(works). V(null) in check mode.
  returned: success
  type: bool
  sample: true
evidence:
  description: What the model or its server answered, as a sentence. V(null) in check mode.
  returned: success
  type: str
  sample: "The model answered: 'The code word of the kitchen is amber-417.'"
remedy:
  description: How to fix the problem. Empty if there is none; V(null) in check mode.
  returned: success
  type: str
  sample: ''
messages:
  description: The conversation, the oldest message first, with the tool's results.
  returned: success
  type: list
  elements: dict
  sample:
    - role: user
      content: What is the code word of the room kitchen? Call look_up_code_word to find out, then answer with the
        code word.
model_id:
  description: The id of the model. V(null) in check mode if the model does not exist yet.
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
      sample: tool_not_called
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
      description: More facts about the failure, such as C(verdict) and C(evidence).
      type: dict
"""

from ..module_utils._runtime.module import run_module
from ..module_utils._tasks.ml_tool_call_check import MODULE


def main() -> None:
    run_module(MODULE)


if __name__ == "__main__":
    main()
