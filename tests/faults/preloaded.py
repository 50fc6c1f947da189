# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every run of modules imports, once for all of them: imported for that alone, hence used by nobody here."""

from __future__ import annotations

from ansible_collections.searchops.opensearch_ml.plugins.modules import (  # noqa: F401
    ml_connector,
    ml_model,
    ml_predict,
    ml_stack,
    opensearch_cluster_setting,
)
from ansible_collections.searchops.opensearch_ml.tests.integration import conftest  # noqa: F401
