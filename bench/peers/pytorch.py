"""Measures char-rnn's training iteration or evaluation in PyTorch. Prints one line of JSON.

    python3 pytorch.py train|evaluate CELL HIDDEN LAYERS SEQUENCE THREADS SECONDS [float32|bfloat16]

bfloat16 is PyTorch's autocast. Batch 50, 65 characters, one-hot input, nn.LSTM/GRU/RNN, a linear decoder, cross entropy, every element of the gradient
clamped to 5, RMSProp (alpha 0.95), the state carried from batch to batch. Run by bench/compare.ts.
"""
import json
import sys
import time

task, cell = sys.argv[1:3]
hidden, layers, sequence, threads = map(int, sys.argv[3:7])
seconds = float(sys.argv[7])
compute = sys.argv[8] if len(sys.argv) > 8 else "float32"

import torch
from torch import nn
from torch.nn import functional

BATCH, VOCABULARY = 50, 65
torch.set_num_threads(threads)
torch.manual_seed(1)
recurrent = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}[cell](VOCABULARY, hidden, layers)
decoder = nn.Linear(hidden, VOCABULARY)
parameters = list(recurrent.parameters()) + list(decoder.parameters())
optimizer = torch.optim.RMSprop(parameters, lr=2e-3, alpha=0.95, eps=1e-8)
state = None


def detached(value):
    return tuple(part.detach() for part in value) if isinstance(value, tuple) else value.detach()


# Made in advance, as in iteration.ts. The one-hot vectors are part of an iteration.
batches = [(torch.randint(VOCABULARY, (sequence, BATCH)), torch.randint(VOCABULARY, (sequence * BATCH,))) for _ in range(16)]
made = 0


def batch():
    global made
    tokens, targets = batches[made % len(batches)]
    made += 1
    return functional.one_hot(tokens, VOCABULARY).float(), targets


def loss_of(inputs, targets):
    global state
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=compute == "bfloat16"):
        outputs, state = recurrent(inputs, state)
        logits = decoder(outputs)
    state = detached(state)
    return functional.cross_entropy(logits.float().view(-1, VOCABULARY), targets)


def train():
    inputs, targets = batch()
    optimizer.zero_grad()
    loss_of(inputs, targets).backward()
    nn.utils.clip_grad_value_(parameters, 5)
    optimizer.step()


def evaluate():
    with torch.no_grad():
        loss_of(*batch())


work = {"train": train, "evaluate": evaluate}[task]
for _ in range(3):
    work()
times, processor = [], []
start = time.perf_counter()
while time.perf_counter() - start < seconds or len(times) < 3:
    before, used = time.perf_counter(), time.process_time()
    work()
    times.append((time.perf_counter() - before) * 1000)
    processor.append((time.process_time() - used) * 1000)
wall = (time.perf_counter() - start) * 1000 / len(times)
times.sort()
processor.sort()
figures = {"median": times[len(times) // 2], "best": times[0], "wall": wall, "processor": processor[len(processor) // 2]}
print(json.dumps({**figures, "compute": compute, "version": torch.__version__}))
