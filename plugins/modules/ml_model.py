#!/usr/bin/python
# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ml_model
short_description: Manage remote models of ML Commons
version_added: 1.0.0
description:
  - Registers, changes, deploys, undeploys and deletes remote models of OpenSearch's ML Commons plugin.
  - Repairs drift with O(state=deployed), which deploys a model again that was undeployed or that is deployed on only
    some of its nodes.
  - Waits for the model's real state, because the API's answers alone do not show whether a deployment succeeded. If a
    deployment fails, the module reports each node's reason.
author:
  - The searchops.opensearch_ml maintainers (@searchops)
extends_documentation_fragment:
  - searchops.opensearch_ml.attributes
  - searchops.opensearch_ml.connection
  - searchops.opensearch_ml.custom_id
  - searchops.opensearch_ml.src
  - searchops.opensearch_ml.wait
options:
  name:
    description:
      - The model's name. The module finds the model by its name unless O(model_id) is given; O(model_group) narrows
        the search when several models have the name. If several models match, the task fails and lists their ids.
      - At most 256 characters. From OpenSearch 3.1 on, letters, numbers, spaces and V(.,!?(\):@-_'/") only.
      - Required unless O(model_id) is given, or O(definition) or O(src) contains it. A stack always requires it.
    type: str
  model_id:
    description:
      - The id of an existing model. Together with O(name), the model is renamed.
      - The module refuses a name that another model of the same group has.
    type: str
  state:
    description: The state that the model should have.
    type: str
    choices:
      present: Registered; whether it is deployed does not matter.
      deployed: Registered and deployed on all planned nodes.
      undeployed: Registered and deployed on no node. A prediction deploys it again unless automatic deployment is
        switched off.
      absent: Not registered; the module undeploys the model and deletes it.
    default: deployed
  connector:
    description: The name or the id of the standalone connector. Required for a new model.
    type: str
  model_group:
    description:
      - The name or the id of the model's group. If no such group exists, the module creates one with this name, unless it has
        the form of an id that OpenSearch generates.
      - Without this option, a new model is put into a group that has the model's name.
      - If the model of this name is in another group, the module moves it into this group. With O(state=absent), the
        module never deletes a model from another group.
    type: str
  description:
    description: A text for people, which the server stores with the model.
    type: str
  reload:
    description:
      - Whether to make the nodes read the connector and the cluster's settings again if the model is deployed already.
        The model keeps answering meanwhile. The module then always reports a change.
      - From OpenSearch 3.0 on, a deployed model keeps the value that
        C(plugins.ml_commons.connector.private_ip_enabled) had when it was deployed. From 3.7 on, it also keeps
        C(plugins.ml_commons.trusted_connector_endpoints_regex) and
        C(plugins.ml_commons.trusted_connector_private_endpoints_regex), against which the server then checks each
        prediction. After a change of these settings, predictions fail with V(private_address_refused),
        V(untrusted_endpoint) or V(private_endpoint_refused) until the model is reloaded. A pattern that you remove
        still counts until then.
      - Only valid with O(state=deployed). What is for OpenSearch 3.7 was not tested on a real server of that version.
    type: bool
    default: false
  is_enabled:
    description: Whether the model answers predictions.
    type: bool
  rate_limiter:
    description: The maximum rate of predictions. The server cannot remove a rate limiter again.
    type: dict
    suboptions:
      limit:
        description: The maximum number of predictions per unit. Required, here or in the definition.
        type: float
      unit:
        description: The unit of time. Required, here or in the definition.
        type: str
        choices:
          - NANOSECONDS
          - MICROSECONDS
          - MILLISECONDS
          - SECONDS
          - MINUTES
          - HOURS
          - DAYS
      extra_fields:
        description: Further fields of the rate limiter, which this version of the collection does not know. See O(extra_fields).
        type: dict
  guardrails:
    description:
      - What the server refuses in questions and answers.
      - The server can change one guardrail and add the other, but it can neither remove one nor empty a list (seen on
        2.19.1 and 3.6.0). Therefore, the module leaves everything that you do not give as it is. To remove a
        guardrail, delete the model and register it again.
    type: dict
    suboptions:
      type:
        description: Whether patterns or another model check the text. A model checks the parameter C(question) of a prediction,
          and no messages (seen on 2.19.1 and 3.6.0).
        type: str
        choices:
          - local_regex
          - model
        default: local_regex
      input_guardrail:
        description: The guardrail for questions.
        type: dict
        suboptions:
          stop_words:
            description: Indexes of the words to refuse, for the type V(local_regex).
            type: list
            elements: dict
            suboptions:
              index_name:
                description: The name of the index. The module warns if it does not exist, as no text would be refused.
                type: str
                required: true
              source_fields:
                description: The fields that contain the words.
                type: list
                elements: str
                required: true
              extra_fields:
                description: Further fields of the stop words, which this version of the collection does not know. See O(extra_fields).
                type: dict
          regex:
            description: Patterns of the text to refuse, for the type V(local_regex).
            type: list
            elements: str
          model_id:
            description: The name or the id of the model that checks the text, for the type V(model). The task fails without such
              a model, as the server would let every text pass (up to 3.7).
            type: str
          response_filter:
            description: The path of the verdict in the checking model's answer, for the type V(model).
            type: str
          response_validation_regex:
            description: A regular expression that the verdict matches if the text is acceptable, for the type
              V(model).
            type: str
          extra_fields:
            description: Further fields of the guardrail, which this version of the collection does not know. See O(extra_fields).
            type: dict
      output_guardrail:
        description: The guardrail for answers.
        type: dict
        suboptions:
          stop_words:
            description: Indexes of the words to refuse, for the type V(local_regex).
            type: list
            elements: dict
            suboptions:
              index_name:
                description: The name of the index. The module warns if it does not exist, as no text would be refused.
                type: str
                required: true
              source_fields:
                description: The fields that contain the words.
                type: list
                elements: str
                required: true
              extra_fields:
                description: Further fields of the stop words, which this version of the collection does not know. See O(extra_fields).
                type: dict
          regex:
            description: Patterns of the text to refuse, for the type V(local_regex).
            type: list
            elements: str
          model_id:
            description: The name or the id of the model that checks the text, for the type V(model). The task fails without such
              a model, as the server would let every text pass (up to 3.7).
            type: str
          response_filter:
            description: The path of the verdict in the checking model's answer, for the type V(model).
            type: str
          response_validation_regex:
            description: A regular expression that the verdict matches if the text is acceptable, for the type
              V(model).
            type: str
          extra_fields:
            description: Further fields of the guardrail, which this version of the collection does not know. See O(extra_fields).
            type: dict
      extra_fields:
        description: Further fields of the guardrails, which this version of the collection does not know. See O(extra_fields).
        type: dict
  interface:
    description: JSON schemas that the server checks predictions and answers against.
    type: dict
    suboptions:
      input:
        description: The JSON schema of predictions.
        type: dict
      output:
        description: The JSON schema of answers.
        type: dict
  deploy_setting:
    description: How the server deploys the model. A change takes effect with the next deployment.
    type: dict
    suboptions:
      is_auto_deploy_enabled:
        description: Whether a prediction deploys the model if it is not deployed.
        type: bool
      model_ttl_minutes:
        description: The number of idle minutes after which the server undeploys the model. The module counts such a
          model as deployed.
        type: int
      extra_fields:
        description: Further fields of the setting, which this version of the collection does not know. See O(extra_fields).
        type: dict
  model_config:
    description:
      - The configuration of the model, in the form of the API. A field of the type C(semantic) needs it of a model for
        embeddings, with C(model_type), C(embedding_dimension), C(framework_type) and C(additional_config).
      - Only the given keys are compared. OpenSearch requires C(model_type), and for V(TEXT_EMBEDDING)
        C(embedding_dimension), C(framework_type) (V(sentence_transformers), V(huggingface_transformers) or
        V(huggingface_transformers_neuron)) and C(space_type) in C(additional_config). Versions before 3.1 have no
        C(additional_config), and require the others of every model with a configuration.
    type: dict
  extra_fields:
    description:
      - Further fields of the model, which this version of the collection does not know, by their names in the API. They are
        sent and compared as they are.
      - The module warns of a field that the server does not store, and does not compare it. From OpenSearch 3.9 on, of which
        this version of the collection does not know all fields, the task fails with C(field_not_stored) after the write.
      - A field that has an option is refused.
    type: dict
  definition:
    description:
      - The model's body as the API takes it in C(_register), or as it returns the model. Options that you give in addition override
        its fields; O(rate_limiter), O(guardrails), O(interface), O(deploy_setting) and O(model_config) are merged key by key.
      - Its C(connector_id) and C(model_group_id) are those of O(connector) and O(model_group), and so may also be names. Ids differ
        from cluster to cluster. What documentation has in their place, such as C(<CONNECTOR_ID>), is refused unless the options
        are given as well.
      - A field that this version of the collection does not know is sent and compared as it is, as with O(extra_fields).
        Fields that only the server sets, such as C(model_state), are not sent. A model that runs on the nodes is refused.
    type: dict
  register_deploy:
    description: How the module registers and deploys a new model. The result is the same.
    type: str
    choices:
      auto: V(two_step) with O(auth_type=aws_sigv4), as Amazon OpenSearch Service ignores parameters in the URL of a signed
        request, else V(one_step).
      one_step: With one request, C(_register?deploy=true).
      two_step: With C(_register), then C(_deploy).
    default: auto
  delete_empty_group:
    description:
      - With O(state=absent), whether to delete the group O(model_group), or by default the group that has the model's
        name, if it contains no other model.
    type: bool
    default: false
  delete_in_use:
    description:
      - With O(state=absent), whether to delete a model that agents, pipelines or guardrails of other models use. They fail
        without it, and the server does not check this. By default the task fails with the code C(model_in_use), and lists
        what uses the model.
    type: bool
    default: false
seealso:
  - module: searchops.opensearch_ml.ml_model_info
  - module: searchops.opensearch_ml.ml_model_group
  - module: searchops.opensearch_ml.ml_connector
  - module: searchops.opensearch_ml.ml_controller
  - module: searchops.opensearch_ml.ml_predict
  - name: Role openai_chat
    link: https://github.com/searchops/opensearch_ml/blob/main/roles/openai_chat/README.md
    description: The role that sets up a chat model with everything that it needs.
  - name: Register Model API
    description: All fields of a model.
    link: https://docs.opensearch.org/latest/ml-commons-plugin/api/model-apis/register-model/
  - name: Guardrails
    description: How guardrails of models check text.
    link: https://docs.opensearch.org/latest/ml-commons-plugin/remote-models/guardrails/
"""

EXAMPLES = r"""
- name: Deploy a model on a connector
  searchops.opensearch_ml.ml_model:
    hosts: https://opensearch.example.internal:9200
    username: ml_provisioner
    password: "{{ vault_ml_password }}"
    ca_path: /etc/ssl/opensearch-ca.pem
    name: Local chat
    connector: Local chat
    description: Chat on our own Ollama

- name: Deploy the model in a group of another name, with a rate limit
  searchops.opensearch_ml.ml_model:
    name: Local chat
    connector: Local chat
    model_group: Chat models
    rate_limiter:
      limit: 60
      unit: MINUTES

- name: Register a model from the body of a published request, with another connector
  searchops.opensearch_ml.ml_model:
    definition:
      name: Local chat
      function_name: remote
      description: Chat on our own Ollama
      connector_id: a1eMb4kBJ1eYAeTMAljY
    connector: Local chat

- name: Let the model use a pattern that was added to the trusted endpoints after it was deployed
  searchops.opensearch_ml.ml_model:
    name: Local chat
    reload: true

- name: Undeploy the model
  searchops.opensearch_ml.ml_model:
    name: Local chat
    state: undeployed

- name: Delete the model and its group
  searchops.opensearch_ml.ml_model:
    name: Local chat
    state: absent
    delete_empty_group: true
"""

RETURN = r"""
model_id:
  description: The model's id; for a deleted model, the id that it had. V(null) in check mode if the module would
    register the model.
  returned: success
  type: str
  sample: oUdPqZQBQwAL8-GOCZYL
model_group_id:
  description: The id of the model's group.
  returned: success, when state is not absent
  type: str
  sample: bEdPqZQBQwAL8-GOBZaa
connector_id:
  description: The id of the model's connector.
  returned: success, when state is not absent
  type: str
  sample: Keq5FpkB72uHgF272LWj
model:
  description:
    - The model as the server stores it; in check mode, as the server would store it. V(null) when absent.
    - M(searchops.opensearch_ml.ml_model_info) documents the fields.
  returned: success
  type: dict
  sample:
    model_id: oUdPqZQBQwAL8-GOCZYL
    name: Local chat
    state: DEPLOYED
    connector_id: Keq5FpkB72uHgF272LWj
    current_worker_node_count: 3
    planning_worker_node_count: 3
actions:
  description: The changes that the module made, in order; in check mode, the changes that it would make. On failure,
    the changes made until then.
  returned: always
  type: list
  elements: dict
  sample:
    - action: register_and_deploy
      kind: model
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
      sample: deploy_failed
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
from ..module_utils._tasks.ml_model import MODULE


def main() -> None:
    run_module(MODULE)


if __name__ == "__main__":
    main()
