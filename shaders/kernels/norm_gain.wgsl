// norm gain: partial[b, j] = sum over the rows r of block b of dy[r, j] h[r, j], with h = (x - m_r) s_r
// x, dy: [rows, cols], contiguous; partial: [blocks, cols], to be summed over blocks. One workgroup a block of rows:
// together its invocations find a row's statistics, then each adds to columns that are its own, so no atomics.
// include row
// include norm_row
struct Params { rows: u32, cols: u32, centred: u32, block: u32, eps: f32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> partial: array<f32>;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) t: u32,
) {
    let b = group.x + group.y * groups.x;
    let first = b * p.block;
    for (var r = first; r < min(first + p.block, p.rows); r++) {
        let s = statistics(t, Share(r, t, 64u), r * p.cols);
        for (var j = t; j < p.cols; j += 64u) {
            let term = dy[r * p.cols + j] * (x[r * p.cols + j] - s.x) * s.y;
            if (r == first) { partial[b * p.cols + j] = term; } else { partial[b * p.cols + j] += term; }
        }
    }
}
