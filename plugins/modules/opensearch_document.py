#!/usr/bin/python
# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: opensearch_document
short_description: Manage documents of an index
version_added: 1.0.0
description:
  - Stores documents under the given ids if they are missing or differ, and deletes documents. Meant for a few hundred
    documents, such as the knowledge of a chat model; not suitable for a large collection.
  - A document is unchanged if it has all given fields with their values; an ingest pipeline may have added other
    fields, such as an embedding. If a pipeline changes given fields, every run would store the document again, so the
    task fails with C(not_converged).
  - A document that differs is replaced as a whole. Documents that you do not give stay unchanged.
author:
  - The searchops.opensearch_ml maintainers (@searchops)
extends_documentation_fragment:
  - searchops.opensearch_ml.attributes
  - searchops.opensearch_ml.connection
options:
  index:
    description: The name of the index, which must exist. With O(state=absent) it may be missing.
    type: str
    required: true
  documents:
    description: The documents to store or delete.
    type: list
    elements: dict
    required: true
    suboptions:
      id:
        description: The id of the document in the index. A document with this id is replaced if it differs.
        type: str
        required: true
      source:
        description: The document's fields. Required with O(state=present).
        type: dict
  state:
    description: Whether the documents should exist.
    type: str
    choices:
      - present
      - absent
    default: present
seealso:
  - module: searchops.opensearch_ml.opensearch_index
  - module: searchops.opensearch_ml.opensearch_search
  - name: Bulk API
    description: The request that stores and deletes documents.
    link: https://docs.opensearch.org/latest/api-reference/document-apis/bulk/
"""

EXAMPLES = r"""
- name: Store the knowledge of the chat model
  searchops.opensearch_ml.opensearch_document:
    hosts: https://opensearch.example.internal:9200
    username: ml_provisioner
    password: "{{ vault_ml_password }}"
    ca_path: /etc/ssl/opensearch-ca.pem
    index: rag-passages
    documents:
      - id: opening-hours
        source:
          text: The office is open from nine to five.

- name: Delete a document
  searchops.opensearch_ml.opensearch_document:
    index: rag-passages
    documents:
      - id: opening-hours
    state: absent
"""

RETURN = r"""
documents:
  description: The ids of the documents that the module stored or deleted; in check mode, of those that it would store
    or delete.
  returned: success
  type: list
  elements: str
  sample:
    - opening-hours
actions:
  description: The changes that the module made, in order; in check mode, the changes that it would make. On failure,
    the changes made until then.
  returned: always
  type: list
  elements: dict
  sample:
    - action: index
      kind: document
      name: rag-passages
      ids:
        - opening-hours
diff:
  description: The documents that differ, by id, with their given fields.
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
      sample: document_refused
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
from ..module_utils._tasks.opensearch_document import MODULE


def main() -> None:
    run_module(MODULE)


if __name__ == "__main__":
    main()
