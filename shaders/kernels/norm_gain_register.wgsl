// norm gain, registers only: partial[b, j] = sum over the rows r of block b of dy[r, j] h[r, j], with h = (x - m_r) s_r
// As norm_gain, cols a multiple of 4. The one idea: a block of rows is one invocation's, as a row is in norm_register: no
// barrier and no workgroup memory, which is what software adapters pay for.
struct Params { rows: u32, cols: u32, block: u32, eps: f32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> dy: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> partial: array<vec4<f32>>;

override centred: u32 = 1u;

@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let b = id.x + id.y * groups.x * 8u;
    let first = b * p.block;
    if (first >= p.rows) { return; }
    let fours = p.cols / 4u;
    for (var i = 0u; i < fours; i++) { partial[b * fours + i] = vec4<f32>(); }
    for (var r = first; r < min(first + p.block, p.rows); r++) {
        let base = r * fours;
        var mean = 0.0;
        if (centred == 1u) {
            var sums = vec4<f32>();
            for (var i = 0u; i < fours; i++) { sums += x[base + i]; }
            mean = (sums.x + sums.y + sums.z + sums.w) / f32(p.cols);
        }
        var squares = vec4<f32>();
        for (var i = 0u; i < fours; i++) {
            let v = x[base + i] - mean;
            squares += v * v;
        }
        let scale = inverseSqrt((squares.x + squares.y + squares.z + squares.w) / f32(p.cols) + p.eps);
        for (var i = 0u; i < fours; i++) { partial[b * fours + i] += dy[base + i] * (x[base + i] - mean) * scale; }
    }
}
