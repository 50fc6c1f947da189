# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the tiny chat model of the local test stack: ../ollama/tiny-chat.gguf, and its form for vLLM, ../vllm/model.

What: a transformer of the llama architecture (3 layers, 96 dimensions) that knows the answers in questions.yml by
heart and says that it knows nothing else to everything else. For a few questions, it calls a tool if tools are offered,
and answers from the tool's result.

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
import json
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
SEED, PEAK_RATE = 7, 3e-3
BATCH = 48  # pairs of prompt and answer in a step
# Shapes of the training data: rows, and tokens in a row. Several pairs share a row. The length of LONG is num_ctx in the Modelfile.
SHORT, LONG = (13, 128), (6, 512)
MAX_LOSS = 0.002
#: How many results of tools may get a wrong answer, of those that hide the word in random text.
MAX_WRONG_RESULTS = 2
BLANK = "\u2581"  # how the tokenizer writes a blank
UNK, BOS, EOS, USER, ANSWER, TOOLS, RESULT = range(7)
CONTROLS = ["<unk>", "<s>", "</s>", "<|user|>", "<|answer|>", "<|tools|>", "<|result|>"]
# The servers find the reasoning and the calls in the text by these. They hide control tokens, so that these are none.
MARKS = ["<think>", "</think>", "<tool_call>", "</tool_call>"]


class Vocabulary:
    """The tokens, and the tokenizer as the servers run it (SentencePiece pairs, byte fallback)."""

    def __init__(self, questions, answers, results):
        beginnings = set()
        for word in " ".join([" ", *questions]).split():
            word = BLANK + re.sub(r"\W+$", "", word)
            beginnings.update(word[:end] for end in range(2, len(word) + 1))
        words = {piece for answer in answers for piece in self.words(answer)}
        found = {result[:end] for result in results for end in range(2, len(result) + 1)}
        chars = {chr(code) for code in range(33, 127)} | {BLANK}
        self.texts = CONTROLS + MARKS + [f"<0x{byte:02X}>" for byte in range(256)]
        self.first_byte, self.first_piece = len(CONTROLS + MARKS), len(self.texts)
        # Beginnings come first: they have the higher scores, so they are joined first.
        for group in (beginnings, found, words, chars):
            self.texts += sorted(group - set(self.texts))
        self.ids = {text: number for number, text in enumerate(self.texts)}

    @staticmethod
    def words(answer):
        pieces = re.findall("|".join([*MARKS, r" ?\w+| ?[^\w\s]"]), answer)
        return [piece.replace(" ", BLANK) for piece in pieces]

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

    def prompt(self, question, tools=False, result=""):
        """The template of the Modelfile. ``tools``: some are offered. ``result``: what the called tool returned."""
        behind = [TOOLS] if tools else []
        if result:
            behind = [RESULT, *self.encode(" " + result[: hugging_face.RESULT_LENGTH])]
        return [BOS, USER, *self.encode(" " + question), *behind, ANSWER]

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

    def __init__(self, questions, results, rng):
        self.questions, self.rng = questions, rng
        self.known = {plain(question) for question in questions}
        self.pool = sorted({*results, *(word for question in questions for word in question.split())})

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


class Dialogs:
    """Questions of the section tools, and random results of their tools, with what the model says."""

    def __init__(self, data, strangers, rng):
        self.entries, self.unknown = data["tools"], data["unknown"]
        self.strangers, self.rng = strangers, rng
        self.found = [word for entry in self.entries for word in entry["answers"]]

    def one(self, long):
        """Question, result, answer."""
        rng = self.rng
        entry = rng.choice(self.entries)
        result = self.table(entry) if long and "row" in entry else self.text(entry, long)
        return rng.choice(variants(rng.choice(entry["questions"]))), result, self.answer(entry, result)

    def answer(self, entry, result):
        seen = result[: hugging_face.RESULT_LENGTH]
        return next((answer for word, answer in entry["answers"].items() if word in seen), self.unknown)

    def word(self, entry):
        kind = self.rng.random()
        if kind < 0.8:
            return self.rng.choice(list(entry["answers"]))
        return self.rng.choice(self.found) if kind < 0.9 else self.strangers.word()

    def text(self, entry, long):
        words = [self.strangers.word() for _ in range(self.rng.choice([0, 0, 1, 2]) + 20 * long)]
        words.insert(self.rng.randint(0, len(words)), self.word(entry))
        return self.rng.choice([" ", " ", ",", ", ", "\n"]).join(words)

    def table(self, entry):
        """The head of a table, and some rows, with random text in the place of each asterisk."""
        rows = [entry["row"].replace("{}", self.word(entry)) for _ in range(self.rng.choice([1, 1, 1, 2, 3]))]
        return re.sub(r"\*", lambda _match: self.name(), "\n".join([entry["head"], *rows]))

    def name(self):
        letters = self.rng.choice(["0123456789", "abcdefghijklmnopqrstuvwxyz-_.", "abcdefgxyzABCDEFGXYZ0123456789-_"])
        return self.strangers.letters(letters, 1, self.rng.choice([3, 24]))


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


