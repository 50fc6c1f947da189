# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    # The argument spec is connection_options() in module_utils/_http/connection.py. `dev/run nox -s derive`
    # writes the options from auth_type to ca_path from the methods in module_utils/_http/auth.
    DOCUMENTATION = r"""
options:
  hosts:
    description:
      - The URL of the cluster, or several URLs of the same cluster. If one cannot be reached, the module tries the next.
      - If not set, the environment variable E(OPENSEARCH_HOSTS) is used (several URLs are separated by commas), else
        C(http://localhost:9200).
    type: list
    elements: str
  auth_type:
    description:
      - How the module authenticates to the cluster.
      - If not set, the environment variable E(OPENSEARCH_AUTH_TYPE) is used. Otherwise the method follows from the first of these
        options that is set, O(token), O(username), O(client_cert), or one of O(aws_region), O(aws_profile) and
        O(aws_access_key_id).
    type: str
    choices:
      bearer: A bearer token, from O(token).
      basic: A user name and a password, from O(username) and O(password).
      client_cert: A client certificate and nothing else, from O(client_cert).
      aws_sigv4: Signed requests for Amazon OpenSearch Service. Needs the Python library C(botocore).
      none: No authentication, for clusters without the security plugin.
  token:
    description: A bearer token. If not given, the environment variable E(OPENSEARCH_TOKEN) is used.
    type: str
  username:
    description: The user. If not given, the environment variable E(OPENSEARCH_USERNAME) is used.
    type: str
  password:
    description: The user's password. If not given, the environment variable E(OPENSEARCH_PASSWORD) is used.
    type: str
  client_cert:
    description:
      - A client certificate in PEM format, a path on the host that runs the module. It may hold the key as well.
      - If not given, the environment variable E(OPENSEARCH_CLIENT_CERT) is used.
    type: path
  client_key:
    description:
      - The key of O(client_cert) in PEM format, without a passphrase, a path on the host that runs the module.
      - If not given, the environment variable E(OPENSEARCH_CLIENT_KEY) is used.
    type: path
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
  ca_path:
    description:
      - The path of a PEM file or a directory with the certificates of the trusted certificate authorities.
      - If not set, the environment variable E(OPENSEARCH_CA_PATH) is used, else the certificate authorities of the system.
    type: path
  validate_certs:
    description:
      - Whether to verify the TLS certificate of the cluster. Only disable it for test clusters.
      - If not set, the environment variable E(OPENSEARCH_VALIDATE_CERTS) is used.
    type: bool
    default: true
  timeout:
    description: Maximum time for a complete answer, from the end of the request to the last byte of the answer, in seconds.
    type: float
    default: 30.0
  retries:
    description:
      - Maximum number of times that a request is sent again, with growing pauses. The module retries requests that could not be
        sent, that were refused temporarily (429, 503, version conflicts), or whose answer was lost, if repeating them is safe.
      - While the cluster answers that it is starting (security plugin, shards or master key), the module retries for 30 seconds
        regardless of this number.
      - The module never repeats the creation of an object without checking first whether it was created.
    type: int
    default: 5
  lock:
    description:
      - Whether a task locks the cluster before it writes, so that tasks of several controllers write one after the other.
        The lock is a document in the hidden index C(.searchops-leases). A task that changes nothing, check mode and modules that
        only read do not use it.
      - While another task holds the lock, the task waits. It then reads everything again before it writes.
      - A lock that is not renewed, as that of a killed run, expires after 30 seconds.
    type: str
    choices:
      auto: Lock the cluster. If the user or the cluster does not allow that, warn and write without a lock.
      required: Lock the cluster. If that is not allowed, fail before anything is changed.
      never: Do not lock the cluster.
    default: auto
  lock_timeout:
    description:
      - Maximum time to wait for the lock, in seconds. Then the task fails with the code C(concurrent_change), and the message names
        the owner of the lock and the request that removes it.
    type: float
    default: 120.0
  headers:
    description: Additional headers of each request, for example for a proxy. Their values are masked in all output.
    type: dict
requirements:
  - requests
  - botocore (for O(auth_type=aws_sigv4) only)
notes:
  - The module connects to the cluster over HTTP from the host on which it runs, usually the controller (C(connection=local)).
  - Give the connection once for all modules, with C(module_defaults) of the group C(group/searchops.opensearch_ml.all) or with the
    environment variables that the options name. Of the examples of a module, only the first shows the connection.
"""
