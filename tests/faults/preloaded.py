# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Imports what every run of modules needs, so that the fork server imports it only once."""

from __future__ import annotations

from ansible_collections.searchops.opensearch_ml.plugins.modules import (  # noqa: F401
    ml_connector,
    ml_dedupe,
    ml_model,
    ml_model_group,
    ml_predict,
    ml_stack,
    opensearch_cluster_setting,
)
from ansible_collections.searchops.opensearch_ml.tests.integration import conftest  # noqa: F401
