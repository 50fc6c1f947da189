#!/usr/bin/python
# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: opensearch_cluster_setting
short_description: Manage settings of an OpenSearch cluster
version_added: 1.0.0
description:
  - Sets or resets one or more cluster settings with one request, and only if something differs.
  - Adds items to a list, or removes them, with O(list_mode). This matters for
    C(plugins.ml_commons.trusted_connector_endpoints_regex), whose default trusts the well-known providers and is lost
    as soon as the list is set.
author:
  - The searchops.opensearch_ml maintainers (@searchops)
extends_documentation_fragment:
  - searchops.opensearch_ml.attributes
  - searchops.opensearch_ml.connection
options:
  settings:
    description:
      - The settings, by dotted names or nested.
      - The module compares values by their meaning, because V(true) and V("true") are the same to the cluster.
      - A value of V(null) resets the setting to its default.
      - The module does not write a setting that has the given value by default or from C(opensearch.yml).
      - The module knows the types and limits of the settings of ML Commons, and refuses other values before it sends them,
        also in check mode. For example, a boolean is V(true) or V(false), not the text V("yes").
      - The scope is the option O(scope), not a key of the settings.
    type: dict
    required: true
  state:
    description:
      - V(present) sets the given values. V(absent) resets the settings to their defaults, whatever values you give.
      - V(undone) undoes what tasks with O(record_for) have added. Of the given values, it removes those items of lists
        that such a task has added, and gives other settings the value that they had before. It leaves everything else,
        also a value that has changed since. A list that then has its former default again is reset.
    type: str
    choices:
      - present
      - absent
      - undone
    default: present
  scope:
    description: Whether the settings survive a restart of the whole cluster. A V(transient) value takes precedence
      over a persistent one, which then has no effect; the module warns of that.
    type: str
    choices:
      - persistent
      - transient
    default: persistent
  list_mode:
    description:
      - How to apply values that are lists. Settings that are not lists are not affected.
      - A single value for a list setting counts as a list of one item. Text with several patterns or names, separated by
        commas, is refused; give a list.
      - V(append) and V(remove) start from the list that O(scope) has. A persistent list without a value starts from the
        default or the value from C(opensearch.yml). A transient list without a value starts from the list in effect, which it
        replaces as a whole.
      - The cluster does not return the default while a transient value hides it. V(append) and V(remove) then fail for a
        persistent list without a value; delete the transient value first, with O(scope=transient) and O(state=absent).
    type: str
    choices:
      exact: The list becomes exactly the given one.
      append: The given items are added to the list, unless it already has them.
      remove: The given items are removed from the list.
    default: exact
  record_for:
    description:
      - For whom the task adds the values, for example the name of a connector. If given, the task records on the cluster
        which items it adds to lists and which values it sets, for O(state=undone). What has the value already is not
        recorded.
      - The record is in the setting C(cluster.metadata.searchops_opensearch_ml), which the same request writes. Results
        and diffs do not show it.
      - Requires O(state=present), O(list_mode=append) and O(scope=persistent).
    type: str
  needed_by:
    description:
      - With O(state=undone), values that stay, by the dotted name of the setting, each with the name of what needs it now. Of
        those that are recorded, the record then says that they were added for that, as if it had been the value of
        O(record_for).
      - P(searchops.opensearch_ml.untrust_settings#filter) returns them. O(settings) may be empty then.
    type: dict
    default: {}
  only_where_set:
    description:
      - Dotted names of settings among O(settings) that the module leaves unchanged if they have no value in effect,
        or if the cluster does not know them. An empty list counts as no value.
      - Use it for lists that restrict only when they are not empty, such as
        C(plugins.ml_commons.trusted_connector_private_endpoints_regex).
    type: list
    elements: str
    default: []
  allow_catch_all:
    description:
      - Whether to accept a pattern in a setting whose name ends in C(endpoints_regex) that trusts hosts which it does not
        name, such as V(.*$), V(^https?://[^/]+/.*$) and V(^https://api.openai.com.*$). The last one also matches
        C(https://api.openai.com.example.net/).
      - With such a pattern, a connector whose URL takes its host from a parameter lets every user who may predict
        choose any target.
    type: bool
    default: false
notes:
  - The module compiles the patterns in settings whose names end in C(_regex) before it sends them, because the
    cluster accepts invalid patterns and then refuses every connector.
  - The module refuses patterns for endpoints that no URL matches, such as V(http://ollama:11434), as a pattern must match the
    whole URL, and shows the corrected form. It warns of a new pattern that matches more than most authors want, as one with
    unescaped dots does.
  - OpenSearch 3.7 and later refuse patterns for trusted endpoints that have more than 256 characters, a repeated group
    that ends with a quantifier such as V((a+\)+), or a back reference; 3.7 and 3.8 also refuse an optional group such
    as V((:[0-9]+\)?). The module checks that before it writes. On older versions it warns, because an upgrade replaces
    a list with such a pattern by the default list. This was not tested on real servers of these versions.
  - From OpenSearch 3.0 on, deployed models keep some settings, see the option O(searchops.opensearch_ml.ml_model#module:reload).
  - An empty C(plugins.ml_commons.trusted_connector_private_endpoints_regex), which OpenSearch 3.7 introduced,
    restricts nothing. Adding its first pattern blocks all other private addresses, and removing its last pattern
    allows all of them. The module sets exactly what you give; O(only_where_set) prevents it from adding the first
    pattern. This was not tested on a real server of that version.
seealso:
  - module: searchops.opensearch_ml.opensearch_cluster_setting_info
  - module: searchops.opensearch_ml.ml_connector
  - plugin: searchops.opensearch_ml.trust_settings
    plugin_type: filter
  - plugin: searchops.opensearch_ml.trusted_regex
    plugin_type: filter
  - plugin: searchops.opensearch_ml.untrust_settings
    plugin_type: filter
  - name: ML Commons cluster settings
    description: The settings of ML Commons with their defaults.
    link: https://docs.opensearch.org/latest/ml-commons-plugin/cluster-settings/
  - name: Cluster Settings API
    description: The request that reads and sets cluster settings.
    link: https://docs.opensearch.org/latest/api-reference/cluster-api/cluster-settings/
"""

EXAMPLES = r"""
- name: Trust one backend exactly, keep the default endpoints, and allow private addresses
  searchops.opensearch_ml.opensearch_cluster_setting:
    hosts: https://opensearch.example.internal:9200
    username: ml_provisioner
    password: "{{ vault_ml_password }}"
    ca_path: /etc/ssl/opensearch-ca.pem
    settings:
      plugins.ml_commons.trusted_connector_endpoints_regex:
        - ^http://ollama\.example\.internal:11434/v1/chat/completions$
      plugins.ml_commons.connector.private_ip_enabled: true
    list_mode: append

- name: Allow a private address if the cluster allows only some
  searchops.opensearch_ml.opensearch_cluster_setting:
    settings:
      plugins.ml_commons.trusted_connector_private_endpoints_regex:
        - ^http://ollama\.example\.internal:11434/.*$
    list_mode: append
    only_where_set:
      - plugins.ml_commons.trusted_connector_private_endpoints_regex

- name: Remove the backend from the trusted endpoints
  searchops.opensearch_ml.opensearch_cluster_setting:
    settings:
      plugins.ml_commons.trusted_connector_endpoints_regex:
        - ^http://ollama\.example\.internal:11434/v1/chat/completions$
    list_mode: remove

- name: Trust a backend until it is removed, and record whether this task had to add the pattern
  searchops.opensearch_ml.opensearch_cluster_setting:
    settings:
      plugins.ml_commons.trusted_connector_endpoints_regex:
        - ^http://ollama\.example\.internal:11434/v1/chat/completions$
    list_mode: append
    record_for: Local chat

- name: Undo that, unless the pattern was there before
  searchops.opensearch_ml.opensearch_cluster_setting:
    settings:
      plugins.ml_commons.trusted_connector_endpoints_regex:
        - ^http://ollama\.example\.internal:11434/v1/chat/completions$
    state: undone

- name: Reset a setting to its default
  searchops.opensearch_ml.opensearch_cluster_setting:
    settings:
      plugins.ml_commons.connector.private_ip_enabled:
    state: absent
"""

RETURN = r"""
settings:
  description: The given settings, with the values in effect after the task.
  returned: success
  type: dict
  sample:
    plugins.ml_commons.connector.private_ip_enabled: "true"
outdated:
  description: The values that tasks with the same O(record_for) have added, that are still set and that are not among the
    given ones, by the name of the setting. Empty without O(record_for). Remove them with O(state=undone).
  returned: success
  type: dict
  sample:
    plugins.ml_commons.trusted_connector_endpoints_regex:
      - ^http://ollama\.example\.internal:11435/v1/chat/completions$
actions:
  description: The changes that the module made, in order; in check mode, the changes that it would make. On failure,
    the changes made until then.
  returned: always
  type: list
  elements: dict
  sample:
    - action: set
      kind: cluster setting
      name: plugins.ml_commons.connector.private_ip_enabled
      scope: persistent
diff:
  description: The given fields before and after the task, with secrets masked.
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
      sample: unknown_setting
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
from ..module_utils._tasks.opensearch_cluster_setting import MODULE


def main() -> None:
    run_module(MODULE)


if __name__ == "__main__":
    main()
