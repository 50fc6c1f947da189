# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""A slow, salted fingerprint of a credential, so that a changed one is noticed although none can be read back.

What it reveals: whoever may read the connector can test guesses, at the price of one scrypt (32 MiB, some 0.1 s) each.
For a generated key that is hopeless; for a guessable password it is not, so nothing is kept unless it is asked for.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from functools import lru_cache
from typing import Any, Mapping

from .compare import text_of

_SCHEME = "scrypt-15-8-1"


def fingerprint(credential: Mapping[str, Any], salt: bytes | None = None) -> str:
    """``scheme:salt:hash`` of a credential's names and values."""
    return _fingerprint(_text(credential), os.urandom(16) if salt is None else salt)


def shared_fingerprint(credential: Mapping[str, Any]) -> str:
    """The same one each time that a process asks for it, so that a set of objects with one key costs one scrypt, now
    and whenever the set is compared. That they have one key can be seen by whoever may read them."""
    return _shared_fingerprint(_text(credential))


def matches(credential: Mapping[str, Any], known: str | None) -> bool:
    """Whether the fingerprint is that of the credential. An unknown or damaged one is that of none."""
    try:
        scheme, salt, _digest = str(known).split(":")
        return scheme == _SCHEME and hmac.compare_digest(
            str(known), _fingerprint(_text(credential), base64.b64decode(salt))
        )
    except ValueError:
        return False


def _text(credential: Mapping[str, Any]) -> str:
    return text_of({str(name): text_of(value) for name, value in credential.items()})


# A stack asks while it plans, while it applies and while it looks whether that came true.
@lru_cache(maxsize=4096)
def _fingerprint(text: str, salt: bytes) -> str:
    digest = hashlib.scrypt(text.encode("utf-8", "surrogateescape"), salt=salt, n=2**15, r=8, p=1, maxmem=2**26)
    return ":".join((_SCHEME, base64.b64encode(salt).decode(), base64.b64encode(digest).decode()))


@lru_cache(maxsize=4096)
def _shared_fingerprint(text: str) -> str:
    return _fingerprint(text, os.urandom(16))
