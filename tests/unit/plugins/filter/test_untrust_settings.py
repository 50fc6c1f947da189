# SPDX-License-Identifier: GPL-3.0-or-later
"""Which trust is not needed any more: what was recorded, and no connector calls."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.searchops.opensearch_ml.plugins.filter.untrust_settings import untrust_settings
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._endpoints.trust_settings import (
    CATCH_ALL,
    PRIVATE_IP_ENABLED,
    TRUSTED,
    TRUSTED_PRIVATE,
)
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._values import addition_record

URL, OLD = "http://10.0.0.5/v1", "http://10.0.0.6/v1"
PATTERN, OLD_PATTERN = r"^http://10\.0\.0\.5/v1$", r"^http://10\.0\.0\.6/v1$"
THEIRS = "^https://theirs$"


def settings(*recorded: str, **more: Any) -> dict[str, Any]:
    """Settings of a cluster with all these values, of which the names in ``recorded`` were added for 'Chat'."""
    values = {TRUSTED: [THEIRS, PATTERN], PRIVATE_IP_ENABLED: "true", TRUSTED_PRIVATE: [THEIRS, PATTERN], **more}
    added = {
        name: {"added": {values[name] if name == PRIVATE_IP_ENABLED else values[name][-1]: "Chat"}} for name in recorded
    }
    return {**values, addition_record.NAME: json.dumps(added)}


def untrust(given: dict[str, Any], *connectors: tuple[str, str], **options: Any) -> dict[str, Any]:
    listed = [{"name": name, "urls": [url]} for name, url in connectors]
    return untrust_settings(given, listed, **{"urls": [URL], **options})


def kept(result: dict[str, Any]) -> dict[str, str]:
    return {item["what"].split()[-1] + item["what"].split()[0]: item["why"] for item in result["kept"]}


def test_all_of_it() -> None:
    result = untrust(settings(TRUSTED, PRIVATE_IP_ENABLED, TRUSTED_PRIVATE))
    assert result["settings"] == {TRUSTED: [PATTERN], TRUSTED_PRIVATE: [PATTERN], PRIVATE_IP_ENABLED: "true"}
    assert result["removed"] == [
        f"trusted pattern {PATTERN}",
        f"pattern for private addresses {PATTERN}",
        PRIVATE_IP_ENABLED,
    ]
    assert result["kept"] == []


def test_what_was_not_recorded_stays() -> None:
    result = untrust(settings())
    assert (result["settings"], result["removed"]) == ({}, [])
    assert {item["why"] for item in result["kept"]} == {
        "it was set before, by another program, or the cluster refused the record of it"
    }
    assert len(result["kept"]) == 3


def test_what_another_connector_calls_stays() -> None:
    result = untrust(settings(TRUSTED, PRIVATE_IP_ENABLED, TRUSTED_PRIVATE), ("Other", URL))
    assert result["settings"] == {}
    assert {item["why"] for item in result["kept"]} == {
        "connector 'Other' calls its URL",
        "connector 'Other' calls a private address",
    }


def test_what_stays_of_an_owner_is_noted_for_the_connector_that_needs_it() -> None:
    names = (TRUSTED, PRIVATE_IP_ENABLED, TRUSTED_PRIVATE)
    result = untrust(settings(*names), ("Other", URL), owners={"Chat": []})
    assert result["needed_by"] == {
        TRUSTED: {PATTERN: "Other"},
        TRUSTED_PRIVATE: {PATTERN: "Other"},
        PRIVATE_IP_ENABLED: {"true": "Other"},
    }
    assert untrust(settings(), ("Other", URL), owners={"Chat": []})["needed_by"] == {}
    assert untrust(settings(*names), ("Other", URL))["needed_by"] == {}
    # It calls another URL now and needs the permission itself.
    moved = untrust(settings(*names, **{TRUSTED_PRIVATE: [THEIRS]}), owners={"Chat": [OLD]})
    assert (moved["settings"], moved["needed_by"]) == ({TRUSTED: [PATTERN]}, {})


def test_another_private_address_needs_the_permission_only() -> None:
    result = untrust(settings(TRUSTED, PRIVATE_IP_ENABLED, TRUSTED_PRIVATE), ("Other", OLD))
    assert result["settings"] == {TRUSTED: [PATTERN], TRUSTED_PRIVATE: [PATTERN]}


@pytest.mark.parametrize("url", ["http://${parameters.host}:${parameters.port}/v1", "not a url"])
def test_a_connector_whose_address_is_unknown_may_call_a_private_one(url: str) -> None:
    assert (
        PRIVATE_IP_ENABLED
        not in untrust(settings(TRUSTED, PRIVATE_IP_ENABLED, TRUSTED_PRIVATE), ("Other", url))["settings"]
    )


def test_owners_do_not_count_and_what_was_added_for_them_goes() -> None:
    """As after a change of the URL: the connector is listed with the former one in check mode."""
    given = settings(TRUSTED, PRIVATE_IP_ENABLED, TRUSTED_PRIVATE)
    result = untrust(given, ("Chat", URL), urls=[], owners={"Chat": ["https://8.8.8.8/v1"]})
    assert result["settings"] == {TRUSTED: [PATTERN], TRUSTED_PRIVATE: [PATTERN], PRIVATE_IP_ENABLED: "true"}
    assert untrust(given, ("Chat", URL), urls=[], owners={"Chat": [OLD]})["settings"] == {
        TRUSTED: [PATTERN],
        TRUSTED_PRIVATE: [PATTERN],
    }
    assert untrust(given, urls=[], owners={"Other": []})["settings"] == {}


def test_the_last_private_pattern_stays() -> None:
    result = untrust(settings(TRUSTED, TRUSTED_PRIVATE, **{TRUSTED_PRIVATE: [PATTERN]}))
    assert TRUSTED_PRIVATE not in result["settings"]
    assert "an empty list allows every private address" in str(result["kept"])


def test_a_catch_all_stays_while_a_connector_needs_it() -> None:
    given = settings(TRUSTED, **{TRUSTED: [PATTERN, CATCH_ALL]})
    assert untrust(given, ("Other", OLD), trust="catch_all")["settings"] == {}
    assert untrust(given, ("Other", URL), trust="catch_all")["settings"] == {TRUSTED: [CATCH_ALL]}
    assert untrust(given, trust="catch_all")["settings"] == {TRUSTED: [CATCH_ALL]}
    # From catch_all to exact: check mode has not appended the exact pattern.
    exact = {"urls": [], "owners": {"Chat": [OLD]}}
    assert untrust(given, ("Chat", OLD), **exact)["settings"] == {TRUSTED: [CATCH_ALL]}


def test_from_an_exact_pattern_to_a_catch_all() -> None:
    given = settings(TRUSTED, PRIVATE_IP_ENABLED, TRUSTED_PRIVATE, **{TRUSTED: [CATCH_ALL, PATTERN]})
    options = {"urls": [], "owners": {"Chat": [URL]}, "trust": "catch_all"}
    assert untrust(given, ("Chat", URL), **options)["settings"] == {TRUSTED: [PATTERN]}
    assert untrust(given, ("Chat", URL), ("Other", URL), **options)["settings"] == {}
    given = settings(TRUSTED, **{TRUSTED: [PATTERN, CATCH_ALL]})
    result = untrust(given, ("Chat", URL), **options)
    assert result["settings"] == {}
    assert result["kept"][0] == {"what": f"trusted pattern {CATCH_ALL}", "why": "connector 'Chat' needs it"}


def test_a_former_url_whose_trust_was_added_for_another_connector() -> None:
    given = settings(TRUSTED, PRIVATE_IP_ENABLED, TRUSTED_PRIVATE)
    options = {"owners": {"Other": ["https://8.8.8.8/v1"]}}
    assert set(untrust(given, ("Other", URL), **options)["settings"]) == {TRUSTED, PRIVATE_IP_ENABLED, TRUSTED_PRIVATE}
    assert untrust(given, ("Other", URL), ("Chat", URL), **options)["settings"] == {}


def test_a_url_with_a_placeholder_has_no_trust() -> None:
    """A connector of another program may have one."""
    assert untrust(settings(TRUSTED), urls=["https://${parameters.host}/v1"])["settings"] == {}


def test_patterns_are_left_alone_with_skip() -> None:
    assert untrust(settings(TRUSTED, PRIVATE_IP_ENABLED, TRUSTED_PRIVATE), trust="skip")["settings"] == {
        PRIVATE_IP_ENABLED: "true"
    }


@pytest.mark.parametrize("missing", [TRUSTED, PRIVATE_IP_ENABLED, TRUSTED_PRIVATE, addition_record.NAME])
def test_a_cluster_without_a_setting(missing: str) -> None:
    given = settings(TRUSTED, PRIVATE_IP_ENABLED, TRUSTED_PRIVATE)
    del given[missing]
    assert missing not in untrust(given)["settings"]


def test_an_unusable_url() -> None:
    with pytest.raises(AnsibleFilterError, match="untrust_settings: 'x'"):
        untrust(settings(), urls=["x"])


def test_a_name_that_cannot_be_resolved_keeps_private_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(host: str, port: None) -> None:
        raise socket.gaierror(host)

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    result = untrust(settings(PRIVATE_IP_ENABLED), ("Other", "https://llm.example.com/v1"))
    assert PRIVATE_IP_ENABLED not in result["settings"]
    assert kept(result)[PRIVATE_IP_ENABLED * 2] == (
        "connector 'Other' may call a private address: the controller cannot resolve https://llm.example.com/v1"
    )
