# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Models on an Ollama server: names, observed facts, and the desired facts of a model that the module creates."""

from __future__ import annotations

import ast
import hashlib
import re
from contextlib import contextmanager
from typing import Any, BinaryIO, Iterator, Mapping, NamedTuple

from .._errors.exceptions import Failure, describe_shape
from .._values.nested import parse_json
from . import gguf
from .client import OllamaClient

REGISTRY, NAMESPACE, TAG = "registry.ollama.ai", "library", "latest"

_NAME = re.compile(
    r"(?:https?://)?(?:(?:(?P<host>[\w.:-]+)/)?(?P<namespace>[\w-]+)/)?(?P<model>\w[\w.-]*)(?::(?P<tag>\w[\w.-]*))?",
    re.ASCII,
)

#: Maximum length of a text parameter that is parsed: parsing takes a hundred times its size. A longer one stays as Go
#: writes it.
_MAX_PARSED_TEXT = 10_000

#: The parameters of Ollama 0.17, by type. Others are sent as they are: a newer server may support more.
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

#: The path of a file on the server, which ends with the file's digest.
_BLOB = re.compile(r"sha256[-:]([0-9a-f]{64})$")


class ObservedModel(NamedTuple):
    """A model on the server: its entry in the server's list, and its details (empty if they were not requested)."""

    entry: dict[str, Any]
    details: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.entry["name"])

    @property
    def digest(self) -> str:
        return str(self.entry["digest"])


def canonical_name(text: str) -> str:
    """The name as the server lists it: with a tag, and without the default registry and namespace. Raises Failure."""
    found = _NAME.fullmatch(text.strip())
    if not found:
        raise Failure(
            "invalid_input", f"{text!r} is not the name of a model: Ollama accepts [[registry/]namespace/]model[:tag]."
        )
    host, namespace = found["host"] or REGISTRY, found["namespace"] or NAMESPACE
    short = f"{found['model']}:{found['tag'] or TAG}"
    if host.lower() != REGISTRY:
        return f"{host}/{namespace}/{short}"
    return short if namespace.lower() == NAMESPACE else f"{namespace}/{short}"


def list_models(client: OllamaClient) -> list[dict[str, Any]]:
    """The entries of all models on the server, the last changed first. Raises Failure if the server is not Ollama."""
    return _entries(client, "/api/tags")


def list_loaded(client: OllamaClient) -> list[dict[str, Any]]:
    """The entries of the models in the server's memory."""
    return _entries(client, "/api/ps")


def find(client: OllamaClient, name: str, entries: list[dict[str, Any]] | None = None) -> ObservedModel | None:
    """The model with this canonical name; None if it does not exist. ``entries`` are those of :func:`list_models`, if
    the caller has them."""
    entry = find_entry(list_models(client) if entries is None else entries, name)
    details = client.show(entry["name"]) if entry else None
    return ObservedModel(entry, details) if entry and details is not None else None


def find_entry(entries: list[dict[str, Any]], name: str) -> dict[str, Any] | None:
    """The entry with this canonical name, compared without regard to case as the server does; None without one."""
    return next((entry for entry in entries if entry["name"].lower() == name.lower()), None)


def _entries(client: OllamaClient, path: str) -> list[dict[str, Any]]:
    answer = client.get(path).body
    entries = (answer["models"] or []) if isinstance(answer, dict) and "models" in answer else None
    if not isinstance(entries, list) or not all(
        isinstance(entry, dict) and isinstance(entry.get("name"), str) and entry.get("digest") for entry in entries
    ):
        raise Failure(
            "not_ollama", f"GET {path} on {client.hosts[0]} was answered without models: {describe_shape(answer)}"
        )
    return entries


def to_result(model: ObservedModel) -> dict[str, Any]:
    """A model as the modules return it."""
    details = model.entry.get("details") or {}
    return {
        "name": model.name,
        "digest": model.digest,
        "size": model.entry.get("size"),
        "modified_at": model.entry.get("modified_at"),
        "format": details.get("format"),
        "family": details.get("family"),
        "parameter_size": details.get("parameter_size"),
        "quantization_level": details.get("quantization_level"),
        **(facts(model) if model.details else {}),
        **({"capabilities": model.details.get("capabilities") or []} if model.details else {}),
    }


