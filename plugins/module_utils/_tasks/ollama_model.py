# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The task of ollama_model: pulls, creates, loads or deletes a model if that is needed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, NamedTuple

from .._errors.exceptions import Failure
from .._ollama import loaded_models, models
from .._ollama.client import CONNECTION, Progress, client_of
from .._ollama.models import ObservedModel
from .._runtime.module import Module, typed
from .._runtime.run import Run

#: Seconds before each retry of a pull that ended because another client aborted its pull of the same model.
ABORTED_PULL_PAUSES = (0.5, 1.0, 2.0, 4.0)

#: Seconds to wait for the answer to an unload.
_UNLOAD_TIMEOUT = 60.0

SPEC = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "default": "present", "choices": ["present", "loaded", "absent"]},
    "update": {"type": "str", "default": "if_missing", "choices": ["if_missing", "latest"]},
    "insecure": {"type": "bool", "default": False},
    "from_file": {"type": "path"},
    "from_model": {"type": "str"},
    "parameters": {"type": "dict", "default": {}},
    "system": {"type": "str", "default": ""},
    "template": {"type": "str", "default": ""},
    "license": {"type": "str", "default": ""},
    "keep_alive": {"type": "str"},
    "wait_timeout": {"type": "float", "default": 3600.0},
    "silence_timeout": {"type": "float", "default": 300.0},
}


@dataclass(frozen=True)
class Options:
    name: str
    state: str
    update: str
    insecure: bool
    from_file: str | None
    from_model: str | None
    parameters: Mapping[str, Any]
    system: str
    template: str
    license: str
    keep_alive: str | None
    wait_timeout: float
    silence_timeout: float


class Reconciled(NamedTuple):
    """A reconciled model: as observed (None if it does not exist, or not yet in check mode), as the module returns it,
    and both sides of the diff."""

    observed: ObservedModel | None
    model: dict[str, Any] | None
    before: dict[str, Any]
    after: dict[str, Any]
    progress: Progress | None = None


def execute(options: Options, run: Run) -> dict[str, Any]:
    """Bring the model into the desired state. Raises Failure."""
    name = models.canonical_name(options.name)
    modelfile = _check(options, run, name)
    entries = models.list_models(client_of(run))
    observed = models.find(client_of(run), name, entries)
    # The server may have the name in another case.
    name = observed.name if observed else name
    if options.state == "absent":
        reconciled = _delete(run, name, observed)
    elif options.from_file:
        creation = _creation_from_file(name, modelfile, options.from_file)
        reconciled = _create(options, run, observed, creation)
    elif options.from_model:
        base_name = models.canonical_name(options.from_model)
        creation = _creation_from_model(run, name, modelfile, base_name, entries)
        reconciled = _create(options, run, observed, creation)
    else:
        reconciled = _pull(options, run, name, observed)
    diff = {"before": reconciled.before, "after": reconciled.after}
    result = {
        "model": reconciled.model,
        "progress": reconciled.progress._asdict() if reconciled.progress else None,
        "diff": diff,
    }
    if options.state == "loaded":
        desired = loaded_models.DesiredModel(
            name, reconciled.observed, reconciled.model or {}, options.keep_alive, options.wait_timeout
        )
        result.update(loaded_models.ensure_loaded(run, desired, entries, diff))
    return result


