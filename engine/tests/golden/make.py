"""Golden values from PyTorch for `golden.rs`: run `python make.py` in this folder.

Inputs are rounded to 32-bit floats, everything after them is computed in double precision, and the results are rounded
once. The gradients are those of a weighted sum of the outputs. One file an op; a tensor is called
`<case>/in/<input>`, `<case>/weight/<output>`, `<case>/out/<output>` or `<case>/grad/<input>`; the file's metadata hold
the tolerance of its outputs and, for each case, its op and attributes as JSON.
"""

import json
import struct

import numpy as np
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
random = torch.Generator().manual_seed(2026)


def normal(*shape, scale=1.0, shift=0.0):
    return (torch.randn(*shape, generator=random) * scale + shift).float().double()


def integers(below, *shape):
    return torch.randint(below, shape, generator=random)


def write(name, tensors, metadata):
    """A safetensors file: floats as F32, integers as U32."""
    header, body = {"__metadata__": metadata}, b""
    for key, value in tensors.items():
        array = value.detach().numpy()
        array = array.astype(np.float32) if array.dtype.kind == "f" else array.astype(np.uint32)
        data = np.ascontiguousarray(array).tobytes()
        dtype = "F32" if array.dtype == np.float32 else "U32"
        header[key] = {"dtype": dtype, "shape": list(array.shape), "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(name + ".safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + body)


class Golden:
    """The cases of one file."""

    def __init__(self, name, tolerance):
        self.name, self.tensors = name, {}
        self.metadata = {"made_by": "PyTorch " + torch.__version__, "tolerance": tolerance}

    def case(self, label, op, inputs, function, attrs=None, weights=None):
        """`function` takes the inputs by name and gives the outputs by name; `weights` sets some not at random."""
        grown = {k: v.clone().requires_grad_() if v.is_floating_point() else v for k, v in inputs.items()}
        outputs = function(**grown)
        loss = 0.0
        for key, value in inputs.items():
            self.tensors[f"{label}/in/{key}"] = value
        for key, value in outputs.items():
            self.tensors[f"{label}/out/{key}"] = value
            if value.requires_grad:
                weight = (weights or {}).get(key)
                weight = normal(*value.shape) if weight is None else weight
                self.tensors[f"{label}/weight/{key}"] = weight
                loss = loss + (weight * value).sum()
        if torch.is_tensor(loss):
            loss.backward()
            for key, value in grown.items():
                if value.is_floating_point() and value.grad is not None:
                    self.tensors[f"{label}/grad/{key}"] = value.grad
        self.metadata["case/" + label] = json.dumps({"op": op, "attrs": {k: str(v) for k, v in (attrs or {}).items()}})

    def done(self):
        write(self.name, self.tensors, self.metadata)


ACTIVATIONS = {
    "gelu": lambda x: F.gelu(x, approximate="tanh"),
    "silu": F.silu,
    "relu": F.relu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "identity": lambda x: x,
}


def y(function):
    """A function of the inputs in their order whose one output is called y."""
    return lambda **inputs: {"y": function(*inputs.values())}


def attention_mask(queries, keys):
    """Query i of n sees key j of m if j <= i + m - n."""
    return torch.ones(queries, keys).tril(keys - queries) != 0


def softmax(x, visible=None, log=False):
    """Masked places are 0, or -1e30 in the log form; a row with nothing visible is all 0."""
    if visible is None:
        return x.log_softmax(-1) if log else x.softmax(-1)
    hidden = torch.where(visible, x, -1e30)
    return torch.where(visible, hidden.log_softmax(-1), -1e30) if log else hidden.softmax(-1) * visible


