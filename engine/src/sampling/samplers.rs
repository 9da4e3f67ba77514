//! Samplers: from levels of noise to a table of moves.

use super::{Level, Path};
use crate::{Error, Result};

/// How a walk from noise to data takes its steps. With (a, s) the level it is at, (a', s') the next, x0 the clean data that the
/// network expects here and z fresh noise:
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sampler {
    /// Ancestral sampling (Ho et al. 2020): a draw from the Gaussian that x' would have if x0 were right,
    /// `x' = (b s'^2 / s^2) x + (a' v / s^2) x0 + (v s'^2 / s^2)^1/2 z`, `b = a / a'`, `v = s^2 - b^2 s'^2`.
    Ddpm,
    /// Song et al. 2020: keep x0 and the noise that x holds besides it, mix them anew,
    /// `x' = a' x0 + (s'^2 - c^2)^1/2 (x - a x0) / s + c z`, `c = eta s' (1 - (a s' / a' s)^2)^1/2`.
    /// At eta 0 nothing is left to chance; at eta 1 it is [`Sampler::Ddpm`].
    Ddim {
        /// The share of fresh noise, 0 to 1.
        eta: f64,
    },
    /// Euler's method on the ordinary differential equation that carries noise to data (Song et al. 2021; Karras et al. 2022):
    /// with `y = x / c`, `r = s / c`, where c is a, or 1 on a straight path, `dy/dr = (y - x0) / r`, and
    /// `y' = y + (r' - r) dy/dr`. These are the numbers of DDIM with eta 0.
    Euler,
    /// Heun's method on the same equation (Karras et al. 2022, algorithm 1): Euler's step, the slope where it ends, and the step
    /// again with the mean of both slopes. Two questions a step, one at the last.
    Heun,
    /// DPM-Solver++(2M) (Lu et al. 2022): exact in x, and x0 taken along the line through this answer and the one before,
    /// `x' = (s' / s) x + (a' - a s' / s) d`, `d = x0 + (x0 - x0_before) h / (2 h_before)`, `h` the growth of `ln(a / s)`.
    /// One question a step; the first and the last step take `d = x0`.
    DpmPlusPlus2M,
}

/// One question to the network, and what is made of the answer. Beside x one more vector is kept from move to move.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Move {
    /// Which step of the walk it belongs to, from 0.
    pub step: usize,
    /// Where the network is asked.
    pub level: Level,
    /// The level that x is at afterwards.
    pub reached: Level,
    /// The next x: factors of x, of x0, of what was kept, of fresh noise.
    pub x: [f64; 4],
    /// What is kept next: factors of x, of x0, of what was kept.
    pub kept: [f64; 3],
}

impl Move {
    /// The move of one number: the next x, and what is kept. `kept` starts at 0.
    pub fn apply(&self, x: f64, x0: f64, kept: f64, z: f64) -> (f64, f64) {
        let [of_x, of_x0, of_kept, of_z] = self.x;
        let [keep_x, keep_x0, keep_kept] = self.kept;
        (of_x * x + of_x0 * x0 + of_kept * kept + of_z * z, keep_x * x + keep_x0 * x0 + keep_kept * kept)
    }

    /// Whether it draws fresh noise.
    pub fn is_random(&self) -> bool {
        self.x[3] != 0.0
    }
}

