//! What the reader has set, and the address that keeps it.

use acts::act2::ch05_attention::{Edit, Settings, Stage};
use leptos::prelude::*;

use crate::url;
use crate::viz::Cell;

/// The sentence a reader meets first.
pub const FIRST_SENTENCE: &str = "the cat that the dogs followed is tired";

/// The layer and head a reader meets first: the one in which the verb of that sentence looks back at its subject.
const FIRST_LAYER: u32 = 3;
const FIRST_HEAD: u32 = 1;

/// The names of the stages, as tabs and in the address.
pub const STAGES: [(Stage, &str, &str); 7] = [
    (Stage::Queries, "Q", "q"),
    (Stage::Keys, "K", "k"),
    (Stage::Values, "V", "v"),
    (Stage::Scores, "Q·K", "qk"),
    (Stage::Scaled, "Score", "score"),
    (Stage::Weights, "Weight", "weight"),
    (Stage::Output, "Output", "out"),
];

/// Everything the reader can change.
#[derive(Clone, Copy)]
pub struct State {
    /// The sentence.
    pub text: RwSignal<String>,
    /// Block, from 0; a float because it is set by sliding.
    pub layer: RwSignal<f64>,
    /// Head, from 0.
    pub head: RwSignal<f64>,
    /// Whether scores are divided.
    pub scale: RwSignal<bool>,
    /// The seed of a shuffle.
    pub shuffle: RwSignal<Option<u32>>,
    /// A score set by hand.
    pub edit: RwSignal<Option<Edit>>,
    /// Which stage is shown.
    pub stage: RwSignal<Stage>,
    /// Which cell is open.
    pub cell: RwSignal<Option<Cell>>,
}

impl State {
    /// As the address says; what it does not say, or says wrongly, stands as at first.
    pub fn from_address() -> Self {
        let small = |name: &str, first: u32| f64::from(url::parsed::<u32>(name).unwrap_or(first).min(3));
        let text = url::parameter("text").filter(|t| !t.trim().is_empty());
        let stage = url::parameter("stage");
        let stage = STAGES.iter().find(|(_, _, name)| Some(*name) == stage.as_deref()).map_or(Stage::Weights, |s| s.0);
        let cell = url::parameter("cell").and_then(|text| {
            let (row, col) = text.split_once('.')?;
            Some(Cell { row: row.parse().ok()?, col: col.parse().ok()? })
        });
        let edit = url::parameter("edit").and_then(|text| {
            let mut parts = text.splitn(3, '.');
            let query = parts.next()?.parse().ok()?;
            let key = parts.next()?.parse().ok()?;
            let score: f32 = parts.next()?.parse().ok()?;
            score.is_finite().then_some(Edit { query, key, score: score.clamp(-MOST_SCORE, MOST_SCORE) })
        });
        Self {
            text: RwSignal::new(text.unwrap_or_else(|| FIRST_SENTENCE.into())),
            layer: RwSignal::new(small("layer", FIRST_LAYER)),
            head: RwSignal::new(small("head", FIRST_HEAD)),
            scale: RwSignal::new(url::parameter("scale").as_deref() != Some("off")),
            shuffle: RwSignal::new(url::parsed("shuffle")),
            edit: RwSignal::new(edit),
            stage: RwSignal::new(stage),
            cell: RwSignal::new(cell),
        }
    }

    /// What the experiment is asked for.
    pub fn settings(&self) -> Settings {
        Settings {
            text: self.text.get(),
            layer: self.layer.get() as usize,
            head: self.head.get() as usize,
            scale: self.scale.get(),
            shuffle: self.shuffle.get(),
            edit: self.edit.get(),
        }
    }

    /// Keeps the address up to date with every change.
    pub fn keep_in_address(self) {
        Effect::new(move |before: Option<()>| {
            let text = self.text.get();
            let number = |n: f64, first: u32| (n != f64::from(first)).then(|| format!("{n}"));
            let values = [
                ("text", (text != FIRST_SENTENCE).then_some(text)),
                ("layer", number(self.layer.get(), FIRST_LAYER)),
                ("head", number(self.head.get(), FIRST_HEAD)),
                ("scale", (!self.scale.get()).then(|| "off".into())),
                ("shuffle", self.shuffle.get().map(|s| s.to_string())),
                ("edit", self.edit.get().map(|e| format!("{}.{}.{}", e.query, e.key, e.score))),
                ("stage", STAGES.iter().find(|s| s.0 == self.stage.get() && s.0 != Stage::Weights).map(|s| s.2.into())),
                ("cell", self.cell.get().map(|c| format!("{}.{}", c.row, c.col))),
            ];
            // What was just read need not be written.
            if before.is_some() {
                url::keep(&values);
            }
        });
    }
}

/// The largest score that can be set by hand; e^40 against 1 is already everything.
pub const MOST_SCORE: f32 = 40.0;