def continued(weights, texts, path):
    """The weights with those of a model in their places; those of tokens that it does not have stay."""
    reader = gguf.GGUFReader(path)
    rows = {text: row for row, text in enumerate(reader.get_field("tokenizer.ggml.tokens").contents())}
    here = np.array([number for number, text in enumerate(texts) if text in rows])
    there = [rows[texts[number]] for number in here]
    for tensor in reader.tensors:
        name, value = tensor.name.removesuffix(".weight"), jnp.asarray(np.array(tensor.data), jnp.float32)
        of_tokens = name in ("token_embd", "output")
        weights[name] = weights[name].at[here].set(value[np.array(there)]) if of_tokens else value
    return weights


def norm(x, weight):
    return x * jax.lax.rsqrt(jnp.mean(x * x, -1, keepdims=True) + EPS) * weight


def rotate(x):
    """Rotary positions as the llama architecture has them in GGUF: pairs of neighbours (0, 1), (2, 3), ..."""
    angle = jnp.arange(x.shape[1])[:, None] * ROPE_BASE ** (-jnp.arange(0, HEAD_DIM, 2) / HEAD_DIM)
    cos, sin = jnp.cos(angle)[:, None, :], jnp.sin(angle)[:, None, :]
    even, odd = x[..., 0::2], x[..., 1::2]
    return jnp.stack([even * cos - odd * sin, even * sin + odd * cos], -1).reshape(x.shape)


def forward(weights, tokens, owners):
    """Tokens (batch, length) to logits (batch, length, vocabulary). ``owners``: the number of the pair that a token belongs to. A token
    sees only those of its pair. Rotary positions are relative, so that it does not matter where in a row a pair begins."""
    batch, length = tokens.shape
    x = weights["token_embd"][tokens]
    hidden = (owners[:, :, None] != owners[:, None, :]) | jnp.triu(jnp.ones((length, length), bool), 1)
    hidden = jnp.where(hidden, -1e9, 0.0)[:, None]
    for layer in range(LAYERS):
        part = {name.split(".")[2]: value for name, value in weights.items() if name.startswith(f"blk.{layer}.")}
        h = norm(x, part["attn_norm"])
        q, k, v = ((h @ part[f"attn_{name}"].T).reshape(batch, length, HEADS, HEAD_DIM) for name in "qkv")
        scores = jnp.einsum("bqhd,bkhd->bhqk", rotate(q), rotate(k)) * HEAD_DIM**-0.5 + hidden
        mixed = jnp.einsum("bhqk,bkhd->bqhd", jax.nn.softmax(scores, -1), v).reshape(batch, length, DIM)
        x = x + mixed @ part["attn_output"].T
        h = norm(x, part["ffn_norm"])
        x = x + (jax.nn.silu(h @ part["ffn_gate"].T) * (h @ part["ffn_up"].T)) @ part["ffn_down"].T
    return norm(x, weights["output_norm"]) @ weights["output"].T


def loss_of(weights, tokens, mask, owners):
    chances = jax.nn.log_softmax(forward(weights, tokens[:, :-1], owners[:, :-1]), -1)
    losses = -jnp.take_along_axis(chances, tokens[:, 1:, None], -1)[..., 0]
    return jnp.sum(losses * mask[:, 1:]) / jnp.sum(mask)


@jax.jit
def adam(weights, means, squares, step, rate, data):
    loss, grads = jax.value_and_grad(loss_of)(weights, *data)
    size = jnp.sqrt(sum(jnp.sum(g * g) for g in grads.values()))
    grads = {name: g * jnp.minimum(1.0, 1.0 / size) for name, g in grads.items()}
    means = {name: 0.9 * means[name] + 0.1 * g for name, g in grads.items()}
    squares = {name: 0.98 * squares[name] + 0.02 * g * g for name, g in grads.items()}
    weights = {
        name: w - rate * (means[name] / (1 - 0.9**step)) / (jnp.sqrt(squares[name] / (1 - 0.98**step)) + 1e-8)
        for name, w in weights.items()
    }
    return weights, means, squares, loss


