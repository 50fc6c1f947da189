# SPDX-License-Identifier: GPL-3.0-or-later
"""The client for connection options."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._http import connection
from ansible_collections.searchops.opensearch_ml.tests.unit.support.script import Script


@pytest.mark.parametrize("hosts", [None, [], [""], [" ", ""]])
def test_the_default_host_is_used_if_none_is_given(hosts: Any) -> None:
    options = {"hosts": hosts, "timeout": 1.0, "retries": 0, "validate_certs": True}
    assert connection.connect(options, read_only=True, transport=Script()).hosts == [connection.DEFAULT_HOST]


@pytest.mark.parametrize(
    ("url", "passwords"),
    [
        ("http://joe:s3cret@one:9200", ["s3cret"]),
        ("http://joe:s%2Fc%20ret@one:9200/base", ["s%2Fc%20ret", "s/c ret"]),
        ("joe:s3cret@one", ["s3cret"]),
        ("ftp://joe:s3:cr@et@one", ["s3:cr@et"]),
        ("http://joe:s3/cret#@one", ["s3/cret#"]),
        ("http://joe:s3cret@[::1", ["s3cret"]),
        ("http://joe:s3cret@one/a@b", ["s3cret@one/a", "s3cret"]),
        ("http://joe@one:9200", []),
        ("http://one:9200", []),
        ("", []),
    ],
)
def test_passwords_in_urls_are_found(url: str, passwords: list[str]) -> None:
    assert connection.passwords_in(url) == passwords
    assert connection.secrets_of({"hosts": ["http://two:9200", url]}) == passwords


def test_empty_hosts_are_ignored() -> None:
    options = {"hosts": ["", " http://one:9200 "], "timeout": 1.0, "retries": 0, "validate_certs": True}
    assert connection.connect(options, read_only=True, transport=Script()).hosts == ["http://one:9200"]
