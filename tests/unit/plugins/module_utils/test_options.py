# SPDX-License-Identifier: GPL-3.0-or-later
"""The client that the connection options describe."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils import _options
from ansible_collections.searchops.opensearch_ml.tests.unit.support.script import Script


@pytest.mark.parametrize("hosts", [None, [], [""], [" ", ""]])
def test_no_host_that_is_named_means_the_default(hosts: Any) -> None:
    options = {"hosts": hosts, "timeout": 1.0, "retries": 0, "validate_certs": True}
    assert _options.connect(options, read_only=True, transport=Script()).hosts == [_options.DEFAULT_HOST]


def test_an_empty_host_among_others_is_left_out() -> None:
    options = {"hosts": ["", " http://one:9200 "], "timeout": 1.0, "retries": 0, "validate_certs": True}
    assert _options.connect(options, read_only=True, transport=Script()).hosts == ["http://one:9200"]
