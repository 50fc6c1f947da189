# SPDX-License-Identifier: GPL-3.0-or-later
"""Signatures for Amazon: against published ones, and against a server that recomputes those of real requests."""

from __future__ import annotations

import builtins
import datetime
import hashlib
import json
import sys
from pathlib import Path
from typing import Any, Iterator

import botocore.auth
import pytest
from botocore.credentials import RefreshableCredentials

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.exceptions import Failure
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._http import connection
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._http.auth.aws_sigv4 import AwsSigV4Auth
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._http.client import Client, segment
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._http.connection import choose_authentication
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._values.masking import MASK, Masker
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes import aws
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.aws import Gateway, gateway
from ansible_collections.searchops.opensearch_ml.tests.unit.support import harness

#: From Amazon's documentation.
KEY, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
TOKEN = "IQoJb3JpZ2luX2VjE/+x/Example+Session//Token=="
PAIR = {"aws_access_key_id": KEY, "aws_secret_access_key": SECRET}
EMPTY = hashlib.sha256(b"").hexdigest()


def signer(**options: Any) -> AwsSigV4Auth:
    made = choose_authentication({"auth_type": "aws_sigv4", "aws_region": "eu-central-1", **options})
    assert isinstance(made, AwsSigV4Auth)
    return made


def connect(door: Gateway, mask: Masker | None = None, **options: Any) -> Client:
    stated = {"hosts": [door.url], "auth_type": "aws_sigv4", "aws_region": "eu-central-1", **options}
    parameters = harness.parameters("ml_connector_info", {"aws_service": door.service, "retries": 2, **stated})
    return connection.connect(parameters, read_only=False, mask=mask)


def test_the_service_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENSEARCH_AWS_SERVICE", "aoss")
    assert harness.parameters("ml_connector_info", {})["aws_service"] == "aoss"
    assert harness.parameters("ml_connector_info", {"aws_service": "es"})["aws_service"] == "es"


@pytest.fixture(params=["es", "aoss"])
def door(request: pytest.FixtureRequest) -> Iterator[Gateway]:
    with gateway(request.param, KEY, SECRET) as server:
        yield server


