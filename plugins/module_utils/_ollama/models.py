# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Models on an Ollama server: their names, what the server tells of them, and what a model made here should be."""

from __future__ import annotations

import ast
import hashlib
import re
from typing import Any, Mapping, NamedTuple

from .._errors.exceptions import Failure
from .._errors.printable import describe_shape
from .._values import json_text
from . import gguf
from .client import Ollama

REGISTRY, NAMESPACE, TAG = "registry.ollama.ai", "library", "latest"

_NAME = re.compile(
    r"(?:https?://)?(?:(?:(?P<host>[\w.:-]+)/)?(?P<namespace>[\w-]+)/)?(?P<model>\w[\w.-]*)(?::(?P<tag>\w[\w.-]*))?",
    re.ASCII,
)

#: A longer text among parameters is shown as Go wrote it: reading it would take a hundred times its size.
_LONGEST_TEXT = 10_000

#: What Ollama 0.17 knows, by type. Others are stored as they are: a newer server may know more.
_INTEGERS = {
    "num_ctx", "num_batch", "num_gpu", "main_gpu", "num_thread", "num_keep", "seed", "num_predict", "top_k",
    "repeat_last_n",
}  # fmt: skip
_NUMBERS = {
    "top_p", "min_p", "typical_p", "temperature", "repeat_penalty", "presence_penalty", "frequency_penalty",
}  # fmt: skip
_BOOLEANS = {"use_mmap"}
_LISTS = {"stop"}
KNOWN_PARAMETERS = _INTEGERS | _NUMBERS | _BOOLEANS | _LISTS

#: How the server writes where it keeps a file, with the digest as its name.
_BLOB = re.compile(r"sha256[-:]([0-9a-f]{64})$")


class Stored(NamedTuple):
    """One model on the server: its line in the list, and what the server shows of it (empty if it was not asked)."""

    listed: dict[str, Any]
    shown: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.listed["name"])

    @property
    def digest(self) -> str:
        return str(self.listed["digest"])


def canonical(text: str) -> str:
    """A name as the server lists it: with a tag, without what is the default. Raises Failure."""
    found = _NAME.fullmatch(text.strip())
    if not found:
        raise Failure(
            "invalid_input", f"{text!r} is no name of a model: [[registry/]namespace/]model[:tag] is what Ollama takes."
        )
    host, namespace = found["host"] or REGISTRY, found["namespace"] or NAMESPACE
    short = f"{found['model']}:{found['tag'] or TAG}"
    if host.lower() != REGISTRY:
        return f"{host}/{namespace}/{short}"
    return short if namespace.lower() == NAMESPACE else f"{namespace}/{short}"


def listed(client: Ollama) -> list[dict[str, Any]]:
    """All models of the server, the ones that changed last first. Raises Failure where it is no Ollama."""
    return _entries(client, "/api/tags")


def running(client: Ollama) -> list[dict[str, Any]]:
    """The models that are in memory."""
    return _entries(client, "/api/ps")


def find(client: Ollama, name: str, lines: list[dict[str, Any]] | None = None) -> Stored | None:
    """The model of this canonical name, which the server compares without regard to case; None where there is none.

    ``lines`` are what the server lists, where the asker knows it.
    """
    line = named(listed(client) if lines is None else lines, name)
    shown = client.show(line["name"]) if line else None
    return Stored(line, shown) if line and shown is not None else None


def named(entries: list[dict[str, Any]], name: str) -> dict[str, Any] | None:
    return next((entry for entry in entries if entry["name"].lower() == name.lower()), None)


def _entries(client: Ollama, path: str) -> list[dict[str, Any]]:
    answer = client.get(path).body
    entries = (answer["models"] or []) if isinstance(answer, dict) and "models" in answer else None
    if not isinstance(entries, list) or not all(
        isinstance(entry, dict) and isinstance(entry.get("name"), str) and entry.get("digest") for entry in entries
    ):
        raise Failure(
            "not_ollama", f"GET {path} on {client.hosts[0]} was answered without models: {describe_shape(answer)}"
        )
    return entries


def to_result(stored: Stored) -> dict[str, Any]:
    """A model as the modules return it."""
    details = stored.listed.get("details") or {}
    return {
        "name": stored.name,
        "digest": stored.digest,
        "size": stored.listed.get("size"),
        "modified_at": stored.listed.get("modified_at"),
        "format": details.get("format"),
        "family": details.get("family"),
        "parameter_size": details.get("parameter_size"),
        "quantization_level": details.get("quantization_level"),
        **(facts(stored) if stored.shown else {}),
        **({"capabilities": stored.shown.get("capabilities") or []} if stored.shown else {}),
    }


