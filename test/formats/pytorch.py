"""What PyTorch computes from checkpoints, as JSON lines: pytorch.py MODULE CASES, a JSON list of pairs of path and tokens.

From each checkpoint with the generated module; and, where its layers are PyTorch's own, from nn.LSTM, nn.GRU or nn.RNN alone.
"""
import importlib.util
import json
import sys

import torch
from torch import nn

spec = importlib.util.spec_from_file_location("model", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)


def alone(tensors, config, tokens):
    """Log-probabilities from PyTorch's own module, loaded by the names in the file."""
    V, H = config["vocabularySize"], config["hiddenSize"]
    half = (torch.float16, torch.bfloat16)
    tensors = {name: values.float() if values.dtype in half else values for name, values in tensors.items()}
    layers = {name[4:]: values for name, values in tensors.items() if name.startswith("rnn.")}
    D = layers["weight_ih_l0"].shape[1]
    kind = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}[config["cell"]]
    rnn = kind(D, H, config["layers"]).to(layers["weight_ih_l0"].dtype)
    rnn.load_state_dict(layers)
    table = tensors.get("embedding.weight", torch.eye(V).to(layers["weight_ih_l0"].dtype))
    output, _ = rnn(table[tokens])
    return nn.functional.linear(output, tensors["decoder.weight"], tensors["decoder.bias"]).log_softmax(-1)


with torch.no_grad():
    for path, read in json.loads(sys.argv[2]):
        tokens = torch.tensor(read)[:, None]
        model = module.load(path)
        whole, _ = model(tokens)
        start, state = model(tokens[:20])
        rest, _ = model(tokens[20:], state)
        own = None
        tensors, facts = module.read(path)
        if "rnn.weight_ih_l0" in tensors:
            own = alone(tensors, facts["config"], tokens).flatten().tolist()
        print(json.dumps({
            "module": whole.flatten().tolist(),
            "pieces": torch.cat([start, rest]).flatten().tolist(),
            "own": own,
            "greedy": model.sample("a", length=40, temperature=0),
            "sampled": model.sample("a\n", length=40, temperature=0.8, seed=3),
        }))
