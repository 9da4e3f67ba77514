@compute @workgroup_size(16)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) t: u32) {
    let quad = group.x * 16u + t;
    let row = group.y;
    if (quad >= p.quads) { return; }
    var sum = vec4<f32>();
    for (var g = 0u; g < p.groups; g++) {
        var part = vec4<f32>();
        var inputs = 0.0;
        for (var i = g * p.group; i < min((g + 1u) * p.group, p.k); i += 4u) {
            let v = x[(row * p.k + i) / 4u];
            part += levels_of_four(i, quad) * v;
            inputs += v.x + v.y + v.z + v.w;
        }
        sum += steps_of(g, quad) * (part - zeros_of(g, quad) * inputs);
    }
    store(row, quad, sum);
}
