@group(0) @binding(4) var<storage, read> mask: array<f32>;
@group(0) @binding(6) var<storage, read> rows: array<f32>;

// The most keys any of a run of rows sees: beyond them whole tiles are left out.
fn seen_by_any(z: u32, first: u32, last: u32) -> u32 {
    let longest = select(last / p.queries * p.queries - 1u, last, first / p.queries == last / p.queries);
    return u32(rows[(z * row_count() + longest) * 3u + 2u]);
}
