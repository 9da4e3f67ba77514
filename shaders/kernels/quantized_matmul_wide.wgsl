// quantized matmul, wide register tile: y[r, j] = sum_i x[r, i] (code[i, j] - zero[g, j]) step[g, j] + bias[j]
// The one idea: as in matmul_wide an invocation keeps a 16x16 tile of y as 4x4 blocks, so that what it unpacks, four columns of
// four inputs at a time, feeds sixteen rows, and every input read feeds sixteen columns: 24 loads of four words and 64 unpacked
// weights for 1024 multiply-adds. With that many, zero and step can be taken in at every weight.
// include quantized_operands
// include quantized_levels_even
// The weights of four inputs of four columns: a vector of columns for each input.
fn weights(i: u32, quad: u32, zero: vec4<f32>, step: vec4<f32>) -> mat4x4<f32> {
    let l = levels_of_four(i, quad);
    return mat4x4<f32>((l[0] - zero) * step, (l[1] - zero) * step, (l[2] - zero) * step, (l[3] - zero) * step);
}
// Four inputs of four rows of x.
fn x_block(at: vec4<u32>, i: u32) -> mat4x4<f32> {
    return mat4x4<f32>(x[at.x + i], x[at.y + i], x[at.z + i], x[at.w + i]);
}
fn store_block(row: u32, quad: u32, block: mat4x4<f32>) {
    for (var i = 0u; i < 4u; i++) { store(row + i, quad, block[i]); }
}

@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let quad = id.x * 4u;
    let row = id.y * 16u;
    if (quad >= p.quads) { return; }
    // Past the edge the last row or quad again: read in bounds, never stored.
    let four = vec4<u32>(0u, 1u, 2u, 3u);
    let q = min(quad + four, vec4<u32>(p.quads - 1u));
    let at0 = min(row + four, vec4<u32>(p.m - 1u)) * (p.k / 4u);
    let at1 = min(row + 4u + four, vec4<u32>(p.m - 1u)) * (p.k / 4u);
    let at2 = min(row + 8u + four, vec4<u32>(p.m - 1u)) * (p.k / 4u);
    let at3 = min(row + 12u + four, vec4<u32>(p.m - 1u)) * (p.k / 4u);
    var y00 = mat4x4<f32>(); var y01 = mat4x4<f32>(); var y02 = mat4x4<f32>(); var y03 = mat4x4<f32>();
    var y10 = mat4x4<f32>(); var y11 = mat4x4<f32>(); var y12 = mat4x4<f32>(); var y13 = mat4x4<f32>();
    var y20 = mat4x4<f32>(); var y21 = mat4x4<f32>(); var y22 = mat4x4<f32>(); var y23 = mat4x4<f32>();
    var y30 = mat4x4<f32>(); var y31 = mat4x4<f32>(); var y32 = mat4x4<f32>(); var y33 = mat4x4<f32>();
    for (var g = 0u; g < p.groups; g++) {
        let step0 = steps_of(g, q[0]);
        let zero0 = zeros_of(g, q[0]);
        let step1 = steps_of(g, q[1]);
        let zero1 = zeros_of(g, q[1]);
        let step2 = steps_of(g, q[2]);
        let zero2 = zeros_of(g, q[2]);
        let step3 = steps_of(g, q[3]);
        let zero3 = zeros_of(g, q[3]);
        for (var i = g * p.group; i < min((g + 1u) * p.group, p.k); i += 4u) {
            let x0 = x_block(at0, i / 4u);
            let x1 = x_block(at1, i / 4u);
            let x2 = x_block(at2, i / 4u);
            let x3 = x_block(at3, i / 4u);
            let w0 = weights(i, q[0], zero0, step0);
            y00 += w0 * x0; y10 += w0 * x1; y20 += w0 * x2; y30 += w0 * x3;
            let w1 = weights(i, q[1], zero1, step1);
            y01 += w1 * x0; y11 += w1 * x1; y21 += w1 * x2; y31 += w1 * x3;
            let w2 = weights(i, q[2], zero2, step2);
            y02 += w2 * x0; y12 += w2 * x1; y22 += w2 * x2; y32 += w2 * x3;
            let w3 = weights(i, q[3], zero3, step3);
            y03 += w3 * x0; y13 += w3 * x1; y23 += w3 * x2; y33 += w3 * x3;
        }
    }
    store_block(row, quad, y00);
    store_block(row, quad + 1u, y01);
    store_block(row, quad + 2u, y02);
    store_block(row, quad + 3u, y03);
    store_block(row + 4u, quad, y10);
    store_block(row + 4u, quad + 1u, y11);
    store_block(row + 4u, quad + 2u, y12);
    store_block(row + 4u, quad + 3u, y13);
    store_block(row + 8u, quad, y20);
    store_block(row + 8u, quad + 1u, y21);
    store_block(row + 8u, quad + 2u, y22);
    store_block(row + 8u, quad + 3u, y23);
    store_block(row + 12u, quad, y30);
    store_block(row + 12u, quad + 1u, y31);
    store_block(row + 12u, quad + 2u, y32);
    store_block(row + 12u, quad + 3u, y33);
}
