// quantized matmul, shared tile: y[r, j] = sum_i x[r, i] (code[i, j] - zero[g, j]) step[g, j] + bias[j]
// As matmul_tiled: a workgroup of 16x16 makes 64x64 of y from tiles of 16 inputs, each invocation 4x4. The one idea: weights are
// unpacked on their way into workgroup memory, once for 64 rows, and cross the bus in few bits.
// include quantized_operands
// include quantized_levels
var<workgroup> tile_x: array<vec4<f32>, 256>;
var<workgroup> tile_w: array<vec4<f32>, 256>;

@compute @workgroup_size(16, 16)
fn main(
    @builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>,
    @builtin(local_invocation_index) t: u32,
) {
    let row = group.y * 64u;
    let first_quad = group.x * 16u;
    // Past the edge a row or column repeats the last one: read in bounds, never stored.
    let read_row = min(row + t / 4u, p.m - 1u) * (p.k / 4u);
    let read_quad = min(first_quad + t % 16u, p.quads - 1u);
    var sum0 = vec4<f32>(); var sum1 = vec4<f32>(); var sum2 = vec4<f32>(); var sum3 = vec4<f32>();
    for (var first = 0u; first < p.k; first += 16u) {
        let g = min(first / p.group, p.groups - 1u);
        tile_x[t] = x[read_row + first / 4u + t % 4u];
        let level = levels(codes_at(first + t / 16u, read_quad));
        tile_w[t] = (level - zeros_of(g, read_quad)) * steps_of(g, read_quad);
        workgroupBarrier();
        for (var i = 0u; i < 4u; i++) {
            let w = mat4x4<f32>(
                tile_w[i * 64u + local.x], tile_w[i * 64u + 16u + local.x],
                tile_w[i * 64u + 32u + local.x], tile_w[i * 64u + 48u + local.x],
            );
            let at = local.y * 16u + i;
            sum0 += w * tile_x[at];
            sum1 += w * tile_x[at + 4u];
            sum2 += w * tile_x[at + 8u];
            sum3 += w * tile_x[at + 12u];
        }
        workgroupBarrier();
    }
    let quad = first_quad + local.x;
    if (quad >= p.quads) { return; }
    store(row + local.y * 4u, quad, sum0);
    store(row + local.y * 4u + 1u, quad, sum1);
    store(row + local.y * 4u + 2u, quad, sum2);
    store(row + local.y * 4u + 3u, quad, sum3);
}
