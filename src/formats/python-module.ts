/**
 * A Python module that runs a checkpoint's model with PyTorch only.
 *
 * It reads the shape of the model from the metadata of the weights, so only the name of the weights file differs between models.
 * test/formats/pytorch.test.ts compares it with our engines.
 */

/** @param weights Name of the safetensors file, in the same folder as the module. */
export function pythonModule(weights: string): string {
  return `"""The model in a checkpoint of char-rnn, in PyTorch. Written by char-rnn convert --as-module.

    model = load()                        # or load("another.safetensors")
    print(model.sample("The ", length=200, temperature=0.7, seed=1))

model(tokens, state) gives log-probabilities [T, B, V] and the next state, for tokens [T, B]; model.encode turns a text into
tokens. Letters: T time, B batch, V vocabulary, D input of a layer, H hidden units, L layers.
"""
import json
import os
import struct
import unicodedata

import torch
from torch import nn
from torch.nn import functional

WEIGHTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), ${JSON.stringify(weights)})
TYPES = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16,
    "I64": torch.int64, "I32": torch.int32, "U8": torch.uint8,
}


def read(path):
    """The tensors of a safetensors file, without its training state and statistics, and its facts about the model."""
    with open(path, "rb") as file:
        (size,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(size))
        facts = json.loads(header.pop("__metadata__")["char_rnn"])
        tensors = {}
        for name, place in header.items():
            if name.startswith(("train.", "origin.", "mean_square.")):
                continue
            begin, end = place["data_offsets"]
            file.seek(8 + size + begin)
            data = bytearray(file.read(end - begin))
            tensors[name] = torch.frombuffer(data, dtype=TYPES[place["dtype"]]).reshape(place["shape"])
    return tensors, facts


class GruV1(nn.Module):
    """A gru whose reset gate acts before the recurrent product, and whose z weighs the new state. nn.GRU does both the other way
    round.

    z = sigmoid(Wz x + Uz h)   r = sigmoid(Wr x + Ur h)   n = tanh(W x + U (r * h))   h = z * n + (1 - z) * h
    """

    def __init__(self, input_size, hidden_size, num_layers):
        super().__init__()
        self.hidden_size, self.num_layers = hidden_size, num_layers
        for layer in range(num_layers):
            width = input_size if layer == 0 else hidden_size
            for side, columns in (("ih", width), ("hh", hidden_size)):
                weight = nn.Parameter(torch.zeros(3 * hidden_size, columns))
                self.register_parameter(f"weight_{side}_l{layer}", weight)
                self.register_parameter(f"bias_{side}_l{layer}", nn.Parameter(torch.zeros(3 * hidden_size)))

    def forward(self, x, state=None):
        """Takes x [T, B, D] and state [L, B, H]; returns h of every step [T, B, H] and the next state."""
        if state is None:
            state = x.new_zeros(self.num_layers, x.shape[1], self.hidden_size)
        H, final = self.hidden_size, []
        for layer in range(self.num_layers):
            W, b, U, c = (
                getattr(self, f"{name}_l{layer}") for name in ("weight_ih", "bias_ih", "weight_hh", "bias_hh")
            )
            h, outputs = state[layer], []
            for sums in functional.linear(x, W, b):
                z, r = (sums[:, : 2 * H] + functional.linear(h, U[: 2 * H], c[: 2 * H])).sigmoid().chunk(2, dim=1)
                n = (sums[:, 2 * H :] + functional.linear(r * h, U[2 * H :], c[2 * H :])).tanh()
                h = z * n + (1 - z) * h
                outputs.append(h)
            x = torch.stack(outputs)
            final.append(h)
        return x, torch.stack(final)


class CharRnn(nn.Module):
    """The network and its vocabulary. Parameters are named like the checkpoint's tensors."""

    def __init__(self, facts, symbols):
        super().__init__()
        config, self.facts, self.symbols = facts["config"], facts, symbols
        self.tokens = {symbol: token for token, symbol in enumerate(symbols)}
        V, H = config["vocabularySize"], config["hiddenSize"]
        D = config.get("embeddingSize", V)
        if "embeddingSize" in config:
            self.embedding = nn.Embedding(V, D)
        self.layers_name = "gru_v1" if facts.get("reset") == "before" else "rnn"
        kind = {"lstm": nn.LSTM, "rnn": nn.RNN, "gru": GruV1 if self.layers_name == "gru_v1" else nn.GRU}
        setattr(self, self.layers_name, kind[config["cell"]](D, H, config["layers"]))
        self.decoder = nn.Linear(H, V)

    def forward(self, tokens, state=None):
        if hasattr(self, "embedding"):
            x = self.embedding(tokens)
        else:
            x = functional.one_hot(tokens, self.decoder.out_features).to(self.decoder.weight.dtype)
        x, state = getattr(self, self.layers_name)(x, state)
        return self.decoder(x).log_softmax(dim=-1), state

    def encode(self, text):
        """The tokens of a text. An unknown character is an error, unless the model has a symbol for unknown characters."""
        vocabulary, tokens, at = self.facts["vocabulary"], [], 0
        if vocabulary["normalize"] == "nfc":
            text = unicodedata.normalize("NFC", text)
        if vocabulary["kind"] == "byte":
            text = text.encode("utf-8").decode("latin-1")
        longest = max(map(len, self.symbols))
        while at < len(text):
            pieces = (text[at : at + length] for length in range(longest, 0, -1))
            known = next((piece for piece in pieces if piece in self.tokens), None)
            if known is None and not vocabulary["hasUnknown"]:
                what = f"byte {at}, {ord(text[at]):#04x}," if vocabulary["kind"] == "byte" else f"character {at}, {text[at]!r},"
                raise ValueError(f"{what} is not in the vocabulary")
            tokens.append(len(self.symbols) if known is None else self.tokens[known])
            at += len(known or text[at])
        return tokens

    def decode(self, tokens):
        text = "".join(self.symbols[token] if token < len(self.symbols) else "\\ufffd" for token in tokens)
        if self.facts["vocabulary"]["kind"] == "byte":
            return text.encode("latin-1").decode("utf-8", errors="replace")
        return text

    @torch.no_grad()
    def sample(self, prompt="", length=200, temperature=1.0, seed=None):
        """Text that continues a prompt. Temperature 0 always chooses the most likely symbol. The random numbers are PyTorch's, so
        a seed does not give the same text as char-rnn sample."""
        generator = torch.Generator()
        if seed is not None:
            generator.manual_seed(seed)
        V, state, drawn = self.decoder.out_features, None, []
        # Without a prompt, all symbols are equally likely.
        scores = torch.zeros(V, dtype=self.decoder.weight.dtype)
        read = self.encode(prompt)
        if read:
            output, state = self(torch.tensor(read)[:, None])
            scores = output[-1, 0]
        for _ in range(length):
            if self.facts["vocabulary"]["hasUnknown"]:
                scores[-1] = float("-inf")
            if temperature == 0:
                token = scores.argmax()
            else:
                token = torch.multinomial((scores / temperature).softmax(0), 1, generator=generator)[0]
            drawn.append(int(token))
            output, state = self(token.reshape(1, 1), state)
            scores = output[0, 0]
        return self.decode(drawn)


def load(path=WEIGHTS):
    """The model in a checkpoint."""
    tensors, facts = read(path)
    vocabulary = {name: tensors.pop(name) for name in list(tensors) if name.startswith("vocabulary.")}
    if facts["vocabulary"]["kind"] == "byte":
        symbols = [chr(byte) for byte in vocabulary["vocabulary.values"].tolist()]
    else:
        text = bytes(vocabulary["vocabulary.bytes"].tolist())
        offsets = vocabulary["vocabulary.offsets"].tolist()
        symbols = [text[begin:end].decode("utf-8") for begin, end in zip(offsets, offsets[1:])]
    # Weights in half precision are read as float32.
    model = CharRnn(facts, symbols).to(torch.promote_types(tensors["decoder.weight"].dtype, torch.float32))
    model.load_state_dict(tensors)
    return model.eval()
`;
}
