#!/usr/bin/python
# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ollama_model
short_description: Manage a model on an Ollama server
version_added: 1.0.0
description:
  - Pulls a model from its registry, or creates one from a file or from another model, loads it into memory, or
    deletes it.
  - Compares digests and the data that the server returns about the model. If nothing differs, the module sends no
    write.
  - Continues an interrupted pull in the next run.
author:
  - The searchops.opensearch_ml maintainers (@searchops)
extends_documentation_fragment:
  - searchops.opensearch_ml.attributes
  - searchops.opensearch_ml.attributes.ollama
  - searchops.opensearch_ml.ollama
attributes:
  check_mode:
    support: full
    details:
      - The digest that a pull would bring is not known in check mode. With O(update=latest), an existing model is
        reported as unchanged, with a warning.
options:
  name:
    description:
      - The name of the model, as C(ollama) takes it; C(tinyllama) means C(tinyllama:latest).
      - It may begin with a registry, as in C(hf.co/owner/repository:Q4_K_M) or C(registry.example.internal/team/model).
    type: str
    required: true
  state:
    description: The state that the model should have.
    type: str
    default: present
    choices:
      present: The model is on the server.
      loaded: >-
        The model is in memory as well, so that the first question does not wait for it. Of several models with the
        same weights and the same context, Ollama keeps only one in memory, under the name that was loaded first.
        Loading another of them fails with C(ollama_same_weights).
      absent: The model is neither on the server nor in memory.
  update:
    description: When to pull the model. Models from O(from_file) or O(from_model) are always compared.
    type: str
    default: if_missing
    choices:
      if_missing: If the server has no model of that name.
      latest: In every run. The task reports a change if the digest differs afterwards.
  insecure:
    description: Whether to pull from a registry that uses HTTP without TLS.
    type: bool
    default: false
  from_file:
    description:
      - Create the model from this GGUF file, a path on the host that runs the module. The module sends the file
        unless the server already has one with the same SHA-256. It reads the file in every run to compute the
        SHA-256.
      - Excludes O(from_model).
    type: path
  from_model:
    description:
      - Create the model from this model, which must be on the server. The module creates it again when that model has
        changed.
    type: str
  parameters:
    description:
      - Parameters such as C(num_ctx), C(temperature) or C(stop), for a model that the module creates.
      - With O(from_model), they are added to that model's own parameters. Other parameters are removed; only stop
        words that the server found in O(from_file) itself stay.
    type: dict
    default: {}
  system:
    description: The system message, for a model that the module creates. If empty, the system message of
      O(from_model) stays.
    type: str
    default: ""
  template:
    description:
      - The prompt template in Go's template language, for a model that the module creates.
      - If empty, it is the template of O(from_model), or the one that the server finds in O(from_file), which is not
        compared.
    type: str
    default: ""
  license:
    description: The licence, for a model that the module creates. It is added to the licences of O(from_model).
    type: str
    default: ""
  keep_alive:
    description:
      - For O(state=loaded), how long the model stays in memory after its last use, as V(30m), V(24h), a number of
        seconds, or V(-1) for ever. If not given, the server's own setting applies.
      - The module loads a loaded model again if it would stay longer than this, or if it should stay for ever but
        would not. A shorter remaining time is not a difference, because it shrinks with each second.
    type: str
  wait_timeout:
    description: The maximum number of seconds that a pull, a creation or loading may take.
    type: float
    default: 3600.0
  silence_timeout:
    description: The maximum number of seconds in which the server may report no progress.
    type: float
    default: 300.0
seealso:
  - module: searchops.opensearch_ml.ollama_model_info
  - name: Role ollama_server
    link: https://github.com/searchops/opensearch_ml/blob/main/roles/ollama_server/README.md
    description: The role that sets up an Ollama server with its models.
  - name: Ollama API
    description: The API of the server that the module calls.
    link: https://github.com/ollama/ollama/blob/main/docs/api.md
"""

EXAMPLES = r"""
- name: Pull a model
  searchops.opensearch_ml.ollama_model:
    url: http://ollama.example.internal:11434
    name: qwen3:4b

- name: Keep the model up to date and in memory
  searchops.opensearch_ml.ollama_model:
    name: qwen3:4b
    update: latest
    state: loaded
    keep_alive: "-1"

- name: Create a model from it, with other parameters and a system message
  searchops.opensearch_ml.ollama_model:
    name: house-chat
    from_model: qwen3:4b
    parameters:
      num_ctx: 16384
      temperature: 0.2
    system: You answer in two sentences at most.

- name: Create a model from a file, for a server without internet access
  searchops.opensearch_ml.ollama_model:
    name: house-model:2026-01
    from_file: /srv/models/house-model.gguf

- name: Remove the previous version
  searchops.opensearch_ml.ollama_model:
    name: house-model:2025-10
    state: absent
"""

RETURN = r"""
model:
  description: The model; V(null) with O(state=absent). In check mode, what is known in advance.
  returned: success
  type: dict
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
  description: The model in memory; V(null) in check mode if it was not loaded.
  returned: success and O(state=loaded)
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
progress:
  description: The last progress that the server reported for a pull or a creation; V(null) if there was neither.
  returned: success
  type: dict
  contains:
    status:
      description: The last status that the server reported, V(success) at the end.
      type: str
      sample: success
    bytes:
      description: The size of the files that were transferred, or that the server already had, in bytes.
      type: int
      sample: 942046
actions:
  description: The changes that the module made, in order; in check mode, the changes that it would make.
  returned: always
  type: list
  elements: dict
  sample:
    - action: pull
      kind: model
      name: qwen3:4b
diff:
  description:
    - The differences before and after the task. For a pulled model, its digest and size; for a created model, its
      weights, parameters, system message, template and licence.
  returned: success
  type: dict
  sample:
    before: {}
    after:
      name: qwen3:4b
      digest: 69330c5546d2461fec2235956c7e5dfcfe24f916e5d69ad042b8b17d4df703c9
      size: 942046
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
      sample: ollama_registry_unreachable
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
from ..module_utils._tasks.ollama_model import MODULE


def main() -> None:
    run_module(MODULE)


if __name__ == "__main__":
    main()
