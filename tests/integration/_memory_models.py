# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A double of the two models of a memory container, which the containers of the stack can reach.

The tiny model of the stack cannot answer with the JSON that ML Commons asks for. This double answers the same fact for each
conversation and the same vector for each text.
"""

from __future__ import annotations

import contextlib
import json
from typing import Any, Iterator

from ansible_collections.searchops.opensearch_ml.tests.integration._double import double

FACT = "Ada drinks green tea in the morning."

DIMENSION = 4

PROMPT = (
    '{"messages": [{"role": "system", "content": "${parameters.system_prompt}"}, '
    '{"role": "user", "content": "${parameters.user_prompt}"}]}'
)


def _chat(_body: Any) -> tuple[int, str]:
    content = json.dumps({"facts": [FACT]})
    return 200, json.dumps({"choices": [{"message": {"role": "assistant", "content": content}}]})


def _embed(_body: Any) -> tuple[int, str]:
    return 200, json.dumps({"data": [{"embedding": [0.1] * DIMENSION}]})


@contextlib.contextmanager
def memory_models() -> Iterator[str]:
    """The URL of the double: ``/chat`` and ``/embed``."""
    with double({"/chat": _chat, "/embed": _embed}) as server:
        yield server.url
