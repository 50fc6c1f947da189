#!/usr/bin/python
# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ml_connector
short_description: Manage ML Commons connectors
version_added: 0.1.0
description:
  - Makes, changes and deletes standalone connectors of OpenSearch's ML Commons plugin, for example to a chat server that
    speaks the OpenAI protocol such as Ollama, llama.cpp or vLLM.
  - It is stated option by option, or as a server of a known O(provider), or as the body of a published blueprint
    (O(definition), O(src)).
  - Only what is stated is compared, on normalised values, and only what differs is sent.
  - A connector that deployed models use is changed without taking them away, see O(update_strategy).
author:
  - The searchops.opensearch_ml maintainers (@searchops)
extends_documentation_fragment:
  - searchops.opensearch_ml.attributes
  - searchops.opensearch_ml.connection
  - searchops.opensearch_ml.custom_id
attributes:
  idempotent:
    support: partial
    details:
      - With O(update_credential=always) and a O(credential) every run sends the credential and reports a change, as the
        server never tells a stored one.
options:
  name:
    description:
      - The connector's name. It finds the connector unless O(connector_id) is given. Names need not be unique on a
        cluster; more than one match is refused with the ids.
      - At most 256 characters. From OpenSearch 3.1 on letters, numbers, spaces and V(.,!?(\):@-_'/") only.
    type: str
  connector_id:
    description:
      - The id of an existing connector. With O(name) the connector is renamed.
      - A swap gives the connector another id; in plays that are run again, go by O(name).
    type: str
  state:
    description: Whether the connector is to be there. A connector that models use is never deleted.
    type: str
    choices:
      - present
      - absent
    default: present
  description:
    description: What it is for.
    type: str
  version:
    description: A version of your own. Quote it, as YAML reads 1.10 as the number 1.1. A new connector has V("1") if not given.
    type: str
  protocol:
    description:
      - How the backend is spoken to. A new connector has V(http) if not given.
      - V(mcp_sse) needs OpenSearch 3.0, V(mcp_streamable_http) needs 3.3.
    type: str
    choices:
      - http
      - aws_sigv4
      - mcp_sse
      - mcp_streamable_http
  parameters:
    description:
      - Values for the C(${parameters.NAME}) placeholders of the actions. Compared as a whole.
      - Taking a parameter away needs a new connector, as the server only ever merges them; see O(update_strategy).
    type: dict
  credential:
    description:
      - Values for the C(${credential.NAME}) placeholders. They are encrypted by the server and can never be read back.
      - Leave it out for a backend without a key. As the server insists on a credential, a placeholder is stored, which
        no header uses.
    type: dict
  actions:
    description: What the connector can do. Compared as a whole. Needed for a new connector of an HTTP protocol.
    type: list
    elements: dict
    suboptions:
      action_type:
        description: What the action is for.
        type: str
        choices:
          - predict
          - execute
          - batch_predict
          - cancel_batch_predict
          - batch_predict_status
        default: predict
      name:
        description: The action's name. Needs OpenSearch 3.5.
        type: str
      method:
        description:
          - The HTTP method. The server stores each of them, also those with which it cannot call a backend; OpenSearch
            2.19 calls with V(GET) and V(POST) only, and no version is known to call with V(PATCH).
          - In O(definition) and O(src) it may be in lower case.
        type: str
        choices:
          - GET
          - POST
          - PUT
          - PATCH
          - DELETE
        default: POST
      url:
        description:
          - The backend's URL. Write the host out; a host from a parameter could be changed by whoever may predict.
        type: str
        required: true
      headers:
        description: Headers of the request. Put keys into O(credential) and refer to them as C(${credential.NAME}).
        type: dict
      request_body:
        description: The body with its placeholders, as text. V(${parameters.messages}) stands without quotes, as it is a list.
        type: json
      pre_process_function:
        description: A built-in function or a Painless script that prepares the input.
        type: str
      post_process_function:
        description: A built-in function or a Painless script that shapes the output.
        type: str
  client_config:
    description:
      - How the nodes speak to the backend. Keys that are not given keep what is stored.
      - A new connector always gets timeouts, 10 seconds to connect and 180 to read unless stated, because the server's
        own defaults were 30,000 seconds up to 3.5 and are 30 since 3.6.
    type: dict
    suboptions:
      max_connection:
        description: The most connections of one node.
        type: int
      connection_timeout:
        description: Seconds to wait for a connection.
        type: int
      read_timeout:
        description: Seconds to wait for the answer. Loading a large model can take minutes.
        type: int
      retry_backoff_millis:
        description: Milliseconds between two tries.
        type: int
      retry_timeout_seconds:
        description: Seconds after which no further try is made.
        type: int
      max_retry_times:
        description: How often a request that the backend throttled is tried again.
        type: int
      retry_backoff_policy:
        description: How the pauses grow.
        type: str
        choices:
          - constant
          - exponential_equal_jitter
          - exponential_full_jitter
      skip_ssl_verification:
        description: Whether to trust any certificate of the backend. Needs OpenSearch 3.5.
        type: bool
  url:
    description: The server's URL, for the MCP protocols.
    type: str
  mcp_headers:
    description: Headers for the MCP protocols, C(headers) in the API's own words.
    type: dict
  access_mode:
    description: Who may use the connector. Needs the security plugin with connector access control.
    type: str
    choices:
      - public
      - private
      - restricted
  backend_roles:
    description: The backend roles that may use a restricted connector.
    type: list
    elements: str
  add_all_backend_roles:
    description: Whether to give access to all backend roles of the user who makes the connector. Not compared.
    type: bool
  definition:
    description:
      - The connector's body as the API takes it and as blueprints print it, C(credential) included. Options that are
        given beside it override its fields; mappings are joined key by key.
      - What angle brackets still ask for, such as V(<YOUR API KEY>), is refused with its place.
    type: dict
    version_added: 0.2.0
  src:
    description:
      - A JSON or YAML file that holds such a body, on the host on which the module runs. The line in front of the body
        and the triple quotes of OpenSearch Dashboards' console may be in it.
    type: path
    version_added: 0.2.0
  provider:
    description:
      - The kind of server. With O(base_url), O(model) and O(api_key) it stands for the parameters, the credential, the
        action and the probe of the connector, which the options of these names override.
      - V(openai_compatible) is any other server that speaks the OpenAI protocol.
    type: str
    version_added: 0.2.0
    choices:
      - ollama
      - llama_cpp
      - vllm
      - lm_studio
      - localai
      - litellm
      - openai
      - azure_openai
      - groq
      - deepseek
      - openrouter
      - openai_compatible
  base_url:
    description:
      - Where the server is, as its root, the root of its API (C(.../v1)) or the whole URL of the route. A hosted
        provider's need not be given, except for V(provider=azure_openai), where it is the resource's own.
      - Self-hosted servers are looked for on their usual port of 127.0.0.1 if it is not given, which for a connector
        is each OpenSearch node itself. V(provider=openai_compatible) has no usual port, so that it is needed there too.
    type: str
    version_added: 0.2.0
  model:
    description: The model as the server calls it; for V(provider=azure_openai) the name of the deployment.
    type: str
    version_added: 0.2.0
  api_key:
    description:
      - The server's key. It becomes the credential C(api_key), and is sent in the header that the provider wants.
      - Without it the request of a self-hosted server carries no key. See also O(update_credential).
    type: str
    version_added: 0.2.0
  capability:
    description: What the server is to be asked for; V(chat) where this is not given. Not each provider has each.
    type: str
    version_added: 0.2.0
    choices:
      - chat
      - embedding
      - rerank
  api_path:
    description: The route from the server's root on, where it is another than the provider's usual one.
    type: str
    version_added: 0.2.0
  api_version:
    description: The C(api-version) of V(provider=azure_openai), V(2024-10-21) if not given.
    type: str
    version_added: 0.2.0
  extra_body:
    description: More fields of the request body, for example C(temperature) or C(max_tokens).
    type: dict
    version_added: 0.2.0
  update_credential:
    description: When to send O(credential) to a connector that exists.
    type: str
    choices:
      on_create: >-
        Only where its actions begin to use a part of it. Beyond that only a new connector, or one that replaces another, is
        given it.
      always: In each run, which therefore always reports a change.
      when_changed: >-
        When it differs from the one that was sent last. To know this, a slow, salted fingerprint (scrypt) is kept with
        the connector; whoever may read the connector can test guesses against it, which is hopeless for a generated
        key but not for a guessable one.
    default: on_create
  update_strategy:
    description: How to change a connector that deployed models use, which the server refuses to do in place.
    type: str
    choices:
      swap: >-
        A new connector of the same name is made, the models are pointed at it while they serve, O(probe) is asked, and
        the old connector is deleted. The connector's id changes. If the probe fails, the old one serves on.
      redeploy: >-
        The models are undeployed, the connector is changed, the models are deployed again. Predictions fail meanwhile.
        To take a parameter away or to change the protocol a new connector is made all the same, as there is no other way.
      fail: The task fails.
    default: swap
  probe:
    description:
      - Parameters of a prediction, for example with C(messages). When they are given, every placeholder of the actions
        must be filled by them or by O(parameters), which is checked before anything is sent.
      - A swap asks this through the new connector before it deletes the old one.
      - With O(provider) it is a short question that fits the capability, unless it is given; V({}) asks nothing.
    type: dict
  wait_timeout:
    description: How long to wait at most for models to be deployed again and for the probe's answer, in seconds.
    type: float
    default: 180.0
notes:
  - A parameter named C(_searchops) is kept on connectors that replaced another or have a fingerprint; it is hidden from results.
  - Agents and search pipelines that name a connector by its id are not changed by a swap.
seealso:
  - module: searchops.opensearch_ml.ml_model
  - name: Connector blueprints
    description: The fields of a connector's body.
    link: https://docs.opensearch.org/latest/ml-commons-plugin/remote-models/blueprints/
"""

EXAMPLES = r"""
- name: A connector to an Ollama server, which wants no key
  searchops.opensearch_ml.ml_connector:
    name: Local chat
    description: Chat on our own Ollama
    parameters:
      model: qwen3:4b
    actions:
      - url: http://ollama.example.internal:11434/v1/chat/completions
        headers:
          Content-Type: application/json
        request_body: '{"model": "${parameters.model}", "messages": ${parameters.messages}}'
    probe:
      messages:
        - role: user
          content: Say OK.

- name: The same in short
  searchops.opensearch_ml.ml_connector:
    name: Local chat
    provider: ollama
    base_url: http://ollama.example.internal:11434
    model: qwen3:4b

- name: Embeddings of a hosted provider
  searchops.opensearch_ml.ml_connector:
    name: Embeddings
    provider: openai
    capability: embedding
    model: text-embedding-3-small
    api_key: "{{ vault_openai_key }}"
    update_credential: when_changed

- name: A published blueprint as it is, with one's own name and key
  searchops.opensearch_ml.ml_connector:
    name: Local chat
    src: blueprints/ollama_connector_chat.json
    credential:
      openAI_key: "{{ vault_llm_key }}"

- name: A connector with a key, replaced without a gap when the key changes
  searchops.opensearch_ml.ml_connector:
    name: Guarded chat
    parameters:
      model: qwen3:4b
    credential:
      api_key: "{{ vault_llm_key }}"
    update_credential: when_changed
    actions:
      - url: https://llm.example.com/v1/chat/completions
        headers:
          Authorization: Bearer ${credential.api_key}
        request_body: '{"model": "${parameters.model}", "messages": ${parameters.messages}}'

- name: No connector
  searchops.opensearch_ml.ml_connector:
    name: Local chat
    state: absent
"""

RETURN = r"""
connector_id:
  description: The connector's id; of a deleted one the id it had. V(null) in check mode for one that would be made.
  returned: success
  type: str
  sample: Keq5FpkB72uHgF272LWj
connector:
  description:
    - The connector as the server stores it, without credential; in check mode as it would be. V(null) when absent.
    - M(searchops.opensearch_ml.ml_connector_info) documents the fields.
  returned: success
  type: dict
  sample:
    connector_id: Keq5FpkB72uHgF272LWj
    name: Local chat
    protocol: http
    version: "1"
    parameters:
      model: qwen3:4b
actions:
  description: What was done, or in check mode would be done, in this order. On failure, what had been done by then.
  returned: always
  type: list
  elements: dict
  sample:
    - action: create
      kind: connector
      name: Local chat
diff:
  description: The stated fields before and after, secrets masked.
  returned: success
  type: dict
  contains:
    before:
      description: As they were.
      type: dict
    after:
      description: As they are; in check mode, as they would be.
      type: dict
failure:
  description: Why the task failed.
  returned: on failure
  type: dict
  contains:
    code:
      description: A stable name of the problem.
      type: str
      sample: untrusted_endpoint
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
from ..module_utils._tasks.ml_connector import MODULE


def main() -> None:
    run_module(MODULE)


if __name__ == "__main__":
    main()
