# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The version of the server, and the features that depend on it."""

from __future__ import annotations

import re
from typing import NamedTuple

from .._errors.exceptions import Failure, describe_shape
from .._http.client import Client

#: The characters that names and descriptions may contain (ml-commons, StringUtils.SAFE_INPUT_PATTERN; Python's \w
#: differs only in combining marks).
_SAFE_TEXT = re.compile(r"[\w\s.,!?():@\-/'\"]*")


class Version(NamedTuple):
    major: int
    minor: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


#: feature -> the first version that has it (ml-commons release notes and sources).
SINCE = {
    "mcp_sse": Version(3, 0),
    "mcp_streamable_http": Version(3, 3),
    "text_checks": Version(3, 1),
    "skip_ssl_verification": Version(3, 5),
    "action_name": Version(3, 5),
    "streaming": Version(3, 3),
    "agent_update": Version(3, 1),
    "agent_plan_execute_and_reflect": Version(3, 0),
    "agent_ag_ui": Version(3, 5),
    "agent_conversational_v2": Version(3, 6),
    "agent_model": Version(3, 5),
    "context_management": Version(3, 5),
    # Of an agent's memory.
    "memory_container": Version(3, 5),
    # 3.2 can neither search for memory containers nor change them.
    "memory_containers": Version(3, 3),
    # 3.0 can neither list the tools of the MCP server nor change them.
    "mcp_tools": Version(3, 1),
    "llm_interface": Version(3, 0),
    "tool_attributes": Version(3, 0),
    "runtime_resources": Version(3, 0),
    "structured_output": Version(3, 7),
    "provisioned_by": Version(3, 7),
    # A prediction fills the headers with its own parameters.
    "header_parameters": Version(3, 7),
    "header_checks": Version(3, 7),
    "custom_ids": Version(3, 9),
    # Of a model. A field of the type "semantic", which needs it, is as old.
    "additional_config": Version(3, 1),
    # Of a prediction with texts: earlier versions do not pass them to a remote model (ml-commons #4121).
    "text_parameters": Version(3, 3),
    "mutual_tls": Version(3, 9),
    "google_cloud": Version(3, 9),
    # The server finds the users of a connector by its whole id (ml-commons #5034).
    "exact_users": Version(3, 9),
    # Seen on 3.6.0: a search finds an update at once, as the SDK for metadata refreshes the index; 2.19.1 does not.
    "visible_updates": Version(3, 6),
}

#: The latest version of ML Commons whose source was read for the fields that it stores (``parse`` of the inputs of its REST
#: API, from 2.19.1 to 3.8.0). It drops all others.
LATEST_READ = Version(3, 8)


def read_version(client: Client) -> Version:
    """The version that the server reports, by one request at most. Raises Failure if the server is not OpenSearch."""
    if not client.server_versions:
        answer = client.get("/").body
        version = answer.get("version") if isinstance(answer, dict) else None
        number = version.get("number") if isinstance(version, dict) else None
        if not re.match(r"\d+\.\d+", str(number)):
            raise Failure(
                "not_opensearch",
                f"{client.hosts[0]} does not report an OpenSearch version. It answered {describe_shape(answer)}",
            )
        client.server_versions.append(f"OpenSearch/{number}")
    found = re.search(r"/(\d+)\.(\d+)", client.server_versions[0])
    if found is None:
        raise Failure(
            "not_opensearch", f"{client.hosts[0]} reports no OpenSearch version in {client.server_versions[0]!r}."
        )
    return Version(int(found.group(1)), int(found.group(2)))


def supports(version: Version, feature: str) -> bool:
    return version >= SINCE[feature]


def require(version: Version, feature: str, what: str) -> None:
    """Raises Failure if the version does not have the feature, which ``what`` names for the user."""
    if not supports(version, feature):
        raise Failure("unsupported_version", f"{what} needs OpenSearch {SINCE[feature]}; this cluster has {version}.")


def check_text(version: Version, field: str, text: str | None) -> None:
    """Raises Failure if a server of this version would refuse the text as a name or a description."""
    if text and supports(version, "text_checks") and not _SAFE_TEXT.fullmatch(text):
        bad = sorted({char for char in text if not _SAFE_TEXT.fullmatch(char)})
        raise Failure("invalid_characters", f"{field}: {text!r} contains {' '.join(bad)}")
