//! Diffusion: paths from data to noise, what a network is taught on them, and samplers that walk back.
//!
//! A path mixes data x0 with standard normal noise e,
//! ```text
//! x = a x0 + s e
//! ```
//! with a falling from 1 to 0 while s rises from 0 to 1 ([`Path`]). A network is shown x and how far along the path it is, and
//! asked for some mixture of x0 and e ([`Target`]); whatever it says, the clean x0 that it implies follows. A [`Sampler`] turns
//! a list of levels, noisiest first, into [`Move`]s: each asks the network once, and what comes next is a weighted sum of what is
//! at hand. So every sampler is a table of numbers, and one compiled program ([`Step`]) runs them all.

mod path;
mod samplers;
mod step;
mod target;
mod walk;

pub use path::{LEVELS, Level, Path, Schedule, Spacing};
pub use samplers::{Move, Sampler};
pub use step::{COEFFICIENTS, Step, guide};
pub use target::{LEAST_SIGNAL, Target};
pub use walk::Walk;

/// How a network is told the time: `width / 2` cosines and as many sines of 1000 times it, at frequencies from 1 down to nearly
/// 1 / 10,000 (the positions of Vaswani et al. 2017, as in DDPM).
///
/// `width` is even; the result has `times.len() * width` numbers, row by row.
pub fn time_features(times: &[f64], width: usize) -> Vec<f32> {
    let half = width / 2;
    let mut out = Vec::with_capacity(times.len() * width);
    for &time in times {
        let angle = |i: usize| 1000.0 * time * 10_000f64.powf(-(i as f64) / half as f64);
        out.extend((0..half).map(|i| angle(i).cos() as f32));
        out.extend((0..half).map(|i| angle(i).sin() as f32));
    }
    out
}
