# SPDX-License-Identifier: GPL-3.0-or-later
"""Placeholders of published blueprints in a connector's fields. The other checks are tested with the task."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._kinds.connector import checks

HEADERS = ["actions[0].headers.A", "actions[0].headers.x-k"]
URLS = ["actions[0].url", "actions[1].url"]
FROM_PARAMETER = {"actions": [{"url": "https://${parameters.host}/v1"}]}
IN_URL = ["parameters.host"]


@pytest.mark.parametrize(
    ("value", "places"),
    [
        ({"credential": {"key": "<YOUR KEY>"}}, ["credential.key"]),
        ({"credential": {"key": "<key>"}}, ["credential.key"]),
        ({"actions": [{"url": "https://<your host>/v1"}]}, ["actions[0].url"]),
        ({"actions": [{}, {"headers": {"A": "Bearer <PLEASE ADD YOUR TOKEN>"}}]}, ["actions[1].headers.A"]),
        ({"parameters": {"endpoint": "<ENDPOINT>"}}, ["parameters.endpoint"]),
        ({"actions": [{"request_body": '{"model": "<MODEL_ID>"}'}]}, ["actions[0].request_body"]),
        ({"actions": [{"request_body": "<|im_start|> <context> ${parameters.messages}"}]}, []),
        ({"actions": [{"pre_process_function": "List<String> a; if (1 < 2 && 3 > 2) { Map<K, V> b; }"}]}, []),
        ({"parameters": {"prompt": "<context>${parameters.context}</context>"}}, []),
        ({"description": "<b>bold</b>"}, []),
        ({"actions": [{"headers": {"A": "Bearer <your_api_key>"}}]}, ["actions[0].headers.A"]),
        ({"actions": [{"headers": {"A": "Bearer <api_key>", "x-k": "<key>"}}]}, HEADERS),
        ({"headers": {"A": "Bearer <token>"}}, ["headers.A"]),
        ({"actions": [{"headers": {"A": "Bearer ${credential.key}", "From": "Joe <joe@example.org>"}}]}, []),
        ({"actions": [{"url": "https://<endpoint>/v1/x"}, {"url": "https://h/<your_deployment>/v1"}]}, URLS),
        ({"url": "https://mcp-<region>.example.org"}, ["url"]),
        ({"credential": {"r": "arn:aws:iam::<account_id>:role/x"}}, ["credential.r"]),
        ({"credential": {"key": "x9<Ab>7!q"}}, []),
        ({"parameters": {"endpoint": "<your_resource>.openai.azure.com"}}, ["parameters.endpoint"]),
        ({"parameters": {"host": "<host>.example.org", "prompt": "<host>.example.org"}, **FROM_PARAMETER}, IN_URL),
        ({"parameters": {"url": "<s>[INST] <b>", "tags": "<insert_code> <add_task> <user_id> <s>"}}, []),
        ({"actions": [{"request_body": "<replace_in_file> <context> <user_id>"}]}, []),
        ({"actions": [{"request_body": '{"model": "<your_model>"}'}]}, ["actions[0].request_body"]),
        ({"probe": {"messages": [{"role": "user", "content": "What is <b>this</b>?"}]}}, []),
    ],
)
def test_find_placeholders(value: dict[str, Any], places: list[str]) -> None:
    assert list(checks.find_placeholders(value)) == places
