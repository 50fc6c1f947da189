# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters that write an exported stack as YAML, and that fill in its variables."""

from __future__ import annotations

import pytest
import yaml
from ansible.errors import AnsibleFilterError

from ansible_collections.searchops.opensearch_ml.plugins.filter.stack_filled import stack_filled
from ansible_collections.searchops.opensearch_ml.plugins.filter.stack_yaml import stack_yaml


class _Loader(yaml.SafeLoader):
    pass


_Loader.add_constructor("!unsafe", lambda loader, node: ("unsafe", loader.construct_scalar(node)))


def test_stack_yaml() -> None:
    text = stack_yaml({"a": ["{{ key }}", "{{ other }}", "x {% y", "plain"]}, {"key": "A: key"})
    assert yaml.load(text, _Loader) == {  # noqa: S506 - a safe loader with one more tag
        "a": ["{{ key }}", ("unsafe", "{{ other }}"), ("unsafe", "x {% y"), "plain"]
    }


def test_stack_filled() -> None:
    stack = {"a": [{"key": "{{ key }}"}], "b": ["{{ other }}", "x {{ key }}", 1, None]}
    assert stack_filled(stack, {"key": "sk-1"}) == {
        "a": [{"key": "sk-1"}],
        "b": ["{{ other }}", "x {{ key }}", 1, None],
    }
    for filtered in (stack_filled, stack_yaml):
        with pytest.raises(AnsibleFilterError, match="requires a stack"):
            filtered([], {})


def test_stack_yaml_of_values_other_than_text() -> None:
    assert yaml.safe_load(stack_yaml({"n": 5, "none": None, "yes": True, "pair": ("a", 1.5)})) == {
        "n": 5,
        "none": None,
        "yes": True,
        "pair": ["a", 1.5],
    }
