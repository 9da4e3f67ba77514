@group(0) @binding(1) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> k: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> v: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> d_out: array<vec4<f32>>;

// What attention_backward_rows found of four rows; a row past the edge sees nothing.
struct Quad { lse: vec4<f32>, term: vec4<f32>, seen: vec4<u32> }
fn quad(z: u32, first: u32) -> Quad {
    let at = (z * row_count() + four_rows(first)) * 3u;
    let counts = vec4<f32>(rows[at.x + 2u], rows[at.y + 2u], rows[at.z + 2u], rows[at.w + 2u]);
    let inside = first + vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(row_count());
    return Quad(
        vec4<f32>(rows[at.x], rows[at.y], rows[at.z], rows[at.w]),
        vec4<f32>(rows[at.x + 1u], rows[at.y + 1u], rows[at.z + 1u], rows[at.w + 1u]),
        select(vec4<u32>(), vec4<u32>(counts), inside),
    );
}
fn d_out_fours(z: u32, first: u32) -> vec4<u32> {
    let r = four_rows(first);
    return vec4<u32>(d_out_row(z, r.x), d_out_row(z, r.y), d_out_row(z, r.z), d_out_row(z, r.w)) / 4u;
}
// exp(scale s - lse) where visible, else 0. A weight is 1 at most; what is hidden may be anything, so it is capped.
fn four_weights(s: vec4<f32>, lse: vec4<f32>, visible: vec4<bool>) -> vec4<f32> {
    return select(vec4<f32>(), exp(min(s * p.scale - lse, vec4<f32>(1.0))), visible);
}
fn four_bits(bits: u32) -> vec4<bool> {
    return ((vec4<u32>(bits) >> vec4<u32>(0u, 1u, 2u, 3u)) & vec4<u32>(1u)) == vec4<u32>(1u);
}
