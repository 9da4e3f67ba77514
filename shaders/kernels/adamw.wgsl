// AdamW, one step, in place: g = c grad, m = b1 m + (1 - b1) g, v = b2 v + (1 - b2) g^2,
// param = param - rate (m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + eps) + decay param)
// All of `count` elements. hyper: rate, b1, b2, eps, decay, 1 / (1 - b1^t), 1 / (1 - b2^t). norm: the squared global norm
// of all gradients; c clips by it. The one idea: one read and one write of everything.
// include clip
struct Params { count: u32, decays: u32, max_norm: f32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> param: array<f32>;
@group(0) @binding(2) var<storage, read_write> m: array<f32>;
@group(0) @binding(3) var<storage, read_write> v: array<f32>;
@group(0) @binding(4) var<storage, read> grad: array<f32>;
@group(0) @binding(5) var<storage, read> hyper: array<f32>;
@group(0) @binding(6) var<storage, read> norm: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.x + id.y * groups.x * 64u;
    if (i >= p.count) { return; }
    let g = clip_factor(p.max_norm, norm[0]) * grad[i];
    let new_m = hyper[1] * m[i] + (1.0 - hyper[1]) * g;
    let new_v = hyper[2] * v[i] + (1.0 - hyper[2]) * g * g;
    m[i] = new_m;
    v[i] = new_v;
    let decay = select(0.0, hyper[4], p.decays == 1u);
    param[i] -= hyper[0] * (new_m * hyper[5] / (sqrt(new_v * hyper[6]) + hyper[3]) + decay * param[i]);
}
