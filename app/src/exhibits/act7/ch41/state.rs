//! What the reader has set, and the address that keeps it.

use acts::act7::ch41_diffusion::{Plan, Settings, Source, Stroke};
use acts::tiny::diffusion as tiny;
use engine::sampling::{Path, Sampler, Target};
use leptos::prelude::*;

use crate::url;

/// Where the points come from, as the reader chooses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Data {
    /// Two moons.
    Moons,
    /// Two arms of a spiral.
    Spiral,
    /// Nine hills.
    Grid,
    /// The reader's own strokes.
    Drawn,
}

/// The sources, by name.
pub const DATA: [(Data, &str); 4] =
    [(Data::Moons, "moons"), (Data::Spiral, "spiral"), (Data::Grid, "hills"), (Data::Drawn, "yours")];
/// The paths, by name.
pub const PATHS: [(Path, &str); 3] = [(Path::Linear, "linear"), (Path::Cosine, "cosine"), (Path::Straight, "straight")];
/// The targets, by name.
pub const TARGETS: [(Target, &str); 3] =
    [(Target::Noise, "noise"), (Target::Velocity, "velocity"), (Target::Flow, "flow")];
/// The samplers, by name in the address, and for the reader.
pub const SAMPLERS: [(Sampler, &str, &str); 4] = [
    (Sampler::Ddpm, "ddpm", "DDPM"),
    (Sampler::Ddim { eta: 0.0 }, "ddim", "DDIM, Euler"),
    (Sampler::Heun, "heun", "Heun"),
    (Sampler::DpmPlusPlus2M, "dpm", "DPM++ 2M"),
];
/// Classes that can be asked for, by name.
pub const CLASSES: [(Option<u32>, &str); 3] = [(None, "any"), (Some(0), "round"), (Some(1), "square")];

/// The most steps of training, of sampling, and the strongest guidance.
pub const MOST_TRAINING: f64 = 3000.0;
/// The most steps of sampling.
pub const MOST_STEPS: f64 = 100.0;
/// The strongest guidance.
pub const MOST_GUIDANCE: f64 = 8.0;
const LARGEST_SEED: u32 = 9999;
/// The prompt a reader meets first.
pub const FIRST_PROMPT: &str = "a large red circle";

/// Everything the reader can change.
#[derive(Clone, Copy)]
pub struct State {
    /// Where points come from.
    pub data: RwSignal<Data>,
    /// The reader's strokes, in the unit square, y upwards.
    pub strokes: RwSignal<Vec<Stroke>>,
    /// The path.
    pub path: RwSignal<Path>,
    /// What is asked of the network.
    pub target: RwSignal<Target>,
    /// Steps of training.
    pub training: RwSignal<f64>,
    /// The seed of everything.
    pub seed: RwSignal<u32>,
    /// The sampler: its place in [`SAMPLERS`].
    pub sampler: RwSignal<usize>,
    /// Its steps.
    pub steps: RwSignal<f64>,
    /// The class that is asked for.
    pub class: RwSignal<Option<u32>>,
    /// w of guidance.
    pub guidance: RwSignal<f64>,
    /// The prompt of the pictures.
    pub prompt: RwSignal<String>,
    /// Of the pictures: the sampler.
    pub picture_sampler: RwSignal<usize>,
    /// Their steps.
    pub picture_steps: RwSignal<f64>,
    /// Their guidance.
    pub picture_guidance: RwSignal<f64>,
    /// Their seed.
    pub picture_seed: RwSignal<u32>,
}

/// The alphabet of coordinates in the address.
const DIGITS: &[u8; 64] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_";
/// Points of a drawing that the address has room for.
const ROOM: usize = 260;

