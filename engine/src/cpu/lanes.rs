//! Loops over a row that the compiler turns into SIMD code. It may not reorder floats by itself, so a plain sum is
//! one long chain of additions; here sixteen chains run side by side.

const LANES: usize = 16;

/// Joins `f(a[i], b[i], ..)` over slices of one length.
#[inline(always)]
fn fold<const N: usize>(
    slices: [&[f32]; N],
    start: f32,
    f: impl Fn([f32; N]) -> f32,
    join: impl Fn(f32, f32) -> f32,
) -> f32 {
    let count = slices.iter().map(|s| s.len()).min().unwrap_or(0);
    let whole = count / LANES * LANES;
    let mut lanes = [start; LANES];
    for base in (0..whole).step_by(LANES) {
        let parts = slices.map(|s| &s[base..base + LANES]);
        // Written out: the page is compiled for size, and then a loop would not be unrolled, nor the lanes kept in
        // registers.
        macro_rules! join_lanes {
            ($($i:literal)*) => { $( lanes[$i] = join(lanes[$i], f(parts.map(|s| s[$i]))); )* };
        }
        join_lanes!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
    }
    for i in whole..count {
        lanes[i - whole] = join(lanes[i - whole], f(slices.map(|s| s[i])));
    }
    lanes.into_iter().fold(start, join)
}

/// `sum_i f(a[i], b[i], ..)`
#[inline(always)]
pub(crate) fn sum<const N: usize>(slices: [&[f32]; N], f: impl Fn([f32; N]) -> f32) -> f32 {
    fold(slices, 0.0, f, |a, b| a + b)
}

/// The largest element.
#[inline(always)]
pub(crate) fn largest(x: &[f32]) -> f32 {
    fold([x], f32::MIN, |[x]| x, |a, b| if a > b { a } else { b })
}

/// `e^x` within two parts in ten million, its argument clamped to what f32 can hold; unlike the library's, it
/// vectorises.
///
/// `x = n ln 2 + r` with a whole `n`, so `e^x = 2^n e^r`, and `e^r` is a short polynomial (coefficients: Cephes, `expf`).
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    // Added to a small number, this pushes the fraction out of the mantissa and leaves `n` in its lowest bits.
    const ROUND: f32 = 12_582_912.0;
    // ln 2 in two pieces: n times the first is exact.
    const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
    let x = x.clamp(-87.0, 88.0);
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = x - n * LN_2[0] - n * LN_2[1];
    let mut e = 1.987_569_1e-4;
    for c in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
        e = e * r + c;
    }
    let power = f32::from_bits((shifted.to_bits() << 23).wrapping_add(127 << 23));
    (e * r * r + r + 1.0) * power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_equals_the_library() {
        for i in -8700..8800 {
            let x = i as f32 / 100.0;
            let right = f64::from(x).exp();
            assert!((f64::from(exp(x)) - right).abs() <= 2e-7 * right, "e^{x}: {} instead of {right}", exp(x));
        }
        assert_eq!(exp(0.0), 1.0);
        assert!(exp(-1e30) < 1e-37 && exp(1e30).is_finite());
    }

    #[test]
    fn folds_reach_every_element() {
        for count in [1usize, 15, 16, 17, 40] {
            let x: Vec<f32> = (0..count).map(|i| i as f32 - 20.0).collect();
            assert_eq!(sum([&x, &x], |[a, b]| a * b), x.iter().map(|x| x * x).sum::<f32>());
            assert_eq!(largest(&x), count as f32 - 21.0);
        }
    }
}
