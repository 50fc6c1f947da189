# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Models in the memory of an Ollama server: whether a model is loaded, how long it stays, and loading it."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any, Mapping, NamedTuple

from .._errors.exceptions import Failure
from .._runtime.run import Run
from . import models
from .client import OllamaClient, client_of
from .models import ObservedModel

#: Seconds in Go's units of time.
_UNITS = {"ns": 1e-9, "us": 1e-6, "\u00b5s": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}

_NUMBER = re.compile(r"-?\d+(\.\d+)?", re.ASCII)

#: A model that stays for more than these seconds was loaded without a limit: the server then reports 292 years.
_UNLIMITED_SECONDS = 10 * 365 * 86400.0

#: Seconds by which a model may stay longer than desired: the answers of the server take time, and clocks differ.
_TOLERANCE_SECONDS = 5.0

#: Seconds to wait until a model is unloaded: it completes the requests in progress first.
_UNLOAD_TIMEOUT = 60.0

#: The parameters with which the server loads weights. Of models with equal weights and parameters, it loads one.
_LOAD_PARAMETERS = ("num_ctx", "num_batch", "num_gpu", "main_gpu", "num_thread", "use_mmap")


class DesiredModel(NamedTuple):
    """The model to load: its name, the model on the server (None if check mode did not create it), and its known facts.

    ``keep_alive`` is the duration for which it stays; None leaves that to the server. ``timeout`` is in seconds and
    applies to the loading.
    """

    name: str
    observed: ObservedModel | None
    facts: Mapping[str, Any]
    keep_alive: str | None
    timeout: float