class TestPublishedSignatures:
    """The test suite for Signature Version 4, and the example of the IAM documentation: 2015-08-30 12:36:00 UTC."""

    @pytest.fixture(autouse=True)
    def _at_that_moment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(
            botocore.auth, "get_current_datetime", lambda *args, **kwargs: datetime.datetime(2015, 8, 30, 12, 36)
        )

    @pytest.mark.parametrize(
        ("method", "url", "content", "given", "signed", "signature"),
        [
            ("GET", "https://example.amazonaws.com/", None, {}, "host;x-amz-date",
             "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
            ("POST", "https://example.amazonaws.com/", None, {}, "host;x-amz-date",
             "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
            ("GET", "https://example.amazonaws.com/?Param2=value2&Param1=value1", None, {}, "host;x-amz-date",
             "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"),
            ("POST", "https://example.amazonaws.com/", b"Param1=value1",
             {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"},
             "content-type;host;x-amz-date",
             "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"),
        ],
        ids=["get-vanilla", "post-vanilla", "get-vanilla-query-order-key-case", "post-x-www-form-urlencoded"],
    )  # fmt: skip
    def test_signatures_match_the_published_suite(
        self, method: str, url: str, content: bytes | None, given: dict[str, str], signed: str, signature: str
    ) -> None:
        made = signer(**PAIR, aws_region="us-east-1", aws_service="service").headers(method, url, content, given)
        assert made == {
            "X-Amz-Date": "20150830T123600Z",
            "Authorization": f"AWS4-HMAC-SHA256 Credential={KEY}/20150830/us-east-1/service/aws4_request, "
            f"SignedHeaders={signed}, Signature={signature}",
        }

    def test_the_signature_matches_the_documentation(self) -> None:
        made = signer(**PAIR, aws_region="us-east-1", aws_service="iam").headers(
            "GET",
            "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08",
            None,
            {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"},
        )
        assert made["Authorization"].endswith(
            "Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
        )

    def test_the_fake_server_computes_the_same_signature(self) -> None:
        canonical = aws.canonical_request(
            "GET",
            "/?Param2=value2&Param1=value1",
            {"host": "example.amazonaws.com", "x-amz-date": "20150830T123600Z"},
            ["host", "x-amz-date"],
            EMPTY,
        )
        to_sign = "\n".join(
            [
                "AWS4-HMAC-SHA256",
                "20150830T123600Z",
                "20150830/us-east-1/service/aws4_request",
                hashlib.sha256(canonical.encode()).hexdigest(),
            ]
        )
        assert (
            aws.signature(SECRET, "20150830", "us-east-1", "service", to_sign)
            == "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"
        )


class TestRequests:
    def test_each_kind_of_request_is_accepted(self, door: Gateway) -> None:
        one = connect(door, **PAIR)
        one.get("/")
        one.get("/_cluster/settings", {"flat_settings": "true", "include_defaults": "true"})
        one.search("/_plugins/_ml/models/_search", {"query": {"term": {"name.keyword": "Größe & so"}}})
        one.create("/_plugins/_ml/models/_register", {"name": "a"}, {"deploy": "true"})
        one.change("PUT", "/_cluster/settings", {"persistent": {"a": ["^https://b/.*$"]}})
        one.change("POST", "/_plugins/_ml/models/a/_deploy")
        one.change("DELETE", "/_plugins/_ml/models/a")
        one.ask("/_plugins/_ml/models/a/_predict", {"parameters": {}}, timeout=5.0)
        assert len(door.seen) == 8
        for _method, _target, headers, body in door.seen:
            assert headers["host"] == door.url.partition("//")[2]
            assert headers.get("x-amz-content-sha256") == (
                hashlib.sha256(body).hexdigest() if door.service == "aoss" else None
            )

    @pytest.mark.parametrize("name", ["a b", "a/b", "a%2Fb", "Größe", "a+b&c=d;e", "~x.-_*'()!$,:@", "..a", "a//b"])
    def test_any_character_in_a_path_is_signed(self, door: Gateway, name: str) -> None:
        connect(door, **PAIR).get(f"/_plugins/_ml/models/{segment(name)}")
        connect(door, **PAIR).change("DELETE", f"/_plugins/{segment(name)}/x")

    @pytest.mark.parametrize("value", ["a b", "a+b", "a&b=c", "Größe", "", "a/b?c", "%20", "~*"])
    def test_any_character_in_a_query_is_signed(self, door: Gateway, value: str) -> None:
        connect(door, **PAIR).get("/x", {"value": value, "Another": value, "a-b": "1"})

    def test_a_repeated_request_gets_a_new_signature(self, monkeypatch: pytest.MonkeyPatch) -> None:
        # The date of a signature is in seconds: the clock of both sides moves on by ten minutes with each request.
        now = [datetime.datetime(2026, 11, 23, 10, 0, tzinfo=datetime.timezone.utc)]

        def later(*args: Any, **kwargs: Any) -> datetime.datetime:
            now[0] += datetime.timedelta(minutes=10)
            return now[0].replace(tzinfo=None)

        monkeypatch.setattr(botocore.auth, "get_current_datetime", later)
        with gateway("es", KEY, SECRET, clock=lambda: now[0]) as door:
            door.fail = 2
            one = connect(door, **PAIR)
            monkeypatch.setattr(one.clock, "sleep", lambda seconds: None)
            one.change("PUT", "/x", {"a": 1})
            dates = [headers["x-amz-date"] for _method, _target, headers, _body in door.seen]
        assert dates == ["20261123T101000Z", "20261123T102000Z", "20261123T103000Z"]

    def test_a_host_header_of_the_user_is_the_one_that_is_signed(self, door: Gateway) -> None:
        connect(door, **PAIR, headers={"Host": "vpc-x.eu-central-1.es.amazonaws.com", "X-Team": "search"}).get("/")
        _method, _target, headers, _body = door.seen[-1]
        assert headers["host"] == "vpc-x.eu-central-1.es.amazonaws.com"
        assert "x-team" not in headers["authorization"]

    def test_default_ports_are_not_signed(self) -> None:
        plain, named = (
            signer(**PAIR).headers("GET", f"https://a.es.amazonaws.com{port}/", None, {})["Authorization"]
            for port in ("", ":443")
        )
        # Seconds may have passed in between; the signed host differs otherwise.
        assert plain.split("Signature=")[0] == named.split("Signature=")[0]
        assert botocore.auth._host_from_url("https://a.es.amazonaws.com:443/") == "a.es.amazonaws.com"

    def test_a_session_token_is_sent_and_signed(self) -> None:
        with gateway("es", KEY, SECRET, TOKEN) as door:
            connect(door, **PAIR, aws_session_token=TOKEN).get("/")
            assert "x-amz-security-token" in door.seen[0][2]["authorization"]


class TestRefusals:
    @pytest.mark.parametrize(
        ("options", "code"),
        [
            ({**PAIR, "aws_secret_access_key": "another secret of this length"}, "aws_signature_mismatch"),
            ({**PAIR, "aws_access_key_id": "AKIDUNKNOWN"}, "aws_credentials_unknown"),
            ({**PAIR, "aws_session_token": "stale"}, "aws_credentials_unknown"),
            ({**PAIR, "aws_region": "us-east-1"}, "aws_wrong_scope"),
        ],
    )
    def test_causes_of_refusals_are_distinguished(self, door: Gateway, options: dict[str, Any], code: str) -> None:
        with pytest.raises(Failure) as caught:
            connect(door, **options).get("/")
        assert (caught.value.code, caught.value.status) == (code, 403)
        assert not door.seen

    def test_serverless_requests_are_accepted(self, door: Gateway) -> None:
        with pytest.raises(Failure) as caught:
            connect(door, **PAIR, aws_service="es" if door.service == "aoss" else "aoss").get("/")
        assert caught.value.code == "aws_wrong_scope"

    def test_a_wrong_clock_is_reported(self) -> None:
        ahead = datetime.timedelta(minutes=6)
        with gateway("es", KEY, SECRET, clock=lambda: aws._now() + ahead) as door, pytest.raises(Failure) as caught:
            connect(door, **PAIR).get("/")
        assert caught.value.code == "aws_clock_skew"

    def test_a_changed_body_is_refused(self) -> None:
        with gateway("es", KEY, SECRET) as door:
            headers = signer(**PAIR).headers("PUT", f"{door.url}/x", b'{"a": 1}', {})
            arrived = {name.lower(): value for name, value in headers.items()}
            arrived["host"] = door.url.partition("//")[2]
            assert door.refusal("PUT", "/x", arrived, b'{"a": 1}') is None
            for method, target, body in (
                ("PUT", "/x", b'{"a": 2}'),
                ("PUT", "/y", b'{"a": 1}'),
                ("POST", "/x", b'{"a": 1}'),
            ):
                assert "does not match" in str(door.refusal(method, target, arrived, body))


class TestCredentials:
    def test_credentials_come_from_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in (("ACCESS_KEY_ID", KEY), ("SECRET_ACCESS_KEY", SECRET), ("SESSION_TOKEN", TOKEN)):
            monkeypatch.setenv(f"AWS_{name}", value)
        with gateway("es", KEY, SECRET, TOKEN) as door:
            connect(door).get("/")

    def test_a_token_of_the_environment_is_not_mixed_with_given_keys(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
            monkeypatch.setenv(name, "of-another-user")
        assert "X-Amz-Security-Token" not in signer(**PAIR).headers("GET", "https://a/", None, {})

    def test_credentials_come_from_a_profile(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        config, shared = tmp_path / "config", tmp_path / "credentials"
        config.write_text("[profile search]\nregion = eu-central-1\n", encoding="utf-8")
        shared.write_text(f"[search]\naws_access_key_id = {KEY}\naws_secret_access_key = {SECRET}\n", encoding="utf-8")
        monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(shared))
        # A profile that is named outweighs the environment.
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDOTHER")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of-another-user")
        with gateway("es", KEY, SECRET) as door:
            connect(door, aws_profile="search", aws_region=None).get("/")

    @pytest.mark.parametrize("name", ["AWS_REGION", "AWS_DEFAULT_REGION"])
    def test_the_region_comes_from_the_environment(self, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-west-2")
        monkeypatch.setenv(name, "eu-north-1")
        made = signer(**PAIR, aws_region=None).headers("GET", "https://a/", None, {})
        assert "/eu-north-1/es/aws4_request" in made["Authorization"]

    @pytest.mark.parametrize(
        ("options", "code", "text"),
        [
            ({**PAIR, "aws_region": None}, "invalid_input", "needs aws_region, or AWS_REGION"),
            ({"aws_access_key_id": KEY}, "invalid_input", "together"),
            ({"aws_secret_access_key": SECRET}, "invalid_input", "together"),
            ({"aws_session_token": TOKEN}, "invalid_input", "together"),
            ({**PAIR, "aws_profile": "search"}, "invalid_input", "either aws_profile or"),
            ({"aws_profile": "search"}, "aws_credentials_missing", "search"),
            ({}, "aws_credentials_missing", "botocore found none"),
        ],
    )
    def test_missing_credentials_are_reported(self, options: dict[str, Any], code: str, text: str) -> None:
        with pytest.raises(Failure, match=text) as caught:
            signer(**options)
        assert caught.value.code == code

    @pytest.mark.parametrize("name", ["aws_region", "aws_profile", "aws_access_key_id"])
    def test_aws_options_choose_the_method(self, name: str) -> None:
        with pytest.raises(Failure, match=r"(?i)aws|profile"):
            choose_authentication({name: "x"})
        assert choose_authentication({name: "x", "token": "y"}).NAME == "bearer"
        assert choose_authentication({name: "x", "auth_type": "none"}).NAME == "none"

    def test_the_environment_alone_does_not_choose_the_method(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
        monkeypatch.setenv("AWS_REGION", "eu-central-1")
        assert choose_authentication({}).NAME == "none"

    def test_temporary_credentials_are_refreshed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        made = iter(range(100))

        def fetch() -> dict[str, str]:
            number = next(made)
            return {
                "access_key": f"AKID{number}",
                "secret_key": SECRET,
                "token": f"token{number}",
                "expiry_time": (aws._now() + datetime.timedelta(seconds=1)).isoformat(),
            }

        hidden: list[str] = []
        one = signer(**PAIR)
        one.hide = lambda *secrets: hidden.extend(secrets)
        one._credentials = RefreshableCredentials.create_from_metadata(fetch(), fetch, "test")
        for number in (1, 2):
            assert one.headers("GET", "https://a/", None, {})["X-Amz-Security-Token"] == f"token{number}"
        assert hidden == [SECRET, "token1", SECRET, "token2"]

    def test_a_failed_refresh_is_reported(self) -> None:
        one = signer(**PAIR)
        past = {"access_key": KEY, "secret_key": SECRET, "token": TOKEN, "expiry_time": "2020-01-01T00:00:00Z"}
        one._credentials = RefreshableCredentials.create_from_metadata(past, lambda: past, "test")
        with pytest.raises(Failure, match="expired") as caught:
            one.headers("GET", "https://a/", None, {})
        assert caught.value.code == "aws_credentials_missing"

    def test_a_missing_botocore_is_reported(self, monkeypatch: pytest.MonkeyPatch) -> None:
        plain = builtins.__import__

        def without(name: str, *args: Any, **kwargs: Any) -> Any:
            if name.partition(".")[0] == "botocore":
                raise ImportError(name)
            return plain(name, *args, **kwargs)

        monkeypatch.setattr(builtins, "__import__", without)
        with pytest.raises(Failure, match="'botocore'") as caught:
            signer(**PAIR)
        assert caught.value.code == "library_missing"
        assert f"{sys.executable} -m pip install botocore" in caught.value.remedy


class TestSecrets:
    @pytest.mark.parametrize("where", ["options", "environment"])
    def test_the_token_is_masked_in_a_refusal(self, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
        options: dict[str, Any] = {**PAIR, "aws_session_token": TOKEN}
        if where == "environment":
            for name, value in options.items():
                monkeypatch.setenv(name.upper(), str(value))
            options = {}
        mask = Masker()
        with gateway("es", KEY, "of the server", TOKEN) as door, pytest.raises(Failure) as caught:
            connect(door, mask, **options).get("/")
        assert caught.value.code == "aws_signature_mismatch"
        assert f"x-amz-security-token:{MASK}" in caught.value.message.replace("?", "\n")
        shown = json.dumps(caught.value.as_dict())
        assert TOKEN not in shown
        assert SECRET not in shown

    def test_a_long_token_is_masked_before_the_message_is_shortened(self) -> None:
        token = "Long" * 600
        mask = Masker()
        with gateway("es", KEY, "of the server", token) as door, pytest.raises(Failure) as caught:
            connect(door, mask, **PAIR, aws_session_token=token).get("/")
        assert "LongLong" not in caught.value.message

    def test_given_credentials_are_secrets_before_the_first_request(self) -> None:
        assert connection.secrets_of({**PAIR, "aws_session_token": TOKEN}) == [SECRET, TOKEN]
