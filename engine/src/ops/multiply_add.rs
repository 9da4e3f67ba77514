//! A ceiling to measure against: `y = x` after `rounds` of `v -> a v + b`, elementwise.
//!
//! Two operations a round and element, and memory touched once: what it reaches is what this device can multiply and
//! add at all, in f32, when nothing else is in the way.

use super::{Bind, Case, Cpu, Dispatch, Entry, Gpu, Make, Op, Tolerance, attr, expect_floats, float};
use crate::{Graph, Meta, Result, Tensor, graph::Backward};

#[derive(Debug, Clone)]
struct MultiplyAdd {
    a: f32,
    b: f32,
    rounds: usize,
}

/// Elements of an invocation.
const TILE: usize = 16;

impl Op for MultiplyAdd {
    fn name(&self) -> &'static str {
        "multiply_add"
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        expect_floats("multiply_add", inputs, 1)?;
        Ok(vec![float(&inputs[0].shape)])
    }

    fn twin(&self, cpu: &mut Cpu<'_>) {
        let (inputs, y) = cpu.split(0);
        for (y, x) in y.iter_mut().zip(inputs[0].f32()) {
            *y = *x;
            for _ in 0..self.rounds {
                *y = *y * self.a + self.b;
            }
        }
    }

    /// Sixteen elements side by side, so that the loop vectorises and no addition waits for the one before.
    fn fast(&self, cpu: &mut Cpu<'_>) -> bool {
        let threads = cpu.threads;
        let (inputs, y) = cpu.split(0);
        let x = inputs[0].f32();
        if !x.len().is_multiple_of(TILE) {
            return false;
        }
        super::for_rows_of(threads, TILE * self.rounds.max(1), y, TILE, |r, y| {
            let mut v = [0.0f32; TILE];
            v.copy_from_slice(&x[r * TILE..(r + 1) * TILE]);
            for _ in 0..self.rounds {
                for v in &mut v {
                    *v = *v * self.a + self.b;
                }
            }
            y.copy_from_slice(&v);
        });
        true
    }

    fn gpu(&self, gpu: &Gpu<'_>) -> Vec<Dispatch> {
        let count = gpu.inputs[0].shape.count();
        vec![
            Dispatch::new(&shaders::MULTIPLY_ADD, &[Bind::Input(0), Bind::Output(0)])
                .u("count", count)
                .u("rounds", self.rounds)
                .f("a", self.a)
                .f("b", self.b)
                .flat_groups(count.div_ceil(64 * TILE)),
        ]
    }

    fn backward(&self, g: &mut Graph, ask: &Backward<'_>) -> Result<Vec<Option<Tensor>>> {
        // y = a^rounds x + a constant: dx = a^rounds dy
        let rounds = i32::try_from(self.rounds).unwrap_or(i32::MAX);
        Ok(vec![Some(g.scale(ask.grad()?, self.a.powi(rounds))?)])
    }

    fn flops(&self, inputs: &[Meta], _outputs: &[Meta]) -> u64 {
        2 * (self.rounds * inputs[0].shape.count()) as u64
    }
}

impl Graph {
    /// `x` after `rounds` of `v -> a v + b`.
    pub fn multiply_add(&mut self, x: Tensor, a: f32, b: f32, rounds: usize) -> Result<Tensor> {
        self.apply1(MultiplyAdd { a, b, rounds }, &[x])
    }
}

pub(super) fn entries() -> Vec<Entry> {
    vec![Entry {
        name: "multiply_add",
        summary: "y = x after `rounds` of v -> a v + b: a ceiling of this device's arithmetic",
        inputs: &[("x", "any shape")],
        attrs: &[("a", "factor (default 0.9)"), ("b", "summand (default 0.1)"), ("rounds", "how often (default 16)")],
        build: |g, inputs, attrs| {
            let (a, b, rounds) = (attr(attrs, "a", 0.9)?, attr(attrs, "b", 0.1)?, attr(attrs, "rounds", 16)?);
            Ok(vec![("y", g.multiply_add(inputs.get("x")?, a, b, rounds)?)])
        },
        cases: || {
            let mut make = Make::new(2600);
            let mut cases = Vec::new();
            for shape in [&[1][..], &[16], &[3, 7], &[2, 5, 13], &[2, 1031]] {
                let inputs = vec![("x", make.normal(shape))];
                cases.push(Case::new(format!("{shape:?}"), inputs).tolerance(Tolerance::ELEMENTWISE).gradients(&["x"]));
            }
            let inputs = vec![("x", make.normal(&[33]))];
            cases.push(Case::new("no round", inputs).attr("rounds", 0).tolerance(Tolerance::EXACT));
            cases
        },
    }]
}
