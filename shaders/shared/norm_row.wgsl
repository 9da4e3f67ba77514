// (mean, 1 / sqrt(mean of (x - mean)^2 + eps)) of the row of x that starts at `base`; without centring the mean is 0.
fn statistics(t: u32, mine: Share, base: u32) -> vec2<f32> {
    var mean = 0.0;
    if (p.centred == 1u) {
        var sum = 0.0;
        for (var j = mine.first; j < p.cols; j += mine.step) { sum += x[base + j]; }
        mean = row_sum(t, sum) / f32(p.cols);
    }
    var squares = 0.0;
    for (var j = mine.first; j < p.cols; j += mine.step) {
        let v = x[base + j] - mean;
        squares += v * v;
    }
    return vec2<f32>(mean, inverseSqrt(row_sum(t, squares) / f32(p.cols) + p.eps));
}
