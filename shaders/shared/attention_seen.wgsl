@group(0) @binding(4) var<storage, read> mask: array<f32>;
@group(0) @binding(5) var<storage, read> lengths: array<u32>;

// How many keys, from the first on, padding and causality leave to a query of workgroup z.
fn seen(z: u32, query: u32) -> u32 {
    var count = p.keys;
    if (p.padded == 1u) { count = min(count, lengths[z / p.kv_heads]); }
    if (p.causal == 1u) {
        let end = query + 1u + p.keys;
        count = min(count, end - min(end, p.queries));
    }
    return count;
}
// How many keys any of a run of rows sees: beyond them whole tiles are left out.
fn seen_by_any(z: u32, first: u32, last: u32) -> u32 {
    return seen(z, select(p.queries - 1u, last % p.queries, first / p.queries == last / p.queries));
}
// The scaled score of a row and a key, HIDDEN where the row does not see the key.
fn masked_score(score: f32, row: u32, key: u32, seen: u32) -> f32 {
    if (key >= seen) { return HIDDEN; }
    if (p.masked == 1u) {
        if (mask[row % p.queries * p.keys + key] == 0.0) { return HIDDEN; }
    }
    return score * p.scale;
}
// The weight of a score; 0 where it is hidden, though the largest be hidden too.
fn weight(score: f32, largest: f32) -> f32 {
    return select(0.0, exp(score - largest), score > 0.5 * HIDDEN);
}
