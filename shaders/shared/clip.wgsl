// What shortens a gradient so that the norm of all of them together is at most max_norm; 1 where max_norm is 0.
fn clip_factor(max_norm: f32, squared_norm: f32) -> f32 {
    if (max_norm <= 0.0) { return 1.0; }
    return min(1.0, max_norm / (sqrt(squared_norm) + 1.0e-6));
}
