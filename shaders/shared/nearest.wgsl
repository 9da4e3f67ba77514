// The nearest whole multiple of the step: the largest q with (q - 1/2) step <= w. A division may be off by 2.5 units in the
// last place in WGSL, so it only proposes q; the products, which are exact to the rounding, decide.
fn nearest(w: f32, step: f32) -> f32 {
    let q = floor(w / step + 0.5);
    if (w < (q - 0.5) * step) { return q - 1.0; }
    if (w >= (q + 0.5) * step) { return q + 1.0; }
    return q;
}
