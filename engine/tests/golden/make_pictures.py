"""Golden values of the ops on pictures from NumPy in double precision: run `python make_pictures.py` in this folder.

Convolution and its gradients are sums over the windows of a padded picture (`sliding_window_view` and `einsum`), not the loops of
the twins; group normalisation is written from its definition, and its gradient through a group's Jacobian matrix. File format and
naming are those of `make.py`.
"""

import json

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from golden_file import write

random = np.random.default_rng(2027)


def normal(*shape, scale=1.0, shift=0.0):
    return (random.standard_normal(shape) * scale + shift).astype(np.float32).astype(np.float64)


class Golden:
    """The cases of one file."""

    def __init__(self, path):
        self.path, self.tensors = path, {}
        self.metadata = {"made_by": "NumPy " + np.__version__, "tolerance": "sum"}

    def case(self, label, op, attrs, inputs, outputs, weights=None, grads=None):
        for kind, group in [("in", inputs), ("out", outputs), ("weight", weights or {}), ("grad", grads or {})]:
            for key, value in group.items():
                self.tensors[f"{label}/{kind}/{key}"] = value
        self.metadata["case/" + label] = json.dumps({"op": op, "attrs": {k: str(v) for k, v in attrs.items()}})

    def write(self):
        write(self.path, self.tensors, self.metadata)


def windows(x, size, stride, padding, dilation):
    """[n, channels, rows, cols, kh, kw], a view of the padded picture."""
    x = np.pad(x, [(0, 0), (0, 0), (padding, padding), (padding, padding)])
    spans = [dilation * (k - 1) + 1 for k in size]
    return sliding_window_view(x, spans, axis=(2, 3))[:, :, ::stride, ::stride, ::dilation, ::dilation]


def input_gradient(dy, w, shape, stride, padding, dilation):
    """Every window's share is added where the window lies."""
    n, channels, h, width = shape
    dx = np.zeros([n, channels, h + 2 * padding, width + 2 * padding])
    share = np.einsum("nfrc,fkij->nkrcij", dy, w)
    rows, cols = dy.shape[2:]
    for i in range(w.shape[2]):
        for j in range(w.shape[3]):
            top, left = i * dilation, j * dilation
            dx[:, :, top : top + rows * stride : stride, left : left + cols * stride : stride] += share[..., i, j]
    return dx[:, :, padding : padding + h, padding : padding + width]


def silu(x):
    return x / (1 + np.exp(-x))


def silu_slope(x):
    s = 1 / (1 + np.exp(-x))
    return s * (1 + x * (1 - s))


golden = Golden("conv2d.safetensors")
for label, shape, (f, kh, kw), how in [
    ("3x3", (2, 3, 8, 9), (5, 3, 3), (1, 1, 1)),
    ("stride 2", (1, 4, 9, 7), (6, 3, 3), (2, 1, 1)),
    ("dilated", (1, 2, 11, 12), (3, 3, 2), (2, 3, 2)),
    ("1x1", (2, 5, 4, 3), (7, 1, 1), (1, 0, 1)),
    ("patches", (1, 3, 8, 12), (4, 4, 4), (4, 0, 1)),
]:
    x, w, bias = normal(*shape), normal(f, shape[1], kh, kw, scale=0.4), normal(f)
    seen = windows(x, (kh, kw), *how)
    plain = np.einsum("nkrcij,fkij->nfrc", seen, w)
    attrs = dict(zip(["stride", "padding", "dilation"], how))
    dy = normal(*plain.shape)
    dx, dw = input_gradient(dy, w, shape, *how), np.einsum("nkrcij,nfrc->fkij", seen, dy)
    golden.case(label, "conv2d", attrs, {"x": x, "w": w}, {"y": plain}, {"y": dy}, {"x": dx, "w": dw})
    size = {"height": shape[2], "width": shape[3]}
    golden.case(label + ", input", "conv2d_input_gradient", attrs | size, {"dy": dy, "w": w}, {"dx": dx})
    size = {"kernel_height": kh, "kernel_width": kw}
    golden.case(label + ", weights", "conv2d_weight_gradient", attrs | size, {"x": x, "dy": dy}, {"dw": dw})
    before = plain + bias[:, None, None]
    residual, dp = normal(*plain.shape), dy * silu_slope(before)
    golden.case(
        label + ", epilogue",
        "conv2d",
        attrs | {"activation": "silu"},
        {"x": x, "w": w, "bias": bias, "residual": residual},
        {"y": silu(before) + residual},
        {"y": dy},
        {
            "x": input_gradient(dp, w, shape, *how),
            "w": np.einsum("nkrcij,nfrc->fkij", seen, dp),
            "bias": dp.sum((0, 2, 3)),
            "residual": dy,
        },
    )
