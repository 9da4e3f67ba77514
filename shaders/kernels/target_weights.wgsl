// target weights: weights[r] = 1 / n where targets[r] is counted, else 0; n the number of counted targets
// targets, weights: [rows]. Not counted: 2^32 - 1. If none is, all weights are 0. One workgroup in all: it counts,
// then writes.
// include row
struct Params { rows: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> targets: array<u32>;
@group(0) @binding(2) var<storage, read_write> weights: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) t: u32) {
    var n = 0.0;
    for (var r = t; r < p.rows; r += 64u) { n += select(1.0, 0.0, targets[r] == 0xffffffffu); }
    n = row_sum(t, n);
    for (var r = t; r < p.rows; r += 64u) {
        weights[r] = select(1.0 / max(n, 1.0), 0.0, targets[r] == 0xffffffffu);
    }
}