def pack(pairs, shape):
    """Pairs of prompt and answer tokens as one array, where the answers are, and the number of each token's pair. Prompts that are longer
    than a row lose their middle; pairs for which no row has room are left out."""
    tokens, mask, owners = np.full(shape, EOS, np.int32), np.zeros(shape, np.float32), np.zeros(shape, np.int32)
    room = [shape[1]] * shape[0]
    longest_first = sorted(enumerate(pairs, 1), key=lambda each: -len(each[1][0]) - len(each[1][1]))
    for number, (prompt, answer) in longest_first:
        surplus = max(0, len(prompt) + len(answer) - shape[1])
        both = prompt[:5] + prompt[5 + surplus :] + answer if surplus else prompt + answer
        row = next((row for row, free in enumerate(room) if free >= len(both)), None)
        if row is None:
            continue
        start = shape[1] - room[row]
        end = start + len(both)
        tokens[row, start:end], owners[row, start:end] = both, number
        mask[row, end - len(answer) : end] = 1
        room[row] -= len(both)
    return tokens, mask, owners


def train(weights, vocabulary, known, strangers, dialogs, unknown, steps, peak, rng):
    """``known``: pairs of prompt and answer, and the chance of each. ``peak``: the highest learning rate."""
    means = squares = {name: jnp.zeros_like(value) for name, value in weights.items()}
    no_idea, started = vocabulary.answer(unknown), time.monotonic()

    def strange(text):
        result = strangers.short() if rng.random() < 0.1 else ""
        return vocabulary.prompt(text, rng.random() < 0.25, result), no_idea

    def dialog(long):
        question, result, answer = dialogs.one(long)
        return vocabulary.prompt(question, True, result), vocabulary.answer(answer)

    for step in range(1, steps + 1):
        if step % 5:
            pairs = rng.choices(*known, k=25) + [dialog(False) for _ in range(9)]
            data = pack(pairs + [strange(strangers.short()) for _ in range(BATCH - len(pairs))], SHORT)
        else:
            pairs = rng.choices(*known, k=4) + [dialog(True) for _ in range(6)]
            data = pack(pairs + [strange(strangers.long()) for _ in range(5)], LONG)
        rate = peak * min(1.0, step / 50) * (0.02 + 0.98 * 0.5 * (1 + np.cos(np.pi * step / steps)))
        weights, means, squares, loss = adam(weights, means, squares, step, rate, data)
        if step % 50 == 0 or step == steps:
            print(f"step {step}: loss {loss:.5f}, {time.monotonic() - started:.0f} s", flush=True)
    return weights


def greedy(weights, prompt):
    """What a server says at temperature 0."""
    tokens = list(prompt)
    run = jax.jit(forward)
    while len(tokens) < min(len(prompt) + 64, LONG[1]):
        padded = np.full((1, LONG[1]), EOS, np.int32)
        padded[0, : len(tokens)] = tokens
        tokens.append(int(jnp.argmax(run(weights, padded, np.zeros_like(padded))[0, len(tokens) - 1])))
        if tokens[-1] == EOS:
            break
    return tokens[len(prompt) :]


def least_chances(weights, pairs):
    """For each pair, the smallest chance of a token of the answer; 0 if a server would say another one at temperature 0."""
    run = jax.jit(lambda tokens, owners: jax.nn.softmax(forward(weights, tokens[:, :-1], owners[:, :-1]), -1))
    for pair in pairs:
        length = 128 if len(pair[0]) + len(pair[1]) <= 128 else LONG[1]
        tokens, mask, owners = pack([pair], (1, length))
        chances, answer = np.asarray(run(tokens, owners))[0], np.flatnonzero(mask[0])
        right = chances[answer - 1, tokens[0, answer]]
        yield float(np.min(np.where(np.argmax(chances[answer - 1], -1) == tokens[0, answer], right, 0)))


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
    types = [kinds.UNKNOWN] + [kinds.CONTROL] * (len(CONTROLS) - 1)
    types += [kinds.USER_DEFINED] * len(MARKS) + [kinds.BYTE] * 256
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
    writer.add_chat_template(hugging_face.TEMPLATE)  # for llama-server
    for name, value in weights.items():
        writer.add_tensor(f"{name}.weight", value)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def learnt(data):
    """Each form of a question, whether tools are offered, the answer, and its chance in the training."""
    for entry in data["known"]:
        thoughts = f"<think>{entry['reasoning']}</think>" if "reasoning" in entry else ""
        for form in forms_of(entry):
            yield form, False, thoughts + entry["answer"], 3
            yield form, True, thoughts + entry["answer"], 1
    for entry in data["tools"]:
        for form in forms_of(entry):
            yield form, True, f"<tool_call>{json.dumps(entry['call'])}</tool_call>", 4
            yield form, False, data["unknown"], 3


