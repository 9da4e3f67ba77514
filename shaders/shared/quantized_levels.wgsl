// Codes of input i of four columns.
fn codes_at(i: u32, quad: u32) -> vec4<u32> {
    var codes = vec4<u32>();
    var row = 0u;
    var shift = 0u;
    for (var plane = 0u; plane < 4u; plane++) {
        let bits = p.planes[plane];
        if (bits == 0u) { break; }
        let bit = i * bits;
        let words = packed[(row + bit / 32u) * p.quads + quad] >> vec4<u32>(bit % 32u);
        codes |= (words & vec4<u32>((1u << bits) - 1u)) << vec4<u32>(shift);
        row += p.blocks * bits;
        shift += bits;
    }
    return codes;
}
// What codes stand for, before zero and step. The conversion is of signed integers: the one processors have.
fn levels(codes: vec4<u32>) -> vec4<f32> {
    if (p.kind == 4u) { return vec4<f32>(table[codes.x], table[codes.y], table[codes.z], table[codes.w]); }
    return vec4<f32>(vec4<i32>(codes));
}
// The levels of inputs i to i + 3, i a multiple of four, of four columns: a vector of columns for each input.
fn levels_of_four(i: u32, quad: u32) -> mat4x4<f32> {
    return mat4x4<f32>(
        levels(codes_at(i, quad)), levels(codes_at(i + 1u, quad)),
        levels(codes_at(i + 2u, quad)), levels(codes_at(i + 3u, quad)),
    );
}
