# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the tiny rerank model of the local test stack: ../llama-cpp/tiny-rerank.gguf.

What: a transformer of the BERT architecture (2 layers, 64 dimensions) with a classification head, as llama-server --reranking needs
it. Its weights follow from formulas: it has learnt nothing. A document scores the higher, the more of the pieces of its words and of
the question's occur more than once in both together.

Why: the tiny chat model has no classification head, and the architecture of its file has none in llama.cpp.

How:   uv run --frozen --isolated --only-group chat-model python containers/chat_model/reranker.py
It takes a second. The seed is fixed, and no number is rounded twice: each machine makes the same file.

How it counts: in the first layer, each piece attends to all pieces that are equal to it, and as strongly to the first token. With n
equal pieces, the first token gets 1/(n + 1) of the attention. In the second layer, the first token computes the mean of these
shares. Normalizations scale the numbers a little, so the scores are not exactly those fractions.
"""

import itertools
import pathlib
import string

import gguf
import numpy as np

FILE = pathlib.Path(__file__).resolve().parents[1] / "llama-cpp" / "tiny-rerank.gguf"
LAYERS, DIM, HIDDEN, CONTEXT, EPS = 2, 64, 8, 512, 1e-12
SEED = 7

#: The dimensions of the code of a piece, which is a row of as many 1 as -1; and those of what the layers compute.
CODE, FIRST, SHARE, MEAN = 56, 56, 57, 58
#: The score of a piece's attention to an equal one. With unequal ones, it is about 0.
EQUAL = 12.0

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORD_BEGIN = "\u2581"


def pieces():
    """One and two letters, at the beginning of a word and inside it; digits, and the signs between words."""
    letters = string.ascii_lowercase
    inside = [*letters, *string.digits, *map("".join, itertools.product(letters, repeat=2))]
    return [WORD_BEGIN + piece for piece in [*inside, *string.punctuation]] + inside


def embeddings(count):
    """For each token its code; for [CLS], which is the first token of a request, a mark instead."""
    rng = np.random.default_rng(SEED)
    half = np.repeat([1.0, -1.0], CODE // 2)
    table = np.zeros((count, DIM))
    table[:, :CODE] = [rng.permutation(half) for _ in range(count)]
    table[SPECIAL.index("[CLS]")] = np.eye(DIM)[FIRST]
    return table


def layers():
    """The attention of both layers. A normalized code has the length 8, and so has the mark: the root of the dimensions."""
    length = DIM**0.5
    codes = np.diag([1.0] * CODE + [0.0] * (DIM - CODE))
    first = np.eye(DIM)[FIRST]
    # The server divides the product of a query and a key by the same root.
    match = {"attn_q": codes * EQUAL / length, "attn_k": codes + np.outer(first, first), "attn_q.bias": first * EQUAL}
    average = {"attn_q": 0 * codes, "attn_k": np.outer(first, first), "attn_q.bias": -first * EQUAL}
    yield {**match, "attn_v": np.outer(np.eye(DIM)[SHARE], first) / length}
    yield {**average, "attn_v": np.outer(np.eye(DIM)[MEAN], np.eye(DIM)[SHARE])}


def tensors(count):
    """The tensors by name, without the ending ``.weight``."""
    yield "token_embd", embeddings(count)
    yield "position_embd", np.zeros((CONTEXT, DIM))
    yield "token_embd_norm", np.ones(DIM)
    yield "token_embd_norm.bias", np.zeros(DIM)
    for number, attention in enumerate(layers()):
        biases = {f"{part}.bias": np.zeros(DIM) for part in ("attn_q", "attn_k", "attn_v", "attn_output")}
        norms = {part: np.ones(DIM) for part in ("attn_output_norm", "layer_output_norm")}
        biases |= {f"{part}.bias": np.zeros(DIM) for part in norms}
        unused = {"ffn_up": np.zeros((HIDDEN, DIM)), "ffn_down": np.zeros((DIM, HIDDEN))}
        for part, value in {**biases, **norms, **unused, "attn_output": np.eye(DIM), **attention}.items():
            yield f"blk.{number}.{part}", value
    yield "cls", np.outer(np.eye(DIM)[0], np.eye(DIM)[MEAN])
    yield "cls.bias", np.zeros(DIM)
    # About -4 for nothing in common, and 4 for the question itself.
    yield "cls.output", -50 * np.eye(1, DIM)
    yield "cls.output.bias", np.array([10.0])


def write(path):
    tokens = SPECIAL + pieces()
    writer = gguf.GGUFWriter(path, "bert")
    writer.add_name("tiny-rerank")
    writer.add_license("GPL-3.0-or-later")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(DIM)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(HIDDEN)
    writer.add_head_count(1)
    writer.add_layer_norm_eps(EPS)
    writer.add_causal_attention(False)
    writer.add_pooling_type(gguf.PoolingType.RANK)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    writer.add_tokenizer_model("bert")
    writer.add_token_type_count(1)
    writer.add_token_list(tokens)
    kinds = gguf.TokenType
    types = [kinds.CONTROL] * len(SPECIAL) + [kinds.NORMAL] * (len(tokens) - len(SPECIAL))
    types[SPECIAL.index("[UNK]")] = kinds.UNKNOWN
    writer.add_token_types(types)
    writer.add_pad_token_id(SPECIAL.index("[PAD]"))
    writer.add_unk_token_id(SPECIAL.index("[UNK]"))
    writer.add_bos_token_id(SPECIAL.index("[CLS]"))
    writer.add_sep_token_id(SPECIAL.index("[SEP]"))
    writer.add_eos_token_id(SPECIAL.index("[SEP]"))
    writer.add_mask_token_id(SPECIAL.index("[MASK]"))
    for name, value in tensors(len(tokens)):
        # llama.cpp rounds what it multiplies with numbers of 16 bits, so the scores would have few digits.
        kind = np.float32 if value.ndim == 1 or name.startswith("cls") else np.float16
        writer.add_tensor(name if name.endswith(".bias") else f"{name}.weight", np.ascontiguousarray(value, kind))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    print(f"written: {path}, {path.stat().st_size} bytes")


if __name__ == "__main__":
    write(FILE)
