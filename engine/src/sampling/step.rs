//! A whole move on the device: network, guidance and update in one program.

use super::{Move, Target};
use crate::{
    Graph, HostTensor, Result, Tensor,
    ops::{Activation, Unary},
};

/// Numbers that a move is told by: see [`Step::coefficients`].
pub const COEFFICIENTS: usize = 9;

/// Classifier-free guidance (Ho and Salimans 2022): `without + w (with - without)`, w of shape `[1]`. At w = 1 it is the answer
/// with the condition; above, the direction that the condition makes is exaggerated.
pub fn guide(g: &mut Graph, with: Tensor, without: Tensor, w: Tensor) -> Result<Tensor> {
    let direction = g.sub(with, without)?;
    let exaggerated = g.mul(direction, w)?;
    g.add(without, exaggerated)
}

/// The tensors of one move in a graph. Every sampler, target and level runs the same program: only numbers differ.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// Input: where the walk is.
    pub x: Tensor,
    /// Input: what the move before kept; 0 at first.
    pub kept: Tensor,
    /// Input: standard normal numbers.
    pub noise: Tensor,
    /// Input: `[COEFFICIENTS]`, of [`Step::coefficients`].
    pub coefficients: Tensor,
    /// The network's answer, guided where it is.
    pub answer: Tensor,
    /// The clean data that it implies.
    pub clean: Tensor,
    /// Where the walk goes.
    pub next: Tensor,
    /// What it keeps.
    pub next_kept: Tensor,
}

impl Step {
    /// Builds a move over data of `shape`; `predict` builds the network's answer from x.
    ///
    /// `clip`: data are known to lie between plus and minus this, so x0 is taken no further. Where hardly any signal is left, an
    /// x0 that is implied by a predicted noise is otherwise anywhere.
    pub fn build(
        g: &mut Graph,
        shape: &[usize],
        clip: Option<f32>,
        predict: impl FnOnce(&mut Graph, Tensor) -> Result<Tensor>,
    ) -> Result<Self> {
        let x = g.input("x", shape)?;
        let kept = g.input("kept", shape)?;
        let noise = g.input("noise", shape)?;
        let coefficients = g.input("coefficients", &[COEFFICIENTS])?;
        let answer = predict(g, x)?;
        g.scope("move", |g| {
            let sum = |g: &mut Graph, terms: &[Tensor], first: usize| -> Result<Tensor> {
                let mut total = None;
                for (i, &term) in terms.iter().enumerate() {
                    let factor = g.slice(coefficients, 0, first + i, 1)?;
                    let part = g.mul(term, factor)?;
                    total = Some(match total {
                        None => part,
                        Some(total) => g.add(total, part)?,
                    });
                }
                total.ok_or_else(|| crate::Error::data("move", "has no terms"))
            };
            let mut clean = sum(g, &[x, answer], 0)?;
            if let Some(most) = clip {
                clean = clamp(g, clean, most)?;
            }
            let next = sum(g, &[x, clean, kept, noise], 2)?;
            let next_kept = sum(g, &[x, clean, kept], 6)?;
            for (t, name) in [(answer, "answer"), (clean, "clean"), (next, "next"), (next_kept, "next kept")] {
                g.name(t, name);
            }
            Ok(Self { x, kept, noise, coefficients, answer, clean, next, next_kept })
        })
    }

    /// What a move is told: how x0 follows from the answer, then the factors of the two sums.
    pub fn coefficients(m: &Move, target: Target) -> Result<HostTensor> {
        let list = target.clean(m.level).into_iter().chain(m.x).chain(m.kept);
        HostTensor::f32(&[COEFFICIENTS], list.map(|c| c as f32).collect())
    }
}

/// `x` between minus and plus `most`: `relu(x + most) - relu(x - most) - most`.
fn clamp(g: &mut Graph, x: Tensor, most: f32) -> Result<Tensor> {
    let above = g.unary(Unary::Affine(1.0, most), x)?;
    let above = g.activate(Activation::Relu, above)?;
    let beyond = g.unary(Unary::Affine(1.0, -most), x)?;
    let beyond = g.activate(Activation::Relu, beyond)?;
    let inside = g.sub(above, beyond)?;
    g.unary(Unary::Affine(1.0, -most), inside)
}
