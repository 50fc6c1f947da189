# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is private to the collection: it may change at any time.

"""The content of the report page: what it shows about a cluster, and where the boxes and lines of the drawing go.

The HTML is ``playbooks/templates/report.html.j2``.
"""

from __future__ import annotations
