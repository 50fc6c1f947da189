#!/usr/bin/python
# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: opensearch_index
short_description: Manage an index for what models work on
version_added: 0.2.0
description:
  - Creates an index with settings and mappings, changes what can be changed in place, and deletes it with its documents.
  - Only what is stated counts. What else the index has, such as fields that documents brought, is left as it is.
  - A difference that an index keeps for good, such as the dimension of a vector, is refused; nothing is ever re-indexed here.
author:
  - The searchops.opensearch_ml maintainers (@searchops)
extends_documentation_fragment:
  - searchops.opensearch_ml.attributes
  - searchops.opensearch_ml.connection
options:
  name:
    description: The name of one index. A pattern is refused, and so is an alias.
    type: str
    required: true
  state:
    description:
      - Whether the index is to be there.
      - V(absent) deletes its documents too.
    type: str
    choices:
      - present
      - absent
    default: present
  body:
    description:
      - The C(settings) and C(mappings), as the product's documentation prints them.
      - Settings may be nested or flat, with or without C(index.) in front; V(null) is the server's default.
      - The server leaves values that are its own defaults out of stored mappings. State those that differ from them; others
        cannot be told from missing ones, and end in C(not_converged).
    type: dict
    default: {}
seealso:
  - module: searchops.opensearch_ml.opensearch_document
  - module: searchops.opensearch_ml.opensearch_pipeline
"""

EXAMPLES = r"""
- name: An index for passages and their embeddings
  searchops.opensearch_ml.opensearch_index:
    name: passages
    body:
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

- name: Gone, with its documents
  searchops.opensearch_ml.opensearch_index:
    name: passages
    state: absent
"""

RETURN = r"""
index:
  description: The index as the server stores it; in check mode as it would be. V(null) when absent.
  returned: success
  type: dict
  contains:
    name:
      description: The name.
      type: str
      sample: passages
    settings:
      description: All settings, flat, their values as text.
      type: dict
      sample:
        index.knn: "true"
    mappings:
      description: All mappings.
      type: dict
      sample:
        properties:
          text:
            type: text
actions:
  description: What was done, or in check mode would be done, in this order. On failure, what had been done by then.
  returned: always
  type: list
  elements: dict
  sample:
    - action: update
      kind: index
      name: passages
      fields:
        - index.default_pipeline
diff:
  description: The stated settings and mappings before and after.
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
      sample: index_not_changeable
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
from ..module_utils._tasks.opensearch_index import MODULE


def main() -> None:
    run_module(MODULE)


if __name__ == "__main__":
    main()
