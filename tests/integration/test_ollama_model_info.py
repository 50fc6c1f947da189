# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lists of the models of a real Ollama."""

from __future__ import annotations

import pytest

from ansible_collections.searchops.opensearch_ml.tests.integration._registry import URL
from ansible_collections.searchops.opensearch_ml.tests.integration.conftest import WAYS


@pytest.mark.parametrize("run_as", WAYS, indirect=True)
def test_the_models_are_listed(run_module):
    for check in (False, True):
        result = run_module("ollama_model_info", {"url": URL, "name": "tiny-chat", "_ansible_check_mode": check})[0]
        assert result["changed"] is False
        (model,) = result["models"]
        assert model["name"] == "tiny-chat:latest"
        assert model["parameters"]["stop"] == ["</s>", "<|user|>"]
        assert len(model["weights"]) == 1
        assert model["capabilities"] == ["completion", "tools", "thinking"]
    assert run_module("ollama_model_info", {"url": URL, "name": "no-such-model"})[0]["models"] == []
