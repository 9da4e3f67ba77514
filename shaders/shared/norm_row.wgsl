// (mean, 1 / sqrt(mean of (x - mean)^2 + eps)) of the row of x that starts at `base`; without centring the mean is 0.
fn statistics(t: u32, base: u32) -> vec2<f32> {
    var mean = 0.0;
    if (p.centred == 1u) {
        var sum = 0.0;
        for (var j = t; j < p.cols; j += 64u) { sum += x[base + j]; }
        mean = row_sum(t, sum) / f32(p.cols);
    }
    var squares = 0.0;
    for (var j = t; j < p.cols; j += 64u) {
        let v = x[base + j] - mean;
        squares += v * v;
    }
    return vec2<f32>(mean, inverseSqrt(row_sum(t, squares) / f32(p.cols) + p.eps));
}
