# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The sections of a stack: which task does their items, what an item is called, what it needs. One entry each."""

from __future__ import annotations

import re
from typing import Any, Callable, Iterator, Mapping, NamedTuple

from .._kinds.agent import Agent
from .._kinds.base import Kind
from .._kinds.connector import options as options_module
from .._kinds.connector.resource import Connector
from .._kinds.controller import Controller
from .._kinds.model import Model
from .._kinds.model_group import ModelGroup
from .._runtime.run import Run
from .._tasks import (
    ml_agent,
    ml_connector,
    ml_controller,
    ml_model,
    ml_model_group,
    opensearch_cluster_setting,
    opensearch_pipeline,
)
from .._values.compare import text_of

_REFERENCE = re.compile(r"\$\{(model|agent):([^}]+)\}")

#: The section that ``${model:...}`` and ``${agent:...}`` speak of.
_SECTION_OF = {"model": "models", "agent": "agents"}


class Need(NamedTuple):
    """What an item refers to: the section, the name or id, and whether it has to be there already or declared."""

    section: str
    reference: str
    must: bool = True


class Section(NamedTuple):
    """One section: its option, the module whose options its items take and whose task does them."""

    option: str
    module: str
    options: Mapping[str, Any]
    rules: Mapping[str, Any]
    execute: Callable[[Mapping[str, Any], Run], dict[str, Any]]
    name_of: Callable[[Mapping[str, Any]], str]
    needs: Callable[[Mapping[str, Any]], list[Need]]
    kind: type[Kind] | None = None
    #: Options by which an item would be told by its id, which a declaration that may meet an empty cluster cannot.
    by_id: str = ""
    #: Where an item's description carries the mark of its stack.
    marked: bool = False
    secrets: Callable[[Mapping[str, Any]], list[str]] = lambda item: []


def _name(item: Mapping[str, Any]) -> str:
    return str(item["name"])


def _connector_name(item: Mapping[str, Any]) -> str:
    return str(item["name"] or options_module.resolved(item)["name"])


def _setting_names(item: Mapping[str, Any]) -> str:
    return ", ".join(sorted(map(str, item["settings"])))


def _needs_of_model(item: Mapping[str, Any]) -> list[Need]:
    needs = [Need("connectors", item["connector"])] if item["connector"] else []
    # One that states no group gets one of its own name.
    return [*needs, Need("model_groups", item["model_group"] or item["name"], must=False)]


def _needs_of_controller(item: Mapping[str, Any]) -> list[Need]:
    return [Need("models", item["model"])]


def _needs_of_agent(item: Mapping[str, Any]) -> list[Need]:
    model = (item["llm"] or {}).get("model_id")
    plain = [Need("models", model)] if model and "${" not in model else []
    return plain + list(_referred(item))


def _referred(item: Mapping[str, Any]) -> Iterator[Need]:
    """The references of the form ``${model:name}``, at any depth."""
    for kind, name in dict.fromkeys(_REFERENCE.findall(text_of(dict(item)))):
        yield Need(_SECTION_OF[kind], name.strip())


SETTINGS = Section(
    "settings", "opensearch_cluster_setting", opensearch_cluster_setting.OPTIONS, {}, opensearch_cluster_setting.execute,
    _setting_names, lambda item: [],
)  # fmt: skip

#: In the order in which they depend on each other.
SECTIONS = (
    SETTINGS,
    Section(
        "model_groups", "ml_model_group", ml_model_group.OPTIONS, ml_model_group.RULES, ml_model_group.execute,
        _name, lambda item: [], ModelGroup, "model_group_id", True,
    ),
    Section(
        "connectors", "ml_connector", ml_connector.OPTIONS, ml_connector.RULES, ml_connector.execute,
        _connector_name, lambda item: [], Connector, "connector_id", True, ml_connector.secrets,
    ),
    Section(
        "models", "ml_model", ml_model.OPTIONS, ml_model.RULES, ml_model.execute,
        _name, _needs_of_model, Model, "model_id", True,
    ),
    Section(
        "controllers", "ml_controller", ml_controller.OPTIONS, ml_controller.RULES, ml_controller.execute,
        lambda item: str(item["model"]), _needs_of_controller, Controller,
    ),
    Section(
        "agents", "ml_agent", ml_agent.OPTIONS, ml_agent.RULES, ml_agent.execute,
        _name, _needs_of_agent, Agent, "agent_id", True,
    ),
    Section(
        "pipelines", "opensearch_pipeline", opensearch_pipeline.OPTIONS, opensearch_pipeline.RULES, opensearch_pipeline.execute,
        lambda item: f"{item['type']}/{item['name']}", lambda item: list(_referred(item)), None, "", True,
    ),
)  # fmt: skip

BY_OPTION = {section.option: section for section in SECTIONS}
