//! Paths from data to noise, and the levels of noise that a sampler visits.

use crate::{Error, Result};

/// Levels of the two schedules with discrete time.
pub const LEVELS: usize = 1000;

/// How data and noise are mixed on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Path {
    /// DDPM (Ho et al. 2020): `a^2 = prod (1 - beta_i)` over the levels so far, beta rising evenly from 1e-4 to 0.02 in 1000
    /// levels, and `s^2 = 1 - a^2`. At the last a is 0.0064.
    Linear,
    /// Nichol and Dhariwal 2021: `a^2 = f(t) / f(0)`, `f(t) = cos^2(pi/2 (t + 0.008) / 1.008)`, no beta above 0.999. Noise
    /// comes more gently, at both ends.
    Cosine,
    /// Flow matching (Lipman et al. 2022), rectified flow (Liu et al. 2022): `a = 1 - t`, `s = t`: a straight line.
    Straight,
}

/// A place on a path.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    /// What the network is told: 0 at the data, up to 1 at the noise.
    pub time: f64,
    /// a, the factor of the data.
    pub signal: f64,
    /// s, the factor of the noise.
    pub noise: f64,
}

impl Level {
    /// The end of every walk: no noise.
    pub const CLEAN: Self = Self { time: 0.0, signal: 1.0, noise: 0.0 };

    /// The forward process in one jump: `a x0 + s e`.
    pub fn mix(&self, x0: f32, e: f32) -> f32 {
        self.signal as f32 * x0 + self.noise as f32 * e
    }
}

/// Which of many levels a sampler visits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spacing {
    /// Every so many, down to the first: as DDPM and DDIM did. Starts below the noisiest level.
    Leading,
    /// Evenly from the noisiest to the first, both visited.
    Even,
    /// Every so many, from the noisiest on (Lin et al. 2023): the one to choose for few steps.
    Trailing,
}

/// A path with its levels worked out.
#[derive(Clone, Debug)]
pub struct Schedule {
    path: Path,
    /// `a^2` by level, where time is discrete.
    products: Vec<f64>,
}

impl Schedule {
    /// Works out the levels of a path.
    pub fn new(path: Path) -> Self {
        let beta = |i: usize| match path {
            Path::Linear => 1e-4 + (0.02 - 1e-4) * i as f64 / (LEVELS - 1) as f64,
            Path::Cosine => {
                let f = |t: f64| (std::f64::consts::FRAC_PI_2 * (t + 0.008) / 1.008).cos().powi(2);
                let at = |i: usize| f(i as f64 / LEVELS as f64);
                (1.0 - at(i + 1) / at(i)).min(0.999)
            }
            Path::Straight => 0.0,
        };
        let mut product = 1.0;
        let mut next = |i| {
            product *= 1.0 - beta(i);
            product
        };
        let products = if path == Path::Straight { vec![] } else { (0..LEVELS).map(&mut next).collect() };
        Self { path, products }
    }

    /// The path.
    pub fn path(&self) -> Path {
        self.path
    }

    /// The level at a time between 0 and 1, to the nearest one below where time is discrete.
    pub fn at(&self, time: f64) -> Level {
        let time = time.clamp(0.0, 1.0);
        match self.path {
            Path::Straight => Level { time, signal: 1.0 - time, noise: time },
            _ => self.level(((time * LEVELS as f64) as usize).min(LEVELS - 1)),
        }
    }

    /// Level `i` of a path with discrete time, `i < LEVELS`; on a straight one the place `(i + 1) / LEVELS` of the way.
    pub fn level(&self, i: usize) -> Level {
        match self.products.get(i) {
            Some(&product) => {
                Level { time: i as f64 / LEVELS as f64, signal: product.sqrt(), noise: (1.0 - product).sqrt() }
            }
            None => self.at((i + 1) as f64 / LEVELS as f64),
        }
    }

    /// The levels of a walk of `steps` steps, noisiest first, and the clean end: `steps + 1` of them.
    ///
    /// # Errors
    /// Fewer than 1 or more than [`LEVELS`] steps.
    pub fn levels(&self, steps: usize, spacing: Spacing) -> Result<Vec<Level>> {
        if steps == 0 || steps > LEVELS {
            return Err(Error::data("steps", format!("{steps} do not lie between 1 and {LEVELS}")));
        }
        let last = (LEVELS - 1) as f64;
        let index = |k: usize| match spacing {
            Spacing::Leading => (steps - 1 - k) * (LEVELS / steps),
            Spacing::Even if steps == 1 => LEVELS - 1,
            Spacing::Even => (last * (steps - 1 - k) as f64 / (steps - 1) as f64).round() as usize,
            Spacing::Trailing => {
                ((LEVELS as f64 * (steps - k) as f64 / steps as f64).round() as usize).saturating_sub(1)
            }
        };
        let mut list: Vec<Level> = (0..steps).map(|k| self.level(index(k))).collect();
        list.push(Level::CLEAN);
        Ok(list)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variance_one_stays_one_where_it_should() {
        for path in [Path::Linear, Path::Cosine] {
            let schedule = Schedule::new(path);
            let mut before = Level::CLEAN;
            for i in 0..LEVELS {
                let level = schedule.level(i);
                assert!((level.signal.powi(2) + level.noise.powi(2) - 1.0).abs() < 1e-12);
                assert!(level.signal < before.signal && level.noise > before.noise, "{path:?} {i}");
                before = level;
            }
            assert!(before.signal < 0.007);
        }
    }

    #[test]
    fn walks_end_clean_and_trailing_ones_start_in_noise() {
        for path in [Path::Linear, Path::Cosine, Path::Straight] {
            let schedule = Schedule::new(path);
            for spacing in [Spacing::Leading, Spacing::Even, Spacing::Trailing] {
                for steps in [1, 2, 3, 7, 50, 333, 1000] {
                    let levels = schedule.levels(steps, spacing).expect("levels");
                    assert_eq!(levels.len(), steps + 1);
                    assert!(levels.windows(2).all(|w| w[0].noise > w[1].noise), "{path:?} {spacing:?} {steps}");
                    assert_eq!(levels[steps], Level::CLEAN);
                    if spacing == Spacing::Trailing {
                        assert_eq!(levels[0], schedule.level(LEVELS - 1));
                    }
                }
            }
            assert!(schedule.levels(0, Spacing::Even).is_err() && schedule.levels(1001, Spacing::Even).is_err());
        }
    }
}
