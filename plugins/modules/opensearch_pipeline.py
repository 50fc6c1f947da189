#!/usr/bin/python
# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: opensearch_pipeline
short_description: Manage search and ingest pipelines
version_added: 0.2.0
description:
  - Creates, replaces and deletes search and ingest pipelines, for example those of ML Commons with the processors
    C(ml_inference) and C(retrieval_augmented_generation).
  - A pipeline is exactly what is stated; what is no longer stated is gone. It is compared as JSON, in which V(1), V("1") and
    V(true) differ, and is sent only when it differs.
author:
  - The searchops.opensearch_ml maintainers (@searchops)
extends_documentation_fragment:
  - searchops.opensearch_ml.attributes
  - searchops.opensearch_ml.connection
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
    description: Whether the pipeline is to be there.
    type: str
    choices:
      - present
      - absent
    default: present
  description:
    description: What it is for; over the one in O(definition).
    type: str
  version:
    description: A number of your own, which the server only keeps; over the one in O(definition).
    type: int
  definition:
    description:
      - The pipeline's body as the product's documentation prints it, C(processors) and C(on_failure) of an ingest pipeline,
        C(request_processors), C(response_processors) and C(phase_results_processors) of a search pipeline. Needed with
        O(state=present).
      - "In any text of it C(${model:NAME}) stands for the id of the model of that name, so that C(model_id: ${model:Local chat})
        names a model. In check mode a model that is not there yet is a warning."
    type: dict
seealso:
  - module: searchops.opensearch_ml.opensearch_pipeline_info
  - module: searchops.opensearch_ml.ml_model
"""

EXAMPLES = r"""
- name: Embed each document before it is stored
  searchops.opensearch_ml.opensearch_pipeline:
    name: embed-passages
    type: ingest
    description: The embedding of each passage
    definition:
      processors:
        - ml_inference:
            model_id: ${model:Local embeddings}
            input_map:
              - input: passage
            output_map:
              - passage_embedding: data[0].embedding

- name: Let a chat model answer from what was found
  searchops.opensearch_ml.opensearch_pipeline:
    name: answer
    type: search
    definition:
      response_processors:
        - retrieval_augmented_generation:
            model_id: ${model:Local chat}
            context_field_list: [passage]
            system_prompt: You are a helpful assistant.

- name: Gone
  searchops.opensearch_ml.opensearch_pipeline:
    name: answer
    type: search
    state: absent
"""

RETURN = r"""
pipeline:
  description: The pipeline as the server stores it; in check mode as it would be. V(null) when absent.
  returned: success
  type: dict
  contains:
    name:
      description: The name.
      type: str
      sample: answer
    type:
      description: V(search) or V(ingest).
      type: str
      sample: search
    definition:
      description: The body.
      type: dict
      sample:
        response_processors:
          - retrieval_augmented_generation:
              model_id: oUdPqZQBQwAL8-GOCZYL
              context_field_list:
                - passage
actions:
  description: What was done, or in check mode would be done, in this order. On failure, what had been done by then.
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
  description: The whole body before and after, with the references in place of models' ids.
  returned: success
  type: dict
  contains:
    before:
      description: As it was.
      type: dict
    after:
      description: As it is; in check mode, as it would be.
      type: dict
failure:
  description: Why the task failed.
  returned: on failure
  type: dict
  contains:
    code:
      description: A stable name of the problem.
      type: str
      sample: unknown_processor
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
from ..module_utils._tasks.opensearch_pipeline import MODULE


def main() -> None:
    run_module(MODULE)


if __name__ == "__main__":
    main()
