# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""AWS Signature Version 4 by botocore, for Amazon OpenSearch Service and OpenSearch Serverless."""

from __future__ import annotations

import hashlib
import os
import sys
from typing import Any, Callable, Mapping

from ..._errors.exceptions import Failure
from .methods import Auth, from_environment


class AwsSigV4Auth(Auth):
    """Signs each request with the time at which it is sent, so a repeated request gets a new signature."""

    NAME = "aws_sigv4"
    IMPLIED_BY = ("aws_region", "aws_profile", "aws_access_key_id")
    SUMMARY = "Signed requests for Amazon OpenSearch Service. Needs the Python library C(botocore)."
    OPTIONS = {
        "aws_region": {"type": "str"},
        "aws_service": {
            "type": "str",
            "choices": ["es", "aoss"],
            "default": "es",
            **from_environment("aws_service"),
        },
        "aws_access_key_id": {"type": "str", "no_log": False},
        "aws_secret_access_key": {"type": "str", "no_log": True},
        "aws_session_token": {"type": "str", "no_log": True},
        "aws_profile": {"type": "str"},
    }
    DOCUMENTATION = r"""
  aws_region:
    description:
      - The region of the domain or collection, with O(auth_type=aws_sigv4).
      - If not given, the environment variable E(AWS_REGION) is used, else E(AWS_DEFAULT_REGION), else the profile's region.
    type: str
  aws_service:
    description:
      - The AWS service that requests are signed for, with O(auth_type=aws_sigv4).
      - If not given, the environment variable E(OPENSEARCH_AWS_SERVICE) is used.
    type: str
    choices:
      es: A domain of Amazon OpenSearch Service.
      aoss: A collection of Amazon OpenSearch Serverless.
    default: es
  aws_access_key_id:
    description:
      - The access key, with O(auth_type=aws_sigv4) and O(aws_secret_access_key).
      - If neither this nor O(aws_profile) is given, botocore searches for credentials as all AWS tools do, in the environment
        variables E(AWS_ACCESS_KEY_ID), E(AWS_SECRET_ACCESS_KEY) and E(AWS_SESSION_TOKEN), in the profile that
        E(AWS_PROFILE) names, in container and instance roles. Temporary credentials are refreshed while a task runs.
    type: str
  aws_secret_access_key:
    description: The secret of O(aws_access_key_id).
    type: str
  aws_session_token:
    description: The session token, if O(aws_access_key_id) and O(aws_secret_access_key) are temporary.
    type: str
  aws_profile:
    description: A profile of the AWS configuration files on the host that runs the module, instead of O(aws_access_key_id).
    type: str
"""

    def __init__(self, options: Mapping[str, Any], hide: Callable[..., None]) -> None:
        super().__init__(options, hide)
        try:
            # Imported here, as no other method needs botocore.
            from botocore import auth, awsrequest, credentials, exceptions, session
        except ImportError:
            raise Failure(
                "library_missing",
                "auth_type=aws_sigv4 needs the Python library 'botocore'.",
                library="botocore",
                interpreter=sys.executable,
            ) from None
        # botocore raises RuntimeError if refreshed credentials have already expired.
        self._errors = (exceptions.BotoCoreError, exceptions.ClientError, RuntimeError)
        self._request, self._signer = awsrequest.AWSRequest, auth.SigV4Auth
        self._service = str(options.get("aws_service") or "es")
        profile = options.get("aws_profile")
        given = [options.get(name) for name in ("aws_access_key_id", "aws_secret_access_key")]
        _check(profile, given, options.get("aws_session_token"))
        try:
            aws = session.Session(profile=profile or None)
            # botocore does not read AWS_REGION, which the other AWS tools prefer.
            region = options.get("aws_region") or os.environ.get("AWS_REGION") or aws.get_config_variable("region")
            if not region:
                raise Failure(
                    "invalid_input", "auth_type=aws_sigv4 needs aws_region, or AWS_REGION in the environment."
                )
            self._region = str(region)
            # A session token in the environment belongs to the keys in the environment, never to given keys.
            self._credentials = (
                credentials.Credentials(*given, options.get("aws_session_token") or None)
                if all(given)
                else aws.get_credentials()
            )
        except self._errors as exc:
            raise Failure("aws_credentials_missing", f"The AWS credentials cannot be used: {exc}") from exc
        if self._credentials is None:
            raise Failure("aws_credentials_missing", "No AWS credentials were given, and botocore found none.")

    def headers(self, method: str, url: str, content: bytes | None, given: Mapping[str, str]) -> dict[str, str]:
        signed = {
            name.lower(): value
            for name, value in given.items()
            if name.lower() in ("host", "content-type") or name.lower().startswith("x-amz-")
        }
        added = ["X-Amz-Date", "X-Amz-Security-Token", "Authorization"]
        if self._service == "aoss":
            # Serverless reads the hash of the body from this header.
            signed["x-amz-content-sha256"] = hashlib.sha256(content or b"").hexdigest()
            added.append("X-Amz-Content-Sha256")
        try:
            # botocore refreshes temporary credentials shortly before they expire, so all three parts are read at once.
            keys = self._credentials.get_frozen_credentials()
            # The server repeats the token when it reports that a signature does not match.
            self.hide(keys.secret_key, keys.token or "")
            request = self._request(method=method, url=url, data=content or b"", headers=signed)
            self._signer(keys, self._service, self._region).add_auth(request)
        except self._errors as exc:
            raise Failure("aws_credentials_missing", f"The AWS credentials cannot be used: {exc}") from exc
        return {name: str(request.headers[name]) for name in added if name in request.headers}


def _check(profile: Any, pair: list[Any], token: Any) -> None:
    if any(pair) != all(pair) or (token and not all(pair)):
        raise Failure(
            "invalid_input",
            "Give aws_access_key_id and aws_secret_access_key together, and aws_session_token only with both.",
        )
    if profile and all(pair):
        raise Failure("invalid_input", "Give either aws_profile or aws_access_key_id and aws_secret_access_key.")
