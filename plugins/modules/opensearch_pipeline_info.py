#!/usr/bin/python
# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: opensearch_pipeline_info
short_description: List search and ingest pipelines
version_added: 1.0.0
description:
  - Lists pipelines with their bodies, and on request the types of processors that pipelines can have.
author:
  - The searchops.opensearch_ml maintainers (@searchops)
extends_documentation_fragment:
  - searchops.opensearch_ml.attributes
  - searchops.opensearch_ml.attributes.reads
  - searchops.opensearch_ml.connection
options:
  name:
    description: Only the pipelines with this name, in which C(*) matches any text.
    type: str
    default: "*"
  type:
    description: Only pipelines of this type.
    type: str
    choices:
      - search
      - ingest
  with_processors:
    description: Whether to return the types of processors that all nodes know, too.
    type: bool
    default: false
seealso:
  - module: searchops.opensearch_ml.opensearch_pipeline
  - name: Search pipelines
    description: What a search pipeline is, and its processors.
    link: https://docs.opensearch.org/latest/search-plugins/search-pipelines/index/
  - name: Ingest pipelines
    description: What an ingest pipeline is, and its processors.
    link: https://docs.opensearch.org/latest/ingest-pipelines/
"""

EXAMPLES = r"""
- name: List all pipelines
  searchops.opensearch_ml.opensearch_pipeline_info:
    hosts: https://opensearch.example.internal:9200
    username: ml_provisioner
    password: "{{ vault_ml_password }}"
    ca_path: /etc/ssl/opensearch-ca.pem
  register: all

- name: List the search pipelines whose names begin with a text
  searchops.opensearch_ml.opensearch_pipeline_info:
    name: answer*
    type: search

- name: Find out whether all nodes have the plugin neural-search
  searchops.opensearch_ml.opensearch_pipeline_info:
    type: ingest
    with_processors: true
  register: ingest

- name: Show whether documents can be embedded by its processor
  ansible.builtin.debug:
    msg: "{{ 'text_embedding' in ingest.processors.ingest.processors }}"
"""

RETURN = r"""
pipelines:
  description: The pipelines, as M(searchops.opensearch_ml.opensearch_pipeline) returns them; search pipelines first,
    ordered by name.
  returned: success
  type: list
  elements: dict
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
processors:
  description: The types of processors that all nodes know, by the type of the pipeline and by the field of its body that lists
    them. A type of pipeline is V(null) if the user does not have the permission C(cluster:monitor/nodes/info).
  returned: with O(with_processors=true)
  type: dict
  contains:
    search:
      description: The processors of search pipelines, by C(request_processors), C(response_processors) and
        C(phase_results_processors). OpenSearch 2.19 does not list the last ones.
      type: dict
      sample:
        request_processors:
          - ml_inference
          - neural_query_enricher
    ingest:
      description: The processors of ingest pipelines, by C(processors) and C(on_failure), which are the same.
      type: dict
      sample:
        processors:
          - ml_inference
          - text_embedding
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
      sample: wrong_credentials
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
from ..module_utils._tasks.opensearch_pipeline_info import MODULE


def main() -> None:
    run_module(MODULE)


if __name__ == "__main__":
    main()