def serialise_running(entry: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """How a model is in memory, as the modules return it; None where it is not."""
    return {name: entry.get(name) for name in ("expires_at", "size", "size_vram", "context_length")} if entry else None


def facts(stored: Stored) -> dict[str, Any]:
    """What makes a model what it is, and what the one that is wanted is compared with."""
    shown = stored.shown
    return {
        "weights": _weights(shown.get("modelfile") or ""),
        "parameters": _parameters(shown.get("parameters") or ""),
        "system": shown.get("system") or "",
        "template": shown.get("template") or "",
        "license": shown.get("license") or "",
    }


def _weights(modelfile: str) -> list[str]:
    """The digests of the model, its projectors and adapters. They stand first; a template may hold the same words."""
    found = []
    for line in modelfile.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        word, _space, path = line.partition(" ")
        if word not in ("FROM", "ADAPTER"):
            break
        blob = _BLOB.search(path.strip())
        found.append(f"sha256:{blob[1]}" if blob else path.strip())
    return found


def _parameters(text: str) -> dict[str, Any]:
    """``stop   "<|user|>"``, one value on each line, as the values that were sent."""
    found: dict[str, list[Any]] = {}
    for line in text.splitlines():
        name, _space, value = line.partition(" ")
        found.setdefault(name, []).append(_value(value.strip()))
    return {name: values if name in _LISTS or len(values) > 1 else values[0] for name, values in sorted(found.items())}


def _value(text: str) -> Any:
    """A value as Go writes it with ``%#v``."""
    if text.startswith('"'):
        try:
            value = ast.literal_eval(text) if len(text) <= _LONGEST_TEXT else text
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return text
        return value if isinstance(value, str) else text
    try:
        number = json_text.parse(text)
    except ValueError:
        return text
    return int(number) if isinstance(number, float) and number.is_integer() else number


def check_parameters(stated: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters in the types that the server wants: it stores what it gets, and fails when the model is loaded."""
    return {str(name): _typed(str(name), value) for name, value in stated.items() if value is not None}


def _typed(name: str, value: Any) -> Any:
    try:
        if name in _LISTS:
            return [str(item) for item in (value if isinstance(value, list) else [value])]
        if name in _BOOLEANS:
            return {"true": True, "yes": True, "false": False, "no": False}[str(value).lower()]
        if name in _INTEGERS | _NUMBERS and isinstance(value, bool):
            raise ValueError
        if name in _INTEGERS or (name in _NUMBERS and float(value).is_integer()):
            if float(value) != int(float(value)):
                raise ValueError
            return int(float(value))
        return float(value) if name in _NUMBERS else value
    except (ValueError, KeyError, TypeError, OverflowError):
        kind = "true or false" if name in _BOOLEANS else "a whole number" if name in _INTEGERS else "a number"
        raise Failure("invalid_input", f"parameters: {name} must be {kind}, not {value!r}.") from None


def comparable(found: dict[str, Any], stated: Mapping[str, Any]) -> dict[str, Any]:
    """The facts of a model made of a file, without the stop words that the server may have found in it: they are not
    known before, and count only where some were stated."""
    if "stop" in stated["parameters"]:
        return found
    return {**found, "parameters": {name: value for name, value in found["parameters"].items() if name != "stop"}}


def wanted_from_file(digest: str, stated: Mapping[str, Any]) -> dict[str, Any]:
    """What a model made of a file should be. The template that the server finds in it is not known before either."""
    wanted = {"weights": [digest], **stated}
    return {name: value for name, value in wanted.items() if name != "template" or value}


def wanted_from_model(base: Mapping[str, Any], stated: Mapping[str, Any]) -> dict[str, Any]:
    """What a model made of another should be: the other's facts, with those that were stated. Licences add up."""
    licences = [text for text in (base["license"], stated["license"]) if text]
    return {
        "weights": base["weights"],
        "parameters": {**base["parameters"], **stated["parameters"]},
        "system": stated["system"] or base["system"],
        "template": stated["template"] or base["template"],
        "license": "\n".join(licences),
    }


def diff(stored: Mapping[str, Any] | None, wanted: Mapping[str, Any]) -> list[str]:
    """The names of the facts that are not as they should be."""
    return [name for name, value in wanted.items() if stored is None or stored[name] != value]


def digest_of(path: str) -> tuple[str, int]:
    """The SHA-256 of a model file, as ``sha256:...``, and its size in bytes. Raises Failure."""
    summed, size = hashlib.sha256(), 0
    try:
        with open(path, "rb") as file:
            gguf.check(file)
            file.seek(0)
            for piece in iter(lambda: file.read(2**20), b""):
                summed.update(piece)
                size += len(piece)
    except gguf.Broken as exc:
        raise Failure("ollama_invalid_file", f"from_file: {path} is no whole GGUF file: {exc}.") from exc
    except (OSError, ValueError) as exc:
        # The latter for a path with a zero in it.
        why = getattr(exc, "strerror", None) or exc
        raise Failure("invalid_input", f"from_file: {path} cannot be read: {why}.") from exc
    return f"sha256:{summed.hexdigest()}", size
