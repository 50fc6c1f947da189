# SPDX-License-Identifier: GPL-3.0-or-later
"""The client for connection options."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.exceptions import Failure
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._http import connection
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._http.client import Client
from ansible_collections.searchops.opensearch_ml.tests.unit.support.script import Expected, Script, get


@pytest.mark.parametrize("hosts", [None, [], [""], [" ", ""]])
def test_the_default_host_is_used_if_none_is_given(hosts: Any) -> None:
    options = {"hosts": hosts, "timeout": 1.0, "retries": 0, "validate_certs": True}
    assert connection.connect(options, read_only=True, transport=Script()).hosts == [connection.DEFAULT_HOST]


@pytest.mark.parametrize(
    ("url", "passwords"),
    [
        ("http://joe:s3cret@one:9200", ["s3cret"]),
        ("http://joe:s%2Fc%20ret@one:9200/base", ["s%2Fc%20ret", "s/c ret"]),
        ("joe:s3cret@one", ["s3cret"]),
        ("ftp://joe:s3:cr@et@one", ["s3:cr@et"]),
        ("http://joe:s3/cret#@one", ["s3/cret#"]),
        ("http://joe:s3cret@[::1", ["s3cret"]),
        ("http://joe:s3cret@one/a@b", ["s3cret@one/a", "s3cret"]),
        ("http://joe@one:9200", []),
        ("http://one:9200", []),
        ("", []),
    ],
)
def test_passwords_in_urls_are_found(url: str, passwords: list[str]) -> None:
    assert connection.passwords_in(url) == passwords
    assert connection.secrets_of({"hosts": ["http://two:9200", url]}) == passwords


def test_empty_hosts_are_ignored() -> None:
    options = {"hosts": ["", " http://one:9200 "], "timeout": 1.0, "retries": 0, "validate_certs": True}
    assert connection.connect(options, read_only=True, transport=Script()).hosts == ["http://one:9200"]


class TestTheDefaultHost:
    @staticmethod
    def client_for(transport: Script, hosts: list[str]) -> Client:
        options = {"hosts": hosts, "timeout": 1.0, "retries": 0, "validate_certs": True}
        return connection.connect(options, read_only=True, transport=transport)

    @pytest.mark.parametrize(
        ("expected", "code"),
        [
            (get("/").is_refused(), "unreachable"),
            (get("/").is_lost(), "no_answer"),
            (get("/").answers(200, "<html>"), "not_opensearch"),
            (get("/").answers(401, "Unauthorized"), "wrong_credentials"),
        ],
    )
    def test_a_failure_reports_that_no_host_was_given(self, expected: Expected, code: str) -> None:
        with pytest.raises(Failure) as caught:
            self.client_for(Script(expected), []).clone().get("/")
        assert caught.value.code == code
        assert "OPENSEARCH_HOSTS is not set" in caught.value.message

    @pytest.mark.parametrize("name", ["OPENSEARCH_HOST", "OPENSEARCH_HOSTSS", "OPENSERCH_HOSTS"])
    def test_a_misspelt_variable_addresses_no_other_cluster(self, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        monkeypatch.setenv(name, "http://one:9200")
        assert self.client_for(Script(), ["http://two:9200"]).hosts == ["http://two:9200"]
        with pytest.raises(Failure, match=f"the environment has {name}, and the modules read OPENSEARCH_HOSTS"):
            self.client_for(Script(), [])

    @pytest.mark.parametrize(
        ("name", "value"),
        [("OPENSEARCH_SERVICE_HOST", "10.0.0.1"), ("OPENSEARCH_HOSTNAME", "one"), ("OPENSEARCH_HOST", "")],
    )
    def test_other_variables_are_no_misspelt_ones(self, monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
        monkeypatch.setenv(name, value)
        assert self.client_for(Script(), []).hosts == [connection.DEFAULT_HOST]

    def test_a_given_host_or_another_failure_is_reported_as_it_is(self) -> None:
        for hosts, expected in (
            ([connection.DEFAULT_HOST], get("/").is_refused()),
            ([], get("/").answers(403, "Forbidden")),
        ):
            with pytest.raises(Failure) as caught:
                self.client_for(Script(expected), hosts).get("/")
            assert "OPENSEARCH_HOSTS" not in caught.value.message


class TestOptions:
    @staticmethod
    def validated(**given: Any) -> dict[str, Any]:
        outcome = ArgumentSpecValidator(connection.connection_options()).validate(given)
        assert not outcome.error_messages
        return dict(outcome.validated_parameters)

    @pytest.mark.parametrize(
        ("text", "expected"), [("false", False), ("0", False), ("yes", True), ("", True), (" ", True)]
    )
    def test_the_environment_can_skip_the_check_of_certificates(
        self, monkeypatch: pytest.MonkeyPatch, text: str, expected: bool
    ) -> None:
        monkeypatch.setenv("OPENSEARCH_VALIDATE_CERTS", text)
        assert self.validated()["validate_certs"] is expected
        assert self.validated(validate_certs=True)["validate_certs"] is True
