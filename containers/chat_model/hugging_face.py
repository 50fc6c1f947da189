# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the tiny chat model as a folder of Hugging Face's form, which vLLM reads: ../vllm/model, from ../ollama/tiny-chat.gguf.

How:   uv run --frozen --isolated --only-group chat-model python containers/chat_model/hugging_face.py
train.py does it after each training. The weights are the same numbers; only the rows of the rotary matrices have another order.
"""

import hashlib
import json
import pathlib

import gguf
import numpy as np

CONTAINERS = pathlib.Path(__file__).resolve().parents[1]
GGUF = CONTAINERS / "ollama" / "tiny-chat.gguf"
FOLDER = CONTAINERS / "vllm" / "model"

#: How the tokenizer writes a blank.
BLANK = "\u2581"

#: The servers give the model this many characters of a tool's result.
RESULT_LENGTH = 400

#: The chat template of llama-server and vLLM, which says the same as the Modelfile: the last message of the user, whether tools are
#: offered, and the result of the last tool that was called since. llama-server learns from the message of an assistant how the
#: model writes its reasoning and calls. It needs to see that system messages are read, or puts them in front of the user's.
TEMPLATE = """\
{%- set seen = namespace(text='', result='', answer='') -%}
{%- for message in messages -%}
  {%- if message['role'] == 'user' -%}
    {%- set seen.text = message['content'] -%}
    {%- set seen.result = '' -%}
    {%- set seen.answer = '' -%}
  {%- elif message['role'] == 'tool' -%}
    {%- set seen.result = message['content'][:RESULT_LENGTH] -%}
  {%- elif message['role'] == 'assistant' -%}
    {%- set seen.answer = message['content'] or '' -%}
    {%- if message['reasoning_content'] -%}
      {%- set seen.answer = '<think>' + message['reasoning_content'] + '</think>' + seen.answer -%}
    {%- endif -%}
    {%- for call in message['tool_calls'] or [] -%}
      {%- set name, arguments = call['function']['name'], call['function']['arguments'] | tojson -%}
      {%- set seen.answer = seen.answer + '<tool_call>{"name": "' + name + '", "arguments": ' + arguments + '}</tool_call>' -%}
    {%- endfor -%}
  {%- elif message['content'] == '' -%}
  {%- endif -%}
{%- endfor -%}
{{- bos_token + '<|user|> ' + seen.text -}}
{%- if seen.result -%}
  {{- '<|result|> ' + seen.result -}}
{%- elif tools and tools[0]['function']['name'] -%}
  {{- '<|tools|>' -}}
{%- endif -%}
{{- '<|answer|>' -}}
{%- if not add_generation_prompt -%}
  {{- seen.answer -}}
{%- endif -%}
""".replace("RESULT_LENGTH", str(RESULT_LENGTH))

TENSORS = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}
PARTS = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


class Model:
    """A GGUF file of the llama architecture, with the values that both forms have."""

    def __init__(self, path):
        self.reader = gguf.GGUFReader(path)
        self.tokens = self.field("tokenizer.ggml.tokens")
        self.kinds = self.field("tokenizer.ggml.token_type")
        self.heads = self.field("llama.attention.head_count")
        self.context = self.field("llama.context_length")

    def field(self, name):
        return self.reader.get_field(name).contents()

    def of_kind(self, *kinds):
        return [token for token, kind in zip(self.tokens, self.kinds, strict=True) if kind in kinds]

    def tensors(self):
        """Names of Hugging Face's llama, and the arrays."""
        for tensor in self.reader.tensors:
            name, value = tensor.name.removesuffix(".weight"), np.array(tensor.data)
            if name in TENSORS:
                yield TENSORS[name] + ".weight", value
                continue
            _block, layer, part = name.split(".")
            if part in ("attn_q", "attn_k"):
                value = self.rotated_by_halves(value)
            yield f"model.layers.{layer}.{PARTS[part]}.weight", value

    def rotated_by_halves(self, weight):
        """The rows of a weight in Hugging Face's order. Rotary embeddings rotate pairs of rows: neighbours in GGUF, and row i with row
        i + n/2 of a head with n rows in Hugging Face's form."""
        rows, columns = weight.shape
        pairs = weight.reshape(self.heads, rows // self.heads // 2, 2, columns)
        return pairs.swapaxes(1, 2).reshape(rows, columns)


def safetensors(tensors):
    """The bytes of a safetensors file: the size of the header, the header, the numbers."""
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name, value in sorted(tensors):
        content = np.ascontiguousarray(value).tobytes()
        kind = {"float16": "F16", "float32": "F32"}[value.dtype.name]
        header[name] = {
            "dtype": kind,
            "shape": list(value.shape),
            "data_offsets": [len(data), len(data) + len(content)],
        }
        data += content
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data


def tokenizer(model):
    """The tokenizer as byte pair encoding: the pairs are joined in the order of the scores, which fall with the number."""
    ids = {token: number for number, token in enumerate(model.tokens)}
    merges = [
        [token[:cut], token[cut:]]
        for token in model.of_kind(gguf.TokenType.NORMAL)
        for cut in range(1, len(token))
        if token[:cut] in ids and token[cut:] in ids
    ]
    special = [
        {
            "id": ids[token],
            "content": token,
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
            "special": kind != gguf.TokenType.USER_DEFINED,
        }
        for token, kind in zip(model.tokens, model.kinds, strict=True)
        if kind in (gguf.TokenType.UNKNOWN, gguf.TokenType.CONTROL, gguf.TokenType.USER_DEFINED)
    ]
    begin = {"SpecialToken": {"id": "<s>", "type_id": 0}}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": special,
        "normalizer": {"type": "Replace", "pattern": {"String": " "}, "content": BLANK},
        "pre_tokenizer": None,
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [begin, {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [begin, {"Sequence": {"id": "A", "type_id": 0}}, begin, {"Sequence": {"id": "B", "type_id": 0}}],
            "special_tokens": {"<s>": {"id": "<s>", "ids": [ids["<s>"]], "tokens": ["<s>"]}},
        },
        "decoder": {
            "type": "Sequence",
            "decoders": [
                {"type": "Replace", "pattern": {"String": BLANK}, "content": " "},
                {"type": "ByteFallback"},
                {"type": "Fuse"},
            ],
        },
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": "<unk>",
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": True,
            "ignore_merges": False,
            "vocab": ids,
            "merges": merges,
        },
    }


