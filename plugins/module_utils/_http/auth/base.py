# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What an authentication method is."""

from __future__ import annotations

from typing import Any, Callable, Mapping

from ansible.module_utils.basic import env_fallback

from ..._errors.exceptions import Failure


def from_environment(option: str) -> dict[str, Any]:
    """What makes an option of the argument spec fall back to its environment variable."""
    return {"fallback": (env_fallback, [f"OPENSEARCH_{option.upper()}"])}


class Auth:
    """One way to authenticate. A subclass names itself, its options and what it adds to a request."""

    NAME = ""
    #: How 'auth_type' explains it.
    SUMMARY = ""
    #: The argument spec of the options that are its own, and their documentation, which `make derive` puts with the others.
    OPTIONS: Mapping[str, Any] = {}
    DOCUMENTATION = ""
    #: Options that must be given when this method is chosen.
    NEEDS: tuple[str, ...] = ()
    #: Options that choose this method where 'auth_type' is not given.
    IMPLIED_BY: tuple[str, ...] = ()

    def __init__(self, options: Mapping[str, Any], hide: Callable[..., None]) -> None:
        """``hide`` is told secrets that are not among the options, before they can come back in an answer."""
        missing = [name for name in self.NEEDS if not options.get(name)]
        if missing:
            raise Failure("invalid_input", f"auth_type={self.NAME} needs {' and '.join(missing)}.")
        self.options = options
        self.hide = hide

    def headers(self, method: str, url: str, content: bytes | None, given: Mapping[str, str]) -> dict[str, str]:
        """The headers that authenticate this very request, which carries the ``given`` ones besides."""
        return {}
