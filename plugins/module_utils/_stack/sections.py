# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The sections of a stack: which task does their items, what an item is called, what it needs. One entry each."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any, Callable, Iterator, Mapping, NamedTuple

from .._errors.exceptions import Failure
from .._kinds.agent import Agent
from .._kinds.base import Kind
from .._kinds.connector import options as options_module
from .._kinds.connector.resource import Connector
from .._kinds.controller import Controller
from .._kinds.model import Model
from .._kinds.model_group import ModelGroup
from .._runtime.module import Module
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
    """One section of a stack: its option, and the module whose options its items take and whose task applies them.

    ``name_of`` and ``needs`` take the validated parameters of an item.
    """

    option: str
    module_name: str
    module: Module
    name_of: Callable[[Mapping[str, Any]], str]
    needs: Callable[[Mapping[str, Any]], list[Need]]
    kind: type[Kind] | None = None
    #: The option that names an object by its id. A stack refuses it, as ids differ from cluster to cluster.
    by_id: str = ""
    #: Whether the description of the object carries the label of its stack.
    labelled: bool = False
    #: Returns the values to mask in an item, which may be invalid.
    secrets: Callable[[Mapping[str, Any]], list[str]] = lambda item: []

    @property
    def spec(self) -> Mapping[str, Any]:
        return self.module.spec

    @property
    def rules(self) -> Mapping[str, Any]:
        return self.module.rules

    def execute(self, params: Mapping[str, Any], run: Run) -> dict[str, Any]:
        """Execute the module's task with validated parameters. Raises Failure."""
        result: dict[str, Any] = self.module.execute(self.module.parse(params), run)
        return result


def _name(item: Mapping[str, Any]) -> str:
    return str(item["name"])


def _connector_name(item: Mapping[str, Any]) -> str:
    return str(item["name"] or options_module.resolved(item)["name"])


def _setting_names(item: Mapping[str, Any]) -> str:
    return ", ".join(sorted(map(str, item["settings"])))


def _controlled_model(item: Mapping[str, Any]) -> str:
    return str(item["model"])


def _pipeline_name(item: Mapping[str, Any]) -> str:
    return f"{item['type']}/{item['name']}"


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


def _needs_of_pipeline(item: Mapping[str, Any]) -> list[Need]:
    return list(_referred(item))


def _referred(item: Mapping[str, Any]) -> Iterator[Need]:
    """The references of the form ``${model:name}``, at any depth."""
    for kind, name in dict.fromkeys(_REFERENCE.findall(text_of(dict(item)))):
        yield Need(_SECTION_OF[kind], name.strip())


def _secrets_of_connector(item: Mapping[str, Any]) -> list[str]:
    module, options = ml_connector.MODULE, None
    with suppress(Failure):
        options = module.parse(item)
    return list(module.secrets(item, options))


SETTINGS = Section(
    "settings", "opensearch_cluster_setting", opensearch_cluster_setting.MODULE, _setting_names, lambda item: []
)

#: In the order in which they depend on each other.
SECTIONS = (
    SETTINGS,
    Section(
        "model_groups", "ml_model_group", ml_model_group.MODULE,
        _name, lambda item: [], ModelGroup, "model_group_id", True,
    ),
    Section(
        "connectors", "ml_connector", ml_connector.MODULE,
        _connector_name, lambda item: [], Connector, "connector_id", True, _secrets_of_connector,
    ),
    Section(
        "models", "ml_model", ml_model.MODULE,
        _name, _needs_of_model, Model, "model_id", True,
    ),
    Section(
        "controllers", "ml_controller", ml_controller.MODULE,
        _controlled_model, _needs_of_controller, Controller,
    ),
    Section(
        "agents", "ml_agent", ml_agent.MODULE,
        _name, _needs_of_agent, Agent, "agent_id", True,
    ),
    Section(
        "pipelines", "opensearch_pipeline", opensearch_pipeline.MODULE,
        _pipeline_name, _needs_of_pipeline, None, "", True,
    ),
)  # fmt: skip

BY_OPTION = {section.option: section for section in SECTIONS}
