// place: y[o, start + j, i] = x[o, j, i]
// x: [outer, len, inner]; y: [outer, whole, inner], both contiguous. Puts one part of a concatenation in its place.
struct Params { count: u32, len: u32, inner: u32, whole: u32, start: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let n = id.x + id.y * groups.x * 64u;
    if (n >= p.count) { return; }
    let i = n % p.inner;
    let j = (n / p.inner) % p.len;
    let o = n / (p.inner * p.len);
    y[(o * p.whole + p.start + j) * p.inner + i] = x[n];
}