golden.write()

golden = Golden("group_norm.safetensors")
for label, shape, groups, eps, shift in [
    ("two groups", (2, 6, 4, 5), 2, 1e-5, 0.0),
    ("one group", (3, 3, 5, 2), 1, 1e-5, 0.0),
    ("a group a channel", (2, 4, 3, 3), 4, 1e-3, 2.0),
    ("without planes", (3, 8), 2, 1e-5, 0.0),
]:
    x, dy = normal(*shape, shift=shift), normal(*shape)
    channels = shape[1]
    gain, bias = normal(channels, scale=0.5, shift=1.0), normal(channels)
    by_channel = (1, channels) + (1,) * (len(shape) - 2)
    rows = x.reshape(shape[0] * groups, -1)
    h = ((rows - rows.mean(1, keepdims=True)) / np.sqrt(rows.var(1, keepdims=True) + eps)).reshape(shape)
    u = (dy * gain.reshape(by_channel)).reshape(rows.shape)
    dx = np.empty_like(rows)
    for r, row in enumerate(rows):
        n, spread = len(row), 1 / np.sqrt(row.var() + eps)
        away = np.eye(n) - 1 / n  # d (x - mean) / dx
        centred = row - row.mean()
        jacobian = spread * away - spread**3 * np.outer(centred, centred) / n
        dx[r] = jacobian.T @ u[r]
    others = tuple(a for a in range(len(shape)) if a != 1)
    golden.case(
        label,
        "group_norm",
        {"groups": groups, "eps": eps},
        {"x": x, "gain": gain, "bias": bias},
        {"y": h * gain.reshape(by_channel) + bias.reshape(by_channel)},
        {"y": dy},
        {"x": dx.reshape(shape), "gain": (dy * h).sum(others), "bias": dy.sum(others)},
    )
golden.write()

golden = Golden("resample.safetensors")
for factor in [2, 3]:
    x = normal(2, 3, 6, 12)
    small, large = (2, 3, 6 // factor, 12 // factor), (2, 3, 6 * factor, 12 * factor)
    square = np.ones([factor, factor])
    dy = normal(*large)
    sums = dy.reshape(2, 3, 6, factor, 12, factor).sum((3, 5))
    golden.case(f"up {factor}", "upsample", {"factor": factor}, {"x": x}, {"y": np.kron(x, square)}, {"y": dy}, {"x": sums})
    dy = normal(*small)
    means = x.reshape(2, 3, 6 // factor, factor, 12 // factor, factor).mean((3, 5))
    golden.case(
        f"down {factor}", "average_pool", {"factor": factor}, {"x": x}, {"y": means}, {"y": dy}, {"x": np.kron(dy, square) / factor**2}
    )
golden.write()

golden = Golden("time_embedding.safetensors")
golden.metadata["tolerance"] = "elementwise"
for label, times, width, base in [
    ("steps", [0, 1, 2, 17, 250, 500, 999], 32, 10000.0),
    ("another base", [3, 64, 1000], 10, 100.0),
    ("between 0 and 1", [0.0, 0.125, 0.3, 0.9990234375, 1.0], 8, 10000.0),
]:
    t = np.array(times, np.float32).astype(np.float64)
    angles = t[:, None] * base ** (-np.arange(width // 2) * 2 / width)
    y = np.concatenate([np.sin(angles), np.cos(angles)], 1)
    golden.case(label, "time_embedding", {"width": width, "base": base}, {"t": t}, {"y": y})
golden.write()
