# SPDX-License-Identifier: GPL-3.0-or-later
"""The ownership label in the descriptions of the objects that a stack created."""

from __future__ import annotations

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.exceptions import Failure
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._stack import ownership_label


@pytest.mark.parametrize("description", [None, "", "A chat model", "A chat model (stack: other) in words"])
def test_label_can_be_added_and_removed(description: str | None) -> None:
    labelled = ownership_label.add_label(description, "house.1")
    assert ownership_label.owner(labelled) == "house.1"
    assert ownership_label.remove_label(labelled) == (description or "")
    assert ownership_label.add_label(description, None) == description


@pytest.mark.parametrize("description", [None, "", "(stack: )", "(stack: a b)", "(stack: a) and more", "(stack: -a)"])
def test_description_without_a_label(description: str | None) -> None:
    assert ownership_label.owner(description) is None
    assert ownership_label.remove_label(description) == (description or "")


@pytest.mark.parametrize("name", ["", "-a", "a b", "a)", "x" * 65, "a\n"])
def test_invalid_stack_names_are_refused(name: str) -> None:
    with pytest.raises(Failure, match="must be up to 64"):
        ownership_label.check_stack_name(name)
    ownership_label.check_stack_name("x" * 64)
