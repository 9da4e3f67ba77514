// Four rows or keys from `first` on; past the edge the last one again, in bounds.
fn four_rows(first: u32) -> vec4<u32> {
    return min(first + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(row_count() - 1u));
}
fn four_keys(first: u32) -> vec4<u32> {
    return min(first + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(p.keys - 1u));
}
// Where they begin, counted in fours of words.
fn q_fours(z: u32, first: u32) -> vec4<u32> {
    let r = four_rows(first);
    return vec4<u32>(q_row(z, r.x), q_row(z, r.y), q_row(z, r.z), q_row(z, r.w)) / 4u;
}
fn k_fours(z: u32, first: u32) -> vec4<u32> { return (k_head(z) + four_keys(first) * p.k_strides.z) / 4u; }
fn v_fours(z: u32, first: u32) -> vec4<u32> { return (v_head(z) + four_keys(first) * p.v_strides.z) / 4u; }
