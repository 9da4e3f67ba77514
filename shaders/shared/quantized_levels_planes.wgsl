// The levels, before zero and step, of inputs i to i + 3, i a multiple of four, of four columns, put together plane by plane: a
// vector of words of each plane holds all four inputs.
fn levels_of_four(i: u32, quad: u32) -> mat4x4<f32> {
    var c0 = vec4<u32>(); var c1 = vec4<u32>(); var c2 = vec4<u32>(); var c3 = vec4<u32>();
    var row = 0u;
    var shift = 0u;
    for (var plane = 0u; plane < 4u; plane++) {
        let bits = p.planes[plane];
        if (bits == 0u) { break; }
        let mask = vec4<u32>((1u << bits) - 1u);
        let words = packed[(row + i * bits / 32u) * p.quads + quad] >> vec4<u32>((i * bits) % 32u);
        c0 |= (words & mask) << vec4<u32>(shift);
        c1 |= ((words >> vec4<u32>(bits)) & mask) << vec4<u32>(shift);
        c2 |= ((words >> vec4<u32>(2u * bits)) & mask) << vec4<u32>(shift);
        c3 |= ((words >> vec4<u32>(3u * bits)) & mask) << vec4<u32>(shift);
        row += p.blocks * bits;
        shift += bits;
    }
    return mat4x4<f32>(vec4<f32>(vec4<i32>(c0)), vec4<f32>(vec4<i32>(c1)), vec4<f32>(vec4<i32>(c2)), vec4<f32>(vec4<i32>(c3)));
}
