"""Measures char-rnn's training iteration in PyTorch on a GPU (cuDNN, float32 without TF32). Prints milliseconds.

    python3 cudnn.py HIDDEN LAYERS BATCH SEQUENCE

65 characters, one-hot input, nn.LSTM, a linear decoder, cross entropy, every element of the gradient clamped to 5, RMSProp (alpha 0.95), the
state carried from batch to batch. Run by bench/gpu.ts. Exits with 1 if there is no PyTorch with CUDA.
"""
import sys
import time

try:
    import torch
except ImportError:
    sys.exit(1)
if not torch.cuda.is_available():
    sys.exit(1)
from torch import nn
from torch.nn import functional

torch.backends.cuda.matmul.allow_tf32 = False
torch.backends.cudnn.allow_tf32 = False
hidden, layers, batch, sequence = map(int, sys.argv[1:5])
VOCABULARY = 65
device = torch.device("cuda")
recurrent = nn.LSTM(VOCABULARY, hidden, layers).to(device)
decoder = nn.Linear(hidden, VOCABULARY).to(device)
parameters = list(recurrent.parameters()) + list(decoder.parameters())
optimizer = torch.optim.RMSprop(parameters, lr=2e-3, alpha=0.95, eps=1e-8)
tokens = torch.randint(VOCABULARY, (sequence, batch), device=device)
targets = torch.randint(VOCABULARY, (sequence * batch,), device=device)
state = None


def iterate():
    global state
    optimizer.zero_grad()
    outputs, state = recurrent(functional.one_hot(tokens, VOCABULARY).float(), state)
    state = tuple(part.detach() for part in state)
    functional.cross_entropy(decoder(outputs).view(-1, VOCABULARY), targets).backward()
    nn.utils.clip_grad_value_(parameters, 5)
    optimizer.step()


for _ in range(20):
    iterate()
torch.cuda.synchronize()
start = time.perf_counter()
ITERATIONS = 200
for _ in range(ITERATIONS):
    iterate()
torch.cuda.synchronize()
print((time.perf_counter() - start) / ITERATIONS * 1000)
