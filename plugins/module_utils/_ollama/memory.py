# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Models in Ollama's memory: whether one is there, for how long it stays, and how it gets there."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any, Mapping, NamedTuple

from .._errors.exceptions import Failure
from .._runtime.run import Run
from . import client as client_module
from . import models
from .models import Stored

#: Seconds in Go's units of time.
_UNITS = {"ns": 1e-9, "us": 1e-6, "\u00b5s": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}

_NUMBER = re.compile(r"-?\d+(\.\d+)?", re.ASCII)

#: A model that stays for longer than this, in seconds, was loaded to stay for ever: the server then says 292 years.
_FOR_EVER = 10 * 365 * 86400.0

#: Seconds by which a model may stay longer than was stated: clocks and answers take their time.
_TOLERANCE = 5.0

#: Seconds for the answers that a model gives at that time, when it is to be unloaded.
_UNLOADING = 60.0

#: The parameters that the server loads weights for. Of models that have these and the weights in common it loads one.
_LOADED_FOR = ("num_ctx", "num_batch", "num_gpu", "main_gpu", "num_thread", "use_mmap")


class Wanted(NamedTuple):
    """The model that is to be in memory: as it is on the server (None where check mode has not made it), and its facts as
    far as they are known."""

    name: str
    observed: Stored | None
    facts: Mapping[str, Any]


