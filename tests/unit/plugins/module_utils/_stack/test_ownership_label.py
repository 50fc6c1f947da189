# SPDX-License-Identifier: GPL-3.0-or-later
"""The mark that a stack leaves in the descriptions of what it made."""

from __future__ import annotations

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.exceptions import Failure
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._stack import ownership_label


@pytest.mark.parametrize("description", [None, "", "A chat model", "A chat model (stack: other) in words"])
def test_a_description_comes_back_from_under_its_mark(description: str | None) -> None:
    marked = ownership_label.add_label(description, "house.1")
    assert ownership_label.owner(marked) == "house.1"
    assert ownership_label.remove_label(marked) == (description or "")
    assert ownership_label.add_label(description, None) == description


@pytest.mark.parametrize("description", [None, "", "(stack: )", "(stack: a b)", "(stack: a) and more", "(stack: -a)"])
def test_what_is_no_mark(description: str | None) -> None:
    assert ownership_label.owner(description) is None
    assert ownership_label.remove_label(description) == (description or "")


@pytest.mark.parametrize("name", ["", "-a", "a b", "a)", "x" * 65, "a\n"])
def test_what_no_stack_can_be_called(name: str) -> None:
    with pytest.raises(Failure, match="must be up to 64"):
        ownership_label.check_stack_name(name)
    ownership_label.check_stack_name("x" * 64)
