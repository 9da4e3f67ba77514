//! Optimizers: update ops appended to a graph after its gradients, and schedules of the learning rate.

use crate::{Graph, HostTensor, Result, Shape, Tensor, ops::AdamWStep};

/// AdamW (Loshchilov and Hutter 2019). Matrices decay; gains and biases, with one axis, do not.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamW {
    /// How slowly the mean of the gradient moves.
    pub beta1: f32,
    /// How slowly the mean of its square moves.
    pub beta2: f32,
    /// Keeps the division away from 0.
    pub epsilon: f32,
    /// The share of a parameter that is taken off, times the rate.
    pub weight_decay: f32,
}

impl Default for AdamW {
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weight_decay: 0.01 }
    }
}

impl AdamW {
    /// Appends the update of every parameter, its gradient clipped by the global norm if `clip` is given.
    ///
    /// `hyper` is an input of shape `[8]` that the host writes before every run, from [`AdamW::hyper`]. Returns the
    /// names and shapes of the state variables, which must be 0 in the store before the first run.
    pub fn apply(
        &self,
        g: &mut Graph,
        parameters: &[(String, Tensor)],
        grads: &[Tensor],
        hyper: Tensor,
        clip: Option<f32>,
    ) -> Result<Vec<(String, Shape)>> {
        let norm = match clip {
            None => g.scalar(0.0)?,
            Some(_) => {
                let mut norm = None;
                for &grad in grads {
                    norm = Some(g.add_sum_squares(norm, grad)?);
                }
                match norm {
                    Some(norm) => norm,
                    None => g.scalar(0.0)?,
                }
            }
        };
        g.name(norm, "squared gradient norm");
        let mut state = Vec::new();
        for ((name, parameter), &grad) in parameters.iter().zip(grads) {
            let shape = g.shape(*parameter).clone();
            let mut moment = |kind: &str| -> Result<Tensor> {
                let name = format!("adamw.{kind}/{name}");
                let t = g.variable(&name, &shape)?;
                state.push((name, shape.clone()));
                Ok(t)
            };
            let (m, v) = (moment("m")?, moment("v")?);
            let step = AdamWStep { decays: shape.len() > 1, max_norm: clip.unwrap_or(0.0) };
            g.apply(step, &[*parameter, m, v, grad, hyper, norm])?;
        }
        Ok(state)
    }

    /// What the update reads, for step `step` counted from 0.
    pub fn hyper(&self, step: u64, learning_rate: f32) -> HostTensor {
        let t = (step + 1).min(i32::MAX as u64) as i32;
        let unbias = |beta: f32| (1.0 / (1.0 - f64::from(beta).powi(t))) as f32;
        let values = vec![
            learning_rate,
            self.beta1,
            self.beta2,
            self.epsilon,
            self.weight_decay,
            unbias(self.beta1),
            unbias(self.beta2),
            0.0,
        ];
        HostTensor::f32(&[8], values).expect("eight values fill [8]")
    }
}

/// A linear rise from 0, then half a cosine down to a floor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schedule {
    /// The highest rate.
    pub peak: f32,
    /// The last rate.
    pub floor: f32,
    /// Steps of the rise.
    pub warm_up: u64,
    /// Steps in all.
    pub steps: u64,
}

impl Schedule {
    /// The rate of step `step`, counted from 0.
    pub fn at(&self, step: u64) -> f32 {
        if step < self.warm_up {
            return self.peak * (step + 1) as f32 / self.warm_up as f32;
        }
        let through = (step - self.warm_up) as f32 / (self.steps.saturating_sub(self.warm_up)).max(1) as f32;
        let share = 0.5 * (1.0 + (std::f32::consts::PI * through.min(1.0)).cos());
        self.floor + (self.peak - self.floor) * share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_rises_then_falls_to_its_floor() {
        let s = Schedule { peak: 1.0, floor: 0.1, warm_up: 10, steps: 110 };
        assert!((s.at(0) - 0.1).abs() < 1e-6 && (s.at(9) - 1.0).abs() < 1e-6);
        assert!((s.at(60) - 0.55).abs() < 1e-3 && (s.at(110) - 0.1).abs() < 1e-6 && s.at(9999) >= 0.1);
    }
}