def ensure_loaded(
    options: Mapping[str, Any],
    run: Run,
    wanted: Wanted,
    lines: list[dict[str, Any]],
    diff: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """Have the model in memory. ``lines`` are the models that the server listed. Returns the parts of the result that this
    adds or changes, the ``diff`` among them."""
    client, keep_alive = client_module.of(run), options["keep_alive"]
    name, observed, _facts = wanted
    running = models.running(client)
    entry = _own(running, wanted)
    before, after = dict(diff["before"]), dict(diff["after"])
    before["loaded"], after["loaded"] = entry is not None, True
    if entry is None or not _kept(entry, keep_alive, _now(client)):
        if keep_alive is not None:
            before["expires_at"], after["keep_alive"] = entry["expires_at"] if entry else None, keep_alive
        body: dict[str, Any] = {
            "model": name,
            "stream": False,
            **({} if keep_alive is None else {"keep_alive": _sent(keep_alive)}),
        }
        path = "/api/generate"
        if observed and "completion" not in observed.shown.get("capabilities", ["completion"]):
            # A model for embeddings only refuses to generate.
            path, body = "/api/embed", {**body, "input": []}
        if entry is None and run.check_mode:
            _foresee(run, wanted, running, lines)

        def load() -> list[dict[str, Any]]:
            client.patiently(path, body, timeout=options["wait_timeout"])
            return models.running(client)

        now_running = run.perform("load", "model", name, load)
        if now_running is not None:
            if _own(now_running, wanted) is None and models.named(now_running, name):
                # Where it differs in neither weights nor context, the server goes on with it as it was made before.
                _unload(run, name)
                now_running = load()
            entry = _own(now_running, wanted)
            if entry is None:
                raise _not_there(run, wanted, now_running, lines)
    return {"running": models.serialise_running(entry), "diff": {"before": before, "after": after}}


def seconds(keep_alive: str) -> float:
    """A duration in seconds, negative for ever. Raises Failure."""
    text = str(keep_alive).strip()
    if _NUMBER.fullmatch(text):
        return float(text)
    if not re.fullmatch(r"-?((\d+\.?\d*|\.\d+)(ns|us|\u00b5s|ms|s|m|h))+", text):
        raise Failure("invalid_input", f"keep_alive: {keep_alive!r} is no duration such as 30m, 24h, 600 or -1.")
    parts = re.findall(r"(\d+\.?\d*|\.\d+)(ns|us|\u00b5s|ms|s|m|h)", text)
    return sum(float(number) * _UNITS[unit] for number, unit in parts) * (-1 if text.startswith("-") else 1)


def _own(running: list[dict[str, Any]], wanted: Wanted) -> dict[str, Any] | None:
    """The entry of this very version of the model; one that was made anew may still be in memory as it was."""
    digest = wanted.observed.digest if wanted.observed else None
    return models.named([entry for entry in running if entry["digest"] == digest], wanted.name)


def _unload(run: Run, name: str) -> None:
    """Take the model out of memory, and wait until it is: whoever asks for it before that keeps it there."""
    client = client_module.of(run)
    client.patiently("/api/generate", {"model": name, "keep_alive": 0, "stream": False}, timeout=_UNLOADING)
    end = run.clock.now() + _UNLOADING
    while models.named(models.running(client), name) and run.clock.now() < end:
        run.clock.sleep(0.2)


def _not_there(run: Run, wanted: Wanted, running: list[dict[str, Any]], lines: list[dict[str, Any]]) -> Failure:
    other = _of_the_same_weights(run, wanted, running, lines)
    if other:
        return _served_by(wanted, other)
    return Failure("not_converged", f"{wanted.name}: loaded, yet not listed in memory. Did another model push it out?")


def _of_the_same_weights(
    run: Run, wanted: Wanted, running: list[dict[str, Any]], lines: list[dict[str, Any]]
) -> Stored | None:
    """Another model in memory that is made of the same files. One that was made anew since it was loaded is left out, as
    nobody tells of what it was made before."""
    weights = wanted.facts.get("weights")
    for entry in running if weights else []:
        line = models.named(lines, entry["name"])
        if line and line["digest"] == entry["digest"] and entry["name"].lower() != wanted.name.lower():
            other = models.find(client_module.of(run), entry["name"], [{**line, **entry}])
            if other and models.facts(other)["weights"] == weights:
                return other
    return None


def _foresee(run: Run, wanted: Wanted, running: list[dict[str, Any]], lines: list[dict[str, Any]]) -> None:
    """Tell in check mode that the model cannot be loaded beside one that is in memory. Raises Failure where that is sure:
    a question may have loaded the other one for another context than the model's own."""
    other = _of_the_same_weights(run, wanted, running, lines)
    if other is None:
        return
    mine, its = wanted.facts["parameters"], models.facts(other)["parameters"]
    if any(mine.get(name) != its.get(name) for name in _LOADED_FOR):
        return
    if "num_ctx" not in its:
        run.warn(
            f"{wanted.name}: {other.name} is in memory, of the same weights. If that was loaded for the same context, this "
            "one cannot be loaded beside it."
        )
    elif its["num_ctx"] == other.listed.get("context_length"):
        raise _served_by(wanted, other)


def _served_by(wanted: Wanted, other: Stored) -> Failure:
    return Failure(
        "ollama_same_weights",
        f"{wanted.name}: {other.name} is in memory, of the same weights and for the same context. Ollama answers for both with "
        f"what is loaded, and keeps that under the name {other.name}.",
    )


def _kept(entry: Mapping[str, Any], keep_alive: str | None, now: datetime) -> bool:
    """Whether a loaded model stays as long as was stated. Less is left with each second, so only more is a difference."""
    if keep_alive is None:
        return True
    wanted, left = seconds(keep_alive), (_moment(entry["expires_at"]) - now).total_seconds()
    return left > _FOR_EVER if wanted < 0 else left <= wanted + _TOLERANCE


def _now(client: client_module.Ollama) -> datetime:
    """By the server's clock, which set the expiry."""
    try:
        return parsedate_to_datetime(client.server_time or "")
    except (TypeError, ValueError):
        return datetime.now(timezone.utc)


def _moment(text: str) -> datetime:
    """``2026-01-31T12:00:00.123456789+01:00``, with as many digits as there are. Raises Failure."""
    found = re.match(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:\d\d)$", str(text))
    if not found:
        raise Failure("not_ollama", f"GET /api/ps was answered with {text!r} for a point in time.")
    return datetime.strptime(found[1] + found[2].replace("Z", "+00:00"), "%Y-%m-%dT%H:%M:%S%z")


def _sent(keep_alive: str) -> float | str:
    """A number of seconds must be sent as a number: the server wants a unit in a text."""
    text = str(keep_alive).strip()
    return float(text) if _NUMBER.fullmatch(text) else text