/// Strokes as text: two digits a point, a dot between strokes; thinned so that it fits.
pub fn write_strokes(strokes: &[Stroke]) -> String {
    let all: usize = strokes.iter().map(Vec::len).sum();
    let every = all.div_ceil(ROOM).max(1);
    let digit = |x: f32| DIGITS[(x.clamp(0.0, 1.0) * 63.0).round() as usize] as char;
    let one = |stroke: &Stroke| -> String {
        let last = stroke.len().saturating_sub(1);
        let kept = stroke.iter().enumerate().filter(|(i, _)| i % every == 0 || *i == last);
        kept.flat_map(|(_, p)| [digit(p[0]), digit(p[1])]).collect()
    };
    strokes.iter().take(40).map(one).collect::<Vec<_>>().join(".")
}

/// The way back; what is no digit is left out.
pub fn read_strokes(text: &str) -> Vec<Stroke> {
    let value = |c: u8| DIGITS.iter().position(|&d| d == c).map(|i| i as f32 / 63.0);
    let one = |part: &str| -> Stroke {
        let numbers: Vec<f32> = part.bytes().filter_map(value).collect();
        numbers.chunks_exact(2).map(|p| [p[0], p[1]]).collect()
    };
    text.split('.').map(one).filter(|s: &Stroke| !s.is_empty()).collect()
}

/// What stands in the canvas when a reader first chooses to draw: a ring, and a line across it.
fn first_strokes() -> Vec<Stroke> {
    let at = |i: usize| {
        let (sin, cos) = (std::f32::consts::TAU * i as f32 / 40.0).sin_cos();
        [0.5 + 0.35 * cos, 0.5 + 0.35 * sin]
    };
    vec![(0..=40).map(at).collect(), vec![[0.2, 0.5], [0.8, 0.5]]]
}

fn named<T: Copy>(list: &[(T, &str)], name: &str, first: T) -> T {
    let given = url::parameter(name);
    list.iter().find(|(_, text)| given.as_deref() == Some(*text)).map_or(first, |(value, _)| *value)
}

fn number(name: &str, first: f64, least: f64, most: f64) -> f64 {
    url::parsed::<f64>(name).filter(|x| x.is_finite()).map_or(first, |x| x.clamp(least, most))
}

fn seed(name: &str) -> u32 {
    url::parsed::<u32>(name).filter(|s| *s <= LARGEST_SEED).unwrap_or(1)
}

fn sampler(name: &str, first: usize) -> usize {
    let given = url::parameter(name);
    SAMPLERS.iter().position(|s| given.as_deref() == Some(s.1)).unwrap_or(first)
}

impl State {
    /// As the address says; what it does not say, or says wrongly, stands as at first.
    pub fn from_address() -> Self {
        let strokes = url::parameter("drawing").map(|text| read_strokes(&text)).filter(|s| !s.is_empty());
        Self {
            data: RwSignal::new(named(&DATA, "data", Data::Moons)),
            strokes: RwSignal::new(strokes.unwrap_or_else(first_strokes)),
            path: RwSignal::new(named(&PATHS, "path", Path::Linear)),
            target: RwSignal::new(named(&TARGETS, "target", Target::Noise)),
            training: RwSignal::new(number("training", 1000.0, 1.0, MOST_TRAINING).round()),
            seed: RwSignal::new(seed("seed")),
            sampler: RwSignal::new(sampler("sampler", 1)),
            steps: RwSignal::new(number("steps", 20.0, 1.0, MOST_STEPS).round()),
            class: RwSignal::new(named(&CLASSES, "class", None)),
            guidance: RwSignal::new(number("guidance", 1.0, 0.0, MOST_GUIDANCE)),
            prompt: RwSignal::new(url::parameter("prompt").unwrap_or_else(|| FIRST_PROMPT.into())),
            picture_sampler: RwSignal::new(sampler("psampler", 3)),
            picture_steps: RwSignal::new(number("psteps", 20.0, 1.0, MOST_STEPS).round()),
            picture_guidance: RwSignal::new(number("pguidance", 3.0, 0.0, MOST_GUIDANCE)),
            picture_seed: RwSignal::new(seed("pseed")),
        }
    }

