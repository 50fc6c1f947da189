# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    # The argument spec is module_utils/_options.py: connection_options().
    DOCUMENTATION = r"""
options:
  hosts:
    description:
      - The cluster's URL, or several URLs of the same cluster. The next one is tried when one cannot be reached.
      - If not given, the environment variable E(OPENSEARCH_HOSTS) is used (several are separated by commas), else
        C(http://localhost:9200).
    type: list
    elements: str
  auth_type:
    description:
      - How to authenticate.
      - If not given, it follows from what is given, O(token), O(username), O(client_cert), or one of O(aws_region),
        O(aws_profile) and O(aws_access_key_id), in this order; the environment variable E(OPENSEARCH_AUTH_TYPE) comes before
        that.
      - V(aws_sigv4) was added in 0.2.0.
    type: str
    choices:
      bearer: With O(token).
      basic: With O(username) and O(password).
      client_cert: With O(client_cert) alone.
      aws_sigv4: Signed for Amazon OpenSearch Service. Needs the Python library C(botocore).
      none: Not at all; for clusters without the security plugin.
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
    version_added: 0.2.0
  aws_service:
    description: What the request is signed for, with O(auth_type=aws_sigv4).
    type: str
    choices:
      es: A domain of Amazon OpenSearch Service.
      aoss: A collection of Amazon OpenSearch Serverless.
    default: es
    version_added: 0.2.0
  aws_access_key_id:
    description:
      - The access key, with O(auth_type=aws_sigv4) and O(aws_secret_access_key).
      - If neither this nor O(aws_profile) is given, credentials are looked for as all AWS tools do it, in the environment
        variables E(AWS_ACCESS_KEY_ID), E(AWS_SECRET_ACCESS_KEY) and E(AWS_SESSION_TOKEN), in the profile that
        E(AWS_PROFILE) names, in container and instance roles. Temporary ones are renewed while a task runs.
    type: str
    version_added: 0.2.0
  aws_secret_access_key:
    description: The secret of O(aws_access_key_id).
    type: str
    version_added: 0.2.0
  aws_session_token:
    description: The session token, where O(aws_access_key_id) and O(aws_secret_access_key) are temporary.
    type: str
    version_added: 0.2.0
  aws_profile:
    description: A profile of the AWS configuration files on the host that runs the module, instead of O(aws_access_key_id).
    type: str
    version_added: 0.2.0
  ca_path:
    description:
      - The certificates of the authorities to trust, a PEM file or a directory.
      - If not given, the environment variable E(OPENSEARCH_CA_PATH) is used, else the system's authorities.
    type: path
  validate_certs:
    description: Whether to verify the cluster's TLS certificate. Only ever switch it off for a throw-away cluster.
    type: bool
    default: true
  timeout:
    description: How long to wait for a whole answer, from the end of the request to the answer's last byte, in seconds.
    type: float
    default: 30.0
  retries:
    description:
      - How often a request is sent again, with growing pauses, when it cannot be sent, or is refused for the moment
        (429, 503, version conflicts), or when its answer is lost and it can safely be repeated.
      - A cluster that says that it is still starting, by its security plugin, its shards or its master key, is given half a
        minute whatever this number is.
      - The creation of an object is never repeated blindly; its fate is looked up first.
    type: int
    default: 5
  headers:
    description: Further headers for each request, for example for a proxy. Their values are kept out of all output.
    type: dict
requirements:
  - requests
  - botocore (for O(auth_type=aws_sigv4) only)
notes:
  - The module talks to the cluster over HTTP from the host on which it runs, usually the controller (C(connection=local)).
"""
