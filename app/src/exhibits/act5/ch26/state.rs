//! What the reader has set, and the address that keeps it.

use acts::act5::ch26_flash_attention::{Setting, SlowSettings};
use leptos::prelude::*;

use crate::url;

/// Every number of the reader's: its name in the address, what it is at first, its least, its most, and its step.
type Field = (&'static str, f64, f64, f64, f64);

pub const N: Field = ("n", 32.0, 8.0, 64.0, 4.0);
pub const D: Field = ("d", 8.0, 2.0, 32.0, 2.0);
pub const ROWS: Field = ("rows", 8.0, 4.0, 32.0, 4.0);
pub const COLS: Field = ("cols", 8.0, 4.0, 32.0, 4.0);
pub const SEED: Field = ("seed", 1.0, 1.0, 99.0, 1.0);
/// Powers of two, by their exponents.
pub const LENGTH: Field = ("length", 8.0, 4.0, 11.0, 1.0);
pub const WIDTH: Field = ("width", 5.0, 4.0, 7.0, 1.0);
pub const HEADS: Field = ("heads", 2.0, 1.0, 8.0, 1.0);

/// The visit a reader meets first: half the table is past, and a maximum is being repaired.
const FIRST_FRAME: usize = 5;

/// Everything the reader can change.
#[derive(Clone, Copy)]
pub struct State {
    pub n: RwSignal<f64>,
    pub d: RwSignal<f64>,
    pub rows: RwSignal<f64>,
    pub cols: RwSignal<f64>,
    pub causal: RwSignal<bool>,
    pub seed: RwSignal<f64>,
    /// How many visits are done.
    pub frame: RwSignal<usize>,
    /// Which row of the tile is open.
    pub row: RwSignal<usize>,
    pub length: RwSignal<f64>,
    pub width: RwSignal<f64>,
    pub heads: RwSignal<f64>,
    pub backward: RwSignal<bool>,
}

impl State {
    /// As the address says; what it does not say, or says wrongly, stands as at first.
    pub fn from_address() -> Self {
        let number = |(name, first, least, most, step): Field| {
            let given = url::parsed::<f64>(name).filter(|x| x.is_finite()).unwrap_or(first);
            RwSignal::new((given.clamp(least, most) / step).round() * step)
        };
        Self {
            n: number(N),
            d: number(D),
            rows: number(ROWS),
            cols: number(COLS),
            causal: RwSignal::new(url::parameter("causal").as_deref() != Some("off")),
            seed: number(SEED),
            frame: RwSignal::new(url::parsed("frame").unwrap_or(FIRST_FRAME)),
            row: RwSignal::new(url::parsed("row").unwrap_or(0)),
            length: number(LENGTH),
            width: number(WIDTH),
            heads: number(HEADS),
            backward: RwSignal::new(url::parameter("backward").as_deref() == Some("on")),
        }
    }

    /// What the slow motion is asked for.
    pub fn slow(self) -> SlowSettings {
        SlowSettings {
            n: self.n.get() as usize,
            d: self.d.get() as usize,
            rows: self.rows.get() as usize,
            cols: self.cols.get() as usize,
            causal: self.causal.get(),
            seed: self.seed.get() as u32,
        }
    }

    /// What the measurement is asked for.
    pub fn setting(self) -> Setting {
        Setting {
            n: 1 << self.length.get() as u32,
            d: 1 << self.width.get() as u32,
            heads: self.heads.get() as usize,
            causal: self.causal.get(),
            backward: self.backward.get(),
            seed: self.seed.get() as u32,
        }
    }

    /// Keeps the address up to date with every change.
    pub fn keep_in_address(self) {
        Effect::new(move |before: Option<()>| {
            let number = |value: RwSignal<f64>, (name, first, ..): Field| {
                let value = value.get();
                (name, (value != first).then(|| value.to_string()))
            };
            let (frame, row) = (self.frame.get(), self.row.get());
            let values = [
                number(self.n, N),
                number(self.d, D),
                number(self.rows, ROWS),
                number(self.cols, COLS),
                number(self.seed, SEED),
                number(self.length, LENGTH),
                number(self.width, WIDTH),
                number(self.heads, HEADS),
                ("causal", (!self.causal.get()).then(|| "off".to_owned())),
                ("backward", self.backward.get().then(|| "on".to_owned())),
                ("frame", (frame != FIRST_FRAME).then(|| frame.to_string())),
                ("row", (row != 0).then(|| row.to_string())),
            ];
            // What was just read need not be written.
            if before.is_some() {
                url::keep(&values);
            }
        });
    }
}