def loaded_to_result(entry: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The entry of a loaded model as the modules return it; None if the model is not loaded."""
    return {name: entry.get(name) for name in ("expires_at", "size", "size_vram", "context_length")} if entry else None


def facts(model: ObservedModel) -> dict[str, Any]:
    """The facts of a model that are compared with the desired ones."""
    details = model.details
    return {
        "weights": _weights(details.get("modelfile") or ""),
        "parameters": _parameters(details.get("parameters") or ""),
        "system": details.get("system") or "",
        "template": details.get("template") or "",
        "license": details.get("license") or "",
    }


def _weights(modelfile: str) -> list[str]:
    """The digests of the model, its projectors and adapters, from the first lines: a template after them may contain
    the same words."""
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
    """The values of lines such as ``stop   "<|user|>"``."""
    found: dict[str, list[Any]] = {}
    for line in text.splitlines():
        name, _space, value = line.partition(" ")
        found.setdefault(name, []).append(_value(value.strip()))
    return {name: values if name in _LISTS or len(values) > 1 else values[0] for name, values in sorted(found.items())}


def _value(text: str) -> Any:
    """The value that Go writes with ``%#v``."""
    if text.startswith('"'):
        try:
            value = ast.literal_eval(text) if len(text) <= _MAX_PARSED_TEXT else text
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return text
        return value if isinstance(value, str) else text
    try:
        number = parse_json(text)
    except ValueError:
        return text
    return int(number) if isinstance(number, float) and number.is_integer() else number


def typed_parameters(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters in the types that the server needs: it stores any value, but then cannot load the model.

    Raises Failure.
    """
    return {str(name): _typed(str(name), value) for name, value in parameters.items() if value is not None}


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


def comparable_facts(facts_of_model: dict[str, Any], modelfile: Mapping[str, Any]) -> dict[str, Any]:
    """The facts of a model created from a file, without stop words unless ``modelfile`` has some: the server may have
    read them from the file, which cannot be predicted."""
    if "stop" in modelfile["parameters"]:
        return facts_of_model
    parameters = {name: value for name, value in facts_of_model["parameters"].items() if name != "stop"}
    return {**facts_of_model, "parameters": parameters}


def desired_from_file(digest: str, modelfile: Mapping[str, Any]) -> dict[str, Any]:
    """The desired facts of a model created from a file. Without a template in ``modelfile`` the server may read one
    from the file, which cannot be predicted either."""
    desired = {"weights": [digest], **modelfile}
    return {name: value for name, value in desired.items() if name != "template" or value}


def desired_from_model(base: Mapping[str, Any], modelfile: Mapping[str, Any]) -> dict[str, Any]:
    """The desired facts of a model created from another: those of ``base`` overridden by ``modelfile``.

    Licences add up.
    """
    licences = [text for text in (base["license"], modelfile["license"]) if text]
    return {
        "weights": base["weights"],
        "parameters": {**base["parameters"], **modelfile["parameters"]},
        "system": modelfile["system"] or base["system"],
        "template": modelfile["template"] or base["template"],
        "license": "\n".join(licences),
    }


def diff(observed: Mapping[str, Any] | None, desired: Mapping[str, Any]) -> list[str]:
    """The names of the facts that differ."""
    return [name for name, value in desired.items() if observed is None or observed[name] != value]


def check_file(path: str) -> None:
    """Raises Failure if a file is not a complete model file. Reads only its head."""
    with _model_file(path):
        pass


def file_digest(path: str) -> tuple[str, int]:
    """The SHA-256 of a model file, as ``sha256:...``, and its size in bytes. Raises Failure."""
    digest, size = hashlib.sha256(), 0
    with _model_file(path) as file:
        file.seek(0)
        for chunk in iter(lambda: file.read(2**20), b""):
            digest.update(chunk)
            size += len(chunk)
    return f"sha256:{digest.hexdigest()}", size


@contextmanager
def _model_file(path: str) -> Iterator[BinaryIO]:
    """A model file that was checked. Raises Failure, also for an error while it is read."""
    try:
        with open(path, "rb") as file:
            gguf.check(file)
            yield file
    except gguf.InvalidFile as exc:
        raise Failure("ollama_invalid_file", f"from_file: {path} is not a complete GGUF file: {exc}.") from exc
    except (OSError, ValueError) as exc:
        # ValueError: the path contains a NUL.
        reason = getattr(exc, "strerror", None) or exc
        raise Failure("invalid_input", f"from_file: {path} cannot be read: {reason}.") from exc
