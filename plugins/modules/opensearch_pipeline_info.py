#!/usr/bin/python
# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: opensearch_pipeline_info
short_description: List search and ingest pipelines
version_added: 0.2.0
description:
  - Lists pipelines with their bodies.
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
seealso:
  - module: searchops.opensearch_ml.opensearch_pipeline
"""

EXAMPLES = r"""
- name: List all pipelines
  searchops.opensearch_ml.opensearch_pipeline_info:
  register: all

- name: List the search pipelines whose names begin with a text
  searchops.opensearch_ml.opensearch_pipeline_info:
    name: answer*
    type: search
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
      description: The pipeline's name.
      type: str
      sample: answer
    type:
      description: The pipeline's type, V(search) or V(ingest).
      type: str
      sample: search
    definition:
      description: The pipeline's body.
      type: dict
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
