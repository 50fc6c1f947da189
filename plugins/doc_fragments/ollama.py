# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    # The argument spec is module_utils/_ollama.py: connection_options().
    DOCUMENTATION = r"""
options:
  url:
    description:
      - The Ollama server's URL. The scheme may be left out for C(http), and then the port as well for C(11434).
      - If not given, the environment variable E(OLLAMA_HOST) is used.
    type: str
    default: http://127.0.0.1:11434
  api_key:
    description: A key that a gateway in front of the server wants, sent as a bearer token. Ollama itself wants none.
    type: str
  headers:
    description: Further headers for each request, for example for a gateway. Their values are kept out of all output.
    type: dict
  ca_path:
    description: The certificates of the authorities to trust, a PEM file or a directory, instead of the system's.
    type: path
  validate_certs:
    description: Whether to verify the server's TLS certificate. Only ever switch it off for a throw-away server.
    type: bool
    default: true
  timeout:
    description: How long to wait for an answer that should come at once, in seconds.
    type: float
    default: 30.0
  retries:
    description: How often a request is sent again, with growing pauses, when it cannot be sent or is refused for the moment.
    type: int
    default: 3
requirements:
  - requests
notes:
  - The module talks to Ollama over HTTP from the host on which it runs, usually the controller (C(connection=local)).
  - It is not a member of the action group V(all), whose defaults name an OpenSearch cluster; the group is
    C(group/searchops.opensearch_ml.ollama).
"""
