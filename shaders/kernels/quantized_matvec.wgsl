// quantized matvec, inputs split: y[r, j] = sum_g step[g, j] (sum_i x[r, i] code[i, j] - zero[g, j] sum_i x[r, i]) + bias[j]
// A decoding step reads every weight once, so it is bound by memory: all of the machine must be reading. The one idea: a
// workgroup of 8 x 32 makes 32 columns, whose words are 128 neighbouring bytes, and its 32 slices walk the inputs in runs of 16
// in turn, which no group of weights is shorter than; their sums are joined in workgroup memory.
// include quantized_operands
// include quantized_levels
var<workgroup> parts: array<vec4<f32>, 256>;

@compute @workgroup_size(8, 32)
fn main(
    @builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>,
    @builtin(local_invocation_index) t: u32,
) {
    let quad = min(group.x * 8u + local.x, p.quads - 1u);
    let row = group.y;
    var sum = vec4<f32>();
    for (var first = local.y * 16u; first < p.k; first += 512u) {
        var part = vec4<f32>();
        var inputs = 0.0;
        for (var i = first; i < first + 16u; i += 4u) {
            let v = x[(row * p.k + i) / 4u];
            part += levels_of_four(i, quad) * v;
            inputs += v.x + v.y + v.z + v.w;
        }
        let g = min(first / p.group, p.groups - 1u);
        sum += steps_of(g, quad) * (part - zeros_of(g, quad) * inputs);
    }
    parts[t] = sum;
    for (var half = 128u; half >= 8u; half >>= 1u) {
        workgroupBarrier();
        if (t < half) { parts[t] += parts[t + half]; }
    }
    // The first eight invocations hold the eight quads, each added up by itself.
    if (t < 8u && group.x * 8u + t < p.quads) { store(row, group.x * 8u + t, parts[t]); }
}