def _check(options: Options, run: Run, name: str) -> dict[str, Any]:
    """Check the options before anything is sent; raises Failure.

    Returns the Modelfile options of a model that the module creates, with parameters in the server's types.
    """
    for option, value in (("wait_timeout", options.wait_timeout), ("silence_timeout", options.silence_timeout)):
        if value <= 0:
            raise Failure("invalid_input", f"{option}: must be more than 0, not {value}.")
    if options.keep_alive is not None:
        if loaded_models.seconds(options.keep_alive) == 0:
            raise Failure("invalid_input", "keep_alive: 0 unloads the model at once; omit 'state: loaded' instead.")
        if options.state == "present":
            raise Failure("invalid_input", "keep_alive: only valid with 'state: loaded'.")
    modelfile = {
        "parameters": models.typed_parameters(options.parameters),
        "system": options.system,
        "template": options.template,
        "license": options.license,
    }
    if options.state == "absent":
        return modelfile
    if options.from_model:
        if models.canonical_name(options.from_model).lower() == name.lower():
            raise Failure(
                "invalid_input", "from_model: a model cannot be created from itself; give the new model another name."
            )
    elif options.from_file:
        models.check_file(options.from_file)
    elif any(modelfile.values()):
        given = " and ".join(option for option, value in modelfile.items() if value)
        raise Failure(
            "invalid_input",
            f"{given}: not valid for a pulled model; create a second model with 'from_model: {options.name}' instead.",
        )
    unknown = sorted(set(modelfile["parameters"]) - models.KNOWN_PARAMETERS)
    if unknown:
        run.warn(f"parameters: Ollama 0.17 does not know {', '.join(unknown)}; the server stores them anyway.")
    return modelfile


def _delete(run: Run, name: str, observed: ObservedModel | None) -> Reconciled:
    if observed is None:
        return Reconciled(None, None, {}, {})
    client = client_of(run)
    if models.find_entry(models.list_loaded(client), name):
        # The server would continue to serve a deleted model from memory.
        body = {"model": name, "keep_alive": 0, "stream": False}
        run.perform("unload", "model", name, lambda: client.post("/api/generate", body, timeout=_UNLOAD_TIMEOUT))
    run.perform("delete", "model", name, lambda: client.change("DELETE", "/api/delete", {"model": name}, accept=(404,)))
    if not run.check_mode and models.find_entry(models.list_models(client), name):
        raise Failure(
            "not_converged", f"{name}: deleted, but the server still lists it. Does another client pull it right now?"
        )
    return Reconciled(None, None, _identity(observed), {})


def _pull(options: Options, run: Run, name: str, observed: ObservedModel | None) -> Reconciled:
    before = _identity(observed)
    if observed and options.update == "if_missing":
        return Reconciled(observed, models.to_result(observed), before, before)
    if observed and run.check_mode:
        run.warn(
            f"{name}: whether its registry has another version is only known once it is pulled, "
            "which check mode does not do."
        )
        return Reconciled(observed, models.to_result(observed), before, before)

    def pull() -> tuple[Progress, ObservedModel]:
        return _pull_with_retries(options, run, name), _read_back(run, name)

    done = run.perform(
        "pull", "model", name, pull, had_effect=lambda done: observed is None or done[1].digest != observed.digest
    )
    if done is None:
        return Reconciled(None, {"name": name}, before, {"name": name, "digest": None, "size": None})
    progress, pulled = done
    return Reconciled(pulled, models.to_result(pulled), before, _identity(pulled), progress)


def _pull_with_retries(options: Options, run: Run, name: str) -> Progress:
    """Pull the model. If another client aborts its pull of the same model, the server ends this one too: retry.

    Raises Failure.
    """
    body = {"model": name, "stream": True, **({"insecure": True} if options.insecure else {})}
    end = run.clock.now() + options.wait_timeout
    pauses = iter(ABORTED_PULL_PAUSES)
    while True:
        remaining = max(end - run.clock.now(), 0.1)
        try:
            return _stream(options, run, "/api/pull", body, timeout=remaining)
        except Failure as failure:
            pause = next(pauses, None)
            if failure.code != "ollama_pull_ended" or pause is None or pause >= remaining:
                raise
            run.clock.sleep(pause)


class _File(NamedTuple):
    """A model file on the controller, its SHA-256 as the server writes it, and its size in bytes."""

    path: str
    digest: str
    size: int


class _Creation(NamedTuple):
    """A model to create from a file or from another model.

    ``source`` are the fields of the request that name the source, ``desired`` the facts of the new model: empty if the
    base model does not exist in check mode. ``file`` is None for a model from another model.
    """

    name: str
    modelfile: Mapping[str, Any]
    source: dict[str, Any]
    desired: dict[str, Any]
    file: _File | None = None

    def facts(self, model: ObservedModel) -> dict[str, Any]:
        """The facts of a model that are compared with ``desired``."""
        facts = models.facts(model)
        return models.comparable_facts(facts, self.modelfile) if self.file else facts


