//! Optimizers: update ops appended to a graph after its gradients, and schedules of the learning rate.

use crate::{Error, Graph, HostTensor, Result, Shape, Store, Tensor, ops::Rule};

/// An optimizer and what stays fixed during a run. Only parameters with two or more axes decay: matrices, not gains
/// and biases.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Optimizer {
    /// Stochastic gradient descent.
    Sgd {
        /// The share of a parameter added to its gradient.
        weight_decay: f32,
    },
    /// Stochastic gradient descent with momentum.
    Momentum {
        /// The share of the running sum that is kept.
        momentum: f32,
        /// The share of a parameter added to its gradient.
        weight_decay: f32,
    },
    /// AdamW.
    AdamW(AdamW),
}

/// AdamW (Loshchilov and Hutter 2019).
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

impl From<AdamW> for Optimizer {
    fn from(adamw: AdamW) -> Self {
        Self::AdamW(adamw)
    }
}

impl Optimizer {
    /// How it moves a parameter.
    pub fn rule(&self) -> Rule {
        match self {
            Self::Sgd { .. } => Rule::Sgd,
            Self::Momentum { .. } => Rule::Momentum,
            Self::AdamW(_) => Rule::AdamW,
        }
    }

    /// Appends the update of every parameter, its gradient clipped by the global norm if `clip` is given; the norm's
    /// square can then be fetched under the name `squared gradient norm`.
    ///
    /// `hyper` is an input of shape `[8]` that the host writes before every run, from [`Optimizer::hyper`]. Returns the
    /// names and shapes of the state variables, which [`create_state`] makes.
    pub fn apply(
        &self,
        g: &mut Graph,
        parameters: &[(String, Tensor)],
        grads: &[Tensor],
        hyper: Tensor,
        clip: Option<f32>,
    ) -> Result<Vec<(String, Shape)>> {
        if parameters.len() != grads.len() {
            let message = format!("{} gradients were given for {} parameters", grads.len(), parameters.len());
            return Err(Error::data(self.rule().name(), message));
        }
        let clip = match clip {
            Some(most) if most.is_nan() || most <= 0.0 => {
                return Err(Error::data(self.rule().name(), format!("cannot clip to a norm of {most}")));
            }
            Some(most) => {
                let mut norm = None;
                for &grad in grads {
                    norm = Some(g.add_sum_squares(norm, grad)?);
                }
                norm.map(|norm| (most, g.name(norm, "squared gradient norm")))
            }
            None => None,
        };
        let rule = self.rule();
        let mut state = Vec::new();
        for ((name, parameter), &grad) in parameters.iter().zip(grads) {
            let shape = g.shape(*parameter).clone();
            let mut moments = Vec::new();
            for moment in rule.moments() {
                let name = format!("{}.{moment}/{name}", rule.name());
                moments.push(g.variable(&name, &shape)?);
                state.push((name, shape.clone()));
            }
            g.update(rule, *parameter, &moments, grad, hyper, shape.len() > 1, clip)?;
        }
        Ok(state)
    }

    /// What the updates read, for step `step` counted from 0.
    pub fn hyper(&self, step: u64, learning_rate: f32) -> HostTensor {
        let (beta1, beta2, epsilon, weight_decay) = match *self {
            Self::Sgd { weight_decay } => (0.0, 0.0, 0.0, weight_decay),
            Self::Momentum { momentum, weight_decay } => (momentum, 0.0, 0.0, weight_decay),
            Self::AdamW(AdamW { beta1, beta2, epsilon, weight_decay }) => (beta1, beta2, epsilon, weight_decay),
        };
        // The moments start at 0 and would be too small at first: after t steps they hold 1 - beta^t of their weight.
        let t = (step + 1).min(i32::MAX as u64) as i32;
        let unbias = |beta: f32| (1.0 / (1.0 - f64::from(beta).powi(t))) as f32;
        let values = vec![learning_rate, beta1, beta2, epsilon, weight_decay, unbias(beta1), unbias(beta2), 0.0];
        HostTensor::f32(&[8], values).expect("eight values fill [8]")
    }
}

impl AdamW {
    /// [`Optimizer::apply`]
    pub fn apply(
        &self,
        g: &mut Graph,
        parameters: &[(String, Tensor)],
        grads: &[Tensor],
        hyper: Tensor,
        clip: Option<f32>,
    ) -> Result<Vec<(String, Shape)>> {
        Optimizer::from(*self).apply(g, parameters, grads, hyper, clip)
    }

    /// [`Optimizer::hyper`]
    pub fn hyper(&self, step: u64, learning_rate: f32) -> HostTensor {
        Optimizer::from(*self).hyper(step, learning_rate)
    }
}

/// Puts the state variables of an optimizer in the store, all 0: the start of a run.
pub fn create_state(store: &Store, state: &[(String, Shape)]) -> Result<()> {
    for (name, shape) in state {
        store.set(name, &HostTensor::f32(shape, vec![0.0; shape.count()])?)?;
    }
    Ok(())
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
