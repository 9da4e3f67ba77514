"""Writes golden values as a safetensors file: NumPy arrays by name, and what made them."""

import json
import struct

import numpy as np


def write(path, tensors, metadata):
    header, body = {"__metadata__": metadata}, b""
    for key, value in tensors.items():
        array = value if value.dtype == np.uint32 else value.astype(np.float32)
        data = np.ascontiguousarray(array).tobytes()
        kind = "U32" if array.dtype == np.uint32 else "F32"
        header[key] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + body)
