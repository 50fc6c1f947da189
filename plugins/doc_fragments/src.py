# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    # The file is found in plugin_utils/in_process.py, and read in module_utils/_endpoints/blueprint.py.
    DOCUMENTATION = r"""
options:
  src:
    description:
      - A JSON or YAML file with the body for O(definition), on the controller. The module finds it as
        C(ansible.builtin.copy) finds files, for example next to the playbook, or in the folder C(files) of the role or of the play.
        After that, it searches next to the variables files of the command line (C(-e @stack.yml)), and in the current directory.
        Ansible Vault may encrypt it.
      - The file may contain comments, the request line before the body and the triple quotes of OpenSearch Dashboards'
        console. Of several requests, it is the one that creates such an object; the module ignores text between them, such
        as that of a tutorial in Markdown. The file may also be what that console exports, or one curl command that contains
        the body.
      - An O(definition) that is a text, such as a pasted one in a variable, is read in the same way.
    type: path
"""