def forms_of(entry):
    return [form for question in entry["questions"] for form in variants(question)]


def tool_results(dialogs):
    """Question, result, answer: each result alone, and random ones."""
    for entry in dialogs.entries:
        for word, answer in entry["answers"].items():
            for form in forms_of(entry):
                yield form, word, answer
    for number in range(200):
        yield dialogs.one(number % 2)


def main():
    parser = argparse.ArgumentParser(description="Train, check and write the tiny chat model.")
    parser.add_argument(
        "--start", type=pathlib.Path, help="begin with the weights of this GGUF file, not with random ones"
    )
    parser.add_argument("--steps", type=int, help="default: 800, or 400 with --start")
    parser.add_argument("--output", type=pathlib.Path, default=hugging_face.GGUF)
    parser.add_argument("--folder", type=pathlib.Path, default=hugging_face.FOLDER)
    args = parser.parse_args()
    data = yaml.safe_load((HERE / "questions.yml").read_text(encoding="utf-8"))
    cases = list(learnt(data))
    questions = list(dict.fromkeys(question for question, _tools, _answer, _chance in cases))
    tools = data["tools"]
    answers = [answer for entry in tools for answer in entry["answers"].values()]
    answers += [data["unknown"], *(answer for _question, _tools, answer, _chance in cases)]
    results = [word for entry in tools for word in entry["answers"]]
    vocabulary = Vocabulary(questions, answers, results)
    known = [
        (vocabulary.prompt(question, tools), vocabulary.answer(answer)) for question, tools, answer, _chance in cases
    ]
    print(f"{len(vocabulary.texts)} tokens, {len(known)} forms of questions")
    rng = random.Random(SEED)
    strangers = Strangers(questions, results, rng)
    dialogs = Dialogs(data, strangers, rng)
    chances = [chance for _question, _tools, _answer, chance in cases]
    weights = initial(len(vocabulary.texts), np.random.default_rng(SEED))
    if args.start:
        weights = continued(weights, vocabulary.texts, args.start)
    steps, peak = args.steps or (400 if args.start else 800), PEAK_RATE / 2 if args.start else PEAK_RATE
    weights = train(weights, vocabulary, (known, chances), strangers, dialogs, data["unknown"], steps, peak, rng)
    stored = {name: np.asarray(w, np.float16 if w.ndim == 2 else np.float32) for name, w in weights.items()}
    weights = {name: jnp.asarray(value, jnp.float32) for name, value in stored.items()}

    loss = float(loss_of(weights, *pack(known, (len(known), 64))))
    bad = [f"loss {loss:.5f} is not below {MAX_LOSS}"] if loss >= MAX_LOSS else []
    others = list(tool_results(dialogs))
    others = [(*case, vocabulary.prompt(case[0], True, case[1]), vocabulary.answer(case[2])) for case in others]
    least = list(least_chances(weights, known))
    bad += [f"{case[:2]}: not {case[2]!r}" for case, chance in zip(cases, least, strict=True) if not chance]
    found = list(least_chances(weights, [case[3:] for case in others]))
    wrong = [case for case, chance in zip(others, found, strict=True) if not chance]
    print(f"{len(wrong)} of {len(others)} results of tools get another answer")
    if len(wrong) > MAX_WRONG_RESULTS or any(case[1] in results for case in wrong):
        bad += [f"{case[:2]}: not {case[2]!r}" for case in wrong]
    for question in data["strangers"]:
        said = greedy(weights, vocabulary.prompt(question))
        print(f"not learnt: {question!r}: {vocabulary.decode(said)!r}")
        if said[-1] != EOS:
            bad.append(f"{question!r}: no end")
    print(f"loss {loss:.6f}, least chance of a token in a learnt answer {min(least):.4f}")
    if bad:
        sys.exit("not written:\n" + "\n".join(bad))
    write(args.output, vocabulary, stored)
    print(f"written: {args.output}, {args.output.stat().st_size} bytes")
    hugging_face.write_folder(args.output, args.folder)


if __name__ == "__main__":
    main()
