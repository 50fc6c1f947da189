# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The settings of ML Commons with their types, and which values the server accepts for each type."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Any, Callable, Iterable, Mapping, NamedTuple

from .._errors.exceptions import Failure
from .._values.compare import text_of

#: All settings of the plugin have this prefix, and the server lists them all, with their defaults.
ML_PREFIX = "plugins.ml_commons."

BOOLEAN, INTEGER, NUMBER, SIZE, TEXT, LIST = "boolean", "integer", "number", "size", "text", "list"


class Type(NamedTuple):
    """The type of a setting. ``minimum`` and ``maximum`` are the widest limits of all versions; ``since`` is the first
    version if that is later than 2.19, ``until`` the last one if later versions lack it; a ``static`` setting can only be set in
    opensearch.yml."""

    kind: str
    minimum: float | None = None
    maximum: float | None = None
    static: bool = False
    since: tuple[int, int] | None = None
    until: tuple[int, int] | None = None


#: Name without the prefix -> type, of all versions from 2.19 to 3.9 (ml-commons, MLCommonsSettings.java of each version; the
#: settings of memory, RAG and remote metadata are named elsewhere, and listed by 2.19.1 and 3.6.0). A setting that is missing
#: here is one of a later version.
TYPES: Mapping[str, Type] = {
    "ag_ui_enabled": Type(BOOLEAN, since=(3, 5)),
    "agent_framework_enabled": Type(BOOLEAN),
    "agentic_memory_enabled": Type(BOOLEAN, since=(3, 2)),
    "agentic_search_enabled": Type(BOOLEAN, since=(3, 2), until=(3, 2)),
    "agentic_search_template_enabled": Type(BOOLEAN, since=(3, 9)),
    "allow_custom_deployment_plan": Type(BOOLEAN),
    "allow_registering_model_via_local_file": Type(BOOLEAN),
    "allow_registering_model_via_url": Type(BOOLEAN),
    "batch_ingestion_bulk_size": Type(INTEGER, minimum=100, maximum=100000),
    "connector.private_ip_enabled": Type(BOOLEAN),
    "connector.restricted_ip_patterns": Type(LIST, static=True, since=(3, 7)),
    "connector_access_control_enabled": Type(BOOLEAN),
    "controller_enabled": Type(BOOLEAN),
    "disk_free_space_threshold": Type(SIZE),
    "enable_inhouse_python_model": Type(BOOLEAN),
    "exclude_nodes._name": Type(TEXT),
    "execute_tools_enabled": Type(BOOLEAN, since=(3, 2)),
    "global_tenant_id": Type(TEXT, static=True, since=(3, 3)),
    "index_insight_feature_enabled": Type(BOOLEAN, since=(3, 3)),
    "jvm_heap_memory_threshold": Type(INTEGER, minimum=0, maximum=100),
    "local_model.enabled": Type(BOOLEAN),
    "master_key_cache_ttl_minutes": Type(INTEGER, minimum=1, maximum=1440, static=True, since=(3, 5)),
    "max_batch_inference_tasks": Type(INTEGER, minimum=0, maximum=10000),
    "max_batch_ingestion_tasks": Type(INTEGER, minimum=0, maximum=10000),
    "max_deploy_model_tasks_per_node": Type(INTEGER, minimum=0, maximum=10),
    "max_json_size": Type(INTEGER, minimum=-1, since=(3, 5)),
    "max_ml_task_per_node": Type(INTEGER, minimum=0, maximum=10000),
    "max_model_on_node": Type(INTEGER, minimum=0, maximum=10000),
    "max_register_model_tasks_per_node": Type(INTEGER, minimum=0, maximum=10),
    "mcp_connector_enabled": Type(BOOLEAN, since=(3, 0)),
    "mcp_header_passthrough_enabled": Type(BOOLEAN, since=(3, 5)),
    "mcp_server_enabled": Type(BOOLEAN, since=(3, 0)),
    "memory.default_history_max_count": Type(INTEGER, minimum=-1, maximum=10000000, since=(3, 8)),
    "memory.default_long_term_max_count": Type(INTEGER, minimum=-1, maximum=1000000, since=(3, 8)),
    "memory.default_session_max_count": Type(INTEGER, minimum=-1, maximum=1000000, since=(3, 8)),
    "memory.default_session_retention_days": Type(INTEGER, minimum=-1, maximum=3650, since=(3, 8)),
    "memory.orphan_ttl_days": Type(INTEGER, minimum=1, maximum=365, since=(3, 8)),
    "memory.retention_enabled": Type(BOOLEAN, since=(3, 8)),
    "memory.retention_job_interval_hours": Type(INTEGER, minimum=1, maximum=168, since=(3, 8)),
    "memory.retention_job_throttle_seconds": Type(INTEGER, minimum=1, maximum=60, since=(3, 8)),
    "memory.working_memory_ttl_days": Type(INTEGER, minimum=-1, maximum=365, since=(3, 8)),
    "memory_feature_enabled": Type(BOOLEAN),
    "metrics_collection_enabled": Type(BOOLEAN, static=True, since=(3, 1)),
    "metrics_static_collection_enabled": Type(BOOLEAN, since=(3, 1)),
    "ml_task_timeout_in_seconds": Type(INTEGER, minimum=1, maximum=86400),
    "model_access_control_enabled": Type(BOOLEAN),
    "model_auto_deploy.enable": Type(BOOLEAN),
    "model_auto_redeploy.enable": Type(BOOLEAN),
    "model_auto_redeploy.lifetime_retry_times": Type(INTEGER),
    "model_auto_redeploy_success_ratio": Type(NUMBER, minimum=0, maximum=1),
    "monitoring_request_count": Type(INTEGER, minimum=0, maximum=10000000),
    "multi_tenancy_enabled": Type(BOOLEAN, static=True),
    "native_memory_threshold": Type(INTEGER, minimum=0, maximum=100),
    "offline_batch_inference_enabled": Type(BOOLEAN),
    "offline_batch_ingestion_enabled": Type(BOOLEAN),
    "only_run_on_ml_node": Type(BOOLEAN),
    "rag_pipeline_feature_enabled": Type(BOOLEAN),
    "remote_agentic_memory_enabled": Type(BOOLEAN, since=(3, 5)),
    "remote_inference.enabled": Type(BOOLEAN),
    "remote_metadata_endpoint": Type(TEXT, static=True),
    "remote_metadata_global_resource_cache_ttl": Type(TEXT, static=True, since=(3, 3)),
    "remote_metadata_region": Type(TEXT, static=True),
    "remote_metadata_service_name": Type(TEXT, static=True),
    "remote_metadata_type": Type(TEXT, static=True),
    "remote_job.status_field": Type(LIST),
    "remote_job.status_regex.cancelled": Type(TEXT),
    "remote_job.status_regex.cancelling": Type(TEXT),
    "remote_job.status_regex.completed": Type(TEXT),
    "remote_job.status_regex.expired": Type(TEXT),
    "remote_job.status_regex.failed": Type(TEXT),
    "safe_delete_model": Type(BOOLEAN),
    "stream_enabled": Type(BOOLEAN, since=(3, 3)),
    "sync_up_job_interval_in_seconds": Type(INTEGER, minimum=0, maximum=86400),
    "task_dispatch_policy": Type(TEXT),
    "task_dispatcher.eligible_node_role.local_model": Type(LIST),
    "task_dispatcher.eligible_node_role.remote_model": Type(LIST),
    "trusted_connector_endpoints_regex": Type(LIST),
    "trusted_connector_private_endpoints_regex": Type(LIST, since=(3, 7)),
    "trusted_url_regex": Type(TEXT),
    "unified_agent_api_enabled": Type(BOOLEAN, since=(3, 5)),
}

