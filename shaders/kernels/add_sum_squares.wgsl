// add sum of squares: y = acc + sum_i x[i]^2
// x: [count]; acc, y: [1]. One workgroup strides over all of x, then a tree joins its parts: no atomics, the same sum each time.
struct Params { count: u32, has_acc: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> acc: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
var<workgroup> part: array<f32, 256>;

@compute @workgroup_size(256)
fn main(@builtin(local_invocation_index) t: u32) {
    var sum = 0.0;
    for (var i = t; i < p.count; i += 256u) { sum += x[i] * x[i]; }
    part[t] = sum;
    for (var step = 128u; step > 0u; step >>= 1u) {
        workgroupBarrier();
        if (t < step) { part[t] += part[t + step]; }
    }
    if (t == 0u) {
        var total = part[0];
        if (p.has_acc == 1u) { total += acc[0]; }
        y[0] = total;
    }
}
