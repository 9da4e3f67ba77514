// quantized matmul, bytes by shifts: y[r, j] = x_step[r] sum_g step[g, j] sum_i xq[r, i] wq[i, j] + bias[j]
// Shapes as in quantized_matmul_dot8, for adapters whose WGSL has no packed dot product: each byte is moved to the top of its
// word and back, which spreads its sign.
fn bytes(w: vec4<u32>, left: u32) -> vec4<i32> {
    return vec4<i32>(w << vec4<u32>(left)) >> vec4<u32>(24u);
}
fn dots(w: vec4<u32>, v: u32) -> vec4<i32> {
    let x = vec4<i32>(vec4<u32>(v) << vec4<u32>(24u, 16u, 8u, 0u)) >> vec4<u32>(24u);
    return bytes(w, 24u) * x.x + bytes(w, 16u) * x.y + bytes(w, 8u) * x.z + bytes(w, 0u) * x.w;
}
// include quantized_dot8
