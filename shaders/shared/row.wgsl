// The sum, or the largest, of one value from each of 64 invocations, known to all of them: a tree of halves in
// workgroup memory. All invocations of the workgroup must call it together.
var<workgroup> part: array<f32, 64>;
fn row_sum(t: u32, value: f32) -> f32 {
    part[t] = value;
    for (var step = 32u; step > 0u; step >>= 1u) {
        workgroupBarrier();
        if (t < step) { part[t] += part[t + step]; }
    }
    workgroupBarrier();
    let sum = part[0];
    workgroupBarrier();
    return sum;
}
fn row_max(t: u32, value: f32) -> f32 {
    part[t] = value;
    for (var step = 32u; step > 0u; step >>= 1u) {
        workgroupBarrier();
        if (t < step) { part[t] = max(part[t], part[t + step]); }
    }
    workgroupBarrier();
    let largest = part[0];
    workgroupBarrier();
    return largest;
}
