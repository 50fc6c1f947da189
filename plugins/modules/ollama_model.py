#!/usr/bin/python
# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ollama_model
short_description: Manage a model on an Ollama server
version_added: 0.2.0
description:
  - Pulls a model from its registry, or creates one of a file or of another model, loads it into memory, or deletes it.
  - What is there already, by digests and by what the server tells of the model, is left as it is and no write is sent.
  - A pull that is cut off is gone on with by the next run.
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
      - Which digest a pull would bring is not known in check mode. With O(update=latest), a model that is there is reported
        as unchanged, with a warning.
options:
  name:
    description:
      - The name of the model, as C(ollama) takes it; C(tinyllama) means C(tinyllama:latest).
      - It may begin with a registry, as in C(hf.co/owner/repository:Q4_K_M) or C(registry.example.internal/team/model).
    type: str
    required: true
  state:
    description: What is to be.
    type: str
    default: present
    choices:
      present: The model is on the server.
      loaded: >-
        It is in memory as well, so that the first question does not wait for it. Of models with the same weights and the
        same context Ollama keeps one, under the name that was loaded first; loading another of them fails with
        C(ollama_same_weights).
      absent: It is not on the server, and not in memory.
  update:
    description: When a model is pulled. Models that are made by O(from_file) or O(from_model) are compared in any case.
    type: str
    default: if_missing
    choices:
      if_missing: When the server has none of that name.
      latest: Each time. It counts as changed where the digest is another afterwards.
  insecure:
    description: Whether to pull from a registry that speaks HTTP without TLS.
    type: bool
    default: false
  from_file:
    description:
      - Make the model of this GGUF file, a path on the host on which the module runs. It is sent to the server unless that
        has a file of the same SHA-256 already. The file is read each time to know its SHA-256.
      - Excludes O(from_model).
    type: path
  from_model:
    description:
      - Make the model of this one, which has to be on the server. It is made anew when that one has changed.
    type: str
  parameters:
    description:
      - Parameters such as C(num_ctx), C(temperature) or C(stop), for a model that is made here.
      - With O(from_model) they are added to that model's own. A parameter that is there and not stated is taken away; only
        stop words that the server found in O(from_file) itself stay.
    type: dict
    default: {}
  system:
    description: The system message, for a model that is made here. If empty, that of O(from_model) stays.
    type: str
    default: ""
  template:
    description:
      - The prompt template in Go's language, for a model that is made here.
      - If empty, it is that of O(from_model), or what the server finds in O(from_file), with which it is not compared.
    type: str
    default: ""
  license:
    description: The licence, for a model that is made here. It is added to those of O(from_model).
    type: str
    default: ""
  keep_alive:
    description:
      - For O(state=loaded), how long the model stays in memory after it was last used, as V(30m), V(24h), a number of seconds,
        or V(-1) for ever. If not given, it is what the server was set to.
      - A loaded model is loaded anew if it stays longer than that, or not for ever. Less is left with each second, which is
        no difference.
    type: str
  wait_timeout:
    description: How long a pull, a creation or loading may take, in seconds.
    type: float
    default: 3600.0
  silence_timeout:
    description: For how long the server may tell no progress meanwhile, in seconds.
    type: float
    default: 300.0
seealso:
  - module: searchops.opensearch_ml.ollama_model_info
"""

EXAMPLES = r"""
- name: Pull a model
  searchops.opensearch_ml.ollama_model:
    url: http://ollama.example.internal:11434
    name: qwen3:4b

- name: Keep it up to date and in memory
  searchops.opensearch_ml.ollama_model:
    name: qwen3:4b
    update: latest
    state: loaded
    keep_alive: "-1"

- name: The same model for our texts
  searchops.opensearch_ml.ollama_model:
    name: house-chat
    from_model: qwen3:4b
    parameters:
      num_ctx: 16384
      temperature: 0.2
    system: You answer in two sentences at most.

- name: A model file, for a server without internet
  searchops.opensearch_ml.ollama_model:
    name: house-model:2026-01
    from_file: /srv/models/house-model.gguf

- name: Remove the former one
  searchops.opensearch_ml.ollama_model:
    name: house-model:2025-10
    state: absent
"""

RETURN = r"""
model:
  description: The model; V(null) with O(state=absent). In check mode, what is known before.
  returned: success
  type: dict
  contains:
    name:
      description: The name with its tag.
      type: str
      sample: qwen3:4b
    digest:
      description: The SHA-256 of the manifest; another version of the model has another. V(null) where it is not known yet.
      type: str
      sample: 69330c5546d2461fec2235956c7e5dfcfe24f916e5d69ad042b8b17d4df703c9
    size:
      description: The size in bytes. V(null) where it is not known yet.
      type: int
      sample: 942046
    modified_at:
      description: When it was last changed on the server.
      type: str
      sample: "2026-11-24T00:17:36Z"
    format:
      description: The format of its weights.
      type: str
      sample: gguf
    family:
      description: The architecture.
      type: str
      sample: llama
    parameter_size:
      description: The number of its weights, in words.
      type: str
      sample: 461K
    quantization_level:
      description: How its weights are stored.
      type: str
      sample: F16
    weights:
      description: The digests of the files with its weights, adapters and projectors.
      type: list
      elements: str
      sample:
        - sha256:24e69976ece4a063101e6c45def63be33edc7e5b4d1a9b762d9e9d4aa0a2de5f
    parameters:
      description: Its parameters.
      type: dict
      sample:
        num_ctx: 256
        stop:
          - </s>
    system:
      description: Its system message.
      type: str
    template:
      description: Its prompt template.
      type: str
    license:
      description: Its licences.
      type: str
    capabilities:
      description: What it can do.
      type: list
      elements: str
      sample:
        - completion
running:
  description: How it is in memory; V(null) in check mode if it was not.
  returned: success and O(state=loaded)
  type: dict
  contains:
    expires_at:
      description: When it is unloaded unless it is used again.
      type: str
      sample: "2026-11-24T00:22:36.717053087Z"
    size:
      description: The memory that it takes, in bytes.
      type: int
    size_vram:
      description: The part of it on graphics processors, in bytes.
      type: int
    context_length:
      description: The number of tokens that it was loaded for.
      type: int
progress:
  description: What the server told last of a pull or a creation; V(null) where there was none.
  returned: success
  type: dict
  contains:
    status:
      description: The last status.
      type: str
      sample: success
    bytes:
      description: The size of the files that were moved, or were found to be there, in bytes.
      type: int
      sample: 942046
actions:
  description: What was done, or in check mode would be, in order.
  returned: always
  type: list
  elements: dict
  sample:
    - action: pull
      kind: model
      name: qwen3:4b
diff:
  description:
    - What is different, before and after. For a pulled model its digest and size, for one that is made here its weights,
      parameters, system message, template and licence.
  returned: success
  type: dict
  sample:
    before: {}
    after:
      name: qwen3:4b
      digest: 69330c5546d2461fec2235956c7e5dfcfe24f916e5d69ad042b8b17d4df703c9
      size: 942046
failure:
  description: Why the task failed.
  returned: on failure
  type: dict
  contains:
    code:
      description: A stable name of the problem.
      type: str
      sample: ollama_registry_unreachable
    message:
      description: What was being done, and the server's reason.
      type: str
    remedy:
      description: What to do about it.
      type: str
    status:
      description: The HTTP status, if the server answered.
      type: int
    details:
      description: Further facts, depending on the code.
      type: dict
"""

from ..module_utils._runtime.module import run_module
from ..module_utils._tasks.ollama_model import MODULE


def main() -> None:
    run_module(MODULE)


if __name__ == "__main__":
    main()