    /// What is to be trained; a drawing may be none.
    pub fn settings(&self) -> Result<Settings, String> {
        let source = match self.data.get() {
            Data::Moons => Source::moons(),
            Data::Spiral => Source::spiral(),
            Data::Grid => Source::grid(),
            Data::Drawn => Source::drawn(self.strokes.get()).map_err(|e| e.to_string())?,
        };
        Ok(Settings {
            source,
            path: self.path.get(),
            target: self.target.get(),
            steps: self.training.get() as u64,
            seed: self.seed.get(),
        })
    }

    /// How points are sampled.
    pub fn plan(&self) -> Plan {
        Plan {
            sampler: SAMPLERS[self.sampler.get()].0,
            steps: self.steps.get() as usize,
            class: self.class.get(),
            guidance: self.guidance.get() as f32,
            seed: self.seed.get(),
        }
    }

    /// How pictures are drawn.
    pub fn painting(&self) -> tiny::Settings {
        tiny::Settings {
            sampler: SAMPLERS[self.picture_sampler.get()].0,
            steps: self.picture_steps.get() as usize,
            guidance: self.picture_guidance.get() as f32,
            seed: self.picture_seed.get(),
        }
    }

    /// Keeps the address up to date with every change.
    pub fn keep_in_address(self) {
        fn name<T: PartialEq + Copy>(list: &[(T, &str)], value: T) -> Option<String> {
            // The first of a list stands where nothing is said.
            list.iter().skip(1).find(|(v, _)| *v == value).map(|(_, text)| (*text).to_owned())
        }
        Effect::new(move |before: Option<()>| {
            let other = |x: f64, first: f64| (x != first).then(|| x.to_string());
            let drawn = self.data.get() == Data::Drawn;
            let strokes = self.strokes.with(|s| write_strokes(s));
            let prompt = self.prompt.get();
            let sampler = |at: usize, first: usize| (at != first).then(|| SAMPLERS[at].1.to_owned());
            let values = [
                ("data", name(&DATA, self.data.get())),
                ("drawing", drawn.then_some(strokes)),
                ("path", name(&PATHS, self.path.get())),
                ("target", name(&TARGETS, self.target.get())),
                ("training", other(self.training.get(), 1000.0)),
                ("seed", other(self.seed.get().into(), 1.0)),
                ("sampler", sampler(self.sampler.get(), 1)),
                ("steps", other(self.steps.get(), 20.0)),
                ("class", name(&CLASSES, self.class.get())),
                ("guidance", other(self.guidance.get(), 1.0)),
                ("prompt", (prompt != FIRST_PROMPT).then_some(prompt)),
                ("psampler", sampler(self.picture_sampler.get(), 3)),
                ("psteps", other(self.picture_steps.get(), 20.0)),
                ("pguidance", other(self.picture_guidance.get(), 3.0)),
                ("pseed", other(self.picture_seed.get().into(), 1.0)),
            ];
            // What was just read need not be written.
            if before.is_some() {
                url::keep(&values);
            }
        });
    }
}

/// A seed as it was typed, if it is one.
pub fn typed_seed(text: &str) -> Option<u32> {
    text.trim().parse::<u32>().ok().map(|s| s.min(LARGEST_SEED))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drawings_survive_the_address() {
        let strokes = vec![vec![[0.0, 1.0], [0.5, 0.25], [1.0, 0.0]], vec![[0.1, 0.2]]];
        let back = read_strokes(&write_strokes(&strokes));
        assert_eq!(back.len(), 2);
        for (a, b) in strokes.iter().flatten().zip(back.iter().flatten()) {
            assert!((a[0] - b[0]).abs() < 0.01 && (a[1] - b[1]).abs() < 0.01);
        }
        let long = vec![vec![[0.3, 0.3]; 4000]];
        assert!(write_strokes(&long).len() <= 600);
        assert!(read_strokes("<>!.?").is_empty());
    }
}