#: What users write for a boolean that the server does not read as one.
_MEANT = {**dict.fromkeys(("yes", "on", "y", "1"), "true"), **dict.fromkeys(("no", "off", "n", "0"), "false")}

_INTEGER = r"[+-]?\d+"
_NUMBER = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"

#: Similarity of two names, from 0 to 1, above which one is taken for a misspelling of the other.
_SIMILAR = 0.75


#: Settings of OpenSearch itself that only opensearch.yml can have, and which guides show among those of ML Commons.
_STATIC_NAMES = (
    "bootstrap.memory_lock", "cluster.name", "discovery.seed_hosts", "discovery.type", "http.host", "http.port", "http.type",
    "network.host", "node.name", "node.roles", "path.data", "path.logs", "path.repo", "transport.port", "transport.type",
)  # fmt: skip
_STATIC_PREFIX = "opensearch.experimental.feature."


def type_of(name: str) -> Type | None:
    """The type of a setting by its full name. None for a setting that is not one of ML Commons, or of a later version."""
    return TYPES.get(name[len(ML_PREFIX) :]) if name.startswith(ML_PREFIX) else None


def is_static(name: str) -> bool:
    """Whether only opensearch.yml can have the setting, as far as that is known."""
    known = type_of(name)
    return bool(known and known.static) or name in _STATIC_NAMES or name.startswith(_STATIC_PREFIX)