impl Sampler {
    /// The moves along these levels, noisiest first.
    ///
    /// # Errors
    /// Fewer than two levels, noise that does not fall from each to the next, an eta outside 0 to 1.
    pub fn moves(self, path: Path, levels: &[Level]) -> Result<Vec<Move>> {
        if levels.len() < 2 || levels.windows(2).any(|w| !(w[0].noise > w[1].noise && w[1].noise >= 0.0)) {
            return Err(Error::data("levels", "must be two or more, of falling noise"));
        }
        if let Self::Ddim { eta } = self
            && !(0.0..=1.0).contains(&eta)
        {
            return Err(Error::data("eta", format!("{eta} does not lie between 0 and 1")));
        }
        let mut moves = Vec::new();
        for step in 0..levels.len() - 1 {
            let (here, next) = (levels[step], levels[step + 1]);
            let plain = |x: [f64; 4]| Move { step, level: here, reached: next, x, kept: [0.0; 3] };
            match self {
                Self::Ddpm => moves.push(plain(ancestral(here, next))),
                Self::Ddim { eta } => moves.push(plain(implicit(here, next, eta))),
                Self::Euler => moves.push(plain(euler(here, next))),
                Self::Heun => moves.extend(heun(path, step, here, next)),
                Self::DpmPlusPlus2M => {
                    let before = (step > 0 && next.noise > 0.0).then(|| levels[step - 1]);
                    moves.push(Move { kept: [0.0, 1.0, 0.0], ..plain(multistep(before, here, next)) });
                }
            }
        }
        Ok(moves)
    }
}

fn ancestral(here: Level, next: Level) -> [f64; 4] {
    let between = here.signal / next.signal;
    let (s2, next_s2) = (here.noise.powi(2), next.noise.powi(2));
    let added = s2 - between.powi(2) * next_s2;
    [between * next_s2 / s2, next.signal * added / s2, 0.0, (added * next_s2 / s2).sqrt()]
}

fn implicit(here: Level, next: Level, eta: f64) -> [f64; 4] {
    let ratio = here.signal * next.noise / (next.signal * here.noise);
    let fresh = eta * next.noise * (1.0 - ratio.powi(2)).max(0.0).sqrt();
    let old = (next.noise.powi(2) - fresh.powi(2)).max(0.0).sqrt();
    [old / here.noise, next.signal - old * here.signal / here.noise, 0.0, fresh]
}

/// `x' = c' (y + (r' - r) (y - x0) / r)`: whichever of the two c is, the factors come out the same.
fn euler(here: Level, next: Level) -> [f64; 4] {
    let ratio = next.noise / here.noise;
    [ratio, next.signal - here.signal * ratio, 0.0, 0.0]
}

fn heun(path: Path, step: usize, here: Level, next: Level) -> Vec<Move> {
    let first = Move { step, level: here, reached: next, x: euler(here, next), kept: [0.0; 3] };
    if next.noise == 0.0 {
        return vec![first]; // there is no slope where the noise ends
    }
    let scale = |level: Level| if path == Path::Straight { 1.0 } else { level.signal };
    let (c, next_c) = (scale(here), scale(next));
    let (r, next_r) = (here.noise / c, next.noise / next_c);
    let half = 0.5 * (next_r - r);
    // Kept: y + half dy/dr. Then x' = c' (kept + half (y' - x0') / r').
    let first = Move { kept: [(1.0 + half / r) / c, -half / r, 0.0], ..first };
    let x = [half / next_r, -next_c * half / next_r, next_c, 0.0];
    vec![first, Move { step, level: next, reached: next, x, kept: [0.0; 3] }]
}

fn multistep(before: Option<Level>, here: Level, next: Level) -> [f64; 4] {
    let [of_x, of_x0, ..] = euler(here, next);
    let Some(before) = before else { return [of_x, of_x0, 0.0, 0.0] };
    let clearness = |level: Level| (level.signal / level.noise).ln();
    let share = 0.5 * (clearness(next) - clearness(here)) / (clearness(here) - clearness(before));
    [of_x, of_x0 * (1.0 + share), -of_x0 * share, 0.0]
}

#[cfg(test)]
mod tests {
    use super::super::{Schedule, Spacing};
    use super::*;

    const ALL: [Sampler; 6] = [
        Sampler::Ddpm,
        Sampler::Ddim { eta: 0.0 },
        Sampler::Ddim { eta: 0.7 },
        Sampler::Euler,
        Sampler::Heun,
        Sampler::DpmPlusPlus2M,
    ];

