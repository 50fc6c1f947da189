#!/usr/bin/python
# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: opensearch_cluster_setting_info
short_description: List settings of an OpenSearch cluster
version_added: 1.0.0
description:
  - Lists the values of cluster settings that are in effect, and the origin of each value. Sends one request.
author:
  - The searchops.opensearch_ml maintainers (@searchops)
extends_documentation_fragment:
  - searchops.opensearch_ml.attributes
  - searchops.opensearch_ml.attributes.reads
  - searchops.opensearch_ml.connection
options:
  patterns:
    description:
      - Only settings whose dotted names match one of these shell-style patterns, such as V(plugins.ml_commons.*).
      - If not given, all settings.
    type: list
    elements: str
notes:
  - RV(risky_patterns) is built against the published source of OpenSearch 3.7 to 3.9, and was not tested on a real
    server of these versions.
  - The cluster does not return the settings that it keeps secret.
  - Defaults are those of the node that answers, including its C(opensearch.yml).
seealso:
  - module: searchops.opensearch_ml.opensearch_cluster_setting
  - name: ML Commons cluster settings
    description: The settings of ML Commons with their defaults.
    link: https://docs.opensearch.org/latest/ml-commons-plugin/cluster-settings/
  - name: Cluster Settings API
    description: The request that reads and sets cluster settings.
    link: https://docs.opensearch.org/latest/api-reference/cluster-api/cluster-settings/
"""

EXAMPLES = r"""
- name: List all settings of ML Commons
  searchops.opensearch_ml.opensearch_cluster_setting_info:
    hosts: https://opensearch.example.internal:9200
    username: ml_provisioner
    password: "{{ vault_ml_password }}"
    ca_path: /etc/ssl/opensearch-ca.pem
    patterns:
      - plugins.ml_commons.*
  register: ml_commons

- name: Check before an upgrade that OpenSearch 3.7 and later accept the trusted endpoints
  ansible.builtin.assert:
    that: ml_commons.risky_patterns | length == 0
    fail_msg: "{{ ml_commons.risky_patterns | map(attribute='reason') | join(' ') }}"

- name: Show the settings that were set explicitly
  ansible.builtin.debug:
    msg: "{{ ml_commons.origins | ansible.builtin.dict2items | rejectattr('value', 'equalto', 'default') | map(attribute='key') }}"
"""

RETURN = r"""
settings:
  description:
    - The settings with their values in effect, ordered by their dotted names, as
      M(searchops.opensearch_ml.opensearch_cluster_setting) returns them.
    - The cluster returns numbers and booleans as text.
  returned: success
  type: dict
  sample:
    plugins.ml_commons.connector.private_ip_enabled: "true"
    plugins.ml_commons.sync_up_job_interval_in_seconds: "10"
origins:
  description:
    - The origin of each setting's value, V(transient), V(persistent) or V(default).
    - A value from C(opensearch.yml) counts as a default.
  returned: success
  type: dict
  sample:
    plugins.ml_commons.connector.private_ip_enabled: persistent
    plugins.ml_commons.sync_up_job_interval_in_seconds: default
risky_patterns:
  description:
    - The patterns among RV(settings) that some versions of OpenSearch from 3.7 on refuse, because matching them could
      take very long.
    - When you upgrade a cluster to such a version, it archives the whole list that contains such a pattern, and the
      default list is in effect.
  returned: success
  type: list
  elements: dict
  contains:
    setting:
      description: The dotted name of the setting.
      type: str
      sample: plugins.ml_commons.trusted_connector_endpoints_regex
    pattern:
      description: The pattern that these versions refuse.
      type: str
      sample: ^https://llm\.example\.internal(:\d+)?/.*$
    refused_by:
      description: The versions that refuse the pattern.
      type: str
      sample: OpenSearch 3.7 and 3.8
    reason:
      description: A sentence that names these versions, what they refuse, and what to write instead.
      type: str
      sample: OpenSearch 3.7 and 3.8 refuse the pattern '^https://llm\.example\.internal(:\d+)?/.*$' because of an
        optional group that ends with a quantifier, such as (:\d+)?. Write '^https://llm\.example\.internal(:\d+|)/.*$',
        which matches the same.
    instead:
      description: A pattern that matches the same and that all versions accept. V(null) if the module knows none.
      type: str
      sample: ^https://llm\.example\.internal(:\d+|)/.*$
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
from ..module_utils._tasks.opensearch_cluster_setting_info import MODULE


def main() -> None:
    run_module(MODULE)


if __name__ == "__main__":
    main()
