#!/usr/bin/python
# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: opensearch_cluster_setting
short_description: Manage settings of an OpenSearch cluster
version_added: 0.1.0
description:
  - Sets or resets one or many cluster settings with one request, and only if something differs.
  - Lists can be joined with what is in effect. This matters for C(plugins.ml_commons.trusted_connector_endpoints_regex),
    whose default trusts the well-known providers and is lost as soon as the list is set.
author:
  - The searchops.opensearch_ml maintainers (@searchops)
extends_documentation_fragment:
  - searchops.opensearch_ml.attributes
  - searchops.opensearch_ml.connection
options:
  settings:
    description:
      - The settings, by their dotted names or nested.
      - Values are compared by their meaning, as V(true) and V("true") are the same to the cluster.
      - A value of V(null) resets the setting to its default.
      - A setting that has the stated value by default or by C(opensearch.yml) is not written.
    type: dict
    required: true
  state:
    description:
      - With V(absent) the named settings are reset to their defaults; their values do not matter.
    type: str
    choices:
      - present
      - absent
    default: present
  scope:
    description: Whether the settings outlive a restart of the whole cluster. A V(transient) value counts before a persistent one.
    type: str
    choices:
      - persistent
      - transient
    default: persistent
  list_mode:
    description:
      - What to do with values that are lists. Settings that hold no list are not affected.
      - A single value for a setting that holds a list counts as a list of one.
    type: str
    choices:
      exact: The list is to be as stated.
      append: The stated items are added to the list in effect, defaults included, unless it has them already.
      remove: The stated items are taken out of the list in effect.
    default: exact
  only_where_set:
    description:
      - Dotted names of settings among O(settings) that are left alone where no value is in effect for them, an empty list counting as none, and where
        the cluster does not know the setting.
      - For lists that restrict only where they are not empty, such as
        C(plugins.ml_commons.trusted_connector_private_endpoints_regex).
    type: list
    elements: str
    default: []
    version_added: 1.0.0
  allow_catch_all:
    description:
      - Whether to accept a pattern in a setting whose name ends in C(_regex) that trusts every address, such as V(.*$).
      - A connector whose URL takes its host from a parameter then lets whoever may predict choose any target.
    type: bool
    default: false
notes:
  - Patterns in settings whose names end in C(_regex) are compiled before they are sent, as the cluster accepts broken
    ones and then refuses every connector.
  - An empty C(plugins.ml_commons.trusted_connector_private_endpoints_regex), which OpenSearch 3.7 brought, restricts nothing. Its
    first pattern keeps all other private addresses out, and without its last one all are let through. This module does what is
    stated; O(only_where_set) keeps it from adding the first one. Not run on a real server of that version.
seealso:
  - module: searchops.opensearch_ml.opensearch_cluster_setting_info
  - module: searchops.opensearch_ml.ml_connector
"""

EXAMPLES = r"""
- name: Trust one backend exactly, keep the default endpoints, and allow private addresses
  searchops.opensearch_ml.opensearch_cluster_setting:
    hosts: https://opensearch.example.internal:9200
    settings:
      plugins.ml_commons.trusted_connector_endpoints_regex:
        - ^http://ollama\.example\.internal:11434/v1/chat/completions$
      plugins.ml_commons.connector.private_ip_enabled: true
    list_mode: append

- name: Let a private address through where only some are
  searchops.opensearch_ml.opensearch_cluster_setting:
    settings:
      plugins.ml_commons.trusted_connector_private_endpoints_regex:
        - ^http://ollama\.example\.internal:11434/.*$
    list_mode: append
    only_where_set:
      - plugins.ml_commons.trusted_connector_private_endpoints_regex

- name: Trust it no longer
  searchops.opensearch_ml.opensearch_cluster_setting:
    settings:
      plugins.ml_commons.trusted_connector_endpoints_regex:
        - ^http://ollama\.example\.internal:11434/v1/chat/completions$
    list_mode: remove

- name: Go back to the defaults
  searchops.opensearch_ml.opensearch_cluster_setting:
    settings:
      plugins.ml_commons.connector.private_ip_enabled:
    state: absent
"""

RETURN = r"""
settings:
  description: The named settings as they are in effect after the task.
  returned: success
  type: dict
  sample:
    plugins.ml_commons.connector.private_ip_enabled: "true"
actions:
  description: What was done, or in check mode would be done, in this order. On failure, what had been done by then.
  returned: always
  type: list
  elements: dict
  sample:
    - action: set
      kind: cluster setting
      name: plugins.ml_commons.connector.private_ip_enabled
      scope: persistent
diff:
  description: The stated fields before and after, secrets masked.
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
      sample: unknown_setting
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
from ..module_utils._tasks.opensearch_cluster_setting import MODULE


def main() -> None:
    run_module(MODULE)


if __name__ == "__main__":
    main()
