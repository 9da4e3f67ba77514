// The code of a weight, as `engine::quant` has it; kinds: 0 symmetric, 1 zero point, 2 ternary, 3 sign, 4 a table (NF4).
struct Coded { code: u32, inside: bool }
fn code_of(w: f32, step: f32, zero: f32) -> Coded {
    if (p.kind == 3u) { return Coded(select(0u, 1u, w >= 0.0), abs(w) <= step || step == 0.0); }
    if (p.kind == 4u) {
        if (step == 0.0) { return Coded(7u, true); }
        var code = 0u;
        for (var i = 0u; i < 15u; i++) { code += select(0u, 1u, w > (table[i] + table[i + 1u]) * 0.5 * step); }
        return Coded(code, true);
    }
    if (step == 0.0) { return Coded(u32(zero), true); }
    let q = nearest(w, step) + zero;
    return Coded(u32(clamp(q, p.lowest, p.highest)), q >= p.lowest && q <= p.highest);
}
