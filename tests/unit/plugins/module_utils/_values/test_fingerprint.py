# SPDX-License-Identifier: GPL-3.0-or-later
"""Fingerprints of credentials: slow, salted, and of one credential only."""

from __future__ import annotations

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._values.fingerprint import (
    fingerprint,
    matches,
    shared_fingerprint,
)

CREDENTIAL = {"key": "s3cret", "number": 5}


def test_it_matches_this_credential_only() -> None:
    known = fingerprint(CREDENTIAL)
    assert matches(CREDENTIAL, known)
    assert matches({"number": "5", "key": "s3cret"}, known)
    assert not matches({**CREDENTIAL, "key": "other"}, known)
    assert not matches({"key": "s3cret"}, known)


def test_it_is_salted_and_reveals_nothing() -> None:
    one, other = fingerprint(CREDENTIAL), fingerprint(CREDENTIAL)
    assert one != other
    assert "s3cret" not in one
    assert one.startswith("scrypt-15-8-1:")


@pytest.mark.parametrize(
    "known", [None, "", "x", "a:b", "scrypt-15-8-1:!:x", "scrypt-15-8-1:AAAA:AAAA", "md5:AAAA:AAAA", "a:b:c:d", "ü:ü:ü"]
)
def test_a_damaged_fingerprint_matches_nothing(known: str | None) -> None:
    assert not matches(CREDENTIAL, known)


def test_any_text_can_be_a_key() -> None:
    for key in ("", "ü", "\udc80", "a" * 10000):
        assert matches({"key": key}, fingerprint({"key": key}, salt=b"salt"))


def test_credentials_with_one_key_share_a_fingerprint() -> None:
    known = shared_fingerprint(CREDENTIAL)
    assert shared_fingerprint(dict(CREDENTIAL)) == known
    assert shared_fingerprint({"key": "other"}).split(":")[1] != known.split(":")[1]
    assert matches(CREDENTIAL, known)
