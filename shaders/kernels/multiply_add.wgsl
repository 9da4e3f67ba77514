// multiply_add: y[i] = x[i] after `rounds` of v -> a v + b
// x, y: flat, the same count. A measure of the device and not of memory: each word is read and written once, and between the
// two it is multiplied and added to, again and again, in registers. The one idea: four vec4 an invocation, so that sixteen
// chains run side by side and none waits for itself.
// include strided
struct Params { count: u32, rounds: u32, a: f32, b: f32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

fn four(at: u32) -> vec4<f32> {
    let last = p.count - 1u;
    return vec4<f32>(x[min(at, last)], x[min(at + 64u, last)], x[min(at + 128u, last)], x[min(at + 192u, last)]);
}

fn store(at: u32, v: vec4<f32>) {
    for (var i = 0u; i < 4u; i++) {
        if (at + 64u * i < p.count) { y[at + 64u * i] = v[i]; }
    }
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    // A workgroup owns 1024 neighbours; of these, neighbouring invocations take neighbouring words.
    let i = flat_index(id, groups, 64u);
    let at = i / 64u * 1024u + i % 64u;
    if (at >= p.count) { return; }
    let a = vec4<f32>(p.a);
    let b = vec4<f32>(p.b);
    var v0 = four(at);
    var v1 = four(at + 256u);
    var v2 = four(at + 512u);
    var v3 = four(at + 768u);
    for (var r = 0u; r < p.rounds; r++) {
        v0 = fma(v0, a, b);
        v1 = fma(v1, a, b);
        v2 = fma(v2, a, b);
        v3 = fma(v3, a, b);
    }
    store(at, v0);
    store(at + 256u, v1);
    store(at + 512u, v2);
    store(at + 768u, v3);
}
