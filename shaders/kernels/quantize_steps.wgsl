// quantize, steps: step = measure * factor, the measure being max |w|, max - min or sum |w| of a group; zero = round(-min / step)
// ranges: [3, groups, n]; steps, zeros: [groups, stride], stride the columns padded, or one of each for the whole matrix,
// which is then joined column by column. Kinds as in quantize_code; zeros are written where there is a zero point.
// `factor` is 1 / (levels to one side), or 1 / (weights of a group); the last group may be shorter: `last_factor`.
// include nearest
struct Params { groups: u32, n: u32, stride: u32, whole: u32, kind: u32, factor: f32, last_factor: f32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> ranges: array<f32>;
@group(0) @binding(2) var<storage, read_write> steps: array<f32>;
@group(0) @binding(3) var<storage, read_write> zeros: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) invocations: vec3<u32>) {
    let at = id.x + id.y * invocations.x * 64u;
    let count = p.groups * p.n;
    var g = 0u;
    var first = 0u;
    var end = p.n;
    if (p.whole == 0u) {
        g = at / p.stride;
        let col = at % p.stride;
        first = g * p.n + min(col, p.n - 1u);
        end = first + select(0u, 1u, col < p.n);
        if (g >= p.groups) { return; }
    } else if (at > 0u) {
        return;
    }
    var low = 0.0;
    var high = 0.0;
    var sum = 0.0;
    for (var i = first; i < end; i++) {
        low = min(low, ranges[i]);
        high = max(high, ranges[count + i]);
        sum += ranges[2u * count + i];
    }
    var measure = max(high, -low);
    if (p.kind == 1u) { measure = high - low; }
    if (p.kind == 2u || p.kind == 3u) { measure = sum; }
    let product = measure * select(p.factor, p.last_factor, g + 1u == p.groups);
    let step = select(product, 0.0, product < 1.0e-30);
    steps[at] = step;
    if (p.kind == 1u) {
        var zero = 0.0;
        if (step > 0.0) { zero = nearest(-low, step); }
        zeros[at] = zero;
    }
}
