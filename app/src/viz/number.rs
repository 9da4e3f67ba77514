//! How numbers are written: three significant digits, a true minus sign, and a unit that suits the size.

/// The true minus sign, as wide as a plus.
const MINUS: char = '\u{2212}';

/// A narrow space that never breaks, between groups of three digits.
const GROUP_SPACE: char = '\u{202f}';

/// A measured value: `0.674`, `−1.2`, `38.4`, `12 345`, and `3.1e-7` where zeros would hide the size.
pub fn value(x: f64) -> String {
    if x.is_nan() {
        return "not a number".to_owned();
    }
    let size = x.abs();
    let digits = if x.is_infinite() {
        "∞".to_owned()
    } else if size == 0.0 {
        return "0".to_owned();
    } else if !(1e-3..1e7).contains(&size) {
        format!("{size:.1e}")
    } else {
        significant(size)
    };
    if x < 0.0 { format!("{MINUS}{digits}") } else { digits }
}

/// A positive number with three significant digits, or all of them before the point.
fn significant(size: f64) -> String {
    let decimals_at = |x: f64| (2 - x.log10().floor() as i32).max(0) as usize;
    // Rounding can carry into the next power of ten (0.9996), which then needs one decimal less.
    let rounded: f64 = format!("{size:.*}", decimals_at(size)).parse().unwrap_or(size);
    let text = format!("{rounded:.*}", decimals_at(rounded));
    match text.split_once('.') {
        Some(_) => text,
        None => grouped(&text),
    }
}

/// A count, with its digits in groups of three from five digits up: `512`, `1024`, `1 048 576`.
pub fn count(n: u64) -> String {
    grouped(&n.to_string())
}

fn grouped(digits: &str) -> String {
    if digits.len() < 5 {
        return digits.to_owned();
    }
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(GROUP_SPACE);
        }
        out.push(digit);
    }
    out
}

/// A duration given in milliseconds, in µs, ms or s.
pub fn duration_ms(ms: f64) -> String {
    let size = ms.abs();
    if size != 0.0 && size < 0.1 {
        format!("{} µs", value(ms * 1e3))
    } else if size < 1e3 {
        format!("{} ms", value(ms))
    } else {
        format!("{} s", value(ms / 1e3))
    }
}

/// A size in memory, in B, KiB, MiB or GiB.
pub fn bytes(n: u64) -> String {
    const UNITS: [&str; 4] = ["B", "KiB", "MiB", "GiB"];
    let mut amount = n as f64;
    let mut unit = 0;
    while amount >= 1024.0 && unit + 1 < UNITS.len() {
        amount /= 1024.0;
        unit += 1;
    }
    format!("{} {}", value(amount), UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_three_significant_digits() {
        for (x, text) in [
            (0.674, "0.674"),
            (0.0, "0"),
            (-0.0, "0"),
            (1.0, "1.00"),
            (2.5649, "2.56"),
            (38.44, "38.4"),
            (100.4, "100"),
            (1234.6, "1235"),
            (12345.0, "12\u{202f}345"),
            (0.0123, "0.0123"),
            (-1.2, "\u{2212}1.20"),
            (3.1e-7, "3.1e-7"),
            (-4.26e-5, "\u{2212}4.3e-5"),
            (2.5e9, "2.5e9"),
            (f64::INFINITY, "∞"),
            (f64::NEG_INFINITY, "\u{2212}∞"),
            (f64::NAN, "not a number"),
        ] {
            assert_eq!(value(x), text, "{x}");
        }
    }

    #[test]
    fn rounding_may_carry_into_the_next_power_of_ten() {
        assert_eq!(value(0.9996), "1.00");
        assert_eq!(value(9.996), "10.0");
        assert_eq!(value(99.96), "100");
        assert_eq!(value(0.09996), "0.100");
    }

    #[test]
    fn durations_choose_their_unit() {
        for (ms, text) in [(0.41, "0.410 ms"), (0.041, "41.0 µs"), (12.0, "12.0 ms"), (1500.0, "1.50 s"), (0.0, "0 ms")]
        {
            assert_eq!(duration_ms(ms), text);
        }
    }

    #[test]
    fn sizes_are_binary() {
        for (n, text) in [
            (0, "0 B"),
            (512, "512 B"),
            (1024, "1.00 KiB"),
            (1536, "1.50 KiB"),
            (5 << 20, "5.00 MiB"),
            (3 << 30, "3.00 GiB"),
        ] {
            assert_eq!(bytes(n), text);
        }
    }

    #[test]
    fn counts_are_grouped() {
        for (n, text) in [(7, "7"), (1024, "1024"), (10_000, "10\u{202f}000"), (1_048_576, "1\u{202f}048\u{202f}576")] {
            assert_eq!(count(n), text);
        }
    }
}
