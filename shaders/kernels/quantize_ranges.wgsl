// quantize, ranges: over each group of `group` inputs of each column: min(0, w), max(0, w) and the sum of |w|
// w: [k, n]; ranges: [3, groups, n]. One invocation a group of a column, adding in the order of the inputs, as the CPU does:
// a tree would round the sum otherwise, and the codes would differ.
struct Params { k: u32, n: u32, group: u32, groups: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> w: array<f32>;
@group(0) @binding(2) var<storage, read_write> ranges: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let at = id.x + id.y * groups.x * 64u;
    let count = p.groups * p.n;
    if (at >= count) { return; }
    let first = (at / p.n) * p.group;
    var low = 0.0;
    var high = 0.0;
    var sum = 0.0;
    for (var i = first; i < min(first + p.group, p.k); i++) {
        let v = w[i * p.n + at % p.n];
        low = min(low, v);
        high = max(high, v);
        sum += abs(v);
    }
    ranges[at] = low;
    ranges[count + at] = high;
    ranges[2u * count + at] = sum;
}
