"""Golden values for `multiply_add`: run `python make_multiply_add.py` in this folder. NumPy suffices.

In double precision and in closed form, not round by round: after r rounds of v -> a v + b a value is
a^r x + b (1 - a^r) / (1 - a), and its slope is a^r. File format and naming are those of `make.py`.
"""

import json

import numpy as np

from golden_file import write

random = np.random.default_rng(2026)
tensors, metadata = {}, {"made_by": "NumPy " + np.__version__, "tolerance": "elementwise"}
for a, b, rounds in [(0.9, 0.1, 16), (0.5, -2.0, 7), (-0.75, 0.25, 40), (0.9, 0.1, 0)]:
    x, dy = (random.standard_normal((3, 37)).astype(np.float32).astype(np.float64) for _ in range(2))
    power = a**rounds
    label = f"{a} {b} {rounds}"
    tensors[f"{label}/in/x"] = x
    tensors[f"{label}/out/y"] = power * x + b * (1 - power) / (1 - a)
    tensors[f"{label}/weight/y"] = dy
    tensors[f"{label}/grad/x"] = power * dy
    attrs = {"a": str(a), "b": str(b), "rounds": str(rounds)}
    metadata["case/" + label] = json.dumps({"op": "multiply_add", "attrs": attrs})
write("multiply_add.safetensors", tensors, metadata)