def files_of(path):
    """The files of the folder but the weights, by name."""
    model = Model(path)
    ends = {
        "bos_token_id": model.field("tokenizer.ggml.bos_token_id"),
        "eos_token_id": model.field("tokenizer.ggml.eos_token_id"),
    }
    return {
        "config.json": {
            # The file that this folder has been made of. The container of vLLM is created again when it changes.
            "source_sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "vocab_size": len(model.tokens),
            "hidden_size": model.field("llama.embedding_length"),
            "intermediate_size": model.field("llama.feed_forward_length"),
            "num_hidden_layers": model.field("llama.block_count"),
            "num_attention_heads": model.heads,
            "num_key_value_heads": model.field("llama.attention.head_count_kv"),
            "head_dim": model.field("llama.rope.dimension_count"),
            "max_position_embeddings": model.context,
            "rms_norm_eps": round(float(model.field("llama.attention.layer_norm_rms_epsilon")), 9),
            "rope_theta": float(model.field("llama.rope.freq_base")),
            "hidden_act": "silu",
            "tie_word_embeddings": False,
            "torch_dtype": "float32",
            **ends,
        },
        # The parameters of the Modelfile: vLLM uses them for requests without parameters.
        "generation_config.json": {"do_sample": False, "temperature": 0.0, "max_new_tokens": 64, **ends},
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "bos_token": "<s>",
            "eos_token": "</s>",
            "unk_token": "<unk>",
            "clean_up_tokenization_spaces": False,
            "model_max_length": model.context,
            "chat_template": TEMPLATE,
        },
        "tokenizer.json": tokenizer(model),
    }


def write_folder(path, folder=FOLDER):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files_of(path).items():
        indent = None if name == "tokenizer.json" else 2
        text = json.dumps(content, indent=indent, ensure_ascii=False)
        (folder / name).write_text(text + "\n", encoding="utf-8")
    (folder / "model.safetensors").write_bytes(safetensors(Model(path).tensors()))
    print(f"written: {folder}, {sum(file.stat().st_size for file in folder.iterdir())} bytes")


if __name__ == "__main__":
    write_folder(GGUF)
