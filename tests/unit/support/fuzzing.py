# SPDX-License-Identifier: GPL-3.0-or-later
"""Strategies of the fuzz tests: wrong values in answers, valid and invalid values of options, and a tolerant server."""

from __future__ import annotations

import json
import os
from typing import Any, Mapping

from hypothesis import strategies as st

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._http.transport import RawAnswer
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.hostile_server import ESCAPES

#: The server knows this secret and may repeat it anywhere in an answer.
SECRET = 's3cret/+p"w\\ö&='

#: More requests than any task sends, however long it waits.
MOST_EXCHANGES = 3_000


def number_of_examples(in_unit_tests: int, share: float) -> int:
    """How many examples a test draws: ``in_unit_tests``, or in `dev/run nox -s fuzz` this share of FUZZ_EXAMPLES."""
    examples = os.environ.get("FUZZ_EXAMPLES")
    return max(1, int(int(examples) * share)) if examples else in_unit_tests


texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=20) | st.sampled_from(
    ["", " ", ".", "..", "../x", "%2e", "*", ".*", "(", "true", "null", "-1", "1e999", "[" * 150, '{"a": {"b": [1]}}', "x" * 3_000,
     "${parameters.x}", "${credential.x}", "${model:x}", "${model:Chat}", "{{ x }}", "http://", "http://[", "ftp://x",
     "a\nb", "\0", "\ud7ff", ESCAPES, "DEPLOYED", "COMPLETED"]
)  # fmt: skip
numbers = (
    st.integers(-(2**70), 2**70)
    | st.floats()
    | st.sampled_from([0, -1, 1, 10**9, float("nan"), float("inf"), 1700000000000])
)
scalars = st.none() | st.booleans() | numbers | texts
anything = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(texts | st.sampled_from(["name", "model_id", "type", "hits", "_id"]), inner, max_size=3)
    ),
    max_leaves=6,
)

#: Values that replace a part of an answer.
answers = anything | st.sampled_from(
    [f"a {SECRET} b", {"reason": SECRET}, [[[[]]] * 3], {"hits": None}, "x" * 20_000, 10**400]
)

#: Paths that exist, that do not exist, and that are no valid paths.
file_paths = st.sampled_from(
    ["", "/", "/dev/null", "/nowhere/at/all", "~", "~no-such-user/x", "x\0y", "\ud7ff", "x" * 5000]
)


def option(spec: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """Values of an option, three of four of its type."""
    return st.one_of(*[_typed(spec)] * 3, anything)


def _typed(spec: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    if spec.get("choices"):
        return st.sampled_from(list(spec["choices"]))
    kind = spec.get("type", "str")
    if spec.get("options") and kind == "dict":
        return options(spec["options"])
    if kind == "list":
        element = {"type": spec.get("elements", "str"), "options": spec.get("options")}
        return st.lists(_typed(element), max_size=3)
    if kind == "dict":
        return st.dictionaries(texts, anything, max_size=3)
    return {
        "bool": st.booleans(),
        "int": st.integers(-2, 5) | st.integers(),
        "float": st.floats(0, 1000) | st.floats(),
        "path": file_paths,
        "str": texts,
    }.get(kind, anything)


def options(spec: Mapping[str, Any], most: int = 4) -> st.SearchStrategy[dict[str, Any]]:
    """At most ``most`` of the options, each with a drawn value."""
    return (
        st.lists(st.sampled_from(sorted(spec)), max_size=most, unique=True)
        .flatmap(lambda names: st.fixed_dictionaries({name: option(spec[name]) for name in names}))
        .map(dict)
    )


class Tolerant:
    """Wraps a double: an error in it becomes a refusal by the server instead of a failed test."""

    def __init__(self, double: Any) -> None:
        self.double = double
        self.exchanges = 0

    def send(self, *args: Any) -> RawAnswer:
        self.exchanges += 1
        if self.exchanges > MOST_EXCHANGES:
            raise KeyboardInterrupt("the task does not end")
        try:
            answer: RawAnswer = self.double.send(*args)
        except Exception as exc:
            error = {"error": {"type": "illegal_argument_exception", "reason": f"{type(exc).__name__}"}, "status": 400}
            return RawAnswer(400, {}, json.dumps(error).encode())
        return answer

    def stream(self, *args: Any) -> Any:
        return self.double.stream(*args)
