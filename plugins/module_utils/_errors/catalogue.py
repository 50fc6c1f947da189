# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Every failure code with its cause and its remedy: what has happened, and what the user can do about it."""

from __future__ import annotations

from typing import Mapping, NamedTuple


class Entry(NamedTuple):
    """What a failure code means.

    ``cause`` is one or two sentences on what has happened; the message of a failure has the particulars. ``remedy`` is
    what the user can do, as imperatives; names in braces are filled in from the details of the failure. It is empty where
    the message itself says all there is to do, as for an invalid option.
    """

    cause: str
    remedy: str


#: Title of a section -> code -> entry. ``docs/site/stage.py`` renders it as a page.
SECTIONS: Mapping[str, Mapping[str, Entry]] = {
    "Connection to the cluster": {
        "library_missing": Entry(
            cause="The Python library 'requests', or 'botocore' for 'auth_type: aws_sigv4', is not installed for the "
            "Python interpreter that runs the module.",
            remedy="Install it on the host of the task with '{interpreter} -m pip install {library}'.",
        ),
        "unreachable": Entry(
            cause="The module cannot connect to any of 'hosts': the connection is refused or takes too long, the host "
            "name is unknown, or the connection ends during the TLS handshake. Nothing was sent.",
            remedy="Check 'hosts', the network and whether OpenSearch is running.",
        ),
        "no_answer": Entry(
            cause="The module sent the request, but the server closed the connection without a complete answer, or "
            "gave none within 'timeout'. The server may have executed the request.",
            remedy="Check whether the cluster is overloaded or restarting; raise 'timeout'. A cluster that requires "
            "TLS closes a plain HTTP connection without an answer: in that case write https:// in 'hosts'.",
        ),
        "tls_not_trusted": Entry(
            cause="The TLS connection fails. In most cases the module cannot verify the server's certificate: its "
            "authority is unknown, it has expired, or it is for another host name.",
            remedy="Set 'ca_path', or for the cluster the environment variable OPENSEARCH_CA_PATH, to the certificate of "
            "the authority that signed the server's certificate, and use a host name that the certificate contains.",
        ),
        "tls_to_plain_port": Entry(
            cause="The URL begins with https://, but the server does not use TLS on this port.",
            remedy="Write http:// in the URL, or use the TLS port: this port does not use TLS.",
        ),
        "tls_too_old": Entry(
            cause="The server offers only old versions of TLS, which the module refuses.",
            remedy="Enable TLS 1.2 or later on the server, or on the proxy that terminates TLS; older versions are "
            "refused.",
        ),
        "redirected": Entry(
            cause="The server redirects the request to another URL.",
            remedy="Use the final URL. Redirects are not followed because they would forward the credentials.",
        ),
        "not_opensearch": Entry(
            cause="The answer is not one of OpenSearch: it is not JSON, lacks what OpenSearch always sends, or is an "
            "error in the format of another server. Or the URL contains a path that OpenSearch does not know.",
            remedy="Check that 'hosts' is the root URL of OpenSearch itself, not of another service, and that no "
            "proxy answers with an error page.",
        ),
        "unexpected_answer": Entry(
            cause="The server's answer is JSON, but a value in it is missing or has another type than the collection "
            "expects.",
            remedy="Check the URL of the server, that its version is supported, and that no proxy changes its "
            "answers. If all is right, this is a defect of the collection: please report it with the message.",
        ),
        "answer_too_large": Entry(
            cause="The server's answer is larger than the maximum that the module reads.",
            remedy="Check the URL of the server; request less at once.",
        ),
        "wrong_credentials": Entry(
            cause="The server, or a proxy in front of it, rejects the login: it answers with status 401.",
            remedy="Check 'username' and 'password', or 'token'. If they are not set, the environment variables "
            "OPENSEARCH_USERNAME, OPENSEARCH_PASSWORD and OPENSEARCH_TOKEN apply.",
        ),
        "forbidden": Entry(
            cause="The login is valid, but the user's roles do not allow the request, so the server refuses it.",
            remedy="Give the user a role that allows {permission}. See docs/security_roles.yml of the collection for "
            "the minimal roles.",
        ),
        "aws_credentials_missing": Entry(
            cause="Neither the options nor the host that runs the module have AWS credentials, or botocore cannot use "
            "those that it found.",
            remedy="Set 'aws_access_key_id' and 'aws_secret_access_key', or 'aws_profile', or configure AWS "
            "credentials on the host that runs the module.",
        ),
        "aws_credentials_expired": Entry(
            cause="AWS refuses the request, because its temporary credentials have expired.",
            remedy="Get new temporary credentials; the current ones have expired.",
        ),
        "aws_credentials_unknown": Entry(
            cause="AWS does not know the access key or the session token of the request.",
            remedy="Check 'aws_access_key_id', or AWS_ACCESS_KEY_ID in the environment, and 'aws_session_token' or "
            "AWS_SESSION_TOKEN if the credentials are temporary.",
        ),
        "aws_signature_missing": Entry(
            cause="The domain or collection of Amazon accepts signed requests only, and the module has not signed this one.",
            remedy="Set 'auth_type: aws_sigv4', or OPENSEARCH_AUTH_TYPE=aws_sigv4 in the environment, and 'aws_region'.",
        ),
        "aws_signature_mismatch": Entry(
            cause="AWS computes another signature for the request than the module: the secret key is wrong, or a "
            "proxy has changed the request.",
            remedy="Check that 'aws_secret_access_key' belongs to 'aws_access_key_id', and AWS_SECRET_ACCESS_KEY in the "
            "environment to AWS_ACCESS_KEY_ID, and that no proxy changes the path or the host name.",
        ),
        "aws_clock_skew": Entry(
            cause="AWS refuses the request, because the time in its signature is too far in the past or in the future.",
            remedy="Set the clock of the host that runs the module; AWS accepts a difference of at most five minutes.",
        ),
        "aws_wrong_scope": Entry(
            cause="The request is signed for another AWS region or service than the server's.",
            remedy="Correct 'aws_region', or AWS_REGION in the environment, or 'aws_service', or OPENSEARCH_AWS_SERVICE: es for a "
            "domain, aoss for a serverless collection.",
        ),
        "aws_not_authorized": Entry(
            cause="AWS knows the identity that signed the request, but no policy allows it this request.",
            remedy="Allow the request in the domain's access policy or the collection's data access policy, and in "
            "the IAM policy of the identity.",
        ),
        "not_offered": Entry(
            cause="The managed service in front of OpenSearch does not offer the request, or does not let its users set one of the "
            "settings. Amazon OpenSearch Service does so.",
            remedy="Leave the setting or the call out; with the roles, set their variables ending in _trust to skip and those "
            "ending in _allow_private to never. Amazon's manual lists the supported operations.",
        ),
        "cluster_starting": Entry(
            cause="The cluster is starting and has not recovered its state yet, or a proxy in front of the cluster "
            "answers with status 503.",
            remedy="Wait until GET /_cluster/health succeeds and run the task again. If it does not, check the logs "
            "of the nodes, and of the proxy in front of the cluster, if any.",
        ),
        "security_starting": Entry(
            cause="The security plugin of OpenSearch has not loaded its configuration yet, and refuses all requests "
            "until then.",
            remedy="Wait until the security plugin has loaded its configuration and run the task again. If it does "
            "not, load the configuration with securityadmin.sh: the security index or its shards are missing.",
        ),
        "shards_unavailable": Entry(
            cause="Shards of an index cannot be used: the cluster is starting, the index is new, or the nodes that "
            "have the shards are down.",
            remedy="Wait until the cluster's health is yellow or green and run the task again. If it stays red, GET "
            "/_cluster/allocation/explain shows why a shard is unassigned.",
        ),
        "no_ml_plugin": Entry(
            cause="The node that answers does not have the ML Commons plugin.",
            remedy="Install the ML Commons plugin (opensearch-ml) on every node of the cluster.",
        ),
    },
    "Invalid input, refused before anything is changed": {
        "invalid_input": Entry(
            cause="An option, a file or the input of a filter is invalid, or two options contradict each other. The "
            "message names the option.",
            remedy="",
        ),
        "invalid_regex": Entry(
            cause="A pattern for trusted endpoints is not a valid regular expression, or the module cannot check it.",
            remedy="Correct or simplify the pattern. It must match a whole URL and be a valid Java regular expression.",
        ),
        "unsafe_pattern": Entry(
            cause="OpenSearch 3.7 and later refuse some patterns for trusted endpoints, because matching them could take "
            "very long: patterns of more than 256 characters, with a repeated group that ends with a quantifier, or with a "
            "back reference. 3.7 and 3.8 also refuse harmless optional groups that end with a quantifier.",
            remedy="Rewrite the pattern without {construct}. Instead of an optional group, (:[0-9]+)?, write one with an "
            "empty alternative, (:[0-9]+|), which matches the same; OpenSearch 3.9 accepts both. Repeat a character class "
            "instead of a group. Split a pattern of more than 256 characters into several.",
        ),
        "catch_all_refused": Entry(
            cause="A pattern for trusted endpoints matches hosts that it does not name, so that connectors could send "
            "requests and credentials anywhere.",
            remedy="Use a pattern that names its hosts and ends them with a slash, or set 'allow_catch_all: true' to trust "
            "all hosts that the pattern matches.",
        ),
        "useless_pattern": Entry(
            cause="A pattern for trusted endpoints matches no URL that a connector calls.",
            remedy="The filter trusted_regex of the collection makes the pattern of a URL.",
        ),
        "invalid_characters": Entry(
            cause="A name or a description contains a character that this version of OpenSearch refuses.",
            remedy="Use letters, numbers, spaces and .,!?():@-_'/\" only; OpenSearch 3.1 and later refuse others.",
        ),
        "placeholder_left_in": Entry(
            cause="The body still contains a placeholder of a blueprint, such as <YOUR KEY> or your_model_id, instead of a "
            "value of your own.",
            remedy="Replace each placeholder by a value of your own, or remove the field.",
        ),
        "placeholder_unfilled": Entry(
            cause="An action of the connector uses a parameter that has no value, neither in the connector's "
            "'parameters' nor in those of the prediction.",
            remedy="Add the parameter to the connector's 'parameters' or to the prediction, or correct the "
            "placeholder's name. For the model of an agent, set 'capability: agent' and 'provider' for the connector in "
            "ml_connector.",
        ),
        "agent_prompt_unfilled": Entry(
            cause="The agent has no prompt of its own, and the server's default prompt lists the tools by placeholders that it does "
            "not fill for a model that calls tools as functions.",
            remedy="Set 'prompt' in the parameters of the agent's 'llm' to the placeholder of the question, as the example with "
            "'_llm_interface' in the documentation of ml_agent shows.",
        ),
        "plan_not_json": Entry(
            cause="The model of the agent does not write the JSON in which the server needs a plan.",
            remedy="Use a larger model for agents of the type plan_execute_and_reflect, or the type conversational.",
        ),
        "unknown_llm_interface": Entry(
            cause="The server does not know the '_llm_interface' in the parameters of the agent.",
            remedy="Use openai/v1/chat/completions for a server with OpenAI's API, or bedrock/converse/claude or "
            "bedrock/converse/deepseek_r1 for Bedrock. A later version of OpenSearch may know others.",
        ),
        "request_body_missing": Entry(
            cause="The action of the connector has no 'request_body', nor the prediction a parameter 'http_body', and the server does "
            "not send a POST without a body.",
            remedy="Add 'request_body' to the connector's action.",
        ),
        "placeholder_never_filled": Entry(
            cause="A placeholder of the connector stays as it is. OpenSearch fills those of 'parameters' in URLs, headers "
            "and request bodies, and those of 'credential' in headers only.",
            remedy="Correct or remove the placeholder. A key can be sent in a header only.",
        ),
        "header_placeholder_refused": Entry(
            cause="A header of the connector takes its value from a parameter, which OpenSearch 3.7 and later do not allow: "
            "any user who may predict could choose it. This is so for headers that identify the sender, such as Authorization, "
            "x-api-key, Cookie, Host and X-Forwarded-For, and for all headers of MCP connectors.",
            remedy="Put the value into 'credential', and write 'credential' instead of 'parameters' into the header's "
            "placeholder. If the value is not a secret, you can write it into the header itself.",
        ),
        "header_refused": Entry(
            cause="With its placeholders filled, a header of the connector contains a control character, or is too large: "
            "OpenSearch 3.7 and later allow 8 KiB for a header and 64 KiB for all.",
            remedy="Correct the parameter or the key that the header uses.",
        ),
        "credential_missing": Entry(
            cause="An action of the connector, or its protocol, uses a key that 'credential' does not contain, or that has no "
            "value there.",
            remedy="Give the key a value in 'credential', or remove the placeholder from the action.",
        ),
        "unknown_function": Entry(
            cause="'pre_process_function' or 'post_process_function' of an action names a function that this version of "
            "OpenSearch does not have.",
            remedy="Correct the name, or write a Painless script.",
        ),
        "api_key_missing": Entry(
            cause="The provider accepts no request without a key, and the task gives none.",
            remedy="Set 'api_key' to your key of the provider.",
        ),
        "sigv4_incomplete": Entry(
            cause="A connector with 'protocol: aws_sigv4' signs its requests, and lacks a key, the region or the name of the "
            "service for that. Only Amazon OpenSearch Service takes the keys of a role ('roleArn').",
            remedy="Set 'access_key' and 'secret_key' in 'credential', and 'region' and 'service_name' in 'parameters', such "
            "as us-east-1 and bedrock. On Amazon OpenSearch Service, 'roleArn' can replace both keys.",
        ),
        "credential_needed": Entry(
            cause="'update_strategy: swap' makes this change with a new connector, and the server does not return the "
            "credential of the current one.",
            remedy="Set 'credential' in this task, because the new connector needs it. Or set 'update_strategy: "
            "redeploy', which keeps the stored credential but interrupts predictions for a short time.",
        ),
        "credential_needed_to_replace": Entry(
            cause="The server cannot make this change to an existing connector, and does not return the credential "
            "that a new connector needs.",
            remedy="Set 'credential' in this task. Removing a parameter or changing the protocol requires a new "
            "connector, which needs the credential.",
        ),
        "nothing_declared": Entry(
            cause="The stack has no section, so that it would succeed on every cluster without having done anything. In most "
            "cases the file with the declaration is not given.",
            remedy="Give at least one section. With the playbooks, add the file with the variables stack_settings, "
            "stack_connectors and so on: -e @stack.yml.",
        ),
        "invalid_stack": Entry(
            cause="The declaration of the stack has problems, or does not fit the cluster. Nothing was changed.",
            remedy="Correct the declaration. {remedies_of_the_problems}",
        ),
        "declared_twice": Entry(
            cause="Two items of the stack declare the same object.",
            remedy="Remove one of the two items.",
        ),
        "needs_absent": Entry(
            cause="An item of the stack refers to an object that the stack declares with 'state: absent'.",
            remedy="Set the dependency to 'state: present', or remove the item that needs it.",
        ),
        "cycle": Entry(
            cause="Items of the stack refer to each other in a cycle, so that none of them can be created first.",
            remedy="Remove one of the references of the cycle.",
        ),
        "duplicates_differ": Entry(
            cause="Objects with the same name differ, so that ml_dedupe cannot delete all but one of them. Nothing "
            "was changed.",
            remedy="Make these fields equal, or delete the objects that you do not need; limit the "
            "task with 'name_pattern'. Stored credentials cannot be compared: set 'trust_credentials: true' if they "
            "are the same.",
        ),
        "prune_unconfirmed": Entry(
            cause="'prune: all' deletes everything that the stack does not declare, and 'prune_confirm' is not the "
            "name of the cluster.",
            remedy="Set 'prune_confirm' to the name of the cluster to confirm the deletion.",
        ),
        "unsupported_version": Entry(
            cause="The task uses a feature that this version of OpenSearch does not have.",
            remedy="Upgrade OpenSearch, or remove the option.",
        ),
    },
    "Objects of the cluster": {
        "ambiguous_name": Entry(
            cause="Several objects of the cluster have the name that the task gives.",
            remedy="Give the id of the object instead of its name, or delete all but one. For connectors, models and model "
            "groups, the playbook searchops.opensearch_ml.dedupe shows which of them are in use, and deletes the others "
            "with -e dedupe_apply=true.",
        ),
        "unknown_connector": Entry(
            cause="The cluster has no connector with this name or id.",
            remedy="Create the connector first, or correct its name or id.",
        ),
        "unreadable_connector": Entry(
            cause="The server has the connector, but cannot read it: the stored document is not valid for its protocol.",
            remedy="Delete the connector and create it again.",
        ),
        "connector_without_predict": Entry(
            cause="The model's connector is one to an MCP server, which only agents can use.",
            remedy="Give the model a connector with a predict action, and the MCP connector to an agent.",
        ),
        "unknown_model": Entry(
            cause="The cluster has no model with this name or id.",
            remedy="Register the model first, or correct its name or id.",
        ),
        "unknown_controller": Entry(
            cause="The model has no rate limits for users.",
            remedy="Set limits with ml_controller first, or correct the model's name or id.",
        ),
        "unknown_agent": Entry(
            cause="The cluster has no agent with this name or id.",
            remedy="Create the agent first, or correct its name or id.",
        ),
        "unknown_tool": Entry(
            cause="The task names a type of tool that the cluster does not have.",
            remedy="Correct the tool's type, or install the plugin that provides it on every node.",
        ),
        "agent_not_changeable": Entry(
            cause="The server cannot make this change to an existing agent; the message says why.",
            remedy="Set 'update_strategy: recreate' to replace the agent by a new one with another id, or declare the "
            "values that it has now.",
        ),
        "unknown_memory_container": Entry(
            cause="The cluster has no memory container with this name or id.",
            remedy="Create the memory container first, or correct its name or id.",
        ),
        "memory_container_not_changeable": Entry(
            cause="The server cannot make this change to an existing memory container; the message says why.",
            remedy="Declare the values that it has now. Or delete it with 'state: absent' and create it again, which gives it "
            "another id: then run ml_agent again for each agent that uses it.",
        ),
        "memory_container_incomplete": Entry(
            cause="The server stored the memory container, and then could not create its indexes. The module has deleted the "
            "container again.",
            remedy="Read the log of the OpenSearch node. Strategies need the plugin opensearch-knn for the index of the facts and "
            "opensearch-neural-search for its ingest pipeline.",
        ),
        "memory_indexes_shared": Entry(
            cause="Another memory container uses the same indexes, so that the server does not delete them.",
            remedy="Remove 'delete_all_memories' and 'delete_memories' from the task, or give each container an "
            "'index_prefix' of its own.",
        ),
        "mcp_tool_name_taken": Entry(
            cause="OpenSearch compares the names of the tools of its MCP server word by word, and another tool has a word of "
            "this name.",
            remedy="Choose a name that shares no word with the names of the other tools. An underscore joins words, a hyphen and "
            "a space separate them.",
        ),
        "mcp_tool_not_removable": Entry(
            cause="OpenSearch compares the names of the tools of its MCP server word by word. With this tool it would remove "
            "other tools as well.",
            remedy="Remove all of these tools with the API, and register those that you need under names that share no word.",
        ),
        "mcp_tool_not_changeable": Entry(
            cause="The server cannot make this change to an existing tool of its MCP server; the message says why.",
            remedy="Set 'update_strategy: recreate' to remove the tool and register it again, or declare the values that it has "
            "now.",
        ),
        "unknown_model_group": Entry(
            cause="The cluster has no model group with this name or id.",
            remedy="Create the model group first, or give its name, which creates the group if it does not exist.",
        ),
        "id_taken": Entry(
            cause="The server does not create the object, because another object of this kind has the same id.",
            remedy="Run the task again: another controller has just created an object with this id.",
        ),
        "connector_in_use": Entry(
            cause="Models use the connector, so that the server refuses to change or delete it. Or an agent or a pipeline uses "
            "it, and the task is to delete it.",
            remedy="Set 'update_strategy: swap' or 'update_strategy: redeploy' to change the connector. To delete it, "
            "delete what uses it, or give that another connector first. 'delete_in_use: true' deletes a connector that only "
            "agents and pipelines use.",
        ),
        "model_in_use": Entry(
            cause="The task is to delete a model that agents, pipelines or guardrails of other models use. They would fail "
            "without it, and the server does not check this. Nothing was deleted.",
            remedy="Delete what uses the model, or give that another model first. To delete the model anyway, set "
            "'delete_in_use: true'.",
        ),
        "agent_in_use": Entry(
            cause="The task is to delete an agent that other agents or pipelines use. They would fail without it, and the "
            "server does not check this. Nothing was deleted.",
            remedy="Delete what uses the agent, or give that another agent first. To delete the agent anyway, set "
            "'delete_in_use: true'.",
        ),
        "connector_held": Entry(
            cause="No model uses the connector, but the server refuses to change it: it matches ids word by word, and takes "
            "models of another connector for models of this one. A task that deletes the connector warns of this instead.",
            remedy="Give these models other connectors, for example by changing theirs with "
            "'update_strategy: swap', which creates new ids. Or keep the connector: an unused connector does no harm.",
        ),
        "model_name_taken": Entry(
            cause="Another model of the same model group has this name.",
            remedy="Choose another name, or rename or delete the model that has it.",
        ),
        "inline_connector": Entry(
            cause="The model was registered with a connector of its own, which cannot be replaced by another one.",
            remedy="Delete the model and register it with a standalone connector; this model contains its connector.",
        ),
        "group_in_use": Entry(
            cause="The model group contains models, so that the server refuses to delete it.",
            remedy="Delete the models, or move them to another group with ml_model and 'model_group'.",
        ),
        "group_name_taken": Entry(
            cause="Another model group has this name, possibly one that the user is not allowed to read.",
            remedy="Choose another name, or use the group that has it.",
        ),
        "unknown_processor": Entry(
            cause="A pipeline uses a type of processor that a node of the cluster does not have.",
            remedy="Correct the processor's type, or install the plugin that provides it on every node.",
        ),
        "invalid_pipeline": Entry(
            cause="The server refuses the definition of the pipeline: a processor lacks a setting, or has an unknown "
            "or invalid one.",
            remedy="Correct the processor in 'definition'.",
        ),
        "pipeline_in_use": Entry(
            cause="The pipeline is the default pipeline or the final pipeline of an index, so that the server refuses "
            "to delete it.",
            remedy="Remove the pipeline from 'index.default_pipeline' and 'index.final_pipeline' of these indexes first.",
        ),
        "unknown_index": Entry(
            cause="The cluster has no index with this name.",
            remedy="Create the index first, or correct its name.",
        ),
        "index_not_changeable": Entry(
            cause="The index exists with other values of settings or fields that OpenSearch cannot change in an "
            "existing index.",
            remedy="Declare the values that the index has, or create an index with another name and reindex the "
            "documents into it.",
        ),
        "invalid_mapping": Entry(
            cause="The server refuses the mappings of the index or of a field in it.",
            remedy="Correct 'mappings' in the body of the index.",
        ),
        "document_refused": Entry(
            cause="The server has not indexed some of the documents; the message has the reasons.",
            remedy="Correct these documents, the index's mapping, or its ingest pipeline.",
        ),
        "concurrent_change": Entry(
            cause="Another controller has created, replaced or deleted an object that this task was working on.",
            remedy="Run the task again: another controller is changing the same objects.",
        ),
        "lease_unavailable": Entry(
            cause="The task cannot take the lock that keeps two controllers from writing to one cluster at the same time: "
            "its index is not available, or the cluster refuses writes.",
            remedy="To write without the lock, set 'lock: never': then no other controller may write at the same time.",
        ),
        "version_conflict": Entry(
            cause="Another request changed the same document at the same moment, so that the server refused this one.",
            remedy="Run the task again: another controller is changing the same objects.",
        ),
        "stack_failed": Entry(
            cause="Some items of the stack failed. Items that depend on them were skipped, all others were applied.",
            remedy="Fix these failures and run the task again; it continues from there.",
        ),
        "field_not_stored": Entry(
            cause="The server accepted a field of 'extra_fields', but does not return it, so that each run would send it again.",
            remedy="Remove the field, or upgrade OpenSearch to a version that has it.",
        ),
        "not_converged": Entry(
            cause="The server reported success, but what the module read back afterwards is not what the task asked "
            "for.",
            remedy="Run the task again with --diff: it shows what the server stored instead of what was sent. If no other "
            "controller changes the object, please report both.",
        ),
    },
    "Cluster settings": {
        "unknown_setting": Entry(
            cause="The cluster has no setting with this name.",
            remedy="Correct the setting's name. If a newer version of OpenSearch added the setting, leave it out, or name it "
            "in 'only_where_set', which skips it on a cluster that does not have it, or where it has no value.",
        ),
        "hidden_default": Entry(
            cause="The task adds items to a persistent list without a value, or removes items from it. It would start from the "
            "default list, which the cluster does not return while the setting has a transient value.",
            remedy="First delete the transient value: run opensearch_cluster_setting with 'scope: transient', 'state: absent' "
            "and the setting '{setting}'. Or write the whole list with 'list_mode: exact'.",
        ),
        "static_setting": Entry(
            cause="OpenSearch reads this setting only when a node starts.",
            remedy="Set it in opensearch.yml on every node and restart the nodes; this setting cannot be changed at "
            "run time.",
        ),
        "invalid_setting_value": Entry(
            cause="The server refuses the value of the setting: it has the wrong type, or is not allowed.",
            remedy="Use a value of the setting's type.",
        ),
        "broken_trusted_regex": Entry(
            cause="A pattern in the cluster's list of trusted endpoints is not a valid regular expression, so that "
            "OpenSearch can check no URL against the list.",
            remedy="Remove the pattern that does not compile from "
            "plugins.ml_commons.trusted_connector_endpoints_regex with opensearch_cluster_setting and 'list_mode: "
            "remove'.",
        ),
    },
    "ML Commons": {
        "untrusted_endpoint": Entry(
            cause="No pattern in the cluster's list of trusted endpoints matches the connector's URL.",
            remedy="Append an exact pattern for the URL to plugins.ml_commons.trusted_connector_endpoints_regex. OpenSearch "
            "3.7 and later check predictions against the list as it was when the model was deployed: if the list has the "
            "pattern already, run ml_model with 'reload: true' for the model.",
        ),
        "private_address_refused": Entry(
            cause="The host of the connector's URL has a private IP address, and the cluster does not allow "
            "connectors to call these.",
            remedy="Set 'plugins.ml_commons.connector.private_ip_enabled' to true. From 3.x on, run ml_model with 'reload: "
            "true' for a model that was deployed before.",
        ),
        "private_endpoint_refused": Entry(
            cause="The host of the connector's URL has a private IP address, and no pattern in the cluster's list of "
            "trusted private endpoints matches the URL.",
            remedy="Append an exact pattern for the URL to "
            "plugins.ml_commons.trusted_connector_private_endpoints_regex: if that list is not empty, OpenSearch 3.7 "
            "and later call only the private addresses that it matches. If it has the pattern already, run ml_model with "
            "'reload: true' for the model, which keeps the list of the time when it was deployed.",
        ),
        "restricted_address": Entry(
            cause="The host of the connector's URL has an IP address that the configuration of the nodes forbids.",
            remedy="Use another address for the backend, or remove this one from the static setting "
            "plugins.ml_commons.connector.restricted_ip_patterns in opensearch.yml.",
        ),
        "access_control_disabled": Entry(
            cause="The task gives access options, but access control for connectors or models is disabled in the "
            "cluster.",
            remedy="Remove the access options, or enable the security plugin and the control, with "
            "plugins.ml_commons.model_access_control_enabled for groups of models, and "
            "plugins.ml_commons.connector_access_control_enabled for connectors.",
        ),
        "invalid_protocol": Entry(
            cause="This version of OpenSearch does not know the protocol of the connector.",
            remedy="Set 'protocol' to one that the server lists; OpenSearch 2.19 lists none, and has http and aws_sigv4.",
        ),
        "mcp_disabled": Entry(
            cause="The connector uses an MCP protocol, and the cluster does not allow connectors to MCP servers.",
            remedy="Set plugins.ml_commons.mcp_connector_enabled to true.",
        ),
        "master_key": Entry(
            cause="ML Commons cannot read or create the master key with which it encrypts the credentials of "
            "connectors.",
            remedy="Wait for a green cluster and run the task again. If the index .plugins-ml-config is lost, set the "
            "credential of every connector again.",
        ),
        "feature_disabled": Entry(
            cause="The request uses a feature that the cluster's settings disable.",
            remedy="Set {setting} to true.",
        ),
        "node_lost": Entry(
            cause="A node has left the cluster, and the other nodes still send requests to it.",
            remedy="Run the task again when the cluster has removed the lost node. If it still fails, start nodes "
            "until a majority is running.",
        ),
        "no_cluster_manager": Entry(
            cause="The cluster has no elected cluster manager, and changes nothing without one.",
            remedy="Start cluster-manager-eligible nodes until a majority of them is running.",
        ),
        "controller_disabled": Entry(
            cause="The cluster's settings disable the limits that ml_controller sets.",
            remedy="Set plugins.ml_commons.controller_enabled to true.",
        ),
        "too_many_tasks": Entry(
            cause="A node is running as many tasks of ML Commons as its limit allows.",
            remedy="Wait until running tasks have finished, or raise "
            "plugins.ml_commons.max_deploy_model_tasks_per_node.",
        ),
        "circuit_breaker": Entry(
            cause="A node is short of memory or disk space, so that a circuit breaker of OpenSearch refuses the "
            "request.",
            remedy="Free memory or disk space on the node, or raise plugins.ml_commons.native_memory_threshold or "
            "plugins.ml_commons.jvm_heap_memory_threshold.",
        ),
        "deploy_failed": Entry(
            cause="The model is deployed on no node, or not on all nodes that it is planned for. The message has the "
            "reason of each node.",
            remedy="Fix the errors that the nodes report, then run the task again.",
        ),
        "wait_timeout": Entry(
            cause="What the task waits for did not happen in time. The server may still be working on it.",
            remedy="Raise 'wait_timeout' if the cluster is slow; otherwise check the logs of the nodes.",
        ),
    },
    "Predictions": {
        "model_disabled": Entry(
            cause="The model is disabled, so that OpenSearch refuses predictions with it.",
            remedy="Set 'is_enabled: true' on the model.",
        ),
        "model_not_deployed": Entry(
            cause="The model is not deployed, or its deployment has not finished yet.",
            remedy="Deploy the model, for example with ml_model and 'state: deployed'.",
        ),
        "rate_limited": Entry(
            cause="More predictions were requested than the model's rate limiter allows.",
            remedy="Wait, or raise the limit of the model's rate limiter, which refused the request.",
        ),
        "interface_mismatch": Entry(
            cause="The input or the output of the model does not match the JSON schema in the model's 'interface'.",
            remedy="Send the input that the model's 'interface' requires.",
        ),
        "invalid_payload": Entry(
            cause="The body that OpenSearch would send to the backend is not valid JSON.",
            remedy="Correct 'request_body' of the connector, or the parameters that fill its placeholders. Write a "
            "placeholder in quotes if its value is text, and without quotes if it is a number, a list or an object.",
        ),
        "guardrail": Entry(
            cause="A guardrail of the model refuses the input or the output. From OpenSearch 3.8 on, it does so as well if "
            "it cannot check the text: its own model fails or does not answer within 60 seconds, or its index of stop words "
            "cannot be searched.",
            remedy="Change the text, or the model's guardrails, which refused it. If every text is refused, ask the model of "
            "the guardrail with ml_predict, and check that the index of its stop words exists.",
        ),
        "backend_unauthorized": Entry(
            cause="The backend refuses the connector's key, or got none: it answers with status 401 or 403.",
            remedy="Set the key that the backend requires, in 'api_key' or in the connector's 'credential'.",
        ),
        "backend_model_missing": Entry(
            cause="The backend does not have the model that the connector names: it answers with status 404.",
            remedy="Pull or load the model on the backend, or correct the connector's model name.",
        ),
        "backend_path_missing": Entry(
            cause="The backend answers with status 404, and does not mention a model.",
            remedy="Correct the path of the connector's URL: the backend does not know it.",
        ),
        "backend_without_capability": Entry(
            cause="The backend was not started for this kind of request: vLLM answers a request for embeddings or rerank with "
            "status 404 if it was started for chats, and the other way round; llama.cpp answers with status 501.",
            remedy="Start the backend for this kind of request: vLLM with --runner pooling for embeddings and rerank, and "
            "without it for chats; llama.cpp with --embeddings or --reranking. If the backend is another server, correct "
            "the path of the connector's URL.",
        ),
        "backend_redirected": Entry(
            cause="The backend redirects the request of OpenSearch to another URL.",
            remedy="Use the final URL in the connector; redirects of the backend are not followed.",
        ),
        "backend_busy": Entry(
            cause="The backend refuses the request because of too many others: it answers with status 429 or 503.",
            remedy="Wait and run the task again, or give the backend more slots: it is overloaded.",
        ),
        "backend_loading": Entry(
            cause="The backend is still loading the model: it answers with status 503.",
            remedy="Wait until the backend has loaded the model and run the task again, or raise 'wait_timeout'.",
        ),
        "backend_rejected": Entry(
            cause="The backend rejects the request of OpenSearch: it answers with status 400, 413, 415 or 422, and says why.",
            remedy="Correct 'request_body' of the connector, or the parameters, so that the backend accepts the request.",
        ),
        "context_too_long": Entry(
            cause="The prompt, or the prompt and the answer that is asked for, are longer than the backend's context.",
            remedy="Shorten the messages or lower max_tokens, or start the backend with a longer context (vLLM: "
            "--max-model-len, llama.cpp: --ctx-size, Ollama: num_ctx).",
        ),
        "backend_without_tools": Entry(
            cause="The request offers tools, and the backend or its model does not support function calling.",
            remedy="Use a model that supports tools, and start the server with them: vLLM with --enable-auto-tool-choice "
            "and --tool-call-parser, llama.cpp with --jinja. Or remove the tools from the request.",
        ),
        "backend_streams": Entry(
            cause="The backend answers with a stream of events, and OpenSearch reads an answer as one JSON value.",
            remedy="Remove 'stream' from 'request_body' of the connector, or set it to false there. For Ollama's own API, "
            "/api/chat, write '\"stream\": false' into the body, as it streams by default.",
        ),
        "backend_not_json": Entry(
            cause="The backend answers with success, but its answer is not a JSON object: it is a web page, plain text or a "
            "stream. The server reports the same if the 'pre_process_function' of the action returns no JSON; then it has not "
            "asked the backend.",
            remedy="Correct 'url' of the connector's action: it must be the route of the API, not a web page of the server. "
            "If the route is right, remove 'stream' from 'request_body'. If the action has a 'pre_process_function', correct "
            "that: it must return a JSON object.",
        ),
        "answer_not_processed": Entry(
            cause="OpenSearch has the backend's answer, but cannot process it: it lacks what 'response_filter' or the "
            "post-processing function reads, or the function fails.",
            remedy="Correct 'post_process_function' of the connector's action, or 'response_filter' in its parameters, so "
            "that it fits the backend's answer.",
        ),
        "invalid_endpoint": Entry(
            cause="With its placeholders filled, the URL of the connector's action is not valid.",
            remedy="Correct 'url' of the connector's action, or the parameters that fill its placeholders.",
        ),
        "backend_error": Entry(
            cause="The backend answers with an error that no other code describes, or OpenSearch does not report why "
            "its request to the backend failed.",
            remedy="Check the backend's log, and the log of the OpenSearch nodes.",
        ),
        "backend_refused": Entry(
            cause="The backend's host refuses the connection: no program listens on the port in the connector's URL.",
            remedy="Start the backend, or correct the connector's URL. On each OpenSearch node, 127.0.0.1 is the node "
            "itself.",
        ),
        "backend_unreachable": Entry(
            cause="An OpenSearch node cannot connect to the backend: there is no network route, connecting takes too "
            "long, or the connection fails in a way that no other code describes.",
            remedy="Check that the backend runs and that every OpenSearch node can reach it.",
        ),
        "connection_pool_full": Entry(
            cause="No connection to the backend was available in time: predictions use all those that the connector allows, "
            "or connecting to the backend takes too long.",
            remedy="Raise 'client_config.max_connection' of the connector, or send fewer predictions at once. If there are "
            "no others, check that the backend runs and that every OpenSearch node can reach it.",
        ),
        "backend_timeout": Entry(
            cause="The backend did not answer within the connector's read timeout.",
            remedy="Raise 'client_config.read_timeout' of the connector (seconds); loading a model can take minutes.",
        ),
        "backend_closed": Entry(
            cause="The backend closed the connection without an answer, or does not answer in TLS.",
            remedy="Try http:// in the connector's URL: a backend that closes the connection often uses plain HTTP on "
            "that port.",
        ),
        "backend_requires_tls": Entry(
            cause="The backend expects TLS on this port, and the connector's URL begins with http://.",
            remedy="Write https:// in the connector's URL, which is 'base_url' if the connector has a provider.",
        ),
        "backend_certificate_name": Entry(
            cause="The backend's certificate does not have the name or the address in the connector's URL.",
            remedy="Write a name in the URL that the certificate has, or give the backend a certificate with the one in the URL.",
        ),
        "backend_tls_untrusted": Entry(
            cause="The TLS connection to the backend fails, in most cases because an OpenSearch node does not trust "
            "the backend's certificate.",
            remedy="Import the certificate of the backend's authority into the truststore of the JVM of every node, and "
            "restart the node: keytool -importcert -cacerts -storepass changeit -noprompt -alias backend -file ca.pem. The "
            "option 'ca_path' is for the cluster only.",
        ),
        "backend_unknown_host": Entry(
            cause="An OpenSearch node cannot resolve the host name in the connector's URL.",
            remedy="Use a host name that every OpenSearch node can resolve.",
        ),
        "backend_empty_answer": Entry(
            cause="The backend's answer has no body.",
            remedy="Check the backend's log: it answered without a body.",
        ),
        "unexpected_status": Entry(
            cause="The backend's status is not among those in 'expect_status'.",
            remedy="Check the answer in the result, or change 'expect_status'.",
        ),
        "empty_content": Entry(
            cause="The answer of the model or the search contains no text, and the task requires one.",
            remedy="Raise max_tokens in the connector's request body or in the prediction.",
        ),
        "empty_numbers": Entry(
            cause="The model embeds or reranks, and its answer contains no vector and no score.",
            remedy="Check the parameters of the prediction, and 'pre_process_function' and 'post_process_function' of "
            "the connector.",
        ),
        "unknown_shape": Entry(
            cause="The answer has none of the known structures: chat completion, completion, embedding or rerank "
            "result. Whether it is right cannot be checked.",
            remedy="If the answer is right, set 'expect_content: false'.",
        ),
        "reasoning_only": Entry(
            cause="The model returned its reasoning, but no answer.",
            remedy="Raise max_tokens or disable reasoning: the model used all its tokens for reasoning.",
        ),
        "invalid_pattern": Entry(
            cause="'expect_pattern' does not compile as a regular expression.",
            remedy="Correct 'expect_pattern': it must be a Python regular expression, and is searched for anywhere in "
            "the answer.",
        ),
        "pattern_mismatch": Entry(
            cause="The text of the answer does not match 'expect_pattern'.",
            remedy="Check the answer in the result, or change 'expect_pattern'.",
        ),
    },
    "Calls of tools": {
        "connector_without_tools": Entry(
            cause="The request body of the model's connector has no place for tools, so that the model never gets any.",
            remedy="Set 'capability: agent' and 'provider' for the connector in ml_connector. A request body of your own needs the "
            "parameters _chat_history, _interactions and tool_configs, as the guide to agents shows.",
        ),
        "no_chat_completion": Entry(
            cause="The model's answer is not a chat completion in the format of the OpenAI API, so that no agent can read it.",
            remedy="Use a chat model, and set 'provider' and 'capability: agent' for its connector in ml_connector.",
        ),
        "tool_not_called": Entry(
            cause="The model answers a question with text for which it should call a tool.",
            remedy="Use a model that is trained to call tools; Ollama lists 'tools' among its capabilities. Or register an agent "
            "of the type flow, whose tools run without being called.",
        ),
        "tool_call_in_text": Entry(
            cause="The model writes a call of a tool, and its server returns it as text instead of as a call.",
            remedy="Start the server with the parser of this model: vLLM with --enable-auto-tool-choice and the right "
            "--tool-call-parser, llama.cpp with --jinja and, if needed, --chat-template-file. For Ollama, use the template of "
            "the model's publisher.",
        ),
        "tool_arguments_broken": Entry(
            cause="The model calls the tool with arguments that are not JSON, or that do not fit the tool's schema.",
            remedy="Use a larger model, or set 'temperature: 0' in 'extra_body' of ml_connector. If the arguments end too "
            "early, raise max_tokens.",
        ),
        "tool_call_unusable": Entry(
            cause="The model's call has a form that OpenSearch cannot carry out: another finish_reason than tool_calls, no id, or "
            "the name of a tool that does not exist.",
            remedy="Update the server of the model, or check the parser for tool calls with which it was started. If the model "
            "invents names of tools, use a larger model.",
        ),
        "tool_result_ignored": Entry(
            cause="The model calls the tool, gets its result and does not answer from it.",
            remedy="Use a larger model. If the answer is empty, raise max_tokens, or disable reasoning, which uses up the "
            "tokens.",
        ),
        "tool_called_endlessly": Entry(
            cause="The model calls the same tool again each time it gets the result, and never answers.",
            remedy="Check that the model's template on the server contains messages of the role 'tool', or use a larger model. An "
            "agent stops after 'max_iteration' in the parameters of its llm.",
        ),
    },
    "Ollama": {
        "not_ollama": Entry(
            cause="The answer is not one of Ollama: it is not JSON, lacks what Ollama always sends, or is an error in "
            "the format of another server.",
            remedy="Check that 'url' is the root URL of an Ollama server, not of OpenSearch, a proxy or another LLM "
            "server.",
        ),
        "ollama_unreachable": Entry(
            cause="The module cannot connect to 'url': the connection is refused or takes too long, the host name is "
            "unknown, or the connection ends during the TLS handshake. Nothing was sent.",
            remedy="Check 'url', the network and whether Ollama is running. It listens on 127.0.0.1 only, unless "
            "OLLAMA_HOST is set in the environment of the server.",
        ),
        "ollama_no_answer": Entry(
            cause="The server closed the connection without a complete answer, or gave none in time, or a proxy in "
            "front of it answers with status 502, 503 or 504.",
            remedy="Check whether the server is overloaded or restarting; raise 'timeout', or 'wait_timeout' for a "
            "model that is slow to load.",
        ),
        "ollama_unauthorized": Entry(
            cause="The gateway in front of Ollama refuses the key of the request, or got none: it answers with status "
            "401 or 403.",
            remedy="Set 'api_key' or 'headers' to the key that the gateway in front of Ollama requires.",
        ),
        "ollama_unknown_model": Entry(
            cause="The server tried to pull a model that the registry does not have.",
            remedy="Correct the model's name or tag: the registry does not have it.",
        ),
        "ollama_model_missing": Entry(
            cause="The Ollama server has no model with this name.",
            remedy="Pull or create the model first, or correct its name.",
        ),
        "ollama_registry_unreachable": Entry(
            cause="The Ollama server cannot connect to the registry, does not trust its certificate, or lost the "
            "connection during the download.",
            remedy="Give the host that runs Ollama access to the registry (set HTTPS_PROXY in the environment of the "
            "server), or upload the model with 'from_file'.",
        ),
        "ollama_registry_plain_http": Entry(
            cause="The registry answers in HTTP, and the Ollama server requires HTTPS.",
            remedy="Set 'insecure: true' to allow this registry, which uses HTTP without TLS.",
        ),
        "ollama_registry_refused": Entry(
            cause="The registry does not allow the Ollama server to pull the model.",
            remedy="Sign in to the registry on the Ollama server, or use a public model.",
        ),
        "ollama_disk_full": Entry(
            cause="The disk of the Ollama server has too little space for the model.",
            remedy="Free disk space in the server's model directory (OLLAMA_MODELS), or delete models with 'state: "
            "absent'; a restart of Ollama deletes what failed uploads have left there. Then run the task again.",
        ),
        "ollama_out_of_memory": Entry(
            cause="The Ollama server has too little memory to load the model.",
            remedy="Unload other models, use a smaller model or a smaller num_ctx, or give the server more memory.",
        ),
        "ollama_too_old": Entry(
            cause="The model requires a later version of Ollama than the server's.",
            remedy="Upgrade Ollama.",
        ),
        "ollama_invalid_file": Entry(
            cause="The model file is incomplete, damaged, or not in a format that the Ollama server can read.",
            remedy="Use a complete model file in GGUF format; a truncated copy is refused as well.",
        ),
        "ollama_invalid_template": Entry(
            cause="The Ollama server cannot parse the template.",
            remedy="Correct 'template': it must be a Go template.",
        ),
        "ollama_same_weights": Entry(
            cause="A model with the same weights and the same context is in memory, and Ollama uses it for both names "
            "instead of loading the second one.",
            remedy="Give one of the two models another num_ctx in 'parameters', or load only one of them: the server "
            "answers for the other as well, without loading it.",
        ),
        "ollama_cannot_load": Entry(
            cause="The Ollama server fails to load the model, or cannot use it for this kind of request.",
            remedy="Check the server's log; this version of Ollama may not support the model's architecture.",
        ),
        "ollama_pull_ended": Entry(
            cause="Another client cancelled its pull of the same model, and the server ended the pull of this task "
            "together with it.",
            remedy="Run the task again: other clients started and cancelled a pull of the same model repeatedly.",
        ),
        "ollama_stream_cut": Entry(
            cause="The connection broke, or nothing arrived for too long, before the server had finished the pull, "
            "the upload or the creation of the model.",
            remedy="Check whether the server is running, then run the task again: the server keeps the downloaded "
            "part and resumes.",
        ),
        "ollama_error": Entry(
            cause="Ollama answers with an error that no other code describes.",
            remedy="Check the server's log.",
        ),
    },
    "Other errors": {
        "api_error": Entry(
            cause="OpenSearch answers with an error that no other code describes.",
            remedy="Correct the option or the value that the server names. Otherwise, check the server's log.",
        ),
        "internal_error": Entry(
            cause="The collection was about to send a write in check mode. It did not send it.",
            remedy="Report this defect of the collection with the message.",
        ),
    },
}

#: code -> entry
CATALOGUE: Mapping[str, Entry] = {code: entry for section in SECTIONS.values() for code, entry in section.items()}
