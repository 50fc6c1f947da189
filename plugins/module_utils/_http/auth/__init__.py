# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The authentication methods. To add one, write its class, add it to METHODS and run `dev/run nox -s derive`."""

from __future__ import annotations

from .aws_sigv4 import AwsSigV4Auth
from .methods import Auth, BasicAuth, BearerAuth, ClientCertAuth, NoAuth

#: In the order in which the given options choose among them.
METHODS: tuple[type[Auth], ...] = (BearerAuth, BasicAuth, ClientCertAuth, AwsSigV4Auth, NoAuth)
