# SPDX-License-Identifier: GPL-3.0-or-later
"""Which variables count as misspelt inputs of a role or playbook."""

from __future__ import annotations

from typing import Any

import pytest
from ansible import context
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible.utils.vars import load_extra_vars

from ansible_collections.searchops.opensearch_ml.plugins.lookup import unknown_variables
from ansible_collections.searchops.opensearch_ml.plugins.lookup.unknown_variables import LookupModule


def found(variables: dict[str, Any], *prefixes: str, **options: Any) -> str:
    loader = DataLoader()
    lookup = LookupModule(loader=loader, templar=Templar(loader=loader, variables=variables))
    [text] = lookup.run(list(prefixes), variables=variables, **options)
    return str(text)


@pytest.mark.parametrize(
    ("role", "name", "meant"),
    [
        ("stack", "stack_conectors", "stack_connectors"),
        ("ollama_chat", "ollama_chat_base_ur", "ollama_chat_base_url"),
        ("ollama_chat", "ollama_chat_url", "ollama_chat_base_url"),
        ("openai_chat", "openai_chat_apikey", "openai_chat_api_key"),
        ("rag", "rag_document", "rag_documents"),
        ("ollama_server", "ollama_server_model", "ollama_server_models"),
    ],
)
def test_a_misspelt_input_of_a_role_is_found(role: str, name: str, meant: str) -> None:
    assert found({name: 1}, role).startswith(f"Unknown variable '{name}'. Did you mean '{meant}'?")


def test_inputs_facts_and_private_names_are_known() -> None:
    variables = ("stack_connectors", "stack_result", "__stack_x", "stacks_x", "other")
    assert found(dict.fromkeys(variables), "stack") == ""
    facts = ("ollama_chat_answer", "ollama_chat_model_id", "ollama_chat_connector_id", "ollama_chat_model_group_id")
    assert found(dict.fromkeys(facts), "ollama_chat") == ""
    assert found({"openai_chat_endpoints": [], "openai_chat_gone": []}, "openai_chat") == ""


def test_inputs_of_a_playbook_are_known_by_their_names() -> None:
    assert found({"verify_ask": False}, "verify", known=["verify_ask"]) == ""
    assert "Did you mean 'verify_ask'?" in found({"verify_aks": False}, "verify", known=["verify_ask"])


def test_a_name_that_resembles_none_is_found_without_a_suggestion() -> None:
    text = found({"stack_hosts": "all", "stack_prun": "all"}, "stack")
    assert text.startswith("Unknown variable 'stack_hosts'. Unknown variable 'stack_prun'. Did you mean 'stack_prune'?")


def test_a_name_without_a_prefix_is_found_only_if_it_is_nearly_a_known_one() -> None:
    known = ["opensearch_connection", "opensearch_targets"]
    assert found({"opensearch_version": 3, "opensearch_hosts": [], "opensearch_targets": "all"}, known=known) == ""
    assert "Did you mean 'opensearch_connection'?" in found({"opensearch_conection": {}}, known=known)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("olama_chat_base_url", "ollama_chat_base_url"),
        ("ollamachat_model", "ollama_chat_model"),
        ("ollama_caht_model", "ollama_chat_model"),
        # Inputs of other roles, private names, and names that resemble an input by chance.
        ("openai_chat_base_url", None),
        ("rotate_key_connector", None),
        ("__ollama_chat_model", None),
        ("my_ollama_chat_model", None),
    ],
)
def test_a_misspelt_prefix_is_found(name: str, meant: str | None) -> None:
    """The role would use the default of the input, such as the server on each node, and move the model there."""
    text = found({name: 1}, "ollama_chat")
    assert text.startswith(f"Unknown variable '{name}'. Did you mean '{meant}'?") if meant else text == ""


def test_a_word_that_contains_a_prefix_is_no_misspelt_one() -> None:
    assert found({"track_models": 1, "rack_connectors": 1, "stack": 1}, "stack") == ""


def test_variables_that_are_meant_for_something_else() -> None:
    variables: dict[str, Any] = {"stack_web_port": 80, "stack_version": 8}
    variables["opensearch_ml_unrelated_variables"] = ["stack_web_*", "stack_version"]
    assert found(variables, "stack") == ""
    # As with -e on the command line.
    variables["opensearch_ml_unrelated_variables"] = "stack_web_*, stack_version"
    assert found(variables, "stack") == ""
    variables["opensearch_ml_unrelated_variables"] = "stack_web_*"
    assert "'stack_version'" in found(variables, "stack")
    del variables["opensearch_ml_unrelated_variables"]
    assert "add its name to opensearch_ml_unrelated_variables" in found(variables, "stack")


def test_extra_variables_of_an_included_role_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ansible prefers them to what the including role gives; variables of an inventory it does not."""
    extra = {"openai_chat_name": "Other", "opensearch_connection": {}}
    monkeypatch.setattr(unknown_variables, "load_extra_vars", lambda loader: extra)
    variables = {**extra, "openai_chat_model": "of the inventory", "ollama_chat_name": "Chat"}
    text = found(variables, "ollama_chat", includes=["openai_chat"])
    assert text.startswith(
        "The extra variable 'openai_chat_name' is an input of the role openai_chat, which this role includes"
    )
    assert "openai_chat_model" not in text
    assert found(variables, "openai_chat") == ""
    unrelated = {**variables, "opensearch_ml_unrelated_variables": "openai_chat_name"}
    assert found(unrelated, "ollama_chat", includes=["openai_chat"]) == ""


def test_a_value_with_a_blank_that_the_shell_has_left_without_quotes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        context, "CLIARGS", {"extra_vars": ("openai_chat_name=Other chat", "openai_chat_model='tiny chat'")}
    )
    # Ansible reads them once.
    monkeypatch.setattr(load_extra_vars, "extra_vars", None, raising=False)
    cut = "A value in -e is cut at a blank. Quote it once more: -e \"name='a b'\"."
    assert found({"openai_chat_name": "Other"}, "openai_chat") == cut
    # That of another program's variable, perhaps.
    assert found({"openai_chat_name": "Other"}, "stack") == ""
