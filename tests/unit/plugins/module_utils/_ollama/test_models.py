# SPDX-License-Identifier: GPL-3.0-or-later
"""The facts of a model, as read from the texts of the server."""

from __future__ import annotations

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._ollama import models


def test_parameters_as_go_writes_them() -> None:
    text = 'stop                           "a\\nb\\x00\\u00e9\\""\nnum_ctx                        1e+06\nuse_mmap                       true'
    assert models._parameters(text) == {"num_ctx": 1000000, "stop": ['a\nb\x00\u00e9"'], "use_mmap": True}


def test_weights_of_adapters_and_windows_paths() -> None:
    digest = "a" * 64
    text = f"# x\n\nFROM C:\\m\\blobs\\sha256-{digest}\nADAPTER /b/sha256-{digest}\nFROM remote\nTEMPLATE x\nFROM y\n"
    assert models._weights(text) == [f"sha256:{digest}", f"sha256:{digest}", "remote"]
