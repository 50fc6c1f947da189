# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    # The argument spec is connection_options() in module_utils/_ollama/client.py.
    DOCUMENTATION = r"""
options:
  url:
    description:
      - The URL of the Ollama server. Without a scheme, C(http) is used, and without a scheme and a port, port C(11434).
      - If not set, the environment variable E(OLLAMA_HOST) is used.
    type: str
    default: http://127.0.0.1:11434
  api_key:
    description: The API key for a gateway in front of the server, sent as a bearer token. Ollama itself requires none.
    type: str
  headers:
    description: Additional headers of each request, for example for a gateway. Their values are masked in all output.
    type: dict
  ca_path:
    description:
      - The path of a PEM file or a directory with the certificates of the trusted certificate authorities.
      - If not set, the certificate authorities of the system are trusted.
    type: path
  validate_certs:
    description: Whether to verify the TLS certificate of the server. Only disable it for test servers.
    type: bool
    default: true
  timeout:
    description: Maximum time for the answer to a request that does not start a long operation, in seconds.
    type: float
    default: 30.0
  retries:
    description: Maximum number of times that a request that could not be sent, or was refused temporarily, is sent again.
    type: int
    default: 3
requirements:
  - requests
notes:
  - The module connects to Ollama over HTTP from the host on which it runs, usually the controller (C(connection=local)).
  - The module is in the action group C(group/searchops.opensearch_ml.ollama), not in
    C(group/searchops.opensearch_ml.all), whose defaults are for an OpenSearch cluster.
"""
