# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The built-in pre- and post-processing functions of ml-commons (MLPreProcessFunction and MLPostProcessFunction, from 2.19 to 3.8).

The server takes any other text for a Painless script, which fails at the prediction.
"""

from __future__ import annotations

import difflib
import re
from typing import Any, Iterator, Mapping

from ..._errors.exceptions import Failure
from ..._runtime.versions import Version
from ..._values.compare import text_of
from . import template

#: The oldest supported version, and the latest one whose functions are known.
_OLDEST, _LATEST = Version(2, 19), Version(3, 8)

_PRE = "connector.pre_process."
_POST = "connector.post_process."

#: Name -> the first supported version that has it.
SINCE: Mapping[str, Version] = {
    **{
        _PRE + name: _OLDEST
        for name in (
            "bedrock.embedding", "bedrock.multimodal_embedding", "bedrock.rerank", "cohere.embedding",
            "cohere.multimodal_embedding", "cohere.rerank", "default.embedding", "default.rerank", "openai.embedding",
        )
    },
    **{
        _PRE + f"bedrock.nova.{kind}_embedding": Version(3, 4)
        for kind in ("audio", "image", "text", "video")
    },
    _PRE + "bedrock.nova.embedding": Version(3, 5),
    **{
        _POST + name: _OLDEST
        for name in (
            "bedrock.batch_job_arn", "bedrock.embedding", "bedrock.rerank", "cohere.embedding", "cohere.rerank",
            "default.embedding", "default.rerank", "openai.embedding",
        )
    },
    **{
        _POST + name: Version(3, 0)
        for name in (
            "bedrock_v2.embedding.binary", "bedrock_v2.embedding.float", "cohere_v2.embedding.binary",
            "cohere_v2.embedding.float", "cohere_v2.embedding.int8", "cohere_v2.embedding.ubinary",
            "cohere_v2.embedding.uint8",
        )
    },
    _POST + "mlcommons.passthrough": Version(3, 3),
    _POST + "bedrock.nova.embedding": Version(3, 4),
}  # fmt: skip

#: Pre-processing function -> the parameters that it makes of the texts that a pipeline or a neural query gives to the model.
_MAKES: Mapping[str, tuple[str, ...]] = {
    _PRE + "bedrock.embedding": ("inputText",),
    _PRE + "bedrock.multimodal_embedding": ("inputText", "inputImage"),
    _PRE + "bedrock.nova.audio_embedding": ("inputAudio",),
    _PRE + "bedrock.nova.image_embedding": ("inputImage",),
    _PRE + "bedrock.nova.text_embedding": ("inputText",),
    _PRE + "bedrock.nova.video_embedding": ("inputVideo",),
    _PRE + "bedrock.rerank": ("queries", "sources", "numberOfResults"),
    _PRE + "cohere.embedding": ("texts",),
    _PRE + "cohere.multimodal_embedding": ("images",),
    _PRE + "cohere.rerank": ("documents", "query", "top_n"),
    _PRE + "default.embedding": ("input",),
    _PRE + "default.rerank": ("documents", "query", "top_n"),
    _PRE + "openai.embedding": ("input",),
}

#: Those of these parameters that are lists.
_LISTS = ("documents", "images", "input", "queries", "sources", "texts")

_PREFIX_OF = {"pre_process_function": _PRE, "post_process_function": _POST}

#: Words with dots between them. A script consists of more; one of a single expression reads ``params``.
_NAME = re.compile(r"\s*(?!params\.)[A-Za-z_][\w-]*(\.[\w-]+)+\s*")


def check(version: Version, fields: Mapping[str, Any]) -> None:
    """Raises Failure for the name of a function that a server of this version does not have."""
    for number, action in enumerate(fields.get("actions") or []):
        for option, prefix in _PREFIX_OF.items():
            name = action.get(option)
            if name and _NAME.fullmatch(name):
                _check_name(version, name, f"actions[{number}].{option}", prefix)


def warnings(fields: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with bodies that do not fit the pre-processing function of their action: such a connector may answer a
    prediction with its own parameters, but not a pipeline or a neural query."""
    for number, action in enumerate(fields.get("actions") or []):
        name, body = action.get("pre_process_function"), text_of(action.get("request_body") or "")
        made = _MAKES.get(name)
        if not made:
            continue
        place = f"actions[{number}].request_body"
        used = {each.name for each in template.placeholders({"actions": [action]}) if each.part == "request_body"}
        unfilled = sorted(used - set(fields.get("parameters") or {}))
        quoted = next((each for each in made if each in _LISTS and f'"${{parameters.{each}}}"' in body), None)
        if unfilled and used.isdisjoint(made):
            yield (
                f"{place}: {name} makes {_placeholder(made[0])} of the texts of a pipeline, and the body does not use it but "
                f"{', '.join(map(_placeholder, unfilled))}. Write {_placeholder(made[0])}{_without_quotes(made[0])}."
            )
        elif quoted:
            yield (
                f"{place}: {_placeholder(quoted)} is in quotes, and {name} makes a list of it. Write it without, or the texts of "
                "a pipeline fail."
            )


def _placeholder(name: str) -> str:
    return f"${{parameters.{name}}}"


def _without_quotes(name: str) -> str:
    return ", without quotes, as it is a list" if name in _LISTS else ""


def _check_name(version: Version, name: str, place: str, prefix: str) -> None:
    candidates = [each for each in SINCE if each.startswith(prefix)]
    if name in candidates and version >= SINCE[name]:
        return
    if name in candidates:
        raise Failure(
            "unsupported_version", f"{place}: {name} needs OpenSearch {SINCE[name]}; this cluster has {version}."
        )
    if version > _LATEST and name.startswith(prefix) and name == name.strip():
        # A later version may have more functions.
        return
    usable = [each for each in candidates if version >= SINCE[each]]
    [near] = difflib.get_close_matches(prefix + name.strip().rpartition("process.")[2], usable, 1, 0.8) or [""]
    raise Failure(
        "unknown_function",
        f"{place}: OpenSearch {version} has no function {name!r}." + (f" Did you mean {near!r}?" if near else ""),
        functions=usable,
    )
