# SPDX-License-Identifier: GPL-3.0-or-later
"""`dev/words.py` finds the words of `dev/words.yml` in all kinds of texts, and the repository has none of them."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def words() -> ModuleType:
    spec = importlib.util.spec_from_file_location("words", ROOT / "dev/words.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    # A NamedTuple finds the names in its annotations there.
    sys.modules["words"] = module
    spec.loader.exec_module(module)
    return module


def test_no_text_has_one_of_the_words(words: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    status = words.main()
    assert capsys.readouterr().out == ""
    assert status == 0


def test_all_kinds_of_texts_are_read(words: ModuleType) -> None:
    paths = {text.path for text in words.texts()}
    assert {
        "README.md",
        "docs/guides/rag.md",
        "roles/rag/README.md",
        "plugins/modules/ml_model.py",
        "plugins/module_utils/_errors/catalogue.py",
        "roles/rag/meta/argument_specs.yml",
        "roles/rag/tasks/main.yml",
        "roles/rag/vars/main.yml",
        "playbooks/verify.yml",
    } <= paths


DOCUMENTATION = '''\
"""Somebody, in a docstring."""
DOCUMENTATION = r"""
module: ml_x
description:
  - Reads V(beside) and O(apart).
  - Whoever asks.
"""

def f(run):
    run.warn(f"The model {run.name} was told.")
'''
TASKS = """\
# Everybody reads this.
- name: Look anew
  fail_msg: "{{ 'It is settled.' }}"
"""
DOCUMENT = """\
# A title

```yaml
beside: anew
```

One `anew` and [a link](beside.md),
but not to be
had: ANEW.
"""


@pytest.mark.parametrize(
    ("reader", "text", "found"),
    [
        ("of_plugin", DOCUMENTATION, ["6: 'Whoever'", "10: 'told'"]),
        ("of_yaml", TASKS, ["1: 'Everybody'", "2: 'Look anew'", "2: 'anew'", "3: 'settled'"]),
        ("of_document", DOCUMENT, ["8: 'to be had'", "9: 'ANEW'"]),
    ],
)
def test_a_planted_word_is_found_where_it_is(words: ModuleType, reader: str, text: str, found: list[str]) -> None:
    listed = words.words()
    lines = [line for each in getattr(words, reader)("a", text) for line in words.problems(each, listed)]
    assert sorted(line.removeprefix("a:").rpartition(":")[0] for line in lines) == sorted(found)


def test_each_word_has_advice(words: ModuleType) -> None:
    listed = words.words()
    assert len(listed) > 20
    assert all(word.instead for word in listed)
