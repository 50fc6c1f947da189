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
    description: Only the pipelines of this name, in which C(*) stands for any text.
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
- name: All pipelines
  searchops.opensearch_ml.opensearch_pipeline_info:
  register: all

- name: The search pipelines whose name begins so
  searchops.opensearch_ml.opensearch_pipeline_info:
    name: answer*
    type: search
"""

RETURN = r"""
pipelines:
  description: The pipelines, as M(searchops.opensearch_ml.opensearch_pipeline) returns them; search pipelines first, by name.
  returned: success
  type: list
  elements: dict
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
actions:
  description: Always empty, as nothing is changed.
  returned: always
  type: list
  elements: dict
  sample: []
failure:
  description: Why the task failed.
  returned: on failure
  type: dict
  contains:
    code:
      description: A stable name of the problem.
      type: str
      sample: wrong_credentials
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
from ..module_utils._tasks.opensearch_pipeline_info import MODULE


def main() -> None:
    run_module(MODULE)


if __name__ == "__main__":
    main()
