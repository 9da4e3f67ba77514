@compute @workgroup_size(16)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) t: u32) {
    let quad = group.x * 16u + t;
    let row = group.y * 4u;
    if (quad >= p.quads) { return; }
    // Past the edge a row repeats the last one: read in bounds, never stored.
    let at = min(vec4<u32>(row, row + 1u, row + 2u, row + 3u), vec4<u32>(p.m - 1u)) * (p.k / 4u);
    var sum0 = vec4<f32>(); var sum1 = vec4<f32>(); var sum2 = vec4<f32>(); var sum3 = vec4<f32>();
    for (var g = 0u; g < p.groups; g++) {
        var part0 = vec4<f32>(); var part1 = vec4<f32>(); var part2 = vec4<f32>(); var part3 = vec4<f32>();
        var inputs = vec4<f32>();
        for (var i = g * p.group; i < min((g + 1u) * p.group, p.k); i += 4u) {
            let w = levels_of_four(i, quad);
            let x0 = x[at.x + i / 4u];
            let x1 = x[at.y + i / 4u];
            let x2 = x[at.z + i / 4u];
            let x3 = x[at.w + i / 4u];
            part0 += w * x0;
            part1 += w * x1;
            part2 += w * x2;
            part3 += w * x3;
            inputs += vec4<f32>(
                x0.x + x0.y + x0.z + x0.w, x1.x + x1.y + x1.z + x1.w, x2.x + x2.y + x2.z + x2.w, x3.x + x3.y + x3.z + x3.w,
            );
        }
        let step = steps_of(g, quad);
        let zero = zeros_of(g, quad);
        sum0 += step * (part0 - zero * inputs.x);
        sum1 += step * (part1 - zero * inputs.y);
        sum2 += step * (part2 - zero * inputs.z);
        sum3 += step * (part3 - zero * inputs.w);
    }
    store(row, quad, sum0);
    store(row + 1u, quad, sum1);
    store(row + 2u, quad, sum2);
    store(row + 3u, quad, sum3);
}
