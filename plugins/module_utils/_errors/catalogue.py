# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Every failure code with its remedy: what the user can do about it.

The causes are the rules in ``server_errors.py``; ``dev/site/catalogue.py`` renders both as one page.
"""

from __future__ import annotations

#: code -> remedy, as imperatives. Names in braces are filled in from the details of the failure.
CATALOGUE = {
    # Connection to the cluster
    "library_missing": "Install the Python library {library} for {interpreter}.",
    "unreachable": "Check 'hosts', the network and whether OpenSearch is running.",
    "no_answer": "Check whether the cluster is overloaded or restarting; raise 'timeout'. A cluster that requires TLS "
    "closes a plain HTTP connection without an answer: in that case write https:// in 'hosts'.",
    "tls_not_trusted": "Set 'ca_path' to the certificate of the authority that signed the server's certificate, and "
    "use a host name that the certificate contains.",
    "tls_to_plain_port": "Write http:// in the URL, or use the TLS port: this port does not use TLS.",
    "tls_too_old": "Enable TLS 1.2 or later on the server, or on the proxy that terminates TLS; older versions are "
    "refused.",
    "redirected": "Use the final URL. Redirects are not followed because they would forward the credentials.",
    "not_opensearch": "Check that 'hosts' is the root URL of OpenSearch itself, not of another service, and that no "
    "proxy answers with an error page.",
    "unexpected_answer": "Check the URL of the server, that its version is supported, and that no proxy changes its "
    "answers. If all is right, this is a defect of the collection: please report it with the message.",
    "answer_too_large": "Check the URL of the server; request less at once.",
    "wrong_credentials": "Check 'username' and 'password', or 'token'.",
    "forbidden": "Give the user a role that allows {permission}. See docs/security_roles.yml of the collection for the "
    "minimal roles.",
    "aws_credentials_missing": "Set 'aws_access_key_id' and 'aws_secret_access_key', or 'aws_profile', or configure "
    "AWS credentials on the host that runs the module.",
    "aws_credentials_expired": "Get new temporary credentials; the current ones have expired.",
    "aws_credentials_unknown": "Check 'aws_access_key_id', and 'aws_session_token' if the credentials are temporary.",
    "aws_signature_mismatch": "Check that 'aws_secret_access_key' belongs to 'aws_access_key_id', and that no proxy "
    "changes the path or the host name.",
    "aws_clock_skew": "Set the clock of the host that runs the module; AWS accepts a difference of at most five "
    "minutes.",
    "aws_wrong_scope": "Correct 'aws_region', or 'aws_service': es for a domain, aoss for a serverless collection.",
    "aws_not_authorized": "Allow the request in the domain's access policy or the collection's data access policy, and "
    "in the IAM policy of the identity.",
    "cluster_starting": "Wait until GET /_cluster/health succeeds and run the task again. If it does not, check the "
    "logs of the nodes, and of the proxy in front of the cluster, if any.",
    "security_starting": "Wait until the security plugin has loaded its configuration and run the task again. If it "
    "does not, load the configuration with securityadmin.sh: the security index or its shards are missing.",
    "shards_unavailable": "Wait until the cluster's health is yellow or green and run the task again. If it stays red, "
    "GET /_cluster/allocation/explain shows why a shard is unassigned.",
    "no_ml_plugin": "Install the ML Commons plugin (opensearch-ml) on every node of the cluster.",
    # Invalid input, refused before anything is changed
    "invalid_input": "Correct the option named in the message.",
    "invalid_regex": "Correct or simplify the pattern. It must match a whole URL and be a valid Java regular "
    "expression.",
    "catch_all_refused": "Use a pattern that matches only the endpoint, or set 'allow_catch_all: true' to trust every "
    "address.",
    "invalid_characters": "Use letters, numbers, spaces and .,!?():@-_'/\" only; OpenSearch 3.1 and later refuse "
    "others.",
    "placeholder_left_in": "Replace the placeholder named in the message by your own value, or remove the field.",
    "placeholder_unfilled": "Add the parameter to the connector's 'parameters' or to the prediction, or correct the "
    "placeholder's name.",
    "credential_missing": "Add the key to 'credential', or remove the placeholder from the action.",
    "credential_needed": "Set 'credential' in this task, because the new connector needs it. Or set 'update_strategy: "
    "redeploy', which keeps the stored credential but interrupts predictions for a short time.",
    "credential_needed_to_replace": "Set 'credential' in this task. Removing a parameter or changing the protocol "
    "requires a new connector, which needs the credential.",
    "invalid_stack": "Correct the items named in the message; 'details' lists all problems with their places.",
    "declared_twice": "Remove one of the two items.",
    "needs_absent": "Set the dependency to 'state: present', or remove the item that needs it.",
    "cycle": "Remove one of the references of the cycle.",
    "duplicates_differ": "Make the fields named in the message equal, or delete the objects that you do not need; "
    "limit the task with 'name_pattern'. Stored credentials cannot be compared: set 'trust_credentials: true' if they "
    "are the same.",
    "prune_unconfirmed": "Set 'prune_confirm' to the name of the cluster to confirm the deletion.",
    "unsupported_version": "Upgrade OpenSearch, or remove the option.",
    # Objects of the cluster
    "ambiguous_name": "Delete the surplus objects, or give the id of the object instead of its name.",
    "unknown_connector": "Create the connector first, or correct its name or id.",
    "unknown_model": "Register the model first, or correct its name or id.",
    "unknown_controller": "Set limits with ml_controller first, or correct the model's name or id.",
    "unknown_agent": "Create the agent first, or correct its name or id.",
    "unknown_tool": "Correct the tool's type, or install the plugin that provides it on every node.",
    "agent_not_changeable": "Set 'update_strategy: recreate' to replace the agent by a new one with another id, or "
    "declare the values that it has now.",
    "unknown_model_group": "Create the model group first, or give its name, which creates the group if it does not "
    "exist.",
    "id_taken": "Run the task again: another controller has just created an object with this id.",
    "connector_in_use": "Set 'update_strategy: swap' or 'update_strategy: redeploy' to change the connector. To delete "
    "it, delete its models or give them another connector first.",
    "connector_held": "Give the models named in the message other connectors, for example by changing theirs with "
    "'update_strategy: swap', which creates new ids. Or keep the connector: an unused connector does no harm.",
    "model_name_taken": "Choose another name, or rename or delete the model that has it.",
    "inline_connector": "Delete the model and register it with a standalone connector; this model contains its "
    "connector.",
    "group_in_use": "Delete the models, or move them to another group with ml_model and 'model_group'.",
    "group_name_taken": "Choose another name, or use the group that has it.",
    "unknown_processor": "Correct the processor's type, or install the plugin that provides it on every node.",
    "invalid_pipeline": "Correct 'definition' as the message says.",
    "pipeline_in_use": "Remove the pipeline from the settings of the indexes named in the message first.",
    "unknown_index": "Create the index first, or correct its name.",
    "index_not_changeable": "Declare the values that the index has, or create an index with another name and reindex "
    "the documents into it.",
    "invalid_mapping": "Correct 'mappings' as the message says.",
    "document_refused": "Correct the documents or their ingest pipeline as the reasons in the message say.",
    "concurrent_change": "Run the task again: another controller is changing the same objects.",
    "version_conflict": "Run the task again: another controller is changing the same objects.",
    "stack_failed": "Fix the failures named in the message and run the task again; it continues from there.",
    "not_converged": "Compare the values in the message and report them: the server stored values other than those "
    "sent.",
    # Cluster settings
    "unknown_setting": "Correct the setting's name, or upgrade OpenSearch if a newer version added the setting.",
    "static_setting": "Set it in opensearch.yml on every node and restart the nodes; this setting cannot be changed at "
    "run time.",
    "invalid_setting_value": "Use a value of the setting's type.",
    "broken_trusted_regex": "Remove the pattern that does not compile from "
    "plugins.ml_commons.trusted_connector_endpoints_regex with opensearch_cluster_setting and 'list_mode: remove'.",
    # ML Commons
    "untrusted_endpoint": "Append an exact pattern for the URL to "
    "plugins.ml_commons.trusted_connector_endpoints_regex.",
    "private_address_refused": "Set plugins.ml_commons.connector.private_ip_enabled to true. From 3.x on, undeploy and "
    "deploy a model again that was deployed before.",
    "private_endpoint_refused": "Append an exact pattern for the URL to "
    "plugins.ml_commons.trusted_connector_private_endpoints_regex: if that list is not empty, OpenSearch 3.7 and later "
    "call only the private addresses that it matches.",
    "restricted_address": "Use another address for the backend, or remove this one from the static setting "
    "plugins.ml_commons.connector.restricted_ip_patterns in opensearch.yml.",
    "access_control_disabled": "Remove the access options, or enable the security plugin and connector access control.",
    "invalid_protocol": "Use one of the protocols named in the message.",
    "mcp_disabled": "Set plugins.ml_commons.mcp_connector_enabled to true.",
    "master_key": "Wait for a green cluster and run the task again. If the index .plugins-ml-config is lost, set the "
    "credential of every connector again.",
    "node_lost": "Run the task again when the cluster has removed the lost node. If it still fails, start nodes until "
    "a majority is running.",
    "no_cluster_manager": "Start cluster-manager-eligible nodes until a majority of them is running.",
    "controller_disabled": "Set plugins.ml_commons.controller_enabled to true.",
    "too_many_tasks": "Wait until running tasks have finished, or raise "
    "plugins.ml_commons.max_deploy_model_tasks_per_node.",
    "circuit_breaker": "Free memory or disk space on the node, or raise plugins.ml_commons.native_memory_threshold or "
    "plugins.ml_commons.jvm_heap_memory_threshold.",
    "deploy_failed": "Fix the errors that the nodes report, then run the task again.",
    "wait_timeout": "Raise 'wait_timeout' if the cluster is slow; otherwise check the last state in the message.",
    # Predictions
    "model_disabled": "Set 'is_enabled: true' on the model.",
    "model_not_deployed": "Deploy the model, for example with ml_model and 'state: deployed'.",
    "rate_limited": "Wait, or raise the limit of the model's rate limiter, which refused the request.",
    "interface_mismatch": "Send the input that the model's 'interface' requires.",
    "invalid_payload": "Correct 'request_body' or the parameters: with its placeholders filled, the body is not valid "
    "JSON.",
    "guardrail": "Change the text, or the model's guardrails, which refused it.",
    "backend_unauthorized": "Set the key that the backend requires in the connector's 'credential'.",
    "backend_model_missing": "Pull or load the model on the backend, or correct the connector's model name.",
    "backend_path_missing": "Correct the path of the connector's URL: the backend does not know it.",
    "backend_redirected": "Use the final URL in the connector; redirects of the backend are not followed.",
    "backend_busy": "Wait and run the task again, or give the backend more slots: it is overloaded.",
    "backend_loading": "Wait until the backend has loaded the model and run the task again, or raise 'wait_timeout'.",
    "backend_error": "Check the backend's log.",
    "backend_refused": "Start the backend, or correct the connector's URL. On each OpenSearch node, 127.0.0.1 is the "
    "node itself.",
    "backend_unreachable": "Check that the backend runs and that every OpenSearch node can reach it.",
    "backend_timeout": "Raise 'client_config.read_timeout' of the connector (seconds); loading a model can take "
    "minutes.",
    "backend_closed": "Try http:// in the connector's URL: a backend that closes the connection often uses plain HTTP "
    "on that port.",
    "backend_tls_untrusted": "Import the backend's certificate into the truststore of the JVM of every node.",
    "backend_unknown_host": "Use a host name that every OpenSearch node can resolve.",
    "backend_empty_answer": "Check the backend's log: it answered without a body.",
    "unexpected_status": "Check the answer in the result, or change 'expect_status'.",
    "empty_content": "Check the answer in the result; raise max_tokens.",
    "reasoning_only": "Raise max_tokens or disable reasoning: the model used all its tokens for reasoning.",
    "invalid_pattern": "Correct 'expect_pattern': it must be a Python regular expression, and is searched for anywhere "
    "in the answer.",
    "pattern_mismatch": "Check the answer in the result, or change 'expect_pattern'.",
    # Ollama
    "not_ollama": "Check that 'url' is the root URL of an Ollama server, not of OpenSearch, a proxy or another LLM "
    "server.",
    "ollama_unreachable": "Check 'url', the network and whether Ollama is running. It listens on 127.0.0.1 only, "
    "unless OLLAMA_HOST is set in the environment of the server.",
    "ollama_no_answer": "Check whether the server is overloaded or restarting; raise 'timeout', or 'wait_timeout' for "
    "a model that is slow to load.",
    "ollama_unauthorized": "Set 'api_key' or 'headers' to the key that the gateway in front of Ollama requires.",
    "ollama_unknown_model": "Correct the model's name or tag: the registry does not have it.",
    "ollama_model_missing": "Pull or create the model first, or correct its name.",
    "ollama_registry_unreachable": "Give the host that runs Ollama access to the registry (set HTTPS_PROXY in the "
    "environment of the server), or upload the model with 'from_file'.",
    "ollama_registry_plain_http": "Set 'insecure: true' to allow this registry, which uses HTTP without TLS.",
    "ollama_registry_refused": "Sign in to the registry on the Ollama server, or use a public model.",
    "ollama_disk_full": "Free disk space in the server's model directory (OLLAMA_MODELS), or delete models with "
    "'state: absent'; a restart of Ollama deletes what failed uploads have left there. Then run the task again.",
    "ollama_out_of_memory": "Unload other models, use a smaller model or a smaller num_ctx, or give the server more "
    "memory.",
    "ollama_too_old": "Upgrade Ollama.",
    "ollama_invalid_file": "Use a complete model file in GGUF format; a truncated copy is refused as well.",
    "ollama_invalid_template": "Correct 'template': it must be a Go template.",
    "ollama_same_weights": "Give one of the two models another num_ctx in 'parameters', or load only one of them: the "
    "server answers for the other as well, without loading it.",
    "ollama_cannot_load": "Check the server's log; this version of Ollama may not support the model's architecture.",
    "ollama_pull_ended": "Run the task again: other clients started and cancelled a pull of the same model repeatedly.",
    "ollama_stream_cut": "Check whether the server is running, then run the task again: the server keeps the "
    "downloaded part and resumes.",
    "ollama_error": "Check the server's reason in the message and the server's log.",
    # Other errors
    "api_error": "Check the server's reason in the message and the server's log.",
    "internal_error": "Report this defect of the collection with the message.",
}

#: Failures to reach the cluster or to log in, which do not depend on what the task does.
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
