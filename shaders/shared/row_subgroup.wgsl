// The sum, or the largest, of one value from each of 64 invocations, known to all of them: within a subgroup in one
// instruction, between subgroups by workgroup memory. Nothing is assumed of a subgroup's size. All invocations of the
// workgroup must call it together, after main has said where it stands.
// A row, and which places of it are an invocation's: the first and how far apart.
struct Share { row: u32, first: u32, step: u32 }
fn share(group: vec3<u32>, groups: vec3<u32>, t: u32) -> Share {
    return Share(group.x + group.y * groups.x, t, 64u);
}
var<private> lane: u32;
var<private> subgroup: u32;
var<private> subgroups: u32;
var<workgroup> part: array<f32, 64>;
fn row_sum(t: u32, value: f32) -> f32 {
    let own = subgroupAdd(value);
    if (lane == 0u) { part[subgroup] = own; }
    workgroupBarrier();
    var sum = 0.0;
    for (var i = 0u; i < subgroups; i += 1u) { sum += part[i]; }
    workgroupBarrier();
    return sum;
}
fn row_max(t: u32, value: f32) -> f32 {
    let own = subgroupMax(value);
    if (lane == 0u) { part[subgroup] = own; }
    workgroupBarrier();
    var largest = part[0];
    for (var i = 1u; i < subgroups; i += 1u) { largest = max(largest, part[i]); }
    workgroupBarrier();
    return largest;
}
