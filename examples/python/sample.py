"""Samples from a model that char-rnn convert wrote as a PyTorch module:

    npx char-rnn convert cv/best.safetensors model.safetensors --as-module
    python3 examples/python/sample.py model.py "Call me "
"""
import importlib.util
import sys

if len(sys.argv) < 2:
    sys.exit(__doc__)
path, prompt = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else ""
spec = importlib.util.spec_from_file_location("char_rnn_model", path)
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)

model = module.load()
print(prompt + model.sample(prompt, length=300, temperature=0.7, seed=1))
