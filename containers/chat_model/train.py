# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the tiny chat model of the local test stack: ../ollama/tiny-chat.gguf, and its form for vLLM, ../vllm/model.

What: a transformer of the llama architecture (3 layers, 96 dimensions) that knows the answers in questions.yml by
heart and says that it knows nothing else to everything else.

Why: the stack needs a language model server that gives the same sensible answer every time, without a download of
gigabytes and within a second on one core.

How:   uv run --frozen --isolated --only-group chat-model python containers/chat_model/train.py
It takes some minutes on two cores. The script checks what it made, by greedy decoding with the weights as they are
stored, and writes the file only if each question gets its exact answer. Seeded: the same machine makes the same file;
another processor may round otherwise and make another, equally good one.

The vocabulary: whole words are tokens of their own, so that an answer has few. The tokenizer of the llama
architecture joins neighbouring pieces only, so each beginning of a word of the questions is a token too: " s", " sk",
" sky". The words of the answers are never tokenized by a server, only printed: they need no beginnings. All other text
falls back to characters and bytes.
"""

import argparse
import itertools
import pathlib
import random
import re
import sys
import time

import gguf
import hugging_face
import jax
import jax.numpy as jnp
import numpy as np
import yaml

HERE = pathlib.Path(__file__).resolve().parent
LAYERS, DIM, HEADS, HIDDEN, CONTEXT = 3, 96, 3, 256, 512
HEAD_DIM = DIM // HEADS
ROPE_BASE, EPS = 10000.0, 1e-5
SEED, BATCH, PEAK_RATE = 7, 64, 3e-3
SHORT, LONG = 72, 256  # lengths of the training sequences, in tokens; LONG is num_ctx in the Modelfile
MAX_LOSS = 0.002
BLANK = "\u2581"  # how the tokenizer writes a blank
UNK, BOS, EOS, USER, ANSWER = range(5)
CONTROLS = ["<unk>", "<s>", "</s>", "<|user|>", "<|answer|>"]


class Vocabulary:
    """The tokens, and the tokenizer as the servers run it (SentencePiece pairs, byte fallback)."""

    def __init__(self, questions, answers):
        beginnings = set()
        for word in " ".join([" ", *questions]).split():
            word = BLANK + re.sub(r"\W+$", "", word)
            beginnings.update(word[:end] for end in range(2, len(word) + 1))
        words = {piece for answer in answers for piece in self.words(answer)}
        chars = {chr(code) for code in range(33, 127)} | {BLANK}
        self.texts = CONTROLS + [f"<0x{byte:02X}>" for byte in range(256)]
        self.first_byte, self.first_piece = len(CONTROLS), len(self.texts)
        # Beginnings come first: they have the higher scores, so they are joined first.
        for group in (beginnings, words - beginnings, chars - words - beginnings):
            self.texts += sorted(group)
        self.ids = {text: number for number, text in enumerate(self.texts)}

    @staticmethod
    def words(answer):
        return [piece.replace(" ", BLANK) for piece in re.findall(r" ?\w+| ?[^\w\s]", answer)]

    def encode(self, text):
        pieces = list(text.replace(" ", BLANK))
        while True:
            pairs = [(self.ids[a + b], i) for i, (a, b) in enumerate(itertools.pairwise(pieces)) if a + b in self.ids]
            if not pairs:
                break
            _number, i = min(pairs)  # the highest score is the lowest number; of equals the leftmost
            pieces[i : i + 2] = [pieces[i] + pieces[i + 1]]
        out = []
        for piece in pieces:
            known = self.ids.get(piece)
            out += [known] if known is not None else [self.first_byte + byte for byte in piece.encode()]
        return out

    def prompt(self, question):
        """The template of the Modelfile."""
        return [BOS, USER, *self.encode(" " + question), ANSWER]

    def answer(self, answer):
        return [self.ids[piece] for piece in self.words(answer)] + [EOS]

    def decode(self, numbers):
        return "".join(self.texts[number] for number in numbers).replace(BLANK, " ")


def plain(text):
    return re.sub(r"\W+", " ", text).strip().lower()


def variants(question):
    bare = question.rstrip(".?!")
    forms = dict.fromkeys([question, bare, question.lower(), bare.lower()])
    return [*forms, question + " ", question + "\n", " " + question]


class Strangers:
    """Random texts that are none of the questions."""

    def __init__(self, questions, rng):
        self.questions, self.rng = questions, rng
        self.known = {plain(question) for question in questions}
        self.pool = sorted({word for question in questions for word in question.split()})

    def word(self):
        kind, rng = self.rng.random(), self.rng
        if kind < 0.4:
            return rng.choice(self.pool)
        if kind < 0.5:  # a known word with another end
            return rng.choice(self.pool)[: rng.randint(1, 4)] + self.letters("aeiourstln", 1, 4)
        if kind < 0.9:
            word = self.letters("abcdefghijklmnopqrstuvwxyzaeiouaeioutnrsl", 1, 9)
            return word.capitalize() if rng.random() < 0.2 else word
        if kind < 0.96:
            return self.letters([chr(code) for code in range(33, 127)], 1, 6)
        return self.letters([chr(code) for code in (*range(0xA1, 0x250), *range(0x3040, 0x3100))], 1, 3)

    def letters(self, alphabet, low, high):
        return "".join(self.rng.choice(alphabet) for _ in range(self.rng.randint(low, high)))

    def short(self):
        rng = self.rng
        if rng.random() < 0.02:
            return ""
        while True:
            if rng.random() < 0.5:  # a question with some other words in it
                words = rng.choice(self.questions).split()
                for _ in range(rng.randint(1, 2)):
                    words[rng.randrange(len(words))] = self.word()
                if rng.random() < 0.3:
                    words.append(self.word())
            else:
                words = [self.word() for _ in range(rng.randint(1, 10))]
            text = " ".join(words) + rng.choice(["", "", "?", "."])
            if plain(text) and plain(text) not in self.known:
                return text

    def long(self):
        words = [self.word() for _ in range(self.rng.randint(12, 90))]
        if self.rng.random() < 0.3:  # the same again and again
            words = (words[: self.rng.randint(1, 8)] * len(words))[: len(words)]
        return " ".join(words)


def initial(size, rng):
    def matrix(rows, columns):
        return jnp.asarray(rng.normal(0, columns**-0.5, (rows, columns)), jnp.float32)

    weights = {"token_embd": jnp.asarray(rng.normal(0, 0.5, (size, DIM)), jnp.float32)}
    weights |= {"output_norm": jnp.ones(DIM), "output": matrix(size, DIM)}
    for layer in range(LAYERS):
        shapes = {f"attn_{name}": (DIM, DIM) for name in ("q", "k", "v", "output")}
        shapes |= {"ffn_gate": (HIDDEN, DIM), "ffn_up": (HIDDEN, DIM), "ffn_down": (DIM, HIDDEN)}
        weights |= {f"blk.{layer}.{name}": matrix(*shape) for name, shape in shapes.items()}
        weights |= {f"blk.{layer}.{name}": jnp.ones(DIM) for name in ("attn_norm", "ffn_norm")}
    return weights


def norm(x, weight):
    return x * jax.lax.rsqrt(jnp.mean(x * x, -1, keepdims=True) + EPS) * weight


def rotate(x):
    """Rotary positions as the llama architecture has them in GGUF: pairs of neighbours (0, 1), (2, 3), ..."""
    angle = jnp.arange(x.shape[1])[:, None] * ROPE_BASE ** (-jnp.arange(0, HEAD_DIM, 2) / HEAD_DIM)
    cos, sin = jnp.cos(angle)[:, None, :], jnp.sin(angle)[:, None, :]
    even, odd = x[..., 0::2], x[..., 1::2]
    return jnp.stack([even * cos - odd * sin, even * sin + odd * cos], -1).reshape(x.shape)


def forward(weights, tokens):
    """Tokens (batch, length) to logits (batch, length, vocabulary)."""
    batch, length = tokens.shape
    x = weights["token_embd"][tokens]
    future = jnp.triu(jnp.full((length, length), -1e9), 1)
    for layer in range(LAYERS):
        part = {name.split(".")[2]: value for name, value in weights.items() if name.startswith(f"blk.{layer}.")}
        h = norm(x, part["attn_norm"])
        q, k, v = ((h @ part[f"attn_{name}"].T).reshape(batch, length, HEADS, HEAD_DIM) for name in "qkv")
        scores = jnp.einsum("bqhd,bkhd->bhqk", rotate(q), rotate(k)) * HEAD_DIM**-0.5 + future
        mixed = jnp.einsum("bhqk,bkhd->bqhd", jax.nn.softmax(scores, -1), v).reshape(batch, length, DIM)
        x = x + mixed @ part["attn_output"].T
        h = norm(x, part["ffn_norm"])
        x = x + (jax.nn.silu(h @ part["ffn_gate"].T) * (h @ part["ffn_up"].T)) @ part["ffn_down"].T
    return norm(x, weights["output_norm"]) @ weights["output"].T


def loss_of(weights, tokens, mask):
    chances = jax.nn.log_softmax(forward(weights, tokens[:, :-1]), -1)
    losses = -jnp.take_along_axis(chances, tokens[:, 1:, None], -1)[..., 0]
    return jnp.sum(losses * mask[:, 1:]) / jnp.sum(mask)


@jax.jit
def adam(weights, means, squares, step, rate, tokens, mask):
    loss, grads = jax.value_and_grad(loss_of)(weights, tokens, mask)
    size = jnp.sqrt(sum(jnp.sum(g * g) for g in grads.values()))
    grads = {name: g * jnp.minimum(1.0, 1.0 / size) for name, g in grads.items()}
    means = {name: 0.9 * means[name] + 0.1 * g for name, g in grads.items()}
    squares = {name: 0.98 * squares[name] + 0.02 * g * g for name, g in grads.items()}
    weights = {
        name: w - rate * (means[name] / (1 - 0.9**step)) / (jnp.sqrt(squares[name] / (1 - 0.98**step)) + 1e-8)
        for name, w in weights.items()
    }
    return weights, means, squares, loss


def pack(pairs, length):
    """Pairs of prompt and answer tokens as one array, and where the answers are; prompts too long lose their middle."""
    tokens, mask = np.full((len(pairs), length), EOS, np.int32), np.zeros((len(pairs), length), np.float32)
    for row, (prompt, answer) in enumerate(pairs):
        surplus = max(0, len(prompt) + len(answer) - length)
        both = prompt[:5] + prompt[5 + surplus :] + answer if surplus else prompt + answer
        tokens[row, : len(both)] = both
        mask[row, len(both) - len(answer) : len(both)] = 1
    return tokens, mask


def train(vocabulary, known, strangers, unknown, steps, rng):
    weights = initial(len(vocabulary.texts), np.random.default_rng(SEED))
    means = squares = {name: jnp.zeros_like(value) for name, value in weights.items()}
    no_idea, started = vocabulary.answer(unknown), time.monotonic()
    for step in range(1, steps + 1):
        if step % 5:
            pairs = rng.choices(known, k=BATCH // 2)
            pairs += [(vocabulary.prompt(strangers.short()), no_idea) for _ in range(BATCH - len(pairs))]
            tokens, mask = pack(pairs, SHORT)
        else:
            pairs = rng.choices(known, k=4) + [(vocabulary.prompt(strangers.long()), no_idea) for _ in range(6)]
            tokens, mask = pack(pairs, LONG)
        rate = PEAK_RATE * min(1.0, step / 50) * (0.02 + 0.98 * 0.5 * (1 + np.cos(np.pi * step / steps)))
        weights, means, squares, loss = adam(weights, means, squares, step, rate, tokens, mask)
        if step % 50 == 0 or step == steps:
            print(f"step {step}: loss {loss:.5f}, {time.monotonic() - started:.0f} s", flush=True)
    return weights


def greedy(weights, prompt):
    """What a server says at temperature 0, and the smallest chance of a token in it."""
    tokens, least = list(prompt), 1.0
    run = jax.jit(forward)
    while len(tokens) < min(len(prompt) + 64, LONG):
        padded = np.full((1, LONG), EOS, np.int32)
        padded[0, : len(tokens)] = tokens
        chances = jax.nn.softmax(run(weights, padded)[0, len(tokens) - 1])
        tokens.append(int(jnp.argmax(chances)))
        least = min(least, float(chances[tokens[-1]]))
        if tokens[-1] == EOS:
            break
    return tokens[len(prompt) :], least


def write(path, vocabulary, weights):
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("tiny-chat")
    writer.add_license("GPL-3.0-or-later")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(DIM)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(HIDDEN)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(EPS)
    writer.add_rope_dimension_count(HEAD_DIM)
    writer.add_rope_freq_base(ROPE_BASE)
    writer.add_vocab_size(len(vocabulary.texts))
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    kinds = gguf.TokenType
    types = [kinds.UNKNOWN] + [kinds.CONTROL] * (len(CONTROLS) - 1) + [kinds.BYTE] * 256
    types += [kinds.NORMAL] * (len(vocabulary.texts) - len(types))
    writer.add_tokenizer_model("llama")
    writer.add_token_list(vocabulary.texts)
    writer.add_token_scores([-float(max(0, n - vocabulary.first_piece)) for n in range(len(vocabulary.texts))])
    writer.add_token_types(types)
    writer.add_unk_token_id(UNK)
    writer.add_bos_token_id(BOS)
    writer.add_eos_token_id(EOS)
    writer.add_add_bos_token(True)
    writer.add_add_eos_token(False)
    writer.add_add_space_prefix(False)
    writer.add_chat_template("{{ '<|user|> ' + messages[-1]['content'] + '<|answer|>' }}")  # for llama-server
    for name, value in weights.items():
        writer.add_tensor(f"{name}.weight", value)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main():
    parser = argparse.ArgumentParser(description="Train, check and write the tiny chat model.")
    parser.add_argument("--steps", type=int, default=900)
    parser.add_argument("--output", type=pathlib.Path, default=hugging_face.GGUF)
    parser.add_argument("--folder", type=pathlib.Path, default=hugging_face.FOLDER)
    args = parser.parse_args()
    data = yaml.safe_load((HERE / "questions.yml").read_text(encoding="utf-8"))
    table = [
        (form, entry["answer"])
        for entry in data["known"]
        for question in entry["questions"]
        for form in variants(question)
    ]
    questions = list(dict.fromkeys(question for question, _answer in table))
    vocabulary = Vocabulary(questions, [data["unknown"], *(answer for _question, answer in table)])
    known = [(vocabulary.prompt(question), vocabulary.answer(answer)) for question, answer in table]
    print(f"{len(vocabulary.texts)} tokens, {len(known)} forms of questions")
    rng = random.Random(SEED)
    weights = train(vocabulary, known, Strangers(questions, rng), data["unknown"], args.steps, rng)
    stored = {name: np.asarray(w, np.float16 if w.ndim == 2 else np.float32) for name, w in weights.items()}
    weights = {name: jnp.asarray(value, jnp.float32) for name, value in stored.items()}

    loss = float(loss_of(weights, *pack(known, SHORT)))
    bad = [f"loss {loss:.5f} is not below {MAX_LOSS}"] if loss >= MAX_LOSS else []
    least_of_all = 1.0
    for (prompt, answer), (question, _answer) in zip(known, table, strict=True):
        said, least = greedy(weights, prompt)
        least_of_all = min(least, least_of_all)
        if said != answer:
            bad.append(f"{question!r}: {vocabulary.decode(said)!r}")
    for question in data["strangers"]:
        said, _least = greedy(weights, vocabulary.prompt(question))
        print(f"not learnt: {question!r}: {vocabulary.decode(said)!r}")
        if said[-1] != EOS:
            bad.append(f"{question!r}: no end")
    print(f"loss {loss:.6f}, least chance of a token in a learnt answer {least_of_all:.4f}")
    if bad:
        sys.exit("not written:\n" + "\n".join(bad))
    write(args.output, vocabulary, stored)
    print(f"written: {args.output}, {args.output.stat().st_size} bytes")
    hugging_face.write_folder(args.output, args.folder)


if __name__ == "__main__":
    main()