    /// Where the data are one point the network is right at once, and every walk ends there.
    #[test]
    fn one_point_is_reached_by_all() {
        for path in [Path::Linear, Path::Cosine, Path::Straight] {
            let levels = Schedule::new(path).levels(9, Spacing::Trailing).expect("levels");
            for sampler in ALL {
                let (mut x, mut kept) = (1.4, 0.0);
                for m in sampler.moves(path, &levels).expect("moves") {
                    (x, kept) = m.apply(x, 0.3, kept, 0.8);
                }
                assert!((x - 0.3).abs() < 1e-9, "{path:?} {sampler:?}: {x}");
            }
        }
    }

    #[test]
    fn ddim_is_euler_without_noise_and_ddpm_with_all_of_it() {
        for path in [Path::Linear, Path::Cosine, Path::Straight] {
            let levels = Schedule::new(path).levels(12, Spacing::Trailing).expect("levels");
            for (one, other) in
                [(Sampler::Ddim { eta: 0.0 }, Sampler::Euler), (Sampler::Ddim { eta: 1.0 }, Sampler::Ddpm)]
            {
                let pairs = one
                    .moves(path, &levels)
                    .expect("moves")
                    .into_iter()
                    .zip(other.moves(path, &levels).expect("moves"));
                for (a, b) in pairs {
                    assert!(a.x.iter().zip(b.x).all(|(a, b)| (a - b).abs() < 1e-9), "{path:?}: {a:?} {b:?}");
                }
            }
        }
    }

    /// Data of one Gaussian, `N(0, v)`: the ideal answer is `x0 = a v x / (a^2 v + s^2)`, and the deterministic walk ends where
    /// its start was scaled to: `x v^1/2 / (a^2 v + s^2)^1/2`. The error of a first-order method halves with its step, that of a
    /// second-order one quarters.
    #[test]
    fn orders_are_what_they_are_called() {
        const VARIANCE: f64 = 0.5;
        let error = |path: Path, sampler: Sampler, steps: usize| {
            // Evenly in the noise, on a stretch without the end, where the equation is singular.
            let level = |k: usize| {
                let s = 0.9 - 0.7 * k as f64 / steps as f64;
                let signal = if path == Path::Straight { 1.0 - s } else { (1.0 - s * s).sqrt() };
                Level { time: s, signal, noise: s }
            };
            let levels: Vec<Level> = (0..=steps).map(level).collect();
            let spread = |l: Level| (l.signal.powi(2) * VARIANCE + l.noise.powi(2)).sqrt();
            let (mut x, mut kept) = (1.0, 0.0);
            for m in sampler.moves(path, &levels).expect("moves") {
                let x0 = m.level.signal * VARIANCE * x / spread(m.level).powi(2);
                (x, kept) = m.apply(x, x0, kept, 0.0);
            }
            (x - spread(levels[steps]) / spread(levels[0])).abs()
        };
        for path in [Path::Linear, Path::Straight] {
            for (sampler, order) in [(Sampler::Euler, 1), (Sampler::Heun, 2), (Sampler::DpmPlusPlus2M, 2)] {
                let gain = error(path, sampler, 64) / error(path, sampler, 128);
                let expected = 2f64.powi(order);
                assert!(
                    (gain / expected - 1.0).abs() < 0.15,
                    "{path:?} {sampler:?}: twice the steps, error over {gain}"
                );
            }
        }
    }

    #[test]
    fn what_makes_no_walk_is_refused() {
        assert!(Sampler::Ddpm.moves(Path::Linear, &[Level::CLEAN]).is_err());
        let levels = Schedule::new(Path::Linear).levels(3, Spacing::Even).expect("levels");
        let upwards: Vec<Level> = levels.iter().rev().copied().collect();
        assert!(Sampler::Ddpm.moves(Path::Linear, &upwards).is_err());
        assert!(Sampler::Ddim { eta: f64::NAN }.moves(Path::Linear, &levels).is_err());
        assert!(Sampler::Ddim { eta: 1.5 }.moves(Path::Linear, &levels).is_err());
    }
}