def elementwise():
    g = Golden("elementwise", "elementwise")
    for name, f in ACTIVATIONS.items():
        g.case(f"activation {name}", "activation", {"x": normal(5, 7, scale=2.0)}, y(f), {"f": name})
    functions = {
        "exp": torch.exp, "neg": torch.neg, "square": torch.square, "log": torch.log, "sqrt": torch.sqrt,
        "rsqrt": torch.rsqrt, "reciprocal": torch.reciprocal,
    }
    for name, f in functions.items():
        x = (normal(5, 7).abs() + 0.5).float().double()
        g.case(f"unary {name}", "unary", {"x": x}, y(f), {"f": name})
    g.case("unary affine", "unary", {"x": normal(17)}, y(lambda x: -1.5 * x + 0.25), {"f": "affine", "a": -1.5, "b": 0.25})
    operations = {"add": torch.add, "sub": torch.sub, "mul": torch.mul, "div": torch.div, "max": torch.maximum}
    for name, f in operations.items():
        b = normal(5, 1, scale=0.2, shift=2.0)
        g.case(f"binary {name}", "binary", {"a": normal(3, 5, 7), "b": b}, lambda a, b, f=f: {"y": f(a, b)}, {"f": name})
    for name, f in {"equal": torch.eq, "greater": torch.gt}.items():
        inputs = {"a": integers(3, 4, 6).double(), "b": integers(3, 6).double()}
        g.case(f"binary {name}", "binary", inputs, lambda a, b, f=f: {"y": f(a, b).double()}, {"f": name})
    g.done()


def moves():
    g = Golden("moves", "exact")
    g.case("transpose", "transpose", {"x": normal(2, 5, 7)}, y(lambda x: x.transpose(-1, -2)))
    for axis in [0, 1, 2]:
        shape = [2, 3, 4]
        other = [*shape[:axis], 5, *shape[axis + 1 :]]
        f = lambda a, b, axis=axis: {"y": torch.cat([a, b], axis)}
        g.case(f"concat {axis}", "concat", {"a": normal(*shape), "b": normal(*other)}, f, {"axis": axis})
    attrs = {"axis": 1, "before": 2, "after": 1}
    g.case("pad", "pad", {"x": normal(3, 4, 5)}, y(lambda x: F.pad(x, (0, 0, 2, 1))), attrs)
    g.case("slice", "slice", {"x": normal(3, 6, 5)}, y(lambda x: x[:, 2:5]), {"axis": 1, "start": 2, "len": 3})
    ids = integers(11, 2, 9)
    g.case("embedding", "embedding", {"table": normal(11, 6), "ids": ids}, lambda table, ids: {"y": F.embedding(ids, table)})
    index = integers(7, 3, 4, 10)
    g.case("gather", "gather", {"x": normal(3, 4, 7), "index": index}, lambda x, index: {"y": x.gather(-1, index)})
    g.case("argmax", "argmax", {"x": normal(4, 90)}, y(lambda x: x.argmax(-1)))
    top = lambda x: dict(zip(["values", "places"], x.detach().topk(5)))
    g.case("top k", "top_k", {"x": normal(4, 90)}, top, {"k": 5})
    g.done()


def sums():
    g = Golden("sums", "sum")
    for axis in [0, 1, 2]:
        for name, f in {"sum": torch.sum, "mean": torch.mean, "max": torch.amax}.items():
            x = normal(3, 5, 11)
            g.case(f"{name} {axis}", "reduce", {"x": x}, lambda x, f=f, a=axis: {"y": f(x, a)}, {"f": name, "axis": axis})
    ties = integers(3, 4, 9).double()
    g.case("max with ties", "reduce", {"x": ties}, y(lambda x: x.amax(1)), {"f": "max", "axis": 1})
    squares = lambda x, acc: {"y": acc + x.square().sum().reshape(1)}
    g.case("squares", "add_sum_squares", {"x": normal(13, 7), "acc": normal(1)}, squares)
    g.done()


