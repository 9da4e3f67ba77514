"""Golden values for quantised weights: run `python make_quantized.py` in this folder. NumPy suffices.

Written from the formulas in `engine/src/quant.rs`, in double precision and with another way of packing: every code is
spelt out in bits, the bits of a plane are strung together input by input, and 32 of them make a word. File format and
naming are those of `make.py`. Gradients of `fake_quantize` are the straight-through ones: the weights of the outputs where
no code was clamped.
"""

import json

import numpy as np

from golden_file import write

random = np.random.default_rng(2026)
# Dettmers et al. 2023, as in bitsandbytes.
NF4 = np.array([
    -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
    -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
    0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0,
])
PLANES = {1: [1], 2: [2], 3: [2, 1], 4: [4], 5: [4, 1], 6: [4, 2], 7: [4, 2, 1], 8: [8]}


def normal(*shape):
    return random.standard_normal(shape).astype(np.float32).astype(np.float64)


def parse(text):
    levels, granularity = text.split("/")
    kind = levels.rstrip("0123456789")
    bits = {"ternary": 2, "nf": 4}.get(kind) or int(levels[len(kind):])
    return ("nf4" if kind == "nf" else kind), bits, granularity


def groups_of(k, granularity):
    size = int(granularity[5:]) if granularity.startswith("group") else k
    return [slice(i, min(i + size, k)) for i in range(0, k, size)]


def quantize(w, text):
    """Codes, the step and zero of every weight, and whether its code fits."""
    kind, bits, granularity = parse(text)
    k, n = w.shape
    codes, steps, zeros = np.zeros((k, n), int), np.zeros((k, n)), np.zeros((k, n))
    inside = np.ones((k, n))
    for rows in groups_of(k, granularity):
        for cols in [slice(0, n)] if granularity == "tensor" else [slice(j, j + 1) for j in range(n)]:
            v = w[rows, cols]
            low, high, mean = min(0.0, v.min()), max(0.0, v.max()), np.abs(v).mean()
            zero = 0.0
            if kind == "int" and bits == 1:
                step, zero = 2 * mean, 0.5
                code, fits = (v >= 0).astype(int), np.abs(v) <= step
            elif kind == "nf4":
                step = max(high, -low)
                code = np.abs(v[..., None] / step - NF4).argmin(-1)
                fits = np.ones_like(v)
            else:
                if kind == "int":
                    side = 2 ** (bits - 1) - 1
                    step, zero, least, most = max(high, -low) / side, 2 ** (bits - 1), 1, 2 ** bits - 1
                elif kind == "uint":
                    least, most = 0, 2 ** bits - 1
                    step = (high - low) / most
                    zero = np.floor(-low / step + 0.5)
                else:
                    step, zero, least, most = mean, 1.0, 0, 2
                raw = np.floor(v / step + 0.5) + zero
                code, fits = raw.clip(least, most).astype(int), (raw >= least) & (raw <= most)
            codes[rows, cols], steps[rows, cols], zeros[rows, cols], inside[rows, cols] = code, step, zero, fits
    return codes, steps, zeros, inside.astype(float)


def dequantize(codes, steps, zeros, text):
    return NF4[codes] * steps if text.startswith("nf4") else (codes - zeros) * steps


def pack(codes, steps, zeros, text):
    kind, bits, granularity = parse(text)
    k, n = codes.shape
    whole, wide = -(-k // 32) * 32, -(-n // 4) * 4
    padded = np.zeros((whole, wide), np.uint64)
    padded[:k, :n] = codes
    rows, shift = [], 0
    for v in PLANES[bits]:
        string = np.stack([(padded >> np.uint64(shift + b)) & np.uint64(1) for b in range(v)], 1).reshape(whole * v, wide)
        words = string.reshape(whole * v // 32, 32, wide)
        rows.append((words << np.arange(32, dtype=np.uint64)[None, :, None]).sum(1))
        shift += v
    out = {"packed": np.concatenate(rows).astype(np.uint32)}

    def spread(values):
        if granularity == "tensor":
            return values[:1, :1]
        full = np.zeros((len(groups_of(k, granularity)), wide))
        full[:, :n] = [values[rows.start] for rows in groups_of(k, granularity)]
        return full

    out["steps"] = spread(steps)
    if kind == "uint":
        out["zeros"] = spread(zeros)
    return out


FORMATS = [
    ("int1/channel", 40, 6), ("int2/group16", 37, 5), ("int3/group32", 70, 3), ("int4/group32", 64, 8), ("int4/tensor", 33, 7),
    ("int5/channel", 40, 4), ("int6/group64", 70, 5), ("int7/tensor", 20, 5), ("int8/channel", 50, 6), ("uint4/group32", 64, 6),
    ("uint3/channel", 33, 5), ("ternary/tensor", 40, 6), ("nf4/group64", 70, 5),
]
tensors, metadata = {}, {"made_by": "NumPy " + np.__version__, "tolerance": "sum"}


def case(label, op, attrs, **parts):
    for part, values in parts.items():
        for name, value in values.items():
            tensors[f"{label}/{part}/{name}"] = value
    metadata["case/" + label] = json.dumps({"op": op, "attrs": {k: str(v) for k, v in attrs.items()}})


for text, k, n in FORMATS:
    # Rounded to 32 bits, so that both sides quantise the same numbers.
    w, x, bias = normal(k, n), normal(3, k), normal(n)
    codes, steps, zeros, inside = quantize(w, text)
    packed, value = pack(codes, steps, zeros, text), dequantize(codes, steps, zeros, text)
    dy, dv = normal(3, n), normal(k, n)
    case(f"quantize {text}", "quantize", {"format": text}, **{"in": {"w": w}, "out": packed})
    attrs = {"format": text, "k": k, "n": n}
    case(f"dequantize {text}", "dequantize", attrs, **{"in": packed, "out": {"w": value}})
    case(
        f"fake {text}", "fake_quantize", {"format": text},
        **{"in": {"w": w}, "out": {"y": value, "inside": inside}, "weight": {"y": dv}, "grad": {"w": dv * inside}},
    )
    case(
        f"product {text}", "quantized_matmul", {"format": text, "n": n},
        **{
            "in": {"x": x, "bias": bias, **packed}, "out": {"y": x @ value + bias},
            "weight": {"y": dy}, "grad": {"x": dy @ value.T, "bias": dy.sum(0)},
        },
    )

write("quantized.safetensors", tensors, metadata)
