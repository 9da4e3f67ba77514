// pad: y[o, j, i] = x[o, j - start, i] where start <= j < start + len, else 0
// x: [outer, len, inner]; y: [outer, whole, inner], both contiguous. The backward of a slice.
struct Params { count: u32, len: u32, inner: u32, whole: u32, start: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let n = id.x + id.y * groups.x * 64u;
    if (n >= p.count) { return; }
    let i = n % p.inner;
    let j = (n / p.inner) % p.whole;
    let o = n / (p.inner * p.whole);
    var v = 0u;
    if (j >= p.start && j < p.start + p.len) { v = x[(o * p.len + j - p.start) * p.inner + i]; }
    y[n] = v;
}
