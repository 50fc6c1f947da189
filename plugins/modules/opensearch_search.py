#!/usr/bin/python
# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: opensearch_search
short_description: Search an index
version_added: 1.0.0
description:
  - Searches an index, on request through a search pipeline, and returns the hits and the answer that the processor
    C(retrieval_augmented_generation) adds.
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
      - The module sends nothing in check mode, because a pipeline may ask a model, which costs.
options:
  index:
    description: The name of the index.
    type: str
    required: true
  definition:
    description: The body of the search, as the documentation of OpenSearch shows it.
    type: dict
    default: {}
  pipeline:
    description: The search pipeline. If not given, the server uses the default search pipeline of the index, if it
      has one.
    type: str
  expect_pattern:
    description: A Python regular expression that must be found in the answer. A search without an answer then fails,
      too.
    type: str
  search_timeout:
    description: The maximum number of seconds to wait. It should be longer than the models of the pipeline take to
      answer.
    type: float
    default: 180.0
seealso:
  - module: searchops.opensearch_ml.opensearch_index
  - module: searchops.opensearch_ml.opensearch_pipeline
  - name: Search API
    description: The body of a search.
    link: https://docs.opensearch.org/latest/api-reference/search-apis/search/
  - name: Retrieval-augmented generation processor
    description: The processor that lets a chat model answer from search results.
    link: https://docs.opensearch.org/latest/search-plugins/search-pipelines/rag-processor/
"""

EXAMPLES = r"""
- name: Let a chat model answer from the search results
  searchops.opensearch_ml.opensearch_search:
    hosts: https://opensearch.example.internal:9200
    username: ml_provisioner
    password: "{{ vault_ml_password }}"
    ca_path: /etc/ssl/opensearch-ca.pem
    index: rag-passages
    pipeline: answer
    definition:
      size: 3
      _source: [text]
      query:
        match:
          text: When is the office open?
      ext:
        generative_qa_parameters:
          llm_model: qwen3:4b
          llm_question: When is the office open?
  register: found

- name: Show the answer
  ansible.builtin.debug:
    var: found.answer
"""

RETURN = r"""
hits:
  description: The documents found, the best match first. Empty in check mode.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: The id of the document in its index.
      type: str
      sample: opening-hours
    score:
      description: How well the document matches.
      type: float
      sample: 0.87
    source:
      description: The fields of the document, or those that the search asked for.
      type: dict
      sample:
        text: The office is open from nine to five.
total:
  description: The number of documents that match. V(null) in check mode, and if the search does not count them.
  returned: success
  type: int
  sample: 1
answer:
  description: The chat model's answer. V(null) without a chat model. In check mode, the text that it was not asked.
  returned: success
  type: str
  sample: From nine to five.
result:
  description: The server's complete answer. V(null) in check mode.
  returned: success
  type: dict
  sample:
    took: 412
    timed_out: false
    hits:
      total:
        value: 1
        relation: eq
    ext:
      retrieval_augmented_generation:
        answer: From nine to five.
asked:
  description: Whether the search was sent, which it is not in check mode.
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
      sample: unknown_index
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
from ..module_utils._tasks.opensearch_search import MODULE


def main() -> None:
    run_module(MODULE)


if __name__ == "__main__":
    main()
