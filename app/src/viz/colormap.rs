//! Colours for numbers: viridis for magnitudes, one diverging map centred on zero for signed values.

/// Red, green and blue, 0 to 255.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rgb(pub u8, pub u8, pub u8);

impl Rgb {
    const fn hex(code: u32) -> Self {
        Rgb((code >> 16) as u8, (code >> 8) as u8, code as u8)
    }

    /// As style sheets and canvases write it.
    pub fn css(self) -> String {
        format!("rgb({} {} {})", self.0, self.1, self.2)
    }
}

/// Every eighth stop of the published 256-stop table (Smith and van der Walt, CC0). Interpolating between these
/// differs from the whole table by at most 2 of 255 in any channel.
const VIRIDIS: [Rgb; 33] = {
    const CODES: [u32; 33] = [
        0x440154, 0x470d60, 0x48186a, 0x482374, 0x472d7b, 0x453681, 0x424086, 0x3f4989, 0x3b528b, 0x375a8d, 0x33638d,
        0x2f6a8e, 0x2c728e, 0x297a8e, 0x26818e, 0x23898e, 0x21908c, 0x1f988b, 0x1f9f88, 0x21a685, 0x28ae80, 0x31b57b,
        0x3ebc74, 0x4cc26c, 0x5dc963, 0x6ece58, 0x82d34c, 0x96d83f, 0xabdc32, 0xc0df24, 0xd5e21a, 0xeae51a, 0xfde725,
    ];
    let mut stops = [Rgb(0, 0, 0); 33];
    let mut i = 0;
    while i < 33 {
        stops[i] = Rgb::hex(CODES[i]);
        i += 1;
    }
    stops
};

/// A magnitude between 0 and 1; what lies outside is drawn as the end it passed.
pub fn viridis(t: f32) -> Rgb {
    let place = unit(t) * (VIRIDIS.len() - 1) as f32;
    let below = (place as usize).min(VIRIDIS.len() - 2);
    let part = place - below as f32;
    let mix = |a: u8, b: u8| (a as f32 + (b as f32 - a as f32) * part).round() as u8;
    let (a, b) = (VIRIDIS[below], VIRIDIS[below + 1]);
    Rgb(mix(a.0, b.0), mix(a.1, b.1), mix(a.2, b.2))
}

/// A signed value between -1 (blue) and 1 (orange); zero is the colour of the ground it lies on, and both ends are
/// equally far from it in lightness, so that neither sign looks stronger.
pub fn diverging(t: f32, dark: bool) -> Rgb {
    let t = if t.is_nan() { 0.0 } else { t.clamp(-1.0, 1.0) };
    // OKLCH lightness and chroma of the ends, and the neutral between them, by theme.
    let (lightness, chroma, neutral) = if dark {
        (0.80, 0.115, Lab { l: 0.225, a: 0.0, b: -0.003 })
    } else {
        (0.50, 0.115, Lab { l: 0.962, a: 0.0, b: 0.009 })
    };
    let hue: f32 = if t < 0.0 { 245.0 } else { 55.0 };
    let (sin, cos) = hue.to_radians().sin_cos();
    let end = Lab { l: lightness, a: chroma * cos, b: chroma * sin };
    let part = t.abs();
    let mix = |from: f32, to: f32| from + (to - from) * part;
    Lab { l: mix(neutral.l, end.l), a: mix(neutral.a, end.a), b: mix(neutral.b, end.b) }.to_rgb()
}

fn unit(t: f32) -> f32 {
    if t.is_nan() { 0.0 } else { t.clamp(0.0, 1.0) }
}

/// OKLab (Ottosson 2020): mixing here keeps the steps even to the eye.
#[derive(Clone, Copy, Debug)]
struct Lab {
    l: f32,
    a: f32,
    b: f32,
}

impl Lab {
    fn to_rgb(self) -> Rgb {
        let Lab { l, a, b } = self;
        let long = (l + 0.396_337_78 * a + 0.215_803_76 * b).powi(3);
        let medium = (l - 0.105_561_346 * a - 0.063_854_17 * b).powi(3);
        let short = (l - 0.089_484_18 * a - 1.291_485_5 * b).powi(3);
        let channel = |linear: f32| {
            let linear = unit(linear);
            let encoded = if linear <= 0.003_130_8 { 12.92 * linear } else { 1.055 * linear.powf(1.0 / 2.4) - 0.055 };
            (encoded * 255.0).round() as u8
        };
        Rgb(
            channel(4.076_741_7 * long - 3.307_711_6 * medium + 0.230_969_94 * short),
            channel(-1.268_438 * long + 2.609_757_4 * medium - 0.341_319_38 * short),
            channel(-0.004_196_086_3 * long - 0.703_418_6 * medium + 1.707_614_7 * short),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn viridis_agrees_with_the_published_table() {
        /// The whole table's own stops at 0, 64, 128, 191 and 255.
        const PUBLISHED: [(f32, u32); 5] =
            [(0.0, 0x440154), (64.0, 0x3b528b), (128.0, 0x21918c), (191.0, 0x5cc863), (255.0, 0xfde725)];
        for (index, code) in PUBLISHED {
            let (ours, published) = (viridis(index / 255.0), Rgb::hex(code));
            let off = |a: u8, b: u8| a.abs_diff(b);
            let worst = off(ours.0, published.0).max(off(ours.1, published.1)).max(off(ours.2, published.2));
            assert!(worst <= 2, "stop {index}: {ours:?} and not {published:?}");
        }
    }

    #[test]
    fn viridis_gets_lighter_all_the_way() {
        let luminance = |c: Rgb| {
            0.2126 * (c.0 as f32).powf(2.2) + 0.7152 * (c.1 as f32).powf(2.2) + 0.0722 * (c.2 as f32).powf(2.2)
        };
        for i in 0..64 {
            assert!(luminance(viridis(i as f32 / 64.0)) < luminance(viridis((i + 1) as f32 / 64.0)), "step {i}");
        }
    }

    #[test]
    fn out_of_range_is_the_nearer_end_and_nan_is_the_start() {
        assert_eq!(viridis(-3.0), viridis(0.0));
        assert_eq!(viridis(7.0), viridis(1.0));
        assert_eq!(viridis(f32::NAN), viridis(0.0));
        assert_eq!(diverging(-9.0, true), diverging(-1.0, true));
        assert_eq!(diverging(f32::NAN, false), diverging(0.0, false));
    }

    #[test]
    fn zero_is_the_ground_and_the_ends_differ_in_hue() {
        let near = |a: Rgb, b: Rgb| a.0.abs_diff(b.0) <= 4 && a.1.abs_diff(b.1) <= 4 && a.2.abs_diff(b.2) <= 4;
        assert!(near(diverging(0.0, false), Rgb::hex(0xf3f1ea)), "{:?}", diverging(0.0, false));
        assert!(near(diverging(0.0, true), Rgb::hex(0x1a1c21)), "{:?}", diverging(0.0, true));
        for dark in [false, true] {
            let (negative, positive) = (diverging(-1.0, dark), diverging(1.0, dark));
            assert!(negative.2 > negative.0 && positive.0 > positive.2, "{negative:?} {positive:?}");
        }
    }
}
