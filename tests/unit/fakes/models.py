# SPDX-License-Identifier: GPL-3.0-or-later
"""Models of the fake cluster: registration, deployment and prediction."""

from __future__ import annotations

import json
import re
from typing import Any, Callable, Mapping

from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.answers import Refused, chat, vectors
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.connectors import Connectors, filled
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.java import java_text
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.model_groups import ModelGroups
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.newer_versions import (
    PRIVATE_ENDPOINTS,
    TRUSTED_ENDPOINTS,
    refused_endpoint,
    refused_headers,
    release,
    stored_fields_of_model,
    unfilled_header,
    untrusted_endpoint,
)
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.tasks import Tasks

#: Why a deployment fails when the model's document is written at that moment (seen on 2.19.1).
VERSION_CONFLICT = "version conflict, required seqNo [370], primary term [1]. current document has seqNo [371]"


class Models(Connectors, ModelGroups, Tasks):
    def __init__(self, version: str) -> None:
        super().__init__(version)
        #: Number of reads that show a deployment in progress.
        self.deploying_reads = 2
        #: Number of reads that show a model as only registered when it is deployed with its registration.
        self.starting_reads = 2
        #: How the next deployments end: the state, and the reasons by node.
        self.deploy_outcomes: list[tuple[str, dict[str, str]]] = []
        #: Number of undeploy requests that have no effect, as sometimes happens shortly after a deployment.
        self.ignored_undeploys = 0
        #: Plays the server behind the connectors.
        self.backend: Callable[[dict[str, Any], dict[str, str], dict[str, Any]], dict[str, Any]] = chat
        #: The tensors that predictions with 'text_docs' get, by the algorithm and the body of the request.
        self.answer_texts: Callable[[str, dict[str, Any]], list[dict[str, Any]]] = vectors
        #: (model id, parameters, credential) of each prediction.
        self.predictions: list[tuple[str, dict[str, Any], dict[str, str]]] = []
        #: Model id -> the trusted endpoints, public and private, of the time when the nodes read them for it.
        self._trusted_of: dict[str, tuple[list[str], list[str]]] = {}
        #: Models with a deployment in progress -> the number of reads until it ends.
        self._pending: dict[str, int] = {}
        #: Models that are deployed with their registration -> the number of reads until this shows.
        self._starting: dict[str, int] = {}
        #: Models that the nodes still consider deployed after a deployment that failed.
        self._stuck: set[str] = set()

    def _models_post_register(self, *, body: dict[str, Any], query: Mapping[str, str]) -> dict[str, Any]:
        if not body.get("name"):
            raise Refused(400, "model name is null", "illegal_argument_exception")
        if body.get("function_name") != "remote":
            raise Refused(400, "model format is null", "illegal_argument_exception")
        self._check_text("model", body)
        if not body.get("connector_id") and not body.get("connector"):
            raise Refused(400, "You must provide connector content when creating a remote model without connector id!")
        if body.get("connector_id") and body["connector_id"] not in self.connectors:
            raise Refused(404, f"Failed to find connector:{body['connector_id']}")
        group_id = body.get("model_group_id")
        if group_id is None:
            group_id = next((key for key, group in self.groups.items() if group["name"] == body["name"]), None)
            # The model's description becomes the group's (seen on 2.19.1 and 3.6.0).
            group_id = group_id or self._new_group(body)
        if group_id not in self.groups:
            raise Refused(500, f"Model Group Response is empty for {group_id}", "exception")
        # The group counts the model before the model is stored.
        model_version = self._next_version(group_id)
        object_id = self._id_for("model", body, self.models)
        stored = self._known_fields(body)
        stored.update(
            model_group_id=group_id,
            algorithm="REMOTE",
            model_version=model_version,
            model_state="REGISTERED",
            planning_worker_node_count=1,
            current_worker_node_count=0,
            created_time=self._now(),
        )
        if self.version.startswith("2."):
            stored.pop("is_enabled", None)
        else:
            stored.setdefault("is_enabled", True)
        self.models[object_id] = stored
        self._wrote(object_id)
        self._task("REGISTER_MODEL", object_id, {})
        if query.get("deploy") == "true":
            self._deploy(object_id)
            stored["model_state"] = "REGISTERED"
            self._starting[object_id] = self.starting_reads
        return {"task_id": self._id("task"), "status": "CREATED", "model_id": object_id}

    def _known_fields(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The fields of a request that the server stores, as it stores them."""
        known = stored_fields_of_model(self.version) | self.later_fields
        return {**{name: value for name, value in body.items() if name in known}, **_stored_nested(body)}

    def _new_group(self, body: Mapping[str, Any]) -> str:
        description = {"description": body["description"]} if body.get("description") else {}
        return str(
            self._model_groups_post_register(body={"name": body["name"], **description}, query={})["model_group_id"]
        )

    def _next_version(self, group_id: str) -> str:
        group = self.groups[group_id]
        group["latest_version"] += 1
        return str(group["latest_version"])

    def _model(self, object_id: str) -> dict[str, Any]:
        if object_id not in self.models:
            raise Refused(404, f"Failed to find model with the provided model id: {object_id}")
        return self.models[object_id]

    def _models_get_one(self, object_id: str, *, body: Any, query: Any) -> dict[str, Any]:
        model = self._model(object_id)
        self._tick(object_id)
        return model

    def _models_put_one(self, object_id: str, *, body: dict[str, Any], query: Any) -> dict[str, Any]:
        model = self._model(object_id)
        if model["model_state"] == "DEPLOYING":
            raise Refused(
                409, f"Model is deploying. Please wait for the model to complete deployment. model ID {object_id}"
            )
        new_connector = body.get("connector_id")
        if new_connector and new_connector not in self.connectors and release(self.version) >= (3, 9):
            raise Refused(404, f"Failed to find connector:{new_connector}")
        if "connector" in model and "connector_id" in body:
            raise Refused(400, "This remote does not have a standalone connector.", "illegal_argument_exception")
        self._check_text("model", body)
        group_id = body.get("model_group_id")
        if group_id and group_id != model["model_group_id"]:
            if group_id not in self.groups:
                raise Refused(404, f"Failed to find the model group with the provided model group id: {group_id}")
            model["model_version"] = self._next_version(group_id)
        if self._starting.pop(object_id, None) is not None:
            # The deployment finds a later version of the document than the one that it has read.
            task = [task for task in self.tasks.values() if task["model_id"] == object_id and "_outcome" in task][-1]
            task.update(_outcome="DEPLOY_FAILED", state="FAILED", error=f"[{object_id}]: {VERSION_CONFLICT}")
            self._stuck.add(object_id)
            model["model_state"] = "DEPLOYING"
            self._pending[object_id] = 0
        changes = self._known_fields(body)
        if "rate_limiter" in body:
            changes["rate_limiter"] = {**model.get("rate_limiter", {}), **changes["rate_limiter"]}
        self._changing(object_id, model, self.change_lag)
        if "connector_id" in body or body.get("is_enabled") != model.get("is_enabled"):
            self._read_trusted(object_id)
        model.update({**changes, "last_updated_time": self._now()})
        self._wrote(object_id)
        return {"_id": object_id, "result": "updated", "_version": self.versions[object_id]}

    def _models_delete_one(self, object_id: str, *, body: Any, query: Any) -> dict[str, Any]:
        model = self._model(object_id)
        if model["model_state"] in ("DEPLOYED", "PARTIALLY_DEPLOYED", "DEPLOYING"):
            raise Refused(
                400, "Model cannot be deleted in deploying or deployed state. Try undeploy model first then delete"
            )
        del self.models[object_id]
        self.controllers.pop(object_id, None)
        return {"_id": object_id, "result": "deleted"}

    def _models_post_search(self, *, body: dict[str, Any], query: Any) -> dict[str, Any]:
        for object_id in list(self.models):
            self._tick(object_id)
        return self._search(self.models, body)

    def _models_post_deploy(self, object_id: str, *, body: Any, query: Any) -> dict[str, Any]:
        self._model(object_id)
        # The status of the answer is always this one, however the deployment ends.
        return {"task_id": self._deploy(object_id), "task_type": "DEPLOY_MODEL", "status": "COMPLETED"}

    def _deploy(self, object_id: str) -> str:
        model = self.models[object_id]
        outcome, reasons = self.deploy_outcomes.pop(0) if self.deploy_outcomes else ("DEPLOYED", {})
        connector_id = model.get("connector_id")
        if connector_id and connector_id not in self.connectors:
            outcome, reasons = "DEPLOY_FAILED", {"node-1": f"Failed to find connector:{connector_id}"}
        if object_id in self._stuck:
            outcome, reasons = "DEPLOY_FAILED", {"node-1": "Duplicate deploy model task"}
        if outcome == "DEPLOY_FAILED":
            self._stuck.add(object_id)
        self._changing(object_id, model, self.state_lag)
        # Nodes that serve the model already keep what they have.
        if model["model_state"] != "DEPLOYED":
            self._read_trusted(object_id)
        self._starting.pop(object_id, None)
        model["model_state"] = "DEPLOYING"
        model["current_worker_node_count"] = 0
        task_id = self._task("DEPLOY_MODEL", object_id, reasons)
        self.tasks[task_id]["_outcome"] = outcome
        self._pending[object_id] = self.deploying_reads
        return task_id

    def _read_trusted(self, object_id: str) -> None:
        """The nodes read the settings for a model that they serve from now on."""
        lists = [list(self._effective(name) or []) for name in (TRUSTED_ENDPOINTS, PRIVATE_ENDPOINTS)]
        self._trusted_of[object_id] = (lists[0], lists[1])

    def _tick(self, object_id: str) -> None:
        """A read after ``deploying_reads`` others sees the end of the deployment."""
        model = self.models[object_id]
        if object_id in self._starting:
            self._starting[object_id] -= 1
            if self._starting[object_id] <= 0:
                del self._starting[object_id]
                model["model_state"] = "DEPLOYING"
            return
        if model["model_state"] != "DEPLOYING" or object_id not in self._pending:
            return
        if self._pending[object_id] > 0:
            self._pending[object_id] -= 1
            return
        del self._pending[object_id]
        task = [task for task in self.tasks.values() if task["model_id"] == object_id and "_outcome" in task][-1]
        self._changing(object_id, model, self.state_lag)
        model["model_state"] = task["_outcome"]
        model["current_worker_node_count"] = 0 if task["_outcome"] == "DEPLOY_FAILED" else 1
        model["last_deployed_time"] = self._now()

    def _models_post_undeploy(self, object_id: str, *, body: Any, query: Any) -> dict[str, Any]:
        model = self._model(object_id)
        if self.ignored_undeploys:
            self.ignored_undeploys -= 1
            return {}
        was = "undeployed" if model["model_state"] in ("DEPLOYED", "PARTIALLY_DEPLOYED") else "not_found"
        self._changing(object_id, model, self.state_lag)
        model["model_state"] = "UNDEPLOYED"
        model["current_worker_node_count"] = 0
        self._pending.pop(object_id, None)
        self._stuck.discard(object_id)
        return {"node-1": {"stats": {object_id: was}}}

    def _asked(self, object_id: str) -> dict[str, Any]:
        """The model, which a question deploys."""
        model = self._model(object_id)
        if model.get("is_enabled") is False:
            raise Refused(403, "Model is disabled.")
        if model["model_state"] in ("REGISTERED", "UNDEPLOYED"):
            model["model_state"] = "DEPLOYED"
            self._read_trusted(object_id)
        return model

    def _predict_post_one(self, algorithm: str, object_id: str, *, body: dict[str, Any], query: Any) -> dict[str, Any]:
        self._asked(object_id)
        return {"inference_results": [{"output": self.answer_texts(algorithm, body), "status_code": 200}]}

    def _models_post_predict(self, object_id: str, *, body: dict[str, Any], query: Any) -> dict[str, Any]:
        model = self._asked(object_id)
        connector = self._connector(model["connector_id"])
        credential = self.credentials[model["connector_id"]]
        parameters = {**connector["parameters"], **body["parameters"]}
        # Not in headers: 3.6 and older send an unfilled placeholder as it is, later versions have an error of its own.
        filled_in = [{**action, "headers": {}} for action in connector["actions"]]
        for name in re.findall(r"\$\{parameters\.([^}:]+)\}", json.dumps(filled_in)):
            if name not in parameters:
                raise Refused(400, f"Some parameter placeholder not filled in payload: {name}")
        if object_id not in self._trusted_of:
            self._read_trusted(object_id)
        trusted, private = self._trusted_of[object_id]
        for action in connector["actions"]:
            headers = action.get("headers")
            for refusal in (
                untrusted_endpoint(self.version, trusted, filled(action["url"], parameters)),
                refused_headers(self.version, connector["protocol"], headers),
                unfilled_header(self.version, headers, parameters),
                refused_endpoint(private, action["url"]),
            ):
                if refusal:
                    raise Refused(400, refusal, "illegal_argument_exception")
        self.predictions.append((object_id, parameters, dict(credential)))
        return self.backend(connector, credential, parameters)


def _stored_nested(body: Mapping[str, Any]) -> dict[str, Any]:
    stored: dict[str, Any] = {}
    if "model_config" in body:
        # The names of enums are stored in upper case, and a flag only if it is true (RemoteModelConfig).
        config = {name: value for name, value in body["model_config"].items() if value is not False}
        for name in {"framework_type", "pooling_mode"} & set(config):
            config[name] = config[name].upper()
        stored["model_config"] = config
    if "interface" in body:
        stored["interface"] = {side: java_text(schema) for side, schema in body["interface"].items()}
    if "deploy_setting" in body:
        stored["deploy_setting"] = {"model_ttl_minutes": -1, **body["deploy_setting"]}
    if "rate_limiter" in body:
        stored["rate_limiter"] = {**body["rate_limiter"], "limit": java_text(float(body["rate_limiter"]["limit"]))}
    return stored
