# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters of URLs, and what all filters have in common."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.searchops.opensearch_ml.plugins.filter import (
    is_private_url,
    private_regex,
    private_url_reason,
    trust_settings,
    trusted_regex,
)

URL = "http://10.0.0.5:11434/v1/chat/completions"


@pytest.mark.parametrize("path", sorted(Path(is_private_url.__file__).parent.glob("*.py")), ids=lambda path: path.stem)
def test_a_filter_has_the_name_of_its_file(path: Path) -> None:
    module = importlib.import_module(is_private_url.__name__.replace("is_private_url", path.stem))
    assert list(module.FilterModule().filters().items()) == [(path.stem, getattr(module, path.stem))]


def test_is_private_url() -> None:
    is_private: Any = is_private_url.FilterModule().filters()["is_private_url"]
    assert is_private(URL) is True
    assert is_private("https://8.8.8.8/v1") is False


def test_private_url_reason() -> None:
    reason: Any = private_url_reason.FilterModule().filters()["private_url_reason"]
    assert reason(URL) == "10.0.0.5 is a private address"


TRUSTED = "plugins.ml_commons.trusted_connector_endpoints_regex"
ALLOWED = "plugins.ml_commons.connector.private_ip_enabled"
RESTRICTION = "plugins.ml_commons.trusted_connector_private_endpoints_regex"
PUBLIC = "https://8.8.8.8:443/v1"


@pytest.mark.parametrize(
    ("urls", "how", "expected"),
    [
        ([PUBLIC], {}, {TRUSTED: [r"^https://8\.8\.8\.8:443/v1$"]}),
        (
            [PUBLIC, "http://10.0.0.5:80/v1", "http://10.0.0.5/v1"],
            {},
            {
                TRUSTED: [r"^https://8\.8\.8\.8:443/v1$", r"^http://10\.0\.0\.5:80/v1$", r"^http://10\.0\.0\.5/v1$"],
                ALLOWED: True,
                RESTRICTION: [r"^http://10\.0\.0\.5/v1$"],
            },
        ),
        (["http://10.0.0.5/v1"], {"allow_private": "never"}, {TRUSTED: [r"^http://10\.0\.0\.5/v1$"]}),
        (["http://10.0.0.5/v1"], {"trust": "skip"}, {ALLOWED: True}),
        ([PUBLIC], {"trust": "skip"}, {}),
        (
            [PUBLIC],
            {"trust": "catch_all", "allow_private": "always"},
            {TRUSTED: [".*$"], ALLOWED: True, RESTRICTION: [r"^https://8\.8\.8\.8/v1$"]},
        ),
        ([], {"trust": "catch_all", "allow_private": "always"}, {}),
    ],
)
def test_trust_settings(urls: list[str], how: dict[str, str], expected: dict[str, Any]) -> None:
    assert trust_settings.trust_settings(urls, **how) == expected


@pytest.mark.parametrize(
    ("urls", "how", "message"),
    [
        (PUBLIC, {}, "requires a list of URLs, not str"),
        ([PUBLIC], {"trust": "all"}, "trust must be one of exact, catch_all, skip, not 'all'"),
        ([PUBLIC], {"allow_private": True}, "allow_private must be one of auto, always, never, not True"),
        (["ftp://8.8.8.8"], {}, "'ftp://8.8.8.8' is not a usable URL"),
    ],
)
def test_trust_settings_refuses(urls: Any, how: dict[str, Any], message: str) -> None:
    with pytest.raises(AnsibleFilterError, match=f"trust_settings: {message}"):
        trust_settings.trust_settings(urls, **how)


def test_trusted_regex() -> None:
    pattern: Any = trusted_regex.FilterModule().filters()["trusted_regex"]
    assert pattern(URL) == r"^http://10\.0\.0\.5:11434/v1/chat/completions$"


@pytest.mark.parametrize(
    ("url", "called"),
    [
        (URL, r"http://10\.0\.0\.5:11434/v1/chat/completions"),
        ("http://llm:80/v1?a=b", r"http://llm/v1\?a=b"),
        ("https://llm:443/v1", "https://llm/v1"),
        ("https://llm:80/v1", "https://llm:80/v1"),
        ("http://[::1]:80/v1", r"http://\[::1\]/v1"),
        ("http://[::80]/v1#x", r"http://\[::80\]/v1"),
        ("http://llm:/v1", "http://llm/v1"),
        ("HTTP://llm:8080", "http://llm:8080"),
    ],
)
def test_private_regex(url: str, called: str) -> None:
    """The server's HTTP client removes default ports and fragments (published source of OpenSearch 3.7)."""
    pattern: Any = private_regex.FilterModule().filters()["private_regex"]
    assert pattern(url) == f"^{called}$"


@pytest.mark.parametrize("url", ["", "ollama:11434", "http://joe:s3cret@a.test/"])
def test_invalid_urls_are_refused(url: str) -> None:
    for name, apply in (
        ("is_private_url", is_private_url.is_private_url),
        ("private_url_reason", private_url_reason.private_url_reason),
        ("trusted_regex", trusted_regex.trusted_regex),
        ("private_regex", private_regex.private_regex),
    ):
        with pytest.raises(AnsibleFilterError, match=name) as caught:
            apply(url)
        assert "s3cret" not in str(caught.value)


def test_no_filter_imports_requests() -> None:
    """Each worker process that needs one filter imports all of them."""
    names = sorted(path.stem for path in Path(trusted_regex.__file__).parent.glob("[a-z]*.py"))
    package = trusted_regex.__name__.rpartition(".")[0]
    code = f"import importlib, sys\nfor name in {names}: importlib.import_module('{package}.' + name)\n"
    code += "print([name for name in ('requests', 'urllib3') if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=True, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.stdout.strip() == "[]"