def is_list(name: str) -> bool:
    """Whether the setting is a list by its name."""
    known = type_of(name)
    return known.kind == LIST if known else name.endswith("_regex")


def check_type(name: str, value: Any) -> None:
    """Raises Failure for a value that the server does not accept for a setting of ML Commons."""
    known = type_of(name)
    if known is None or value is None:
        return
    fault = _CHECKS[known.kind](value, known)
    if fault:
        raise Failure("invalid_setting_value", f"{name}: {fault}.")


def nearest(name: str, known: Iterable[str] = ()) -> str | None:
    """The known setting of which ``name`` may be a misspelling; by default of those of ML Commons."""
    candidates = list(known) or [ML_PREFIX + each for each in TYPES]
    if name in candidates:
        return None
    found = get_close_matches(name, candidates, 1, _SIMILAR)
    if not found:
        # A name without a part in the middle, or without the prefix.
        last = [each for each in candidates if each.endswith(f".{name.rsplit('.', 1)[-1]}")]
        found = last if len(last) == 1 else []
    return found[0] if found else None


def did_you_mean(name: str, known: Iterable[str] = ()) -> str:
    """The end of a message about an unknown setting. Empty if no known one is similar."""
    found = nearest(name, known)
    return f" Did you mean {found!r}?" if found else ""


def _boolean_fault(value: Any, _type: Type) -> str | None:
    if isinstance(value, (bool, str)) and str(value) in ("true", "false", "True", "False"):
        return None
    meant = _MEANT.get(text_of(value).strip().lower(), text_of(value).strip().lower())
    write = meant if meant in ("true", "false") else "true or false"
    return f"{_shown(value)} is no boolean; write {write}"


def _number_fault(value: Any, known: Type) -> str | None:
    text = str(int(value)) if isinstance(value, float) and value.is_integer() else text_of(value)
    pattern, what = (_INTEGER, "whole number") if known.kind == INTEGER else (_NUMBER, "number")
    limits = _limits(known)
    if isinstance(value, (bool, list, tuple)) or not re.fullmatch(pattern, text):
        return f"{_shown(value)} is no {what}; write a {what}{limits}"
    below = known.minimum is not None and float(text) < known.minimum
    if below or (known.maximum is not None and float(text) > known.maximum):
        return f"{_shown(value)} is out of range; write a {what}{limits}"
    return None


def _limits(known: Type) -> str:
    if known.minimum is None:
        return ""
    if known.maximum is None:
        return f" from {known.minimum:g} on"
    return f" from {known.minimum:g} to {int(known.maximum) if known.maximum > 1 else known.maximum}"


def _size_fault(value: Any, _type: Type) -> str | None:
    if isinstance(value, str) and re.fullmatch(r"(?i)\s*(\d+(\.\d+)?\s*([kmgtp]b?|b)|-1|0)\s*", value):
        return None
    if value in (0, -1) and not isinstance(value, bool):
        return None
    return f"{_shown(value)} is no size; write a number with its unit, as in 5gb"


def _text_fault(value: Any, _type: Type) -> str | None:
    if isinstance(value, (list, tuple)):
        items = ",".join(text_of(item) for item in value)
        return f"{_shown(value)} is a list, and the setting is a text; write '{items}'"
    return None


def _list_fault(value: Any, _type: Type) -> str | None:
    if isinstance(value, bool):
        return f"{_shown(value)} is no list"
    if isinstance(value, str) and "," in value and not re.search(r"[\^:*\\\[({]", value):
        # Names. A comma may be a part of a pattern, which has a check of its own.
        items = ", ".join(item.strip() for item in value.split(",") if item.strip())
        return f"{_shown(value)} is a text, and the setting is a list; write [{items}]"
    return None


def _shown(value: Any) -> str:
    return repr(value) if isinstance(value, str) else text_of(value)


_CHECKS: Mapping[str, Callable[[Any, Type], str | None]] = {
    BOOLEAN: _boolean_fault,
    INTEGER: _number_fault,
    NUMBER: _number_fault,
    SIZE: _size_fault,
    TEXT: _text_fault,
    LIST: _list_fault,
}
