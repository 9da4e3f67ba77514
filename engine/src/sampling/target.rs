//! What a network is asked for.

use super::Level;

/// The mixture of clean x0 and noise e that a network learns to predict from `x = a x0 + s e`. Each gives back x0 and e:
/// the choice decides how errors at different levels weigh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// e (Ho et al. 2020). Says nothing of x0 where only noise is left.
    Noise,
    /// `a e - s x0` (Salimans and Ho 2022): noise near the data, data near the noise.
    Velocity,
    /// `e - x0`: the velocity of a straight path (Lipman et al. 2022).
    Flow,
}

/// The least signal that a predicted noise is divided by: below it the network's error, not its answer, would decide.
pub const LEAST_SIGNAL: f64 = 1e-4;

impl Target {
    /// What the network should say.
    pub fn value(self, level: Level, x0: f32, e: f32) -> f32 {
        match self {
            Self::Noise => e,
            Self::Velocity => level.signal as f32 * e - level.noise as f32 * x0,
            Self::Flow => e - x0,
        }
    }

    /// The clean x0 that an answer implies: the factors of x and of the answer.
    pub fn clean(self, level: Level) -> [f64; 2] {
        let Level { signal: a, noise: s, .. } = level;
        match self {
            // x = a x0 + s e
            Self::Noise => [1.0 / a.max(LEAST_SIGNAL), -s / a.max(LEAST_SIGNAL)],
            // a x - s (a e - s x0) = (a^2 + s^2) x0
            Self::Velocity => [a / (a * a + s * s), -s / (a * a + s * s)],
            // x - s (e - x0) = (a + s) x0
            Self::Flow => [1.0 / (a + s), -s / (a + s)],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Path, Schedule};
    use super::*;

    #[test]
    fn a_right_answer_gives_the_data_back() {
        let (x0, e) = (0.7, -1.3);
        for path in [Path::Linear, Path::Cosine, Path::Straight] {
            for time in [0.01, 0.3, 0.8] {
                let level = Schedule::new(path).at(time);
                for target in [Target::Noise, Target::Velocity, Target::Flow] {
                    let [of_x, of_answer] = target.clean(level);
                    let back = of_x as f32 * level.mix(x0, e) + of_answer as f32 * target.value(level, x0, e);
                    assert!((back - x0).abs() < 1e-4, "{path:?} {target:?} {time}: {back}");
                }
            }
        }
    }
}
