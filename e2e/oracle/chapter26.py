"""Makes chapter26.json: one frame of chapter 26's slow motion, worked out apart from the program, in 64 bits.

python3 chapter26.py > chapter26.json
"""

import json
from math import cos, exp, log, pi, sqrt

N, D, TILE, SEED, FRAME = 32, 8, 8, 1, 9
WORD = 4
MASK = 0xFFFFFFFF
ROTATIONS = [[13, 15, 26, 6], [17, 29, 16, 24]]


def threefry(key, counter):
    """Threefry-2x32 with 20 rounds, as engine/src/rng.rs."""
    keys = [key[0], key[1], key[0] ^ key[1] ^ 0x1BD11BDA]
    x = [(counter[0] + keys[0]) & MASK, (counter[1] + keys[1]) & MASK]
    for group in range(5):
        for r in ROTATIONS[group % 2]:
            x[0] = (x[0] + x[1]) & MASK
            x[1] = (((x[1] << r) | (x[1] >> (32 - r))) & MASK) ^ x[0]
        x[0] = (x[0] + keys[(group + 1) % 3]) & MASK
        x[1] = (x[1] + keys[(group + 2) % 3] + group + 1) & MASK
    return x


def normal(key, i):
    a, b = (((word >> 9) + 0.5) / 8388608 for word in threefry(key, [i, 0]))
    return sqrt(-2 * log(a)) * cos(2 * pi * b)


def dot(a, b):
    return sum(x * y for x, y in zip(a, b))


def frames(q, k, v):
    """Every visit of a query tile to a key tile, causal."""
    for query_tile in range(N // TILE):
        past = [(None, 0.0, [0.0] * D)] * TILE
        for key_tile in range(query_tile + 1):
            scores, states = [], []
            for r, (old_m, old_l, old_o) in enumerate(past):
                row = query_tile * TILE + r
                keys = range(key_tile * TILE, key_tile * TILE + TILE)
                news = [dot(q[row], k[j]) / sqrt(D) if j <= row else None for j in keys]
                seen = [(s, v[j]) for s, j in zip(news, keys) if s is not None]
                m = max([s for s, _ in seen] + ([] if old_m is None else [old_m]))
                repair = 0.0 if old_m is None else exp(old_m - m)
                arrived = sum(exp(s - m) for s, _ in seen)
                o = [repair * old_o[c] + sum(exp(s - m) * value[c] for s, value in seen) for c in range(D)]
                l = repair * old_l + arrived
                scores += news
                states.append({"row": row, "old_m": old_m, "new_m": m, "old_l": old_l, "repair": repair,
                               "repaired": repair * old_l, "arrived": arrived, "new_l": l, "output": o})
                past[r] = (m, l, o)
            yield query_tile, key_tile, scores, states


def main():
    q, k, v = ([[normal([SEED, 2600 + which], i * D + c) for c in range(D)] for i in range(N)] for which in range(3))
    visits = list(frames(q, k, v))
    query_tile, key_tile, scores, states = visits[FRAME - 1]
    assert key_tile < query_tile, "a tile's last visit also writes, and passes what lies above the diagonal"
    cells = (query_tile * (N // TILE) + key_tile + 1) * TILE * TILE
    tile = TILE * D
    # Scores and weights go out and come in; keys and values are read once.
    naive = (query_tile + 1) * tile + 2 * N * D + 2 * cells + 2 * cells + query_tile * tile
    tiled = (query_tile + 1) * tile + FRAME * 2 * tile + query_tile * (tile + TILE)
    held = 2 * tile + 2 * tile + TILE * TILE + 2 * TILE
    print(json.dumps({
        "n": N, "d": D, "rows": TILE, "cols": TILE, "seed": SEED, "frame": FRAME, "frames": len(visits),
        "naive": {"moved": WORD * naive, "held": WORD * 2 * cells},
        "tiled": {"moved": WORD * tiled, "held": WORD * held},
        "scores": scores, "states": states, "tolerance": 1e-5,
    }, separators=(",", ":")))


main()
