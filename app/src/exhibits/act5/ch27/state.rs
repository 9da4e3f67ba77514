//! What the reader has set, and the address that keeps it.

use acts::act5::ch27_quantization::{Scheme, Tuning};
use engine::quant::{Format, Granularity, Levels, Outliers};
use leptos::prelude::*;

use crate::url;

/// The text a reader meets first: whatever comes next must agree with its first noun.
pub const FIRST_TEXT: &str = "the cat that the dogs followed";

/// The matrix whose weights are drawn first.
pub const FIRST_MATRIX: &str = "block1.feed_forward.up";

/// Widths, from left to right on the slider.
pub const BITS: [u32; 8] = [1, 2, 3, 4, 5, 6, 8, 16];

/// What can share a step.
pub const SHARERS: [(Granularity, &str); 6] = [
    (Granularity::Tensor, "matrix"),
    (Granularity::Channel, "column"),
    (Granularity::Group(128), "128"),
    (Granularity::Group(64), "64"),
    (Granularity::Group(32), "32"),
    (Granularity::Group(16), "16"),
];

/// Levels that training is tried with.
pub const TRAINED: [(Levels, &str); 4] = [
    (Levels::Symmetric(1), "1 bit"),
    (Levels::Ternary, "ternary"),
    (Levels::Symmetric(2), "2 bits"),
    (Levels::Symmetric(3), "3 bits"),
];

/// The most steps of training; a reader waits for them.
pub const MOST_STEPS: f64 = 40.0;

const FIRST_STEPS: f64 = 20.0;
const FIRST_COLUMN: f64 = 7.0;
const FIRST_SEED: u32 = 1;
const LARGEST_SEED: u32 = 9999;
const FIRST_FORMAT: &str = "int4/tensor";

/// The share of weights that is kept apart.
const KEPT_SHARE: f32 = 0.005;

/// Inputs that are kept apart.
const KEPT_INPUTS: usize = 2;

/// Where the levels are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spacing {
    /// Evenly spaced, so many bits of them.
    Even,
    /// By the bell curve.
    Nf4,
    /// Three.
    Ternary,
}

/// Which weights are kept apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// None.
    None,
    /// The largest half of a per cent.
    Share,
    /// The two inputs with the largest weights.
    Inputs,
}

/// Everything the reader can change.
#[derive(Clone, Copy)]
pub struct State {
    /// Where levels are.
    pub spacing: RwSignal<Spacing>,
    /// The index into [`BITS`]; a float because it is set by sliding.
    pub bits: RwSignal<f64>,
    /// What shares a step.
    pub sharers: RwSignal<Granularity>,
    /// Whether evenly spaced levels have a zero point.
    pub zero: RwSignal<bool>,
    /// Which weights are kept.
    pub keep: RwSignal<Keep>,
    /// The one block that is rounded.
    pub block: RwSignal<Option<usize>>,
    /// Whether the embedding is rounded too.
    pub embedding: RwSignal<bool>,
    /// The matrix that is drawn.
    pub matrix: RwSignal<String>,
    /// The column of it.
    pub column: RwSignal<f64>,
    /// The reader's text.
    pub text: RwSignal<String>,
    /// Levels that training is tried with.
    pub trained: RwSignal<Levels>,
    /// Steps of training.
    pub steps: RwSignal<f64>,
    /// Seed of the documents it sees.
    pub seed: RwSignal<u32>,
}

/// What is measured first of all: a scheme, and what it makes of a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The scheme.
    pub scheme: Scheme,
    /// The text; `None` if there is nothing in it.
    pub text: Option<String>,
}

/// Spacing, index of the width, sharers and zero point, from text such as `uint4/group32`, `nf4/channel`, `16/tensor`.
fn read_format(text: &str) -> Option<(Spacing, usize, Granularity, bool)> {
    let (levels, sharers) = text.split_once('/')?;
    let sharers = format!("nf4/{sharers}").parse::<Format>().ok()?.granularity;
    let width = |digits: &str| {
        let bits: u32 = digits.parse().ok()?;
        Some(BITS.iter().rposition(|&b| b <= bits).unwrap_or(0))
    };
    Some(match levels {
        "nf4" => (Spacing::Nf4, 3, sharers, false),
        "ternary" => (Spacing::Ternary, 1, sharers, false),
        _ => match (levels.strip_prefix("uint"), levels.strip_prefix("int")) {
            (Some(digits), _) => (Spacing::Even, width(digits)?, sharers, true),
            (_, Some(digits)) => (Spacing::Even, width(digits)?, sharers, false),
            _ => (Spacing::Even, width(levels)?, sharers, false),
        },
    })
}

