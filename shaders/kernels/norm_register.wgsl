// norm, registers only: y[r, j] = (x[r, j] - m_r) s_r gain[j] + bias[j], with s_r = 1 / sqrt(mean_j (x[r, j] - m_r)^2 + eps)
// As norm, cols a multiple of 4. The one idea: a row is one invocation's, which walks over it for the mean, for the squares and
// to write, so nobody waits for anybody: no barrier and no workgroup memory, which is what software adapters pay for. On a
// GPU neighbours would read words a row apart.
struct Params { rows: u32, cols: u32, eps: f32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> gain: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4<f32>>;

override centred: u32 = 1u;

@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let r = id.x + id.y * groups.x * 8u;
    if (r >= p.rows) { return; }
    let fours = p.cols / 4u;
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
    for (var i = 0u; i < fours; i++) {
        let scaled = (x[base + i] - mean) * scale * gain[i];
        if (centred == 1u) { y[base + i] = scaled + bias[i]; } else { y[base + i] = scaled; }
    }
}