def matmul():
    g = Golden("matmul", "sum")
    g.case("plain", "matmul", {"a": normal(7, 13), "b": normal(13, 17)}, lambda a, b: {"y": a @ b})
    g.case("batched", "matmul", {"a": normal(2, 3, 5, 6), "b": normal(2, 3, 6, 4)}, lambda a, b: {"y": a @ b})
    inputs = {"a": normal(2, 6, 5), "b": normal(2, 7, 6)}
    turned = {"transpose_a": "true", "transpose_b": "true"}
    g.case("transposed", "matmul", inputs, lambda a, b: {"y": a.mT @ b.mT}, turned)
    for name in ["gelu", "silu", "relu", "tanh", "sigmoid", "identity"]:
        inputs = {"a": normal(3, 6, 11, scale=0.5), "b": normal(11, 10, scale=0.5), "bias": normal(10)}
        inputs["residual"] = normal(3, 6, 10)
        f = lambda a, b, bias, residual, act=ACTIVATIONS[name]: {"y": act(0.5 * (a @ b) + bias) + residual}
        g.case(f"bias, {name}, residual", "matmul", inputs, f, {"activation": name, "alpha": 0.5})
    g.done()


def softmaxes():
    g = Golden("softmax", "elementwise")
    for log in [False, True]:
        kind = "log" if log else "plain"
        attrs = {"log": str(log).lower(), "scale": 0.7}
        g.case(kind, "softmax", {"x": normal(2, 3, 21)}, y(lambda x: softmax(0.7 * x, None, log)), attrs)
        visible = attention_mask(5, 9)
        # -1e30 says that a place is masked; it has no gradient, and a weight of 0 keeps it out of the sum.
        weights = {"y": normal(2, 5, 9) * visible} if log else None
        causal = {**attrs, "causal": "true"}
        g.case(f"{kind}, causal", "softmax", {"x": normal(2, 5, 9)}, y(lambda x: softmax(0.7 * x, visible, log)), causal, weights)
        mask = torch.ones(4, 6)
        mask[0], mask[1, 3] = 0.0, 0.0
        weights = {"y": normal(2, 4, 6) * mask} if log else None
        f = lambda x, mask: {"y": softmax(0.7 * x, mask != 0, log)}
        g.case(f"{kind}, masked", "softmax", {"x": normal(2, 4, 6), "mask": mask}, f, attrs, weights)
    g.done()


def layers():
    g = Golden("layers", "sum")
    for shape in [(3, 5, 16), (2, 67)]:
        vector = lambda: normal(shape[-1], scale=0.5, shift=1.0)
        inputs = {"x": normal(*shape, scale=2.0, shift=0.5), "gain": vector(), "bias": normal(shape[-1])}
        f = lambda x, gain, bias: {"y": F.layer_norm(x, x.shape[-1:], gain, bias, 1e-5)}
        g.case(f"layer norm {shape}", "layer_norm", inputs, f)
        inputs = {"x": normal(*shape, scale=2.0, shift=0.5), "gain": vector()}
        g.case(f"rms norm {shape}", "rms_norm", inputs, lambda x, gain: {"y": F.rms_norm(x, x.shape[-1:], gain, 1e-6)}, {"eps": 1e-6})

    def rope(base):
        def turn(x, start=None):
            """The half convention: element i is paired with element i + d/2."""
            half = x.shape[-1] // 2
            first = 0 if start is None else int(start[0])
            angles = torch.outer(first + torch.arange(x.shape[-2]), base ** (-torch.arange(half) / half))
            a, b = x[..., :half], x[..., half:]
            return {"y": torch.cat([a * angles.cos() - b * angles.sin(), a * angles.sin() + b * angles.cos()], -1)}

        return turn

    g.case("rope", "rope", {"x": normal(2, 3, 9, 8)}, rope(10000.0))
    g.case("rope, base 500", "rope", {"x": normal(17, 6)}, rope(500.0), {"base": 500})
    g.case("rope, from 77", "rope", {"x": normal(2, 5, 6), "start": torch.tensor([77])}, rope(10000.0))

    ignore = 2**32 - 1

    def cross_entropy(logits, targets):
        flat = torch.where(targets == ignore, -100, targets).flatten()
        losses = F.cross_entropy(logits.flatten(0, -2), flat, reduction="none").reshape(targets.shape)
        return {"loss": (losses.sum() / (targets != ignore).sum()).reshape(1), "losses": losses}

    targets = integers(23, 2, 6)
    g.case("cross entropy", "cross_entropy", {"logits": normal(2, 6, 23, scale=2.0), "targets": targets}, cross_entropy)
    some = targets.clone()
    some[0, 1], some[1, 5] = ignore, ignore
    g.case("cross entropy, ignored", "cross_entropy", {"logits": normal(2, 6, 23, scale=2.0), "targets": some}, cross_entropy)
    g.done()


