// The levels, before zero and step, of inputs i to i + 3, i a multiple of four, of four columns: a vector of columns for each
// input. Codes of one plane and evenly spaced levels only: one vector of words holds all, and nothing branches. The
// conversion is of signed integers: the one processors have.
fn even(codes: vec4<u32>) -> vec4<f32> {
    return vec4<f32>(vec4<i32>(codes));
}
fn levels_of_four(i: u32, quad: u32) -> mat4x4<f32> {
    let bits = p.planes.x;
    let mask = vec4<u32>((1u << bits) - 1u);
    let words = packed[(i * bits / 32u) * p.quads + quad] >> vec4<u32>((i * bits) % 32u);
    return mat4x4<f32>(
        even(words & mask), even((words >> vec4<u32>(bits)) & mask),
        even((words >> vec4<u32>(2u * bits)) & mask), even((words >> vec4<u32>(3u * bits)) & mask),
    );
}
