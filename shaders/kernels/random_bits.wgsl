// random bits: y[i] = threefry(seed, (i, 0)), two words
// seed: [2]; y: [count, 2].
// include threefry
struct Params { count: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> seed: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.x + id.y * groups.x * 64u;
    if (i >= p.count) { return; }
    let words = threefry(vec2<u32>(seed[0], seed[1]), vec2<u32>(i, 0u));
    y[2u * i] = words.x;
    y[2u * i + 1u] = words.y;
}
