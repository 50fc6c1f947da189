# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Every failure code with its remedy: what an operator does about it."""

from __future__ import annotations

#: code -> remedy. A remedy is what an operator should do; it may name details in braces.
CATALOGUE = {
    # The way to the cluster
    "library_missing": "Install the Python library {library} for {interpreter}.",
    "unreachable": "Check 'hosts', the network and whether OpenSearch is running.",
    "no_answer": "Look whether the cluster is overloaded or restarting; raise 'timeout'. A cluster that speaks "
    "TLS closes a plain connection without an answer: then 'hosts' must begin with https://.",
    "tls_not_trusted": "Give the authority's certificate with 'ca_path', and a host name that the certificate names.",
    "tls_to_plain_port": "The port does not speak TLS: write http:// in front of the host, or name the TLS port.",
    "tls_too_old": "Let the server, or what ends TLS in front of it, speak TLS 1.2 or later; older versions are refused.",
    "redirected": "Name the final address; redirects are not followed, as they would carry credentials along.",
    "not_opensearch": "Check that 'hosts' names the root of OpenSearch itself, and not another service or a proxy's error page.",
    "unexpected_answer": "Check that what answers is the server itself, in a version that is supported, and that nothing on the "
    "way changes answers. Where that is so, it is a defect of the collection: please report the message.",
    "answer_too_large": "Check that the right server is named; narrow the request.",
    "wrong_credentials": "Check 'username' and 'password', or 'token'.",
    "forbidden": "Give the user a role that allows {permission}. The collection's docs/security_roles.yml has the least rights.",
    "aws_credentials_missing": "Give 'aws_access_key_id' and 'aws_secret_access_key', or 'aws_profile', or make credentials "
    "known to the AWS tools on the host that runs the module.",
    "aws_credentials_expired": "Get new temporary credentials; the old ones have expired.",
    "aws_credentials_unknown": "Check 'aws_access_key_id', and 'aws_session_token' where it belongs to temporary credentials.",
    "aws_signature_mismatch": "Check that 'aws_secret_access_key' belongs to 'aws_access_key_id', and that no proxy on the way "
    "changes the path or the host name.",
    "aws_clock_skew": "Set the clock of the host that runs the module: it may differ by five minutes at most.",
    "aws_wrong_scope": "Correct 'aws_region', or 'aws_service': es for a domain, aoss for a serverless collection.",
    "aws_not_authorized": "Let the domain's access policy, or the collection's data access policy, and the identity's own IAM "
    "policy allow the request.",
    "cluster_starting": "Wait until the cluster's health is told without an error and run the task again. If that does not come, "
    "look at the nodes' logs, and at the proxy's where one stands in front of the cluster.",
    "security_starting": "Wait until the security plugin has read its configuration and run the task again. If that does not "
    "come, load the configuration with securityadmin.sh: its index is missing, or its shards are.",
    "shards_unavailable": "Wait until the cluster's health is yellow or green and run the task again. If it stays red, "
    "GET /_cluster/allocation/explain tells why a shard is on no node.",
    "no_ml_plugin": "Install the ML Commons plugin (opensearch-ml) on every node of the cluster.",
    # Input that is refused before anything is changed
    "invalid_input": "Correct the option named in the message.",
    "invalid_regex": "Correct the pattern, or write it in a plainer way. It must match a whole URL, and be valid for Java.",
    "catch_all_refused": "Name the endpoint exactly, or set 'allow_catch_all' if every address is really meant.",
    "invalid_characters": "Use letters, numbers, spaces and .,!?():@-_'/\" only; OpenSearch 3.1 and later refuse others.",
    "placeholder_left_in": "Put your own value where the message says, or take the field out.",
    "placeholder_unfilled": "Add the parameter to the connector's 'parameters' or to the prediction, or correct the placeholder's name.",
    "credential_missing": "Add the key to 'credential', or take the placeholder out of the action.",
    "credential_needed": "State 'credential' in this task so that the new connector can be given it, "
    "or allow a short gap with 'update_strategy: redeploy', which keeps the stored credential.",
    "credential_needed_to_replace": "State 'credential' in this task. A parameter can only be taken away, and a protocol only be "
    "changed, by a new connector, which has to be given the credential.",
    "invalid_stack": "Correct what the message names; its details hold all of it, with places.",
    "declared_twice": "Take one of the two out.",
    "needs_absent": "Declare what is needed as present, or take out what needs it.",
    "cycle": "Take one of the references out.",
    "duplicates_differ": "Make equal what the message names, or delete what is not meant; 'name_pattern' narrows the task. That "
    "credentials are the same nobody can see: say so with 'trust_credentials'.",
    "prune_unconfirmed": "Give the cluster's name as 'prune_confirm' if you mean it.",
    "unsupported_version": "Upgrade OpenSearch, or leave out the option.",
    # What is on the cluster
    "ambiguous_name": "Remove the surplus objects, or name the one that is meant by its id.",
    "unknown_connector": "Create the connector first, or correct its name or id.",
    "unknown_model": "Register the model first, or correct its name or id.",
    "unknown_controller": "Set limits with ml_controller first, or correct the model's name or id.",
    "unknown_agent": "Create the agent first, or correct its name or id.",
    "unknown_tool": "Correct the tool's type, or install the plugin that brings it on every node.",
    "agent_not_changeable": "Set 'update_strategy: recreate' to replace the agent by a new one, whose id is another; "
    "or state what it has now.",
    "unknown_model_group": "Create the model group first, or name it by its name, which creates it where it is missing.",
    "id_taken": "Somebody else has just made an object of this id. Run the task again.",
    "connector_in_use": "Use 'update_strategy: swap' or 'redeploy' to change it; to delete it, delete or repoint the models first.",
    "connector_held": "Give the models that the message names other connectors, for example by a change with 'update_strategy: "
    "swap'; the new ones have other ids. Or let it be: an unused connector does no harm.",
    "model_name_taken": "Choose another name, or rename or delete the model that has it.",
    "inline_connector": "The model carries its own connector; delete the model and register it with a standalone connector.",
    "group_in_use": "Delete the models, or move them to another group with ml_model and 'model_group'.",
    "group_name_taken": "Choose another name, or use the group that has it.",
    "unknown_processor": "Correct the processor's type, or install the plugin that brings it on every node.",
    "invalid_pipeline": "Correct the definition where the message says.",
    "pipeline_in_use": "Take the pipeline out of the settings of the indexes that the message names first.",
    "unknown_index": "Create the index first, or correct its name.",
    "index_not_changeable": "State what the index has, or make a new index with another name and move the documents there.",
    "invalid_mapping": "Correct the mappings where the message says.",
    "document_refused": "Correct the documents, or what their pipeline does with them, where the reasons say.",
    "concurrent_change": "Somebody else is changing the same objects. Run the task again.",
    "version_conflict": "Somebody else is changing the same objects. Run the task again.",
    "stack_failed": "Mend what the message names and run the task again; it goes on from there.",
    "not_converged": "The server stored something else than it was sent; compare the values in the message, and report it.",
    # Cluster settings
    "unknown_setting": "Correct the setting's name; a newer OpenSearch may be needed for it.",
    "static_setting": "The setting cannot be changed while a node runs: set it in opensearch.yml and restart the nodes.",
    "invalid_setting_value": "Give a value of the setting's type.",
    "broken_trusted_regex": "A pattern of plugins.ml_commons.trusted_connector_endpoints_regex does not compile; "
    "take it out with opensearch_cluster_setting and 'list_mode: remove'.",
    # ML Commons
    "untrusted_endpoint": "Append an exact pattern for the URL to plugins.ml_commons.trusted_connector_endpoints_regex.",
    "private_address_refused": "Set plugins.ml_commons.connector.private_ip_enabled to true. "
    "From 3.x on, a model that is deployed already must then be undeployed and deployed again.",
    "private_endpoint_refused": "Append an exact pattern for the URL to "
    "plugins.ml_commons.trusted_connector_private_endpoints_regex: as that list is not empty, OpenSearch 3.7 and later call "
    "no other private address.",
    "restricted_address": "Use another address for the backend, or take this one out of the static setting "
    "plugins.ml_commons.connector.restricted_ip_patterns in opensearch.yml.",
    "access_control_disabled": "Leave out the access options, or switch on the security plugin and connector access control.",
    "invalid_protocol": "Use one of the protocols that the message lists.",
    "mcp_disabled": "Set plugins.ml_commons.mcp_connector_enabled to true.",
    "master_key": "The cluster is still starting or its .plugins-ml-config index is lost. Wait for a green cluster; "
    "if the index is lost, every connector's credential must be given anew.",
    "node_lost": "A node of the cluster has gone. Run the task again once the others know of it; if that does not help, start "
    "nodes until a majority of them runs.",
    "no_cluster_manager": "Start nodes until a majority of those that can be the cluster manager runs.",
    "controller_disabled": "Set plugins.ml_commons.controller_enabled to true.",
    "too_many_tasks": "Wait until running tasks have ended, or raise plugins.ml_commons.max_deploy_model_tasks_per_node.",
    "circuit_breaker": "A node is short of memory or disk; free some, or raise plugins.ml_commons.native_memory_threshold "
    "or plugins.ml_commons.jvm_heap_memory_threshold.",
    "deploy_failed": "Mend what the nodes report, then run the task again.",
    "wait_timeout": "Raise 'wait_timeout' if the cluster is slow; otherwise look at the last state in the message.",
    # Predictions
    "model_disabled": "Set 'is_enabled: true' on the model.",
    "model_not_deployed": "Deploy the model, for example with ml_model and 'state: deployed'.",
    "rate_limited": "The model's own rate limiter refused the request; wait, or raise its limit.",
    "interface_mismatch": "Send what the model's 'interface' asks for.",
    "invalid_payload": "The request body is no JSON once its placeholders are filled; correct 'request_body' or the parameters.",
    "guardrail": "The model's guardrails refused the text.",
    "backend_unauthorized": "Give the key that the backend wants in the connector's 'credential'.",
    "backend_model_missing": "Pull or load the model on the backend, or correct the connector's model name.",
    "backend_path_missing": "Check the path of the connector's URL: the backend does not know it.",
    "backend_redirected": "Put the final URL into the connector; redirects of the backend are not followed.",
    "backend_busy": "The backend is overloaded; try again later, or give it more slots.",
    "backend_loading": "The backend is still loading; try again, or raise 'wait_timeout'.",
    "backend_error": "Look into the backend's log.",
    "backend_refused": "Start the backend, or correct the connector's URL. 127.0.0.1 means each OpenSearch node itself.",
    "backend_unreachable": "Check that the backend runs and that every OpenSearch node can reach it.",
    "backend_timeout": "Raise 'client_config.read_timeout' of the connector (seconds); loading a model can take minutes.",
    "backend_closed": "A backend that closes the connection often speaks plain HTTP on that port: try http:// in the connector's URL.",
    "backend_tls_untrusted": "Make the backend's certificate known to the JVM of every node.",
    "backend_unknown_host": "Use a host name that every OpenSearch node can resolve.",
    "backend_empty_answer": "Look into the backend's log: it answered without a body.",
    "unexpected_status": "Look at the answer, or change 'expect_status'.",
    "empty_content": "Look at the answer; raise the number of tokens that the model may generate.",
    "reasoning_only": "The model used up its tokens on reasoning; raise max_tokens or switch reasoning off.",
    "invalid_pattern": "Correct 'expect_pattern': it is a regular expression of Python, searched for anywhere in the answer.",
    "pattern_mismatch": "Look at the answer, or change 'expect_pattern'.",
    # Ollama
    "not_ollama": "Check that 'url' names an Ollama server itself, and not OpenSearch, a proxy or another LLM server.",
    "ollama_unreachable": "Check 'url', the network and whether Ollama is running. It listens on 127.0.0.1 only, unless "
    "OLLAMA_HOST says otherwise in its own environment.",
    "ollama_no_answer": "Look whether the server is overloaded or restarting; raise 'timeout', or 'wait_timeout' for a model "
    "that is slow to load.",
    "ollama_unauthorized": "Give the key that the gateway in front of Ollama wants in 'api_key' or 'headers'.",
    "ollama_unknown_model": "Correct the model's name or tag: its registry has none of that name.",
    "ollama_model_missing": "Pull or create the model first, or correct its name.",
    "ollama_registry_unreachable": "Let the host that runs Ollama reach the registry (HTTPS_PROXY in the server's own "
    "environment), or bring the model as a file with 'from_file'.",
    "ollama_registry_plain_http": "The registry speaks HTTP without TLS: set 'insecure' if that is meant.",
    "ollama_registry_refused": "The registry wants a login: sign the Ollama server in, or use a model that is public.",
    "ollama_disk_full": "Free some space where the server keeps its models (OLLAMA_MODELS), or remove models with "
    "'state: absent'; what failed uploads leave there goes when Ollama is restarted. Then run the task again.",
    "ollama_out_of_memory": "Unload other models, use a smaller model or a smaller num_ctx, or give the server more memory.",
    "ollama_too_old": "Upgrade Ollama.",
    "ollama_invalid_file": "Give a whole model file in GGUF format; one that was cut off while it was copied is refused as well.",
    "ollama_invalid_template": "Correct 'template': it is a Go template.",
    "ollama_same_weights": "Give one of the two another num_ctx in 'parameters', or have only one of them loaded: the other is "
    "answered for without waiting, too.",
    "ollama_cannot_load": "Look into the server's log; the model may be of a kind that this version cannot run.",
    "ollama_pull_ended": "Run the task again; somebody else's pull of the same model was given up again and again.",
    "ollama_stream_cut": "Look whether the server still runs, then run the task again: it keeps what it has got, and goes on from "
    "there.",
    "ollama_error": "Look at the server's reason in the message and at its log.",
    # The rest
    "api_error": "Look at the server's reason in the message and at its log.",
    "internal_error": "This is a defect of the collection. Please report it with the message.",
}

#: Nobody answered as the cluster would, whatever the task states.
NO_CLUSTER = frozenset(
    {
        "unreachable",
        "no_answer",
        "redirected",
        "not_opensearch",
        "cluster_starting",
        "security_starting",
        "wrong_credentials",
        "tls_not_trusted",
        "tls_to_plain_port",
        "tls_too_old",
    }
)
