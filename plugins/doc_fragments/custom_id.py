# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    # Modules that create what the server takes an id for.
    DOCUMENTATION = r"""
options: {}
notes:
  - From OpenSearch 3.9 on new objects get an id that follows from their kind and name, of models also from their group, and of
    replacements from what they replace, such as C(connector_local_chat_8eb495c95dd0b98d). Runs at the same moment then cannot
    make two, as the server refuses an id that is taken. One that something else has, because it was renamed or moved, is left to
    it, and the server chooses another. Objects are found by their names as before.
  - What is for OpenSearch 3.9 is built against its published source, and was not run on a real server of that version.
"""
