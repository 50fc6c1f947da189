# SPDX-License-Identifier: GPL-3.0-or-later
"""The texts for users have none of the words of _words.yml, and _words.py finds them in all kinds of texts."""

from __future__ import annotations

import pytest

from ansible_collections.searchops.opensearch_ml.tests.project import _words


def test_no_text_has_one_of_the_words() -> None:
    listed = _words.words()
    assert [problem for text in _words.texts() for problem in _words.problems(text, listed)] == []


def test_all_kinds_of_texts_are_read() -> None:
    paths = {text.path for text in _words.texts()}
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
def test_a_planted_word_is_found_where_it_is(reader: str, text: str, found: list[str]) -> None:
    listed = _words.words()
    lines = [line for each in getattr(_words, reader)("a", text) for line in _words.problems(each, listed)]
    assert sorted(line.removeprefix("a:").rpartition(":")[0] for line in lines) == sorted(found)


def test_each_word_has_advice() -> None:
    listed = _words.words()
    assert len(listed) > 20
    assert all(word.instead for word in listed)
