// SGD, one step, in place: param = param - rate (c grad + decay param)
// param, grad: [count]. hyper: rate, -, -, -, decay. norm: the squared global norm of all gradients; c clips by it.
// include clip
struct Params { count: u32, decays: u32, max_norm: f32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> param: array<f32>;
@group(0) @binding(2) var<storage, read> grad: array<f32>;
@group(0) @binding(3) var<storage, read> hyper: array<f32>;
@group(0) @binding(4) var<storage, read> norm: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.x + id.y * groups.x * 64u;
    if (i >= p.count) { return; }
    let decay = select(0.0, hyper[4], p.decays == 1u);
    param[i] -= hyper[0] * (clip_factor(p.max_norm, norm[0]) * grad[i] + decay * param[i]);
}
