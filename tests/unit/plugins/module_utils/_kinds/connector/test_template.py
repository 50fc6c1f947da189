# SPDX-License-Identifier: GPL-3.0-or-later
"""The placeholders of a connector: which the server fills, with what, and whether a body becomes JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.exceptions import Failure
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._kinds.connector import template
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.support.harness import execute
from ansible_collections.searchops.opensearch_ml.tests.unit.support.operations import BODY, CHAT, KEYED, QUESTION, URL

SECRET = {"secretArn": "arn:aws:secretsmanager:x", "roleArn": "arn:aws:iam::1:role/x"}
FROM_SECRET = {"Authorization": "Bearer ${credential.secretArn.my_key}"}


def fields(body: Any = BODY, headers: Any = None, url: str = URL, **more: Any) -> dict[str, Any]:
    return {"actions": [{"url": url, "method": "POST", "request_body": body, "headers": headers or {}}], **more}


def apply(cluster: FakeCluster, **options: Any) -> dict[str, Any]:
    return execute(cluster, "ml_connector", **options)


class TestCredential:
    def test_a_key_from_a_secret_of_amazon(self, cluster: FakeCluster) -> None:
        """Amazon OpenSearch Service fills ``${credential.secretArn.KEY}``."""
        options = {**CHAT, "credential": SECRET, "actions": fields(headers=FROM_SECRET)["actions"]}
        assert apply(cluster, **options)["changed"]
        assert not apply(cluster, **options)["changed"]
        cluster.add_model("Chat", next(iter(cluster.connectors)))
        swapped = apply(cluster, **{**options, "parameters": {"model": "big"}}, probe=QUESTION)
        assert cluster.credentials[swapped["connector_id"]] == SECRET

    def test_an_export_declares_the_secret_and_its_role(self, cluster: FakeCluster) -> None:
        apply(cluster, **{**CHAT, "credential": SECRET, "actions": fields(headers=FROM_SECRET)["actions"]})
        [connector] = execute(cluster, "ml_stack_info")["stack"]["connectors"]
        assert sorted(connector["credential"]) == ["roleArn", "secretArn"]

    @pytest.mark.parametrize("value", [None, "", "  "])
    @pytest.mark.parametrize(
        ("used", "key"), [("key", "key"), ("secretArn.x", "secretArn"), ("with.dots", "with.dots")]
    )
    def test_a_key_without_a_value(self, value: Any, used: str, key: str) -> None:
        used_fields = fields(headers={"Authorization": f"Bearer ${{credential.{used}}}"})
        template.check(used_fields, {key: "x"}, None)
        with pytest.raises(Failure, match=f"{key!r} in 'credential' has no value") as caught:
            template.check(used_fields, {key: value}, None)
        assert caught.value.code == "credential_missing"
        template.check(used_fields, None, None)

    def test_a_key_without_a_value_that_nothing_uses(self) -> None:
        template.check(fields(), {"key": None}, None)
        template.check(fields(headers={"A": "${credential.key:-none}"}), {}, None)

    def test_a_key_to_sign_with_that_has_no_value(self) -> None:
        with pytest.raises(Failure, match="aws_sigv4 uses it, but 'secret_key'"):
            template.check(fields(protocol="aws_sigv4"), {"access_key": "x", "secret_key": ""}, None)

    def test_a_key_of_a_secret(self) -> None:
        credential = {"secretArn": "arn:aws:secretsmanager:x", "roleArn": "arn:aws:iam::1:role/x"}
        with pytest.raises(
            Failure, match=r"has no 'api-key'\. Write \$\{credential\.secretArn\.api-key\} for a key of the secret"
        ):
            template.check(fields(headers={"api-key": "${credential.api-key}"}), credential, None)
        template.check(fields(headers={"api-key": "${credential.secretArn.api-key}"}), credential, None)

    def test_nothing_is_sent(self, cluster: FakeCluster) -> None:
        with pytest.raises(Failure, match="has no value"):
            apply(cluster, **{**KEYED, "credential": {"key": None}})
        assert cluster.writes == []


class TestNeverFilled:
    @pytest.mark.parametrize(
        ("given", "message"),
        [
            (fields('{"k": "${credential.key}"}'), "request_body: ${credential.key} is filled in headers only"),
            (fields(url="http://llm.test/${credential.key}"), "url: ${credential.key} is filled in headers only"),
            (fields('{"m": "${parameter.model}"}'), "${parameter.model}. Did you mean ${parameters.model}?"),
            (fields('{"m": "${Parameters.model}"}'), "Did you mean ${parameters.model}?"),
            (fields('{"m": "${params.model}"}'), "Did you mean ${parameters.model}?"),
            (fields('{"m": "${ parameters.model }"}'), "Did you mean ${parameters.model}?"),
            (fields('{"m": "${parameters:model}"}'), "Did you mean ${parameters.model}?"),
            (fields(url="http://${parameters. host:-a}/x"), "url: OpenSearch does not fill ${parameters. host:-a}. Did you mean "
             "${parameters.host:-a}?"),
            (fields(headers={"A": "Bearer ${credentials.key}"}), "headers.A: OpenSearch does not fill ${credentials.key}. "
             "Did you mean ${credential.key}?"),
            (fields(headers={"A": "Bearer ${creds.key}"}), "Did you mean ${credential.key}?"),
            (fields(headers={"A": "Bearer ${KEY}"}), "OpenSearch does not fill ${KEY}. It looks like a variable of a "
             "shell: write its value."),
            (fields(url="http://llm.test/${model}"), "url: OpenSearch does not fill ${model}."),
            (fields(url="http://llm.test/$${parameters.a}"), "url: $${parameters.a} is not filled because of the $ before it"),
            (fields(headers={"A": r"Bearer \${credential.key}"}), "which a shell needs and OpenSearch does not. Write ${cred"),
            (fields(r'{"m": \${parameters.a}}'), r"request_body: \${parameters.a} is not filled because of the \ before"),
            (fields(parameters={"uri": "emb://${credential.key}/x"}), "parameters.uri: ${credential.key} is filled in headers"),
            ({"url": "https://mcp.test/${region}"}, "url: OpenSearch does not fill ${region}."),
        ],
    )  # fmt: skip
    def test_refused(self, given: dict[str, Any], message: str) -> None:
        with pytest.raises(Failure) as caught:
            template.check(given, {"key": "x"}, None)
        assert message in caught.value.message
        assert caught.value.code == "placeholder_never_filled"

    def test_a_key_in_a_mapping(self) -> None:
        given = fields(headers={"A": "Bearer ${credential.openai.key}"})
        with pytest.raises(Failure, match=r"does not look into the mapping 'openai' .* such as 'openai_key'"):
            template.check(given, {"openai": {"key": "x"}}, None)
        template.check(given, {"openai.key": "x"}, None)

    def test_a_backslash_of_the_body_itself(self) -> None:
        template.check(fields(r'{"path": "C:\\${parameters.name}"}'), {}, {"name": "x"})

    def test_other_braces_in_a_body(self) -> None:
        """A prompt may be about anything."""
        given = fields(
            '{"prompt": "Write ${a} and ${tool.name} and ${} in bash: ${parameters.task}", "model": "${MODEL}"}'
        )
        template.check(given, {}, {"task": "x"})
        assert list(template.warnings(given, {"task": "x"})) == [
            "actions[0].request_body: OpenSearch does not fill ${tool.name}, and sends it as it is.",
            "actions[0].request_body: OpenSearch does not fill ${MODEL}, and sends it as it is.",
        ]


class TestHeaders:
    OPTIONS: dict[str, Any] = {**CHAT, "actions": fields(headers={"X-Trace": "${parameters.trace}"})["actions"]}

    @pytest.mark.parametrize("probe", [None, {**QUESTION, "trace": "1"}])
    def test_before_37_predictions_do_not_fill_headers(self, cluster: FakeCluster, probe: Any) -> None:
        with pytest.raises(
            Failure, match=r"3\.6 does not fill headers with the parameters of a prediction; 3\.7 and"
        ) as caught:
            apply(cluster, **self.OPTIONS, probe=probe)
        assert (caught.value.code, cluster.writes) == ("placeholder_unfilled", [])

    def test_from_37_on_they_do(self) -> None:
        assert apply(FakeCluster("3.7.0"), **self.OPTIONS)["changed"]

    def test_the_connectors_own_parameter(self, cluster: FakeCluster) -> None:
        assert apply(cluster, **{**self.OPTIONS, "parameters": {"model": "tiny", "trace": "1"}})["changed"]


class TestProbe:
    @pytest.mark.parametrize(
        ("body", "parameters", "probe"),
        [
            (BODY, {"model": "m"}, QUESTION),
            (BODY, {"model": "m"}, {"messages": [{"content": 'a "quote",\na line and ${parameters.model}'}]}),
            ('{"p": "${parameters.p}"}', {}, {"p": 'a "quote",\nand a line'}),
            ('{"p": ${parameters.p}}', {}, {"p": "[1]"}),
            ('{"p": "${parameters.p}"}', {}, {"p": '\\"escaped\\"', "no_escape_params": "q, p"}),
            ('{"p": "${parameters.p}"}', {"p": "${parameters.a} ${parameters.b}", "b": "x"}, {"a": "y"}),
            ('{"n": ${parameters.n:-5}, "t": "${parameters.t:-null}", "l": [${parameters.l:-}]}', {}, {}),
            ('{"a": 1 ${parameters.rest:-}}', {"rest": ', "b": 2'}, {}),
            ('{"p": "${parameters.p}"}', {"p": "${parameters.m.toString()}"}, {"m": [{"a": "b"}]}),
            ('{"p": "${parameters.p}"}', {"skip_validating_missing_parameters": True}, {"q": 1}),
            ('{"p": "${parameters.p}"}', {}, {"q": 1, "skip_validating_missing_parameters": "TRUE"}),
            ('{"a": 1}\n{"b": ${parameters.b}}\n', {}, {"b": 2}),
            ({"model": "${parameters.model}"}, {"model": "m"}, {}),
            (None, {}, {}),
        ],
    )
    def test_a_body_that_becomes_json(self, body: Any, parameters: dict[str, Any], probe: dict[str, Any]) -> None:
        given = fields(body, parameters=parameters)
        template.check(given, {}, probe)
        assert list(template.warnings(given, probe)) == []

    @pytest.mark.parametrize(
        ("body", "parameters", "probe", "message"),
        [
            ('{"m": "${parameters.messages}"}', {}, QUESTION, "Write ${parameters.messages} without quotes"),
            ('{"m": ${parameters.messages}', {}, QUESTION, "this is not JSON: Expecting ',' delimiter near: "),
            ('{"m": ${parameters.model}}', {"model": "tiny"}, {}, "not JSON: Expecting value near: {\"m\": tiny}"),
            ('{"m": "${parameters.prompt}"}', {"prompt": 'say "x"'}, {}, "not JSON"),
            ('{"m": ${parameters.p}}', {"skip_validating_missing_parameters": "true"}, {}, "not JSON"),
            ('"${parameters.m}"', {"m": 1}, {}, "neither an object nor a list"),
            ('{"m": "${parameters.m}"}', {"m": "${parameters.m}x"}, {}, None),
        ],
    )  # fmt: skip
    def test_a_body_that_does_not(
        self, body: str, parameters: dict[str, Any], probe: dict[str, Any], message: str | None
    ) -> None:
        if message is None:
            # A cycle ends.
            template.check(fields(body, parameters=parameters), {}, probe)
            return
        with pytest.raises(Failure) as caught:
            template.check(fields(body, parameters=parameters), {}, probe)
        assert message in caught.value.message
        assert caught.value.code == "invalid_payload"

    @pytest.mark.parametrize("part", ["url", "headers"])
    def test_only_bodies_may_stay_unfilled(self, part: str) -> None:
        given = {"url": "http://llm.test/${parameters.p}"} if part == "url" else {"headers": {"A": "${parameters.p}"}}
        with pytest.raises(Failure, match="neither the connector's parameters nor the probe's have 'p'"):
            template.check(fields(**given), {}, {"skip_validating_missing_parameters": True, **QUESTION, "model": "m"})

    def test_a_script_that_makes_the_parameters(self) -> None:
        given = fields(
            '{"p": ${parameters.made}}', parameters={"pre_process_function.process_remote_inference_input": True}
        )
        given["actions"][0]["pre_process_function"] = "return params;"
        template.check(given, {}, {"text": "x"})

    def test_nothing_is_sent(self, cluster: FakeCluster) -> None:
        quoted = {**CHAT, "actions": [{"url": URL, "request_body": '{"messages": "${parameters.messages}"}'}]}
        with pytest.raises(Failure, match="without quotes"):
            apply(cluster, **quoted, probe=QUESTION)
        assert cluster.writes == []

    # The values that a user can put into a prediction, in a body in which each has its place.
    @given(st.dictionaries(st.sampled_from(["a", "b"]), st.text(), min_size=2), st.lists(st.text() | st.integers()))
    def test_any_text_in_quotes_and_any_list_without(self, texts: dict[str, str], values: list[Any]) -> None:
        # Text that is JSON itself is inserted as it is, as the server does.
        texts = {name: f"x{text}" for name, text in texts.items()}
        body = '{"a": "${parameters.a}", "b": "${parameters.b}", "list": ${parameters.list}}'
        template.check(fields(body), {}, {**texts, "list": values})


class TestWithoutProbe:
    @pytest.mark.parametrize(
        ("body", "warning"),
        [
            (BODY, None),
            ('{"a": 1 ${parameters.rest}}', None),
            ('{${parameters.first} "b": 1}', None),
            ('[${parameters._history}{"a": ${parameters.x}}]', None),
            ('{"p": "${parameters.p}"}', None),
            ("".join(f'{{"{name}": ${{parameters.{name}}} ' for name in "abcdefgh"), None),
            ('{"m": ${parameters.messages}', "all predictions will fail, as the body cannot become JSON"),
            ('{"m": ${prompt}}', "all predictions will fail"),
            ("5", "neither an object nor a list"),
            ('{"m": "${parameters.messages}"}', "${parameters.messages} is in quotes. Write it without"),
        ],
    )
    def test_a_warning_for_what_cannot_work(self, body: str, warning: str | None) -> None:
        given = fields(body)
        template.check(given, {}, None)
        found = list(template.warnings(given, None))
        assert len(found) == (warning is not None)
        assert (warning or "") in "".join(found)

    def test_the_task_warns(self, cluster: FakeCluster) -> None:
        broken = {**CHAT, "actions": [{"url": URL, "request_body": '{"messages": ['}]}
        assert "cannot become JSON" in json.dumps(apply(cluster, **broken)["warnings"])


def test_a_body_of_one_placeholder_may_become_json() -> None:
    """As in the published blueprints for SageMaker."""
    action = {"url": "https://runtime.test/x", "request_body": " ${parameters.input} "}
    assert list(template.warnings({"actions": [action]}, None)) == []
