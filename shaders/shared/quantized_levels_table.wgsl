// The levels, before the step, of inputs i to i + 3, i a multiple of four, of four columns: codes of 4 bits looked up in the table.
fn look_up(codes: vec4<u32>) -> vec4<f32> {
    return vec4<f32>(table[codes.x & 15u], table[codes.y & 15u], table[codes.z & 15u], table[codes.w & 15u]);
}
fn levels_of_four(i: u32, quad: u32) -> mat4x4<f32> {
    let words = packed[(i / 8u) * p.quads + quad] >> vec4<u32>((i % 8u) * 4u);
    return mat4x4<f32>(
        look_up(words), look_up(words >> vec4<u32>(4u)), look_up(words >> vec4<u32>(8u)), look_up(words >> vec4<u32>(12u)),
    );
}
