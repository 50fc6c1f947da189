# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    # For modules that create objects whose id the client can choose, from OpenSearch 3.9 on.
    DOCUMENTATION = r"""
options: {}
notes:
  - From OpenSearch 3.9 on, the id of a new object is derived from its kind and name, for models also from their group, and for
    replacements from the object that they replace, such as C(connector_local_chat_8eb495c95dd0b98d). Concurrent runs then cannot
    create duplicates, because the server refuses an id that exists. If an object that was renamed or moved has the id, the server
    chooses another one. Objects are still found by their names.
  - The support for OpenSearch 3.9 is built against its published source and was not tested on a real server of that version.
"""