def attention():
    g = Golden("attention", "sum")

    def attend(scale, causal):
        def f(q, k, v, mask=None):
            groups = q.shape[1] // k.shape[1]
            k, v = k.repeat_interleave(groups, 1), v.repeat_interleave(groups, 1)
            scores = q @ k.mT
            visible = attention_mask(*scores.shape[-2:]) if causal else None if mask is None else mask != 0
            weights = softmax((scale or q.shape[-1] ** -0.5) * scores, visible)
            output = weights @ v
            if mask is None:
                # PyTorch's own attention must agree with the steps above.
                own = F.scaled_dot_product_attention(q, k, v, attn_mask=visible, scale=scale)
                assert torch.allclose(output, own, atol=1e-12)
            return {"scores": scores, "weights": weights, "output": output}

        return f

    for label, h, kv, tq, tk in [("one head", 1, 1, 5, 5), ("grouped", 6, 2, 4, 7), ("one key head", 4, 1, 1, 13)]:
        for causal in [False, True]:
            inputs = {"q": normal(2, h, tq, 8), "k": normal(2, kv, tk, 8), "v": normal(2, kv, tk, 6)}
            scale = 0.3 if label == "grouped" else None
            attrs = {"causal": str(causal).lower(), **({"scale": scale} if scale else {})}
            g.case(label + (", causal" if causal else ""), "attention", inputs, attend(scale, causal), attrs)
    mask = torch.ones(3, 5)
    mask[0], mask[1, 2] = 0.0, 0.0
    inputs = {"q": normal(1, 2, 3, 4), "k": normal(1, 1, 5, 4), "v": normal(1, 1, 5, 6), "mask": mask}
    g.case("masked", "attention", inputs, attend(None, False))
    g.done()


def flash_attention():
    # Numbers of its own, so that a file more leaves the others as they are.
    own = torch.Generator().manual_seed(2205)

    def normal(*shape):
        return torch.randn(*shape, generator=own).float().double()

    g = Golden("flash_attention", "sum")

    def attend(scale, causal):
        def f(q, k, v, mask=None, key_lengths=None):
            groups = q.shape[1] // k.shape[1]
            k, v = k.repeat_interleave(groups, 1), v.repeat_interleave(groups, 1)
            scores = (scale or q.shape[-1] ** -0.5) * (q @ k.mT)
            visible = torch.ones(q.shape[0], 1, *scores.shape[-2:]) != 0
            if causal:
                visible = visible & attention_mask(*scores.shape[-2:])
            if mask is not None:
                visible = visible & (mask != 0)
            if key_lengths is not None:
                visible = visible & (torch.arange(k.shape[-2]) < key_lengths[:, None, None, None])
            output = softmax(scores, visible) @ v
            seeing = visible.any(-1)
            if seeing.all():
                # PyTorch's own attention must agree with the steps above.
                own = F.scaled_dot_product_attention(q, k, v, attn_mask=visible, scale=scale)
                assert torch.allclose(output, own, atol=1e-12)
            hidden = torch.where(visible, scores, -1e30)
            return {"output": output, "lse": torch.where(seeing, hidden.logsumexp(-1), -1e30)}

        return f

    def inputs(b, h, kv, tq, tk, d, dv):
        return {"q": normal(b, h, tq, d), "k": normal(b, kv, tk, d), "v": normal(b, kv, tk, dv)}

    def case(label, values, function, attrs):
        # A log-sum-exp of -1e30 has no gradient and would leave no digits to a loss.
        outputs = function(**values)
        weights = {name: torch.randn(*x.shape, generator=own).float().double() for name, x in outputs.items()}
        weights["lse"] = weights["lse"] * (outputs["lse"] > -1e29)
        g.case(label, "flash_attention", values, function, attrs, weights)

    for causal in [False, True]:
        kind, attrs = (", causal" if causal else ""), {"causal": str(causal).lower()}
        case("plain" + kind, inputs(2, 2, 2, 9, 9, 8, 8), attend(None, causal), attrs)
        case("grouped" + kind, inputs(1, 6, 2, 5, 7, 4, 12), attend(0.3, causal), {**attrs, "scale": 0.3})
        case("several tiles" + kind, inputs(1, 1, 1, 70, 75, 4, 4), attend(None, causal), attrs)
        case("decoding" + kind, inputs(1, 4, 2, 2, 130, 4, 4), attend(None, causal), attrs)
        lengths = {"key_lengths": torch.tensor([7, 0, 3])}
        case("padded" + kind, {**inputs(3, 2, 1, 7, 7, 4, 4), **lengths}, attend(None, causal), attrs)
    mask = torch.ones(3, 5)
    mask[0], mask[1, 2] = 0.0, 0.0
    case("masked", {**inputs(1, 2, 1, 3, 5, 4, 6), "mask": mask}, attend(None, False), {})
    g.done()


