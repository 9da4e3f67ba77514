// Whose a row is: of the 64 invocations of a workgroup together or, where `alone` is 1, of one of them, which is faster where a
// barrier costs more than a row: on software adapters.
override alone: u32 = 0u;
// A row, and which places of it are an invocation's: the first and how far apart.
struct Share { row: u32, first: u32, step: u32 }
fn share(group: vec3<u32>, groups: vec3<u32>, t: u32) -> Share {
    let g = group.x + group.y * groups.x;
    if (alone == 1u) { return Share(g * 64u + t, 0u, 1u); }
    return Share(g, t, 64u);
}
// The sum, or the largest, of one value from each of a row's invocations, known to all of them: a tree of halves in
// workgroup memory. All invocations of the workgroup must call it together.
var<workgroup> part: array<f32, 64>;
fn row_sum(t: u32, value: f32) -> f32 {
    if (alone == 1u) { return value; }
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
    if (alone == 1u) { return value; }
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
