// (cos, sin) of a fraction of a turn, within a few units of the last place: WGSL promises 11 bits only. The nearest
// quarter turn is taken off, and the series of the rest, at most an eighth of a turn, are short.
fn cos_sin(turn: f32) -> vec2<f32> {
    let quarter = floor(4.0 * turn + 0.5);
    let a = (turn - 0.25 * quarter) * 6.2831853;
    let b = a * a;
    let s = a * (1.0 - b / 6.0 * (1.0 - b / 20.0 * (1.0 - b / 42.0 * (1.0 - b / 72.0))));
    let c = 1.0 - b / 2.0 * (1.0 - b / 12.0 * (1.0 - b / 30.0 * (1.0 - b / 56.0)));
    switch (i32(quarter) & 3) {
        case 1: { return vec2<f32>(-s, c); }
        case 2: { return vec2<f32>(-c, -s); }
        case 3: { return vec2<f32>(s, -c); }
        default: { return vec2<f32>(c, s); }
    }
}
