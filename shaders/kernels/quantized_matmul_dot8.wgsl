// quantized matmul, packed dot products: y[r, j] = x_step[r] sum_g step[g, j] sum_i xq[r, i] wq[i, j] + bias[j]
// xq: [m, k / 4] signed bytes with a step a row; packed: [k / 4, quads] bytes with a step a group. The one idea: four products of
// bytes and their sum are one instruction, `dot4I8Packed`, and whole numbers round nothing: only the two steps are floats.
fn dots(w: vec4<u32>, v: u32) -> vec4<i32> {
    return vec4<i32>(dot4I8Packed(w.x, v), dot4I8Packed(w.y, v), dot4I8Packed(w.z, v), dot4I8Packed(w.w, v));
}
// include quantized_dot8
