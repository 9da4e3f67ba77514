// The activations and their derivatives, chosen by number; the numbers are those of `engine::ops::Activation`.
fn tanh_safe(x: f32) -> f32 {
    // Beyond |x| = 10 tanh is 1 in f32; some drivers overflow instead of saying so.
    return tanh(clamp(x, -10.0, 10.0));
}
fn sigmoid(x: f32) -> f32 {
    return 1.0 / (1.0 + exp(-clamp(x, -80.0, 80.0)));
}
fn gelu_inner(x: f32) -> f32 {
    return 0.7978845608 * (x + 0.044715 * x * x * x);
}
fn activate(kind: u32, x: f32) -> f32 {
    switch kind {
        case 1u: { return 0.5 * x * (1.0 + tanh_safe(gelu_inner(x))); }
        case 2u: { return x * sigmoid(x); }
        case 3u: { return max(x, 0.0); }
        case 4u: { return tanh_safe(x); }
        case 5u: { return sigmoid(x); }
        default: { return x; }
    }
}
fn activate_derivative(kind: u32, x: f32) -> f32 {
    switch kind {
        case 1u: {
            let t = tanh_safe(gelu_inner(x));
            return 0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * 0.7978845608 * (1.0 + 0.134145 * x * x);
        }
        case 2u: { let s = sigmoid(x); return s * (1.0 + x * (1.0 - s)); }
        case 3u: { return select(0.0, 1.0, x > 0.0); }
        case 4u: { let t = tanh_safe(x); return 1.0 - t * t; }
        case 5u: { let s = sigmoid(x); return s * (1.0 - s); }
        default: { return 1.0; }
    }
}