def optimizers():
    """Five steps of torch.optim on a matrix, which decays, and a vector, which does not, clipped and not."""
    tensors = {"in/w": normal(4, 5), "in/b": normal(5)}
    # Gradients whose norm of 25 terms is sometimes above the limit of 4 and sometimes below.
    for step in range(5):
        scale = [1.5, 0.3, 1.0, 0.5, 2.0][step]
        tensors[f"grad/{step}/w"], tensors[f"grad/{step}/b"] = normal(4, 5, scale=scale), normal(5, scale=scale)
    rates = [0.1, 0.05, 0.03, 0.02, 0.01]
    makers = {
        "sgd": lambda groups: torch.optim.SGD(groups, lr=0.1),
        "momentum": lambda groups: torch.optim.SGD(groups, lr=0.1, momentum=0.9),
        "adamw": lambda groups: torch.optim.AdamW(groups, lr=0.1, betas=(0.9, 0.95), eps=1e-8),
    }
    moments = {"sgd": {}, "momentum": {"m": "momentum_buffer"}, "adamw": {"m": "exp_avg", "v": "exp_avg_sq"}}
    for name, maker in makers.items():
        for clip in [None, 4.0]:
            w, b = tensors["in/w"].clone().requires_grad_(), tensors["in/b"].clone().requires_grad_()
            optimizer = maker([{"params": [w], "weight_decay": 0.1}, {"params": [b], "weight_decay": 0.0}])
            norms = []
            for step, rate in enumerate(rates):
                w.grad, b.grad = tensors[f"grad/{step}/w"].clone(), tensors[f"grad/{step}/b"].clone()
                if clip:
                    norms.append(torch.nn.utils.clip_grad_norm_([w, b], clip))
                for group in optimizer.param_groups:
                    group["lr"] = rate
                optimizer.step()
                key = f"{name}, clipped" if clip else name
                for parameter, value in {"w": w, "b": b}.items():
                    tensors[f"{key}/{step}/{parameter}"] = value.detach().clone()
                    for moment, theirs in moments[name].items():
                        kept = optimizer.state[value][theirs]
                        tensors[f"{key}/{step}/{name}.{moment}/{parameter}"] = kept.detach().clone()
            if clip:
                assert min(norms) < clip < max(norms)
    settings = {"rates": json.dumps(rates), "clip": "4.0", "made_by": "PyTorch " + torch.__version__}
    write("optimizers", tensors, settings)


for make in [elementwise, moves, sums, matmul, softmaxes, layers, attention, flash_attention, optimizers]:
    make()
