#!/usr/bin/python
# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ollama_model_info
short_description: List the models of an Ollama server
version_added: 1.0.0
description:
  - Lists the models of an Ollama server, with their details, and which of them are in memory.
author:
  - The searchops.opensearch_ml maintainers (@searchops)
extends_documentation_fragment:
  - searchops.opensearch_ml.attributes
  - searchops.opensearch_ml.attributes.reads
  - searchops.opensearch_ml.attributes.ollama
  - searchops.opensearch_ml.ollama
options:
  name:
    description: Only the model with this name; C(tinyllama) means C(tinyllama:latest).
    type: str
  running:
    description: Whether to list only models that are in memory.
    type: bool
    default: false
  details:
    description: Whether to return the parameters, the texts and other details of each model. This takes one request
      for each model.
    type: bool
    default: true
seealso:
  - module: searchops.opensearch_ml.ollama_model
  - name: Ollama API
    description: The API of the server that the module calls.
    link: https://github.com/ollama/ollama/blob/main/docs/api.md
"""

EXAMPLES = r"""
- name: List all models
  searchops.opensearch_ml.ollama_model_info:
    url: http://ollama.example.internal:11434
  register: all

- name: Show the models in memory, and when they are unloaded
  ansible.builtin.debug:
    msg: "{{ item.name }}: {{ item.running.expires_at }}"
  loop: "{{ all.models | selectattr('running') }}"
"""

RETURN = r"""
models:
  description: The models, as M(searchops.opensearch_ml.ollama_model) returns them, the most recently changed one
    first.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The name with its tag.
      type: str
      sample: qwen3:4b
    digest:
      description: The SHA-256 of the manifest, which differs between versions of the model. V(null) if it is not
        known yet.
      type: str
      sample: 69330c5546d2461fec2235956c7e5dfcfe24f916e5d69ad042b8b17d4df703c9
    size:
      description: The size in bytes. V(null) if it is not known yet.
      type: int
      sample: 942046
    modified_at:
      description: When the model was last changed on the server.
      type: str
      sample: "2026-11-24T00:17:36Z"
    format:
      description: The format of the model's weights.
      type: str
      sample: gguf
    family:
      description: The architecture of the model, such as V(llama) or V(qwen3).
      type: str
      sample: llama
    parameter_size:
      description: The number of the model's weights, as text.
      type: str
      sample: 461K
    quantization_level:
      description: How the weights are stored.
      type: str
      sample: F16
    weights:
      description: The digests of the files with the model's weights, adapters and projectors.
      type: list
      elements: str
      sample:
        - sha256:24e69976ece4a063101e6c45def63be33edc7e5b4d1a9b762d9e9d4aa0a2de5f
    parameters:
      description: The parameters that the model sets, such as C(num_ctx) and C(temperature).
      type: dict
      sample:
        num_ctx: 256
        stop:
          - </s>
    system:
      description: The model's system message.
      type: str
      sample: You answer in two sentences at most.
    template:
      description: The model's prompt template.
      type: str
      sample: '{{ .Prompt }}'
    license:
      description: The text of the licences that come with the model.
      type: str
      sample: Apache License, Version 2.0
    capabilities:
      description: What the model can do, such as V(completion), V(tools) or V(embedding).
      type: list
      elements: str
      sample:
        - completion
    running:
      description: The model in memory; V(null) if it is not loaded.
      type: dict
      contains:
        expires_at:
          description: When the server unloads the model if it is not used again.
          type: str
          sample: "2026-11-24T00:22:36.717053087Z"
        size:
          description: The memory that the model uses, in bytes.
          type: int
          sample: 4294967296
        size_vram:
          description: The part of this memory on graphics processors, in bytes.
          type: int
          sample: 4294967296
        context_length:
          description: The context length in tokens that the model was loaded with.
          type: int
          sample: 16384
actions:
  description: Always empty, because the module changes nothing.
  returned: always
  type: list
  elements: dict
  sample: []
retries:
  description: How many requests the module sent again.
  returned: always
  type: int
  sample: 0
failure:
  description: Why the task failed.
  returned: on failure
  type: dict
  contains:
    code:
      description: The failure code, which stays the same across releases.
      type: str
      sample: ollama_unreachable
    message:
      description: What the module was doing, and the server's reason.
      type: str
    remedy:
      description: How to fix the problem.
      type: str
    status:
      description: The HTTP status of the answer, if the server answered.
      type: int
    details:
      description: More facts about the failure, which depend on the code.
      type: dict
"""

from ..module_utils._runtime.module import run_module
from ..module_utils._tasks.ollama_model_info import MODULE


def main() -> None:
    run_module(MODULE)


if __name__ == "__main__":
    main()