def _creation_from_file(name: str, modelfile: Mapping[str, Any], path: str) -> _Creation:
    """Raises Failure if the file is not a model file."""
    digest, size = models.file_digest(path)
    desired = models.desired_from_file(digest, modelfile)
    return _Creation(name, modelfile, {"files": {"model.gguf": digest}}, desired, _File(path, digest, size))


def _creation_from_model(
    run: Run, name: str, modelfile: Mapping[str, Any], base_name: str, entries: list[dict[str, Any]]
) -> _Creation:
    """``entries`` are those of the server's list of models. Raises Failure if the base model does not exist."""
    base = models.find(client_of(run), base_name, entries)
    if base is None:
        if not run.check_mode:
            # The server would try to pull the base model and, if that fails, create a model without weights.
            raise Failure("ollama_model_missing", f"from_model: the server has no model {base_name!r}.")
        run.warn(f"from_model: the server has no model {base_name!r} yet; the facts of the new model are not known.")
    desired = models.desired_from_model(models.facts(base), modelfile) if base else {}
    return _Creation(name, modelfile, {"from": base_name}, desired)


def _create(options: Options, run: Run, observed: ObservedModel | None, creation: _Creation) -> Reconciled:
    """Create the model unless it has the desired facts. Creating an existing model replaces it. Raises Failure."""
    name, desired = creation.name, creation.desired
    current = creation.facts(observed) if observed else None
    before = {fact: current[fact] for fact in desired} if current else {}
    if desired and not models.diff(current, desired):
        return Reconciled(observed, models.to_result(observed) if observed else None, before, desired)

    if creation.file:
        _upload_if_missing(options, run, creation.file)
    given = {option: value for option, value in creation.modelfile.items() if value}
    body = {"model": name, **creation.source, **given, "stream": True}
    progress = run.perform(
        "update" if observed else "create",
        "model",
        name,
        lambda: _stream(options, run, "/api/create", body, timeout=options.wait_timeout),
    )
    if run.check_mode:
        return Reconciled(None, {"name": name, "digest": None, "size": None, **desired}, before, desired)
    created = _read_back(run, name)
    facts = creation.facts(created)
    different = models.diff(facts, desired)
    if different:
        described = "; ".join(f"{fact} is {facts[fact]!r} instead of {desired[fact]!r}" for fact in different)
        raise Failure("not_converged", f"{name}: created, but {described}.")
    return Reconciled(created, models.to_result(created), before, desired, progress)


def _upload_if_missing(options: Options, run: Run, file: _File) -> None:
    client, blob = client_of(run), f"/api/blobs/{file.digest}"

    def upload() -> None:
        try:
            with open(file.path, "rb") as content:
                client.upload(blob, content, timeout=options.silence_timeout)
        except OSError as exc:
            raise Failure("invalid_input", f"from_file: {file.path} cannot be read: {exc.strerror}.") from exc

    if not client.exists(blob):
        run.perform("upload", "file", file.path, upload, digest=file.digest, size=file.size)


def _stream(options: Options, run: Run, path: str, body: Mapping[str, Any], *, timeout: float) -> Progress:
    return client_of(run).stream(
        path,
        body,
        silence_timeout=options.silence_timeout,
        timeout=timeout,
        progress=lambda line: run.report_waiting(f"{options.name}: {line}"),
    )


def _identity(model: ObservedModel | None) -> dict[str, Any]:
    return {"name": model.name, "digest": model.digest, "size": model.entry.get("size")} if model else {}


def _read_back(run: Run, name: str) -> ObservedModel:
    model = models.find(client_of(run), name)
    if model is None:
        raise Failure(
            "not_converged",
            f"{name}: the server reported success, but does not list the model. "
            "Does another client delete it right now?",
        )
    return model


MODULE = Module(
    SPEC, execute, typed(Options), {"mutually_exclusive": [("from_file", "from_model")]}, connection=CONNECTION
)
