#!/usr/bin/python
# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ml_connector
short_description: Manage ML Commons connectors
version_added: 1.0.0
description:
  - Creates, changes and deletes standalone connectors of OpenSearch's ML Commons plugin, for example to a chat server
    that speaks the OpenAI protocol such as Ollama, llama.cpp or vLLM.
  - Describe the connector option by option, as a server of a known O(provider), or with the body of a published
    blueprint (O(definition), O(src)).
  - Only the options that you give are compared, on normalised values, and only differences are sent.
  - By default, a connector that deployed models use is changed while they keep serving, see O(update_strategy).
author:
  - The searchops.opensearch_ml maintainers (@searchops)
extends_documentation_fragment:
  - searchops.opensearch_ml.attributes
  - searchops.opensearch_ml.connection
  - searchops.opensearch_ml.custom_id
  - searchops.opensearch_ml.src
attributes:
  idempotent:
    support: partial
    details:
      - With O(update_credential=always) and a O(credential), every run sends the credential and reports a change,
        because the server never returns a stored credential.
options:
  name:
    description:
      - The connector's name. The module finds the connector by its name unless O(connector_id) is given. Names are
        not unique on a cluster; if several connectors match, the task fails and lists their ids.
      - At most 256 characters. From OpenSearch 3.1 on, letters, numbers, spaces and V(.,!?(\):@-_'/") only.
    type: str
  connector_id:
    description:
      - The id of an existing connector. Together with O(name), the connector is renamed.
      - A swap gives the connector another id. Use O(name) in playbooks that you run repeatedly.
    type: str
  state:
    description: Whether the connector should exist. A connector that models use is never deleted. One that the server
      refuses to delete although no model uses it remains with a warning, see RV(leftovers).
    type: str
    choices:
      - present
      - absent
    default: present
  description:
    description: A text for people, which the server stores with the connector.
    type: str
  version:
    description: The connector's version, which you choose. Quote it, because YAML reads 1.10 as the number 1.1. A new
      connector gets V("1") if not given.
    type: str
  protocol:
    description:
      - The protocol between OpenSearch and the backend. A new connector gets V(http) if not given. V(aws_sigv4) signs the
        requests for services of Amazon.
      - V(mcp_sse) needs OpenSearch 3.0, V(mcp_streamable_http) needs 3.3.
      - V(google_cloud) needs OpenSearch 3.9 and the setting C(plugins.ml_commons.connector.vertexai_enabled). The server
        gets the tokens itself, with C(private_key) and C(client_email) of a service account in O(credential), or with the
        account of its nodes if O(parameters) has C(auth_mode=adc).
      - The module sends any other protocol to the server, which may be newer than the module or have protocols of its provider,
        such as V(oci_sigv1) of Oracle's. It warns of them, and refuses only names that are one of these misspelt or
        shortened.
    type: str
  parameters:
    description:
      - Values for the C(${parameters.NAME}) placeholders of the actions. Compared as a whole.
      - Removing a parameter needs a new connector, because the server only merges parameters; see O(update_strategy).
    type: dict
  credential:
    description:
      - Values for the C(${credential.NAME}) placeholders, which the server fills in headers only. The server encrypts
        them, and they can never be read back. A value that is used must not be empty.
      - On Amazon OpenSearch Service, C(secretArn) and C(roleArn) name a secret in AWS Secrets Manager. Write
        C(${credential.secretArn.KEY}) for a key of that secret.
      - Leave it out for a backend without a key. The server requires a credential, so the module stores a placeholder
        that no header uses.
    type: dict
  actions:
    description: The requests that the connector sends to its backend. Compared as a whole. Required for a new
      connector of an HTTP protocol.
    type: list
    elements: dict
    suboptions:
      action_type:
        description: What the server uses the action for.
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
          - The HTTP method. The server stores all of these methods, including those that it cannot send. OpenSearch
            2.19 sends V(GET) and V(POST) only, and no version is known to send V(PATCH).
          - Lower case is accepted in O(definition) and O(src).
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
          - The backend's URL. Write the host out. Every user who may predict could change a host that comes from a
            parameter.
        type: str
        required: true
      headers:
        description: Headers of the request. Put keys into O(credential) and refer to them as C(${credential.NAME}).
        type: dict
      request_body:
        description: The request body with its placeholders, as text. Write V(${parameters.messages}) without quotes,
          because it is a list.
        type: json
      pre_process_function:
        description: A built-in function of the server's version or a Painless script that prepares the input.
        type: str
      post_process_function:
        description: A built-in function of the server's version or a Painless script that shapes the output.
        type: str
      supports_structured_output:
        description: Whether the backend can answer in a given JSON schema. OpenSearch stores it from 3.7 on; earlier
          versions drop it, of which the module warns.
        type: bool
      extra_fields:
        description: Further fields of the action, which this version of the collection does not know. See
          O(extra_fields).
        type: dict
  client_config:
    description:
      - Connections, timeouts and retries of the nodes' requests to the backend. Keys that you do not give keep their
        stored values.
      - A new connector always gets timeouts, by default 10 seconds to connect and 180 seconds to read, because the
        server's own defaults were 30,000 seconds up to 3.5 and are 30 seconds since 3.6.
    type: dict
    suboptions:
      max_connection:
        description: The maximum number of connections that each node opens.
        type: int
      connection_timeout:
        description: The number of seconds to wait for a connection.
        type: int
      read_timeout:
        description: The number of seconds to wait for the answer. Loading a large model can take minutes.
        type: int
      retry_backoff_millis:
        description: The number of milliseconds between two attempts.
        type: int
      retry_timeout_seconds:
        description: The number of seconds after which a node stops retrying.
        type: int
      max_retry_times:
        description:
          - How often a node retries a request that failed.
          - Up to OpenSearch 3.7, a node retries only after throttling that AWS reports in a header. From 3.8 on, it also
            retries after status 429 and 5xx of every backend, and when all connections are in use. This was not tested
            on a real server of that version.
          - With V(-1), a node retries until O(client_config.retry_timeout_seconds). By default, it does not retry.
        type: int
      retry_backoff_policy:
        description: How the pauses between attempts grow.
        type: str
        choices:
          - constant
          - exponential_equal_jitter
          - exponential_full_jitter
      skip_ssl_verification:
        description: Whether to accept any certificate of the backend. Needs OpenSearch 3.5.
        type: bool
      extra_fields:
        description: Further keys of the client configuration, which this version of the collection does not know. See
          O(extra_fields).
        type: dict
  url:
    description: The URL of the MCP server, for the MCP protocols.
    type: str
  mcp_headers:
    description: Headers for the MCP protocols. The API calls this field C(headers).
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
    description: Whether to give access to all backend roles of the user who creates the connector. Not compared.
    type: bool
  extra_fields:
    description:
      - Further fields of the connector, which this version of the collection does not know, by their names in the API.
        They are sent and compared as they are.
      - The module warns of a field that the server does not store, and does not compare it. A field that has an option is
        refused.
    type: dict
  definition:
    description:
      - The connector's body as the API takes it and as blueprints show it, C(credential) included. Options that you
        give in addition override its fields; mappings are merged key by key.
      - A field that this version of the collection does not know is sent and compared as it is, as with
        O(extra_fields).
      - The module rejects placeholders in angle brackets, such as V(<YOUR API KEY>), and reports their position.
    type: dict
  provider:
    description:
      - The kind of server. Together with O(base_url), O(model) and O(api_key), it determines O(parameters),
        O(credential), O(actions) and O(probe), each of which you can override.
      - V(openai_compatible) is any other server that speaks the OpenAI protocol.
    type: str
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
      - The URL of the server's root, of the root of its API (C(.../v1)), or of a route, such as C(.../v1/chat/completions),
        C(.../v1/models) or, for V(provider=ollama), C(.../api/chat). Hosted providers do not need it, except for
        V(provider=azure_openai), which needs the URL of your resource.
      - For V(provider=openai_compatible), a URL that ends with a version, such as C(.../api/v4), or with C(/openai) or
        C(/openapi) is the root of the API; a URL that ends with the whole route is called as it is.
      - For a self-hosted server, the default is its usual port on 127.0.0.1, which for a connector is each OpenSearch
        node itself. V(provider=openai_compatible) has no usual port, so it needs this option, too.
    type: str
  model:
    description: The model's name on the server; for V(provider=azure_openai), the name of the deployment.
    type: str
  api_key:
    description:
      - The server's API key. It becomes the credential C(api_key), and is sent in the header that the provider
        expects.
      - Without it, requests to a self-hosted server carry no key. See also O(update_credential).
    type: str
  capability:
    description:
      - What the model is used for; V(chat) if not given. Not every provider offers every capability.
      - V(agent) is a chat for agents, also for those that let the model call tools
        (C(_llm_interface=openai/v1/chat/completions) in O(searchops.opensearch_ml.ml_agent#module:parameters), OpenSearch 3.0).
        A prediction gives either C(prompt), with C(system_prompt) if needed, or C(messages). Check with
        M(searchops.opensearch_ml.ml_tool_call_check) that the model calls tools.
      - V(rerank) needs inline scripts of the language Painless, which OpenSearch allows by default.
    type: str
    choices:
      - chat
      - agent
      - embedding
      - rerank
  api_path:
    description: The route below the server's root, if it is not the provider's usual one.
    type: str
  api_version:
    description: The C(api-version) of V(provider=azure_openai), V(2024-10-21) if not given.
    type: str
  extra_body:
    description: Additional fields of the request body, for example C(temperature) or C(max_tokens).
    type: dict
  update_credential:
    description:
      - When to send O(credential) to an existing connector. The server never returns a credential, so that the module
        cannot compare it directly.
      - No choice notices a credential that another program has stored since this module last sent one.
    type: str
    choices:
      when_changed: >-
        If it differs from the credential that was sent last. To detect this, the module stores a slow, salted
        fingerprint (scrypt) with the connector. A user who can read the connector can test guesses against the
        fingerprint, which is hopeless for a generated key but not for a guessable one. A connector without a
        fingerprint, which another program created or this module with another choice, gets the credential and a
        fingerprint with the next change of another field. Until then, the credential is not compared, and each run
        warns of that.
      unless_same: >-
        As V(when_changed), but a connector without a fingerprint gets the credential and a fingerprint at once, which
        is a change. If deployed models use the connector, this replaces it, see O(update_strategy).
      on_create: >-
        Only if the connector's actions begin to use a part of it. Otherwise, only a new connector, or one that
        replaces another, gets it. No fingerprint is stored, and a changed credential is not noticed.
      always: In every run, which therefore always reports a change. No fingerprint is stored.
    default: when_changed
  update_strategy:
    description: How to change a connector that deployed models use. The server refuses to change such a connector in
      place.
    type: str
    choices:
      swap: >-
        Create a new connector of the same name, point the models at it while they serve, send O(probe), and delete
        the old connector. The connector's id changes. If the probe fails, the models keep using the old connector.
      redeploy: >-
        Undeploy the models, change the connector, and deploy the models again. Predictions fail in the meantime.
        Removing a parameter or changing the protocol still creates a new connector, because the server offers no
        other way.
      fail: Fail the task, and change nothing.
    default: swap
  probe:
    description:
      - Parameters of a prediction, for example C(messages). If you give them, they and O(parameters) must fill every
        placeholder of the actions, and the request bodies must then be JSON. The module checks this before it sends
        anything.
      - A swap sends this prediction through the new connector before it deletes the old one.
      - With O(provider), the default is a short question that fits the capability. Without it, and without this option, a swap
        under live models asks nothing, and warns of that.
      - V({}) sends no probe.
    type: dict
  wait_timeout:
    description: The maximum number of seconds to wait for models to be deployed again and for the answer to the
      probe.
    type: float
    default: 180.0
  delete_in_use:
    description:
      - With O(state=absent), whether to delete a connector that agents or pipelines use. They fail without it, and the
        server does not check this. By default the task fails with the code C(connector_in_use). The server never deletes a
        connector that models use.
    type: bool
    default: false
  planned_settings:
    description:
      - Settings that an earlier task of the play has set, as its result has them in
        RV(searchops.opensearch_ml.opensearch_cluster_setting#module:settings). In check mode that task has changed
        nothing. The module then warns of URLs that the cluster would refuse with these settings instead of with the
        present ones. Without check mode the option has no effect.
    type: dict
notes:
  - Connectors that replaced another one or have a fingerprint, see O(update_credential), store a parameter named
    C(_searchops), which the results hide.
  - A swap does not change agents and search pipelines that refer to the connector by its id.
seealso:
  - module: searchops.opensearch_ml.ml_connector_info
  - module: searchops.opensearch_ml.ml_model
  - module: searchops.opensearch_ml.ml_predict
  - module: searchops.opensearch_ml.opensearch_cluster_setting
  - plugin: searchops.opensearch_ml.provider_endpoint
    plugin_type: filter
  - name: Role openai_chat
    link: https://github.com/searchops/opensearch_ml/blob/main/roles/openai_chat/README.md
    description: The role that sets up a chat model with everything that it needs.
  - name: Connectors
    description: What a connector is, and which backends OpenSearch supports.
    link: https://docs.opensearch.org/latest/ml-commons-plugin/remote-models/connectors/
  - name: Connector blueprints
    description: The definitions of connectors that OpenSearch publishes.
    link: https://docs.opensearch.org/latest/ml-commons-plugin/remote-models/blueprints/
"""

EXAMPLES = r"""
- name: Create a connector to an Ollama server, which needs no key
  searchops.opensearch_ml.ml_connector:
    hosts: https://opensearch.example.internal:9200
    username: ml_provisioner
    password: "{{ vault_ml_password }}"
    ca_path: /etc/ssl/opensearch-ca.pem
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

- name: Create the same connector from its provider
  searchops.opensearch_ml.ml_connector:
    name: Local chat
    provider: ollama
    base_url: http://ollama.example.internal:11434
    model: qwen3:4b

- name: Create a connector to the embeddings of a hosted provider
  searchops.opensearch_ml.ml_connector:
    name: Embeddings
    provider: openai
    capability: embedding
    model: text-embedding-3-small
    api_key: "{{ vault_openai_key }}"

- name: Create a connector from a published blueprint, with your own name and key
  searchops.opensearch_ml.ml_connector:
    name: Local chat
    src: blueprints/ollama_connector_chat.json
    credential:
      openAI_key: "{{ vault_llm_key }}"

- name: Create a connector with a key, and swap it while models serve when the key changes
  searchops.opensearch_ml.ml_connector:
    name: Guarded chat
    parameters:
      model: qwen3:4b
    credential:
      api_key: "{{ vault_llm_key }}"
    actions:
      - url: https://llm.example.com/v1/chat/completions
        headers:
          Authorization: Bearer ${credential.api_key}
        request_body: '{"model": "${parameters.model}", "messages": ${parameters.messages}}'

- name: Delete a connector
  searchops.opensearch_ml.ml_connector:
    name: Local chat
    state: absent
"""

RETURN = r"""
connector_id:
  description: The connector's id; for a deleted connector, the id that it had. V(null) in check mode if the module
    would create the connector.
  returned: success
  type: str
  sample: Keq5FpkB72uHgF272LWj
connector:
  description:
    - The connector as the server stores it, without its credential; in check mode, as the server would store it.
      V(null) when absent. With O(state=absent), not V(null) if the connector is one of RV(leftovers).
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
leftovers:
  description:
    - Connectors that no model uses and that remain, because the server refuses to delete them. Before 3.9, the server
      matches ids word by word, and takes models of other connectors for users of these.
    - The module warns of them, with one warning that counts them, and deletes them in a later run of the same task as soon as the
      server allows that. They serve no model, but keep their credential. With
      O(state=present), the module uses such a connector again unless another one has replaced it.
  returned: success
  type: list
  elements: dict
  contains:
    connector_id:
      description: The id of the connector that remains.
      type: str
      sample: Keq5FpkB72uHgF272LWj
    name:
      description: The name of the connector that remains.
      type: str
      sample: Local chat
    models:
      description: The ids of the models because of which the server refuses.
      type: list
      elements: str
      sample:
        - oUdPqZQBQwAL8-GOCZYL
    reason:
      description: Why the server refuses, with the names of these models and their connectors.
      type: str
      sample: No model uses connector Keq5FpkB72uHgF272LWj, but the server refuses to change or delete it
actions:
  description: The changes that the module made, in order; in check mode, the changes that it would make. On failure,
    the changes made until then.
  returned: always
  type: list
  elements: dict
  sample:
    - action: create
      kind: connector
      name: Local chat
diff:
  description: The given fields before and after the task, with secrets masked.
  returned: success
  type: dict
  contains:
    before:
      description: The values before the task.
      type: dict
    after:
      description: The values after the task; in check mode, the predicted values.
      type: dict
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
      sample: untrusted_endpoint
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
from ..module_utils._tasks.ml_connector import MODULE


def main() -> None:
    run_module(MODULE)


if __name__ == "__main__":
    main()
