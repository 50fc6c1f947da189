# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""A slow, salted fingerprint of a credential, which shows a change although the server never returns the credential.

What it reveals: any user who may read the connector can test guesses, at the cost of one scrypt (32 MiB, some 0.1 s)
each. For a generated key that is hopeless; for a guessable password it is not, so the user can choose not to store it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import threading
from functools import lru_cache
from typing import Any, Mapping

from .compare import text_of

_SCHEME = "scrypt-15-8-1"

#: Bytes of a digest.
_DIGEST_SIZE = 64

_LOCK = threading.Lock()


def fingerprint(credential: Mapping[str, Any], salt: bytes | None = None) -> str:
    """``scheme:salt:hash`` of a credential's names and values, with a random salt by default."""
    return _fingerprint(_text(credential), os.urandom(16) if salt is None else salt)


def shared_fingerprint(credential: Mapping[str, Any]) -> str:
    """The fingerprint with one salt for each credential and process.

    Several objects with one key then cost one scrypt, now and at each later comparison. Any user who may read them can
    see that they have the same key.
    """
    # A cache alone would compute it in each of several threads that ask at once.
    with _LOCK:
        return _shared_fingerprint(_text(credential))


def matches(credential: Mapping[str, Any], known: str | None) -> bool | None:
    """Whether a known fingerprint is that of the credential. None for a missing or damaged one, which shows nothing."""
    try:
        scheme, salt, digest = str(known).split(":")
        if scheme != _SCHEME or len(base64.b64decode(digest, validate=True)) != _DIGEST_SIZE:
            return None
        return hmac.compare_digest(str(known), _fingerprint(_text(credential), base64.b64decode(salt, validate=True)))
    except ValueError:
        return None


@lru_cache(maxsize=1)
def is_available() -> bool:
    """Whether this Python can compute fingerprints: its OpenSSL may lack scrypt, or refuse it in FIPS mode."""
    try:
        hashlib.scrypt(b"", salt=b"", n=2, r=8, p=1)
    except (AttributeError, ValueError):
        return False
    return True


def _text(credential: Mapping[str, Any]) -> str:
    return text_of({str(name): text_of(value) for name, value in credential.items()})


# Cached because a stack compares each credential when it plans, applies and verifies.
@lru_cache(maxsize=4096)
def _fingerprint(text: str, salt: bytes) -> str:
    digest = hashlib.scrypt(text.encode("utf-8", "surrogateescape"), salt=salt, n=2**15, r=8, p=1, maxmem=2**26)
    return ":".join((_SCHEME, base64.b64encode(salt).decode(), base64.b64encode(digest).decode()))


@lru_cache(maxsize=4096)
def _shared_fingerprint(text: str) -> str:
    return _fingerprint(text, os.urandom(16))