impl State {
    /// As the address says; what it does not say, or says wrongly, stands as at first.
    pub fn from_address() -> Self {
        let first = (Spacing::Even, 3, Granularity::Tensor, false);
        let (spacing, bits, sharers, zero) =
            url::parameter("format").and_then(|text| read_format(text.trim())).unwrap_or(first);
        let keep = match url::parameter("keep").as_deref() {
            Some("share") => Keep::Share,
            Some("inputs") => Keep::Inputs,
            _ => Keep::None,
        };
        let levels = url::parameter("train");
        let trained =
            TRAINED.iter().find(|t| Some(t.1.replace(' ', "")) == levels).map_or(Levels::Symmetric(2), |t| t.0);
        let number = |name: &str, first: f64, most: f64| {
            url::parsed::<f64>(name).filter(|x| x.is_finite()).map_or(first, |x| x.round().clamp(0.0, most))
        };
        Self {
            spacing: RwSignal::new(spacing),
            bits: RwSignal::new(bits as f64),
            sharers: RwSignal::new(sharers),
            zero: RwSignal::new(zero),
            keep: RwSignal::new(keep),
            block: RwSignal::new(url::parsed::<usize>("block").map(|b| b.min(3))),
            embedding: RwSignal::new(url::parameter("embedding").as_deref() == Some("on")),
            matrix: RwSignal::new(url::parameter("matrix").unwrap_or_else(|| FIRST_MATRIX.into())),
            column: RwSignal::new(number("column", FIRST_COLUMN, 4095.0)),
            text: RwSignal::new(url::parameter("text").unwrap_or_else(|| FIRST_TEXT.into())),
            trained: RwSignal::new(trained),
            steps: RwSignal::new(number("steps", FIRST_STEPS, MOST_STEPS).max(1.0)),
            seed: RwSignal::new(url::parsed::<u32>("seed").unwrap_or(FIRST_SEED).min(LARGEST_SEED)),
        }
    }

    /// What is measured.
    pub fn settings(&self) -> Settings {
        let bits = BITS[(self.bits.get() as usize).min(BITS.len() - 1)];
        let levels = match self.spacing.get() {
            Spacing::Nf4 => Some(Levels::Nf4),
            Spacing::Ternary => Some(Levels::Ternary),
            Spacing::Even if bits == 16 => None,
            Spacing::Even if self.zero.get() && bits > 1 => Some(Levels::ZeroPoint(bits)),
            Spacing::Even => Some(Levels::Symmetric(bits)),
        };
        let sharers = self.sharers.get();
        let scheme = Scheme {
            format: levels.map(|levels| Format::new(levels, sharers)),
            outliers: match self.keep.get() {
                Keep::None => None,
                Keep::Share => Some(Outliers::Share(KEPT_SHARE)),
                Keep::Inputs => Some(Outliers::Inputs(KEPT_INPUTS)),
            },
            embedding: self.embedding.get(),
            layer: self.block.get(),
        };
        let text = self.text.get();
        Settings { scheme, text: (!text.trim().is_empty()).then_some(text) }
    }

    /// What is trained, with the rounding in the loop.
    pub fn tuning(&self) -> Tuning {
        let format = Format::new(self.trained.get_untracked(), self.sharers.get_untracked());
        let seed = u64::from(self.seed.get_untracked());
        Tuning { steps: self.steps.get_untracked() as u64, ..Tuning::of(Some(format), seed) }
    }

    /// Takes another seed.
    pub fn reseed(self, typed: &str) {
        if let Ok(seed) = typed.trim().parse::<u32>() {
            self.seed.set(seed.min(LARGEST_SEED));
        }
    }

    fn format(&self) -> String {
        match self.settings().scheme.format {
            Some(format) => format.to_string(),
            None => {
                let sharers = Format::new(Levels::Nf4, self.sharers.get()).to_string();
                sharers.replacen("nf4", "16", 1)
            }
        }
    }

    /// Keeps the address up to date with every change.
    pub fn keep_in_address(self) {
        Effect::new(move |before: Option<()>| {
            let other = |text: String, first: &str| (text != first).then_some(text);
            let keep = match self.keep.get() {
                Keep::None => None,
                Keep::Share => Some("share".to_owned()),
                Keep::Inputs => Some("inputs".to_owned()),
            };
            let trained = self.trained.get();
            let trained = TRAINED.iter().find(|t| t.0 == trained).map_or_else(String::new, |t| t.1.replace(' ', ""));
            let values = [
                ("format", other(self.format(), FIRST_FORMAT)),
                ("keep", keep),
                ("block", self.block.get().map(|b| b.to_string())),
                ("embedding", self.embedding.get().then(|| "on".to_owned())),
                ("matrix", other(self.matrix.get(), FIRST_MATRIX)),
                ("column", other(self.column.get().to_string(), &FIRST_COLUMN.to_string())),
                ("text", other(self.text.get(), FIRST_TEXT)),
                ("train", other(trained, "2bits")),
                ("steps", other(self.steps.get().to_string(), &FIRST_STEPS.to_string())),
                ("seed", other(self.seed.get().to_string(), &FIRST_SEED.to_string())),
            ];
            // What was just read need not be written.
            if before.is_some() {
                url::keep(&values);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_read_or_refused() {
        let group = Granularity::Group(32);
        for (text, read) in [
            ("int4/group32", Some((Spacing::Even, 3, group, false))),
            ("uint3/group32", Some((Spacing::Even, 2, group, true))),
            ("16/tensor", Some((Spacing::Even, 7, Granularity::Tensor, false))),
            ("nf4/channel", Some((Spacing::Nf4, 3, Granularity::Channel, false))),
            ("int7/group16", Some((Spacing::Even, 5, Granularity::Group(16), false))),
            ("int99/channel", Some((Spacing::Even, 7, Granularity::Channel, false))),
            ("int0/channel", Some((Spacing::Even, 0, Granularity::Channel, false))),
            ("int4/group7", None),
            ("<script>/channel", None),
            ("int4", None),
            ("", None),
        ] {
            assert_eq!(read_format(text), read, "{text}");
        }
    }
}
