// add sum of squares: y[g] = acc + sum of x[i]^2 over the g-th chunk of x
// x: [count]; acc: [1]; y: one number a workgroup. Each strides over its chunk, then a tree joins the parts: no atomics,
// so the same sum every time. One chunk does for a small x; a large one takes a second pass, which adds the chunks' sums
// as they are (squares = 0).
struct Params { count: u32, chunk: u32, squares: u32, has_acc: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> acc: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
var<workgroup> part: array<f32, 256>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) t: u32) {
    let end = min(p.count, (group.x + 1u) * p.chunk);
    var sum = 0.0;
    for (var i = group.x * p.chunk + t; i < end; i += 256u) { sum += select(x[i], x[i] * x[i], p.squares == 1u); }
    part[t] = sum;
    for (var step = 128u; step > 0u; step >>= 1u) {
        workgroupBarrier();
        if (t < step) { part[t] += part[t + step]; }
    }
    if (t == 0u) {
        var total = part[0];
        if (p.has_acc == 1u) { total += acc[0]; }
        y[group.x] = total;
    }
}
