#!/usr/bin/python
# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: opensearch_pipeline
short_description: Manage search and ingest pipelines
version_added: 1.0.0
description:
  - Creates, replaces and deletes search and ingest pipelines, for example pipelines with the ML Commons processors
    C(ml_inference) and C(retrieval_augmented_generation), or those of the plugin neural-search.
  - The pipeline becomes exactly what you give. Parts that you no longer give are removed. The module compares the
    pipeline as JSON, in which V(1), V("1") and V(true) differ, and sends it only if it differs.
author:
  - The searchops.opensearch_ml maintainers (@searchops)
extends_documentation_fragment:
  - searchops.opensearch_ml.attributes
  - searchops.opensearch_ml.connection
  - searchops.opensearch_ml.src
options:
  name:
    description: The pipeline's name, which is its id.
    type: str
    required: true
  type:
    description: What the pipeline works on.
    type: str
    required: true
    choices:
      search: Searches and their results.
      ingest: Documents before they are stored.
  state:
    description: Whether the pipeline should exist.
    type: str
    choices:
      - present
      - absent
    default: present
  description:
    description: The pipeline's description, which overrides the one in O(definition).
    type: str
  version:
    description: The pipeline's version number, which you choose and the server only stores. It overrides the one in
      O(definition).
    type: int
  definition:
    description:
      - The pipeline's body as the documentation of OpenSearch shows it, C(processors) and C(on_failure) for an ingest
        pipeline, C(request_processors), C(response_processors) and C(phase_results_processors) for a search pipeline.
        With O(state=present), either O(definition) or O(src) is required.
      - "In any text of the body, C(${model:NAME}) becomes the id of the model with this name, as in
        C(model_id: ${model:Local chat}). So are C(${agent:NAME}) and C(${connector:NAME}). In check mode, an object that does
        not exist yet is a warning."
    type: dict
seealso:
  - module: searchops.opensearch_ml.opensearch_pipeline_info
  - module: searchops.opensearch_ml.opensearch_search
  - module: searchops.opensearch_ml.ml_model
  - name: Role rag
    link: https://github.com/searchops/opensearch_ml/blob/main/roles/rag/README.md
    description: The role that sets up answers from documents.
  - name: Search pipelines
    description: What a search pipeline is, and its processors.
    link: https://docs.opensearch.org/latest/search-plugins/search-pipelines/index/
  - name: Ingest pipelines
    description: What an ingest pipeline is, and its processors.
    link: https://docs.opensearch.org/latest/ingest-pipelines/
"""

EXAMPLES = r"""
- name: Embed each document before it is stored
  searchops.opensearch_ml.opensearch_pipeline:
    hosts: https://opensearch.example.internal:9200
    username: ml_provisioner
    password: "{{ vault_ml_password }}"
    ca_path: /etc/ssl/opensearch-ca.pem
    name: embed-passages
    type: ingest
    description: The embedding of each passage
    definition:
      processors:
        - ml_inference:
            model_id: ${model:Local embeddings}
            # The processor passes the bare text of the field, and an embedding connector takes a list of texts.
            model_config:
              input: '["${parameters.passage}"]'
            input_map:
              - passage: passage
            full_response_path: true
            output_map:
              - passage_embedding: $.inference_results[0].output[0].data

- name: Let a chat model answer from the search results
  searchops.opensearch_ml.opensearch_pipeline:
    name: answer
    type: search
    definition:
      response_processors:
        - retrieval_augmented_generation:
            model_id: ${model:Local chat}
            context_field_list: [passage]
            system_prompt: You are a helpful assistant.

# Needs the plugin neural-search. A search through this pipeline may have the queries "neural" and "hybrid".
- name: Let searches find documents by their words and by their meaning
  searchops.opensearch_ml.opensearch_pipeline:
    name: words-and-meaning
    type: search
    definition:
      request_processors:
        - neural_query_enricher:
            default_model_id: ${model:Local embeddings}
      phase_results_processors:
        - normalization-processor:
            normalization:
              technique: min_max
            combination:
              technique: arithmetic_mean

- name: Create a pipeline from a file in the folder 'files'
  searchops.opensearch_ml.opensearch_pipeline:
    name: answer
    type: search
    src: answer.json

- name: Delete a pipeline
  searchops.opensearch_ml.opensearch_pipeline:
    name: answer
    type: search
    state: absent
"""

RETURN = r"""
pipeline:
  description: The pipeline as the server stores it; in check mode, as the server would store it. V(null) when absent.
  returned: success
  type: dict
  contains:
    name:
      description: The name of the pipeline, which is its id.
      type: str
      sample: answer
    type:
      description: The pipeline's type, V(search) or V(ingest).
      type: str
      sample: search
    definition:
      description: The body of the pipeline with its processors, as the server stores it.
      type: dict
      sample:
        response_processors:
          - retrieval_augmented_generation:
              model_id: oUdPqZQBQwAL8-GOCZYL
              context_field_list:
                - passage
actions:
  description: The changes that the module made, in order; in check mode, the changes that it would make. On failure,
    the changes made until then.
  returned: always
  type: list
  elements: dict
  sample:
    - action: create
      kind: search pipeline
      name: answer
      fields:
        - response_processors
diff:
  description: The whole body before and after the task, with references instead of the models' ids.
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
      sample: unknown_processor
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
from ..module_utils._tasks.opensearch_pipeline import MODULE


def main() -> None:
    run_module(MODULE)


if __name__ == "__main__":
    main()
