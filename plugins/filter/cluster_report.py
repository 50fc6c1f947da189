# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: cluster_report
short_description: Prepare the data of a report page about a cluster
version_added: 1.0.0
author:
  - The searchops.opensearch_ml maintainers (@searchops)
description:
  - Turns the results of modules that read a cluster into the data that the playbook C(report) writes on its page.
  - Texts contain no control characters, and long ones are cut. They are not escaped; the template has to do that.
  - URLs contain no user, no password and nothing after the path, because these parts may contain keys.
options:
  _input:
    description:
      - The results of the modules, by these names. Only C(graph) is required; a missing result is shown as unknown.
      - C(graph) is that of M(searchops.opensearch_ml.ml_stack_info) with C(format=graph).
      - C(settings) is that of M(searchops.opensearch_ml.opensearch_cluster_setting_info).
      - C(profile) is that of M(searchops.opensearch_ml.ml_profile_info).
      - C(duplicates) is that of M(searchops.opensearch_ml.ml_dedupe), without C(apply).
      - C(stack) is that of M(searchops.opensearch_ml.ml_stack) in check mode.
      - C(answers) is that of a loop with M(searchops.opensearch_ml.ml_predict) over models of the graph.
    type: dict
    required: true
seealso:
  - module: searchops.opensearch_ml.ml_connector_info
  - module: searchops.opensearch_ml.ml_model_info
  - module: searchops.opensearch_ml.ml_stack_info
"""

EXAMPLES = r"""
- name: Read which objects use which
  searchops.opensearch_ml.ml_stack_info:
    format: graph
  register: graph

- name: Show the objects that no other object uses
  ansible.builtin.debug:
    msg: "{{ ({'graph': graph} | searchops.opensearch_ml.cluster_report).orphans }}"
"""

RETURN = r"""
_value:
  description:
    - The data of the page. If the graph could not be read, only C(reason), a mapping with C(message), C(remedy) and C(code).
  type: dict
  sample:
    reason: null
    version: 3.6.0
    orphans:
      - kind: connector
        name: Old chat
        id: oUdPqZQBQwAL8-GOCZYL
        reason: No model uses it.
"""

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ..plugin_utils._report_page import view


def cluster_report(results: object) -> dict[str, Any]:
    if not isinstance(results, Mapping):
        raise AnsibleFilterError(f"cluster_report: requires a mapping of results, not {type(results).__name__}.")
    return view.view(results)


class FilterModule:
    def filters(self) -> dict[str, object]:
        return {"cluster_report": cluster_report}
