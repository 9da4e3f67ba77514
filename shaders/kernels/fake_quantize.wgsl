// fake quantize: y[i, j] = (code(w[i, j]) - zero) step, or table[code] step; inside = 1 where no code had to be clamped
// w, y, inside: [k, n]; steps, zeros: [groups, stride], or one for the whole matrix. Codes are made and unmade in a register:
// nothing is packed. `inside` is what the straight-through gradient is multiplied by.
// include nearest
// include quantize_code
struct Params {
    k: u32, n: u32, stride: u32, group: u32, whole: u32, kind: u32, zero: f32, lowest: f32, highest: f32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> w: array<f32>;
@group(0) @binding(2) var<storage, read> steps: array<f32>;
@group(0) @binding(3) var<storage, read> zeros: array<f32>;
@group(0) @binding(4) var<storage, read> table: array<f32>;
@group(0) @binding(5) var<storage, read_write> y: array<f32>;
@group(0) @binding(6) var<storage, read_write> inside: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let at = id.x + id.y * groups.x * 64u;
    if (at >= p.k * p.n) { return; }
    let s = select((at / p.n / p.group) * p.stride + at % p.n, 0u, p.whole == 1u);
    let step = steps[s];
    var zero = p.zero;
    if (p.kind == 1u) { zero = zeros[s]; }
    let coded = code_of(w[at], step, zero);
    if (p.kind == 4u) {
        y[at] = table[coded.code] * step;
    } else {
        y[at] = (f32(coded.code) - zero) * step;
    }
    inside[at] = select(0.0, 1.0, coded.inside);
}
