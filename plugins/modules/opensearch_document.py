#!/usr/bin/python
# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: opensearch_document
short_description: Manage documents of an index
version_added: 0.2.0
description:
  - Stores documents under ids of their own, those that differ only, and deletes them. Meant for some hundreds of documents,
    such as what a chat model is to know; it is no way to load a large collection.
  - A document is the same when it has all fields that are stated; an ingest pipeline may have added others, such as an
    embedding. One that changes stated fields makes each run store anew, and is told by C(not_converged).
  - A document that differs is replaced as a whole. Those that are not stated are left alone.
author:
  - The searchops.opensearch_ml maintainers (@searchops)
extends_documentation_fragment:
  - searchops.opensearch_ml.attributes
  - searchops.opensearch_ml.connection
options:
  index:
    description: The name of the index, which must be there. With O(state=absent) it may be missing.
    type: str
    required: true
  documents:
    description: The documents.
    type: list
    elements: dict
    required: true
    suboptions:
      id:
        description: The id.
        type: str
        required: true
      source:
        description: The fields. Needed with O(state=present).
        type: dict
  state:
    description: Whether the documents are to be there.
    type: str
    choices:
      - present
      - absent
    default: present
seealso:
  - module: searchops.opensearch_ml.opensearch_index
  - module: searchops.opensearch_ml.opensearch_search
"""

EXAMPLES = r"""
- name: What the chat model is to know
  searchops.opensearch_ml.opensearch_document:
    index: passages
    documents:
      - id: opening-hours
        source:
          text: The office is open from nine to five.

- name: No longer
  searchops.opensearch_ml.opensearch_document:
    index: passages
    documents:
      - id: opening-hours
    state: absent
"""

RETURN = r"""
documents:
  description: The ids of the documents that were stored or deleted; in check mode, that would be.
  returned: success
  type: list
  elements: str
  sample:
    - opening-hours
actions:
  description: What was done, or in check mode would be done, in this order. On failure, what had been done by then.
  returned: always
  type: list
  elements: dict
  sample:
    - action: index
      kind: document
      name: passages
      ids:
        - opening-hours
diff:
  description: The documents that differ, by id, with their stated fields.
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
      sample: document_refused
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
from ..module_utils._tasks.opensearch_document import MODULE


def main() -> None:
    run_module(MODULE)


if __name__ == "__main__":
    main()
