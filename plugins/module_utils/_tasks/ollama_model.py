# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What ollama_model does: pulls, creates, loads and deletes a model, each only where it is needed."""

from __future__ import annotations

from typing import Any, Mapping, NamedTuple

from .._errors.exceptions import Failure
from .._ollama import client as client_module
from .._ollama import memory, models
from .._ollama.client import Progress
from .._ollama.models import Stored
from .._runtime.module import Module
from .._runtime.run import Run

#: Seconds after which a pull is asked for again that ended with one that somebody gave up.
GIVEN_UP_PAUSES = (0.5, 1.0, 2.0, 4.0)

OPTIONS = {
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

#: What only a model that is made here can have.
_MADE = ("parameters", "system", "template", "license")


class Outcome(NamedTuple):
    """What a step came to: the model (None where it is not there, or in check mode not yet), as it is shown, and both
    sides of the diff."""

    observed: Stored | None
    model: dict[str, Any] | None
    before: dict[str, Any]
    after: dict[str, Any]
    progress: Progress | None = None


def execute(options: Mapping[str, Any], run: Run) -> dict[str, Any]:
    """Bring the model to the stated state. Raises Failure."""
    name = models.canonical(options["name"])
    stated = _check(options, run, name)
    lines = models.listed(client_module.of(run))
    stored = models.find(client_module.of(run), name, lines)
    # The server may know the name in another case.
    name = stored.name if stored else name
    if options["state"] == "absent":
        outcome = _absent(run, name, stored)
    elif options["from_file"] or options["from_model"]:
        outcome = _made(options, run, name, stored, stated, lines)
    else:
        outcome = _pulled(options, run, name, stored)
    diff = {"before": outcome.before, "after": outcome.after}
    result = {
        "model": outcome.model,
        "progress": outcome.progress._asdict() if outcome.progress else None,
        "diff": diff,
    }
    if options["state"] == "loaded":
        wanted = memory.Wanted(name, outcome.observed, outcome.model or {})
        result.update(memory.ensure_loaded(options, run, wanted, lines, diff))
    return result


def _check(options: Mapping[str, Any], run: Run, name: str) -> dict[str, Any]:
    """What was stated of a model that is made here, in the server's types. Raises Failure before anything is sent."""
    for option in ("wait_timeout", "silence_timeout"):
        if options[option] <= 0:
            raise Failure("invalid_input", f"{option}: {options[option]} is too small.")
    if options["keep_alive"] is not None:
        if memory.seconds(options["keep_alive"]) == 0:
            raise Failure("invalid_input", "keep_alive: 0 means that the model is not kept; leave out 'state: loaded'.")
        if options["state"] == "present":
            raise Failure("invalid_input", "keep_alive: it goes with 'state: loaded' only.")
    stated = {option: options[option] for option in _MADE}
    stated["parameters"] = models.check_parameters(options["parameters"])
    if options["state"] == "absent":
        return stated
    if options["from_model"]:
        if models.canonical(options["from_model"]).lower() == name.lower():
            raise Failure(
                "invalid_input", "from_model: a model cannot be made of itself; give the new one another name."
            )
    elif not options["from_file"] and any(stated.values()):
        given = " and ".join(option for option in _MADE if stated[option])
        raise Failure(
            "invalid_input", f"{given}: a pulled model is taken as it is; name it in 'from_model' of another."
        )
    unknown = sorted(set(stated["parameters"]) - models.KNOWN_PARAMETERS)
    if unknown:
        run.warn(f"parameters: Ollama 0.17 does not know {', '.join(unknown)}; the server stores it all the same.")
    return stated


def _absent(run: Run, name: str, stored: Stored | None) -> Outcome:
    if stored is None:
        return Outcome(None, None, {}, {})
    client = client_module.of(run)
    if models.named(models.running(client), name):
        # It would go on serving from memory.
        run.perform(
            "unload",
            "model",
            name,
            lambda: client.patiently("/api/generate", {"model": name, "keep_alive": 0, "stream": False}, timeout=60.0),
        )
    run.perform("delete", "model", name, lambda: client.change("DELETE", "/api/delete", {"model": name}, accept=(404,)))
    if not run.check_mode and models.named(models.listed(client), name):
        raise Failure("not_converged", f"{name}: deleted, yet the server still lists it. Is somebody else pulling it?")
    return Outcome(None, None, _identity(stored), {})


def _pulled(options: Mapping[str, Any], run: Run, name: str, stored: Stored | None) -> Outcome:
    before = _identity(stored)
    if stored and options["update"] == "if_missing":
        return Outcome(stored, models.to_result(stored), before, before)
    if stored and run.check_mode:
        run.warn(
            f"{name}: whether its registry has another version is only known once it is pulled, which check mode does not do."
        )
        return Outcome(stored, models.to_result(stored), before, before)
    client, body = (
        client_module.of(run),
        {"model": name, "stream": True, **({"insecure": True} if options["insecure"] else {})},
    )

    def pull() -> tuple[Progress, Stored]:
        end = run.clock.now() + options["wait_timeout"]
        for pause in (*GIVEN_UP_PAUSES, None):
            left = max(end - run.clock.now(), 0.1)
            try:
                progress = client.stream("/api/pull", body, **{**_patience(options, run), "timeout": left})
                break
            except Failure as failure:
                # A pull that was given up ends on the server a moment later, and with it whoever joined it meanwhile.
                if failure.code != "ollama_pull_ended" or pause is None or pause >= left:
                    raise
                run.clock.sleep(pause)
        return progress, _read_back(run, name)

    done = run.perform(
        "pull", "model", name, pull, had_effect=lambda done: stored is None or done[1].digest != stored.digest
    )
    if done is None:
        return Outcome(None, {"name": name}, before, {"name": name, "digest": None, "size": None})
    progress, after = done
    return Outcome(after, models.to_result(after), before, _identity(after), progress)


def _made(
    options: Mapping[str, Any],
    run: Run,
    name: str,
    stored: Stored | None,
    stated: Mapping[str, Any],
    lines: list[dict[str, Any]],
) -> Outcome:
    """A model of a file or of another model, which is among the ``lines`` that the server lists."""
    client, path = client_module.of(run), options["from_file"]

    def facts(found: Stored) -> dict[str, Any]:
        return models.comparable(models.facts(found), stated) if path else models.facts(found)

    current = facts(stored) if stored else None
    if path:
        digest, size = models.digest_of(path)
        wanted = models.wanted_from_file(digest, stated)
        source: dict[str, Any] = {"files": {"model.gguf": digest}}
    else:
        base_name = models.canonical(options["from_model"])
        base = models.find(client, base_name, lines)
        if base is None:
            _missing_base(run, base_name)
            wanted = {}
        else:
            wanted = models.wanted_from_model(models.facts(base), stated)
        source = {"from": base_name}
    shown = {fact: current[fact] for fact in wanted} if current else {}
    if wanted and not models.diff(current, wanted):
        return Outcome(stored, models.to_result(stored) if stored else None, shown, wanted)

    if path and not client.has(f"/api/blobs/{digest}"):
        run.perform("upload", "file", path, lambda: _upload(options, run, path, digest), digest=digest, size=size)
    body = {"model": name, **source, **{option: value for option, value in stated.items() if value}, "stream": True}
    progress = run.perform(
        "update" if stored else "create",
        "model",
        name,
        lambda: client.stream("/api/create", body, **_patience(options, run)),
    )
    if run.check_mode:
        return Outcome(None, {"name": name, "digest": None, "size": None, **wanted}, shown, wanted)
    after = _read_back(run, name)
    left = models.diff(facts(after), wanted)
    if left:
        told = "; ".join(f"{fact} is {facts(after)[fact]!r} instead of {wanted[fact]!r}" for fact in left)
        raise Failure("not_converged", f"{name}: created, yet {told}.")
    return Outcome(after, models.to_result(after), shown, wanted, progress)


def _patience(options: Mapping[str, Any], run: Run) -> dict[str, Any]:
    return {
        "silence": options["silence_timeout"],
        "timeout": options["wait_timeout"],
        "tell": lambda line: run.report_waiting(f"{options['name']}: {line}"),
    }


def _missing_base(run: Run, name: str) -> None:
    if not run.check_mode:
        # The server would try to pull it, and make a model of nothing where that fails.
        raise Failure("ollama_model_missing", f"from_model: the server has no model {name!r}.")
    run.warn(f"from_model: the server has no model {name!r} yet; what is made of it is not known.")


def _upload(options: Mapping[str, Any], run: Run, path: str, digest: str) -> None:
    try:
        with open(path, "rb") as file:
            client_module.of(run).upload(f"/api/blobs/{digest}", file, timeout=options["silence_timeout"])
    except OSError as exc:
        raise Failure("invalid_input", f"from_file: {path} cannot be read: {exc.strerror}.") from exc


def _identity(stored: Stored | None) -> dict[str, Any]:
    return {"name": stored.name, "digest": stored.digest, "size": stored.listed.get("size")} if stored else {}


def _read_back(run: Run, name: str) -> Stored:
    stored = models.find(client_module.of(run), name)
    if stored is None:
        raise Failure(
            "not_converged", f"{name}: the server told success, yet does not list it. Is somebody else deleting it?"
        )
    return stored


MODULE = Module(
    OPTIONS, execute, {"mutually_exclusive": [("from_file", "from_model")]}, connection=client_module.CONNECTION
)
