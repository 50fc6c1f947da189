# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks that the result of every module must pass, however wrong the server's answer was."""

from __future__ import annotations

import json
import re
from typing import Any, Mapping

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.catalogue import CATALOGUE

#: Characters that a terminal acts on instead of showing them, or that could start a forged line.
_FORGING = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2028\u2029\u2066-\u2069\ud800-\udfff]")


def assert_safe(result: Mapping[str, Any]) -> None:
    """Fail if a failed result has no known code or not its remedy, or if any text could forge a line of output."""
    text = json.dumps(result)
    assert "Traceback" not in text, text
    for warning in result.get("warnings", []):
        assert not _FORGING.search(warning), repr(warning)
    if not result.get("failed"):
        return
    failure = result["failure"]
    assert failure["code"] in CATALOGUE, failure
    assert bool(failure["remedy"]) == bool(CATALOGUE[failure["code"]].remedy), failure
    assert failure["remedy"] in result["msg"], failure
    for shown in (result["msg"], failure["message"], failure["remedy"]):
        assert not _FORGING.search(shown), repr(shown)
    assert len(result["msg"]) < 10_000
