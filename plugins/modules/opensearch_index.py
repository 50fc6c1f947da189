#!/usr/bin/python
# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: opensearch_index
short_description: Manage an index for the documents that models work on
version_added: 1.0.0
description:
  - Creates an index with settings, mappings and aliases, changes it in place, and deletes it with its documents.
  - Only given settings, mappings and aliases are compared. Everything else in the index, such as fields that documents added,
    stays as it is.
  - A difference that an existing index cannot change, such as the dimension of a vector, is refused; the module never
    re-indexes.
author:
  - The searchops.opensearch_ml maintainers (@searchops)
extends_documentation_fragment:
  - searchops.opensearch_ml.attributes
  - searchops.opensearch_ml.connection
  - searchops.opensearch_ml.src
options:
  name:
    description: The name of one index. A pattern is refused, and so is an alias.
    type: str
    required: true
  state:
    description:
      - Whether the index should exist.
      - V(absent) deletes the documents of the index, too.
    type: str
    choices:
      - present
      - absent
    default: present
  definition:
    description:
      - The C(settings), C(mappings) and C(aliases), as the documentation of OpenSearch shows them.
      - Settings may be nested or flat, with or without the prefix C(index.); V(null) means the server's default.
      - Of an alias, only the given fields are compared; V(null) in place of its fields removes it. Aliases of other indexes, also
        of the same name, stay as they are. To move an alias to another index without an interruption, use the API of OpenSearch.
      - The server leaves its own default values out of the mappings that it stores. For a given parameter of a field that it does
        not store, the module reads the default, which needs the permission C(indices:admin/mappings/fields/get) on a cluster with the security
        plugin. Without the permission, it fails with C(not_converged).
      - "In any text of the body, C(${model:NAME}) becomes the id of the model with this name, as in the C(model_id) of a field of
        the type C(semantic). So are C(${agent:NAME}) and C(${connector:NAME}). In check mode, an object that does not exist yet
        is a warning."
    type: dict
seealso:
  - module: searchops.opensearch_ml.opensearch_document
  - module: searchops.opensearch_ml.opensearch_pipeline
  - name: Role rag
    link: https://github.com/searchops/opensearch_ml/blob/main/roles/rag/README.md
    description: The role that sets up answers from documents.
  - name: Create Index API
    description: The settings and mappings of an index.
    link: https://docs.opensearch.org/latest/api-reference/index-apis/create-index/
"""

EXAMPLES = r"""
- name: Create an index for passages and their embeddings
  searchops.opensearch_ml.opensearch_index:
    hosts: https://opensearch.example.internal:9200
    username: ml_provisioner
    password: "{{ vault_ml_password }}"
    ca_path: /etc/ssl/opensearch-ca.pem
    name: rag-passages
    definition:
      settings:
        index.knn: true
        default_pipeline: embed-passages
      mappings:
        properties:
          text:
            type: text
          embedding:
            type: knn_vector
            dimension: 768
            method:
              name: hnsw
              engine: lucene
              space_type: l2

- name: Let programs find the index by an alias, and no longer by a former one
  searchops.opensearch_ml.opensearch_index:
    name: passages-2
    definition:
      aliases:
        library: {}
        library-of-today:
          filter:
            range:
              at:
                gte: now/d
        old-library: null

- name: Create an index from a file next to the playbook
  searchops.opensearch_ml.opensearch_index:
    name: rag-passages
    src: passages.json

- name: Delete the index with its documents
  searchops.opensearch_ml.opensearch_index:
    name: rag-passages
    state: absent
"""

RETURN = r"""
index:
  description: The index as the server stores it; in check mode, as the server would store it. V(null) when absent.
  returned: success
  type: dict
  contains:
    name:
      description: The name of the index.
      type: str
      sample: rag-passages
    settings:
      description: All settings of the index, flat, with their values as text.
      type: dict
      sample:
        index.knn: "true"
    mappings:
      description: All mappings of the index.
      type: dict
      sample:
        properties:
          text:
            type: text
    aliases:
      description: All aliases of the index, by name.
      type: dict
      sample:
        library: {}
actions:
  description: The changes that the module made, in order; in check mode, the changes that it would make. On failure,
    the changes made until then.
  returned: always
  type: list
  elements: dict
  sample:
    - action: update
      kind: index
      name: rag-passages
      fields:
        - index.default_pipeline
diff:
  description: The given settings, mappings and aliases before and after the task, with references instead of the models' ids.
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
      sample: index_not_changeable
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
from ..module_utils._tasks.opensearch_index import MODULE


def main() -> None:
    run_module(MODULE)


if __name__ == "__main__":
    main()