def ensure_loaded(
    run: Run, desired: DesiredModel, entries: list[dict[str, Any]], diff: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """Load the model unless it is loaded for the desired duration. Raises Failure.

    ``entries`` are those of the server's list of models. Returns the results 'running' and 'diff', the latter extended.
    """
    client, keep_alive = client_of(run), desired.keep_alive
    loaded = models.list_loaded(client)
    entry = _entry_of(loaded, desired)
    before, after = dict(diff["before"]), dict(diff["after"])
    before["loaded"], after["loaded"] = entry is not None, True
    if entry is None or not _stays_as_desired(entry, keep_alive, _server_time(client)):
        if keep_alive is not None:
            before["expires_at"], after["keep_alive"] = entry["expires_at"] if entry else None, keep_alive
        if entry is None and run.check_mode:
            _predict_conflict(run, desired, loaded, entries)
        now_loaded = run.perform("load", "model", desired.name, lambda: _load(client, desired))
        if now_loaded is not None:
            entry = _loaded_entry(run, desired, now_loaded, entries)
    return {"running": models.loaded_to_result(entry), "diff": {"before": before, "after": after}}


def _load(client: OllamaClient, desired: DesiredModel) -> list[dict[str, Any]]:
    """Load the model. Returns the entries of all loaded models."""
    body: dict[str, Any] = {"model": desired.name, "stream": False}
    if desired.keep_alive is not None:
        body["keep_alive"] = _keep_alive_to_send(desired.keep_alive)
    path = "/api/generate"
    if desired.observed and "completion" not in desired.observed.details.get("capabilities", ["completion"]):
        # The server refuses to generate with a model that is for embeddings only.
        path, body = "/api/embed", {**body, "input": []}
    client.post(path, body, timeout=desired.timeout)
    return models.list_loaded(client)


def _loaded_entry(
    run: Run, desired: DesiredModel, loaded: list[dict[str, Any]], entries: list[dict[str, Any]]
) -> dict[str, Any]:
    """The model's entry after it was loaded. Raises Failure if it is not loaded."""
    if _entry_of(loaded, desired) is None and models.find_entry(loaded, desired.name):
        # If a new version of a model differs in neither weights nor context, the server keeps the old version loaded.
        _unload(run, desired.name)
        loaded = _load(client_of(run), desired)
    entry = _entry_of(loaded, desired)
    if entry is None:
        raise _not_loaded(run, desired, loaded, entries)
    return entry


def seconds(keep_alive: str) -> float:
    """A duration in seconds; negative for no limit. Raises Failure."""
    text = str(keep_alive).strip()
    if _NUMBER.fullmatch(text):
        return float(text)
    if not re.fullmatch(r"-?((\d+\.?\d*|\.\d+)(ns|us|\u00b5s|ms|s|m|h))+", text):
        raise Failure("invalid_input", f"keep_alive: {keep_alive!r} is not a duration such as 30m, 24h, 600 or -1.")
    parts = re.findall(r"(\d+\.?\d*|\.\d+)(ns|us|\u00b5s|ms|s|m|h)", text)
    return sum(float(number) * _UNITS[unit] for number, unit in parts) * (-1 if text.startswith("-") else 1)


def _entry_of(loaded: list[dict[str, Any]], desired: DesiredModel) -> dict[str, Any] | None:
    """The entry of the present version of the model. After an update, the old version may still be loaded."""
    digest = desired.observed.digest if desired.observed else None
    return models.find_entry([entry for entry in loaded if entry["digest"] == digest], desired.name)


def _unload(run: Run, name: str) -> None:
    """Unload the model and wait until the server has done so: a request before that keeps the model loaded."""
    client = client_of(run)
    client.post("/api/generate", {"model": name, "keep_alive": 0, "stream": False}, timeout=_UNLOAD_TIMEOUT)
    end = run.clock.now() + _UNLOAD_TIMEOUT
    while models.find_entry(models.list_loaded(client), name) and run.clock.now() < end:
        run.clock.sleep(0.2)


def _not_loaded(
    run: Run, desired: DesiredModel, loaded: list[dict[str, Any]], entries: list[dict[str, Any]]
) -> Failure:
    other = _loaded_with_same_weights(run, desired, loaded, entries)
    if other:
        return _served_by_other(desired, other)
    return Failure("not_converged", f"{desired.name}: loaded, but not in memory. Did another model displace it?")


def _loaded_with_same_weights(
    run: Run, desired: DesiredModel, loaded: list[dict[str, Any]], entries: list[dict[str, Any]]
) -> ObservedModel | None:
    """Another loaded model with the same weights. A model that was changed since it was loaded is left out, as the
    weights of its old version are not known."""
    weights = desired.facts.get("weights")
    for entry in loaded if weights else []:
        listed = models.find_entry(entries, entry["name"])
        if listed and listed["digest"] == entry["digest"] and entry["name"].lower() != desired.name.lower():
            other = models.find(client_of(run), entry["name"], [{**listed, **entry}])
            if other and models.facts(other)["weights"] == weights:
                return other
    return None


def _predict_conflict(
    run: Run, desired: DesiredModel, loaded: list[dict[str, Any]], entries: list[dict[str, Any]]
) -> None:
    """In check mode: raise Failure if a loaded model with the same weights prevents the loading, and warn if it may.

    The context of the loaded model decides. A request may have loaded it with another context than the model's own.
    """
    other = _loaded_with_same_weights(run, desired, loaded, entries)
    if other is None:
        return
    parameters, of_other = desired.facts["parameters"], models.facts(other)["parameters"]
    if any(parameters.get(name) != of_other.get(name) for name in _LOAD_PARAMETERS):
        return
    if "num_ctx" not in of_other:
        run.warn(
            f"{desired.name}: {other.name} is in memory and has the same weights. "
            f"If it was loaded with the same context, {desired.name} cannot be loaded at the same time."
        )
    elif of_other["num_ctx"] == other.entry.get("context_length"):
        raise _served_by_other(desired, other)


def _served_by_other(desired: DesiredModel, other: ObservedModel) -> Failure:
    return Failure(
        "ollama_same_weights",
        f"{desired.name}: {other.name} is in memory, with the same weights and the same context. "
        f"Ollama serves both names with the loaded model, and keeps it loaded as {other.name}.",
    )


def _stays_as_desired(entry: Mapping[str, Any], keep_alive: str | None, now: datetime) -> bool:
    """Whether a loaded model stays as long as desired. The remaining time decreases, so only a longer one differs."""
    if keep_alive is None:
        return True
    desired, remaining = seconds(keep_alive), (_time_of(entry["expires_at"]) - now).total_seconds()
    return remaining > _UNLIMITED_SECONDS if desired < 0 else remaining <= desired + _TOLERANCE_SECONDS


def _server_time(client: OllamaClient) -> datetime:
    """The time of the server's clock, which set the expiry; of the controller's if the server sent no date."""
    try:
        return parsedate_to_datetime(client.server_time or "")
    except (TypeError, ValueError):
        return datetime.now(timezone.utc)


def _time_of(text: str) -> datetime:
    """The time in ``2026-01-31T12:00:00.123456789+01:00``, with any number of decimals. Raises Failure."""
    found = re.match(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:\d\d)$", str(text))
    if not found:
        raise Failure("not_ollama", f"GET /api/ps was answered with {text!r} in place of a time.")
    return datetime.strptime(found[1] + found[2].replace("Z", "+00:00"), "%Y-%m-%dT%H:%M:%S%z")


def _keep_alive_to_send(keep_alive: str) -> float | str:
    """The value in a request: seconds as a number, as the server requires a unit in a string."""
    text = str(keep_alive).strip()
    return float(text) if _NUMBER.fullmatch(text) else text
