//! Rotary positions (Su et al., *RoFormer*, 2021): pairs of features are turned by an angle that grows with the
//! position, so that the product of a query and a key depends on how far apart they are.
//!
//! With `a = (start + p) f_i` and `f_i = base^(-2i / d)` for `i < d/2`:
//! `y[.., p, i] = x[.., p, i] cos a - x[.., p, i + d/2] sin a`,
//! `y[.., p, i + d/2] = x[.., p, i] sin a + x[.., p, i + d/2] cos a`.
//!
//! x, y: `[.., positions, d]` with d even; start: one integer. Pairs are halves apart, as in GPT-NeoX and LLaMA; the
//! paper pairs neighbours, which is the same up to the order of features.
//!
//! Angles are counted in turns, whose fraction is all that matters. The host computes `f_i / 2 pi` in double precision
//! and hands it over as two floats, the first of 12 bits: positions below 4096 times it are exact, and taking the
//! fraction is exact always, so no digit of a long angle is lost and both executors turn by the same amount. Beyond
//! 4096 an angle loses one bit with each doubling of the position.

use std::f32::consts::TAU;

use super::{Bind, Case, Cpu, CpuInput, Dispatch, Entry, Gpu, Make, Op, Tolerance, attr, float, for_rows, shape_error};
use crate::{DType, Error, Graph, HostTensor, Meta, Result, Tensor, graph::Backward};

#[derive(Debug, Clone)]
struct Rope {
    /// Turns back: the transpose of a rotation is its inverse.
    inverse: bool,
    start: bool,
}

impl Rope {
    /// cos a and sin a of each pair of position `p`.
    fn rotation(&self, inputs: &[CpuInput<'_>], p: usize) -> impl Iterator<Item = (f32, f32)> {
        let start = if self.start { inputs[2].u32()[0] } else { 0 };
        let position = (p as u32).wrapping_add(start) as f32;
        let turns = inputs[1].f32();
        let (high, low) = turns.split_at(turns.len() / 2);
        let direction = if self.inverse { -1.0 } else { 1.0 };
        high.iter().zip(low).map(move |(high, low)| {
            let whole = position * high;
            let turn = direction * (whole - whole.floor() + position * low);
            let (sin, cos) = (TAU * (turn - (turn + 0.5).floor())).sin_cos();
            (cos, sin)
        })
    }
}

impl Op for Rope {
    fn name(&self) -> &'static str {
        "rope"
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        if inputs.len() != 2 + usize::from(self.start) || inputs[0].dtype != DType::F32 {
            return Err(shape_error("rope", "floats, turns and perhaps a start are wanted", inputs));
        }
        let x = &inputs[0].shape;
        if x.len() < 2 || !x.last().is_multiple_of(2) {
            return Err(shape_error("rope", "[.., positions, d] with an even d is wanted", inputs));
        }
        if *inputs[1].shape != [2, x.last() / 2] {
            return Err(shape_error("rope", format!("the turns must be [2, {}]", x.last() / 2), inputs));
        }
        if self.start && (inputs[2].dtype != DType::U32 || inputs[2].shape.count() != 1) {
            return Err(shape_error("rope", "the start must be one integer", inputs));
        }
        Ok(vec![float(x)])
    }

    fn reads_strides(&self, input: usize) -> bool {
        input == 0
    }

    fn twin(&self, cpu: &mut Cpu<'_>) {
        let (inputs, y) = cpu.split(0);
        let shape = &inputs[0].layout.shape;
        let (positions, d) = (shape[shape.len() - 2], shape.last());
        let x: Vec<f32> = inputs[0].iter().collect();
        for (r, (y, x)) in y.chunks_mut(d).zip(x.chunks(d)).enumerate() {
            for (i, (cos, sin)) in self.rotation(inputs, r % positions).enumerate() {
                let (a, b) = (x[i], x[i + d / 2]);
                y[i] = a * cos - b * sin;
                y[i + d / 2] = a * sin + b * cos;
            }
        }
    }

    fn fast(&self, cpu: &mut Cpu<'_>) -> bool {
        let threads = cpu.threads;
        let (inputs, y) = cpu.split(0);
        let layout = &inputs[0].layout;
        let axes = layout.shape.len();
        let (positions, d) = (layout.shape[axes - 2], layout.shape.last());
        let half = d / 2;
        // Each angle once for all batches and heads.
        let (cos, sin): (Vec<f32>, Vec<f32>) = (0..positions).flat_map(|p| self.rotation(inputs, p)).unzip();
        let (shape, strides) = layout.four();
        let (shape, strides) = (shape.map(|n| n as usize), strides.map(|n| n as usize));
        let x = inputs[0].storage();
        for_rows(threads, y, d, |r, y| {
            let (p, heads) = (r % positions, r / positions);
            let from = layout.offset + p * strides[2] + heads % shape[1] * strides[1] + heads / shape[1] * strides[0];
            let (cos, sin) = (&cos[p * half..(p + 1) * half], &sin[p * half..(p + 1) * half]);
            let (left, right) = y.split_at_mut(half);
            let mut turn = |i: usize, a: f32, b: f32| {
                left[i] = a * cos[i] - b * sin[i];
                right[i] = a * sin[i] + b * cos[i];
            };
            if strides[3] == 1 {
                let (a, b) = x[from..from + d].split_at(half);
                (0..half).for_each(|i| turn(i, a[i], b[i]));
            } else {
                // The gradient of keys comes transposed.
                (0..half).for_each(|i| turn(i, x[from + i * strides[3]], x[from + (i + half) * strides[3]]));
            }
        });
        true
    }

    fn gpu(&self, gpu: &Gpu<'_>) -> Vec<Dispatch> {
        let (shape, strides) = gpu.inputs[0].four();
        let pairs = gpu.inputs[0].shape.count() / 2;
        let start = if self.start { 2 } else { 1 };
        vec![
            Dispatch::new(&shaders::ROPE, &[Bind::Input(0), Bind::Input(1), Bind::Input(start), Bind::Output(0)])
                .v("shape", shape)
                .v("strides", strides)
                .u("offset", gpu.inputs[0].offset)
                .u("half_count", pairs)
                .u("has_start", usize::from(self.start))
                .f("direction", if self.inverse { -1.0 } else { 1.0 })
                .invocations(pairs),
        ]
    }

    fn backward(&self, g: &mut Graph, ask: &Backward<'_>) -> Result<Vec<Option<Tensor>>> {
        // y = R x with R a rotation: dx = R^T dy, the rotation back
        let mut inputs = ask.inputs.to_vec();
        inputs[0] = ask.grad()?;
        let mut grads = vec![None; inputs.len()];
        grads[0] = Some(g.apply1(Self { inverse: !self.inverse, start: self.start }, &inputs)?);
        Ok(grads)
    }

    fn flops(&self, inputs: &[Meta], _outputs: &[Meta]) -> u64 {
        3 * inputs[0].shape.count() as u64
    }
}

/// `base^(-2i / d) / 2 pi` for `i < d/2`, as a row of floats of 12 bits and a row of what they leave out.
pub(super) fn turns(d: usize, base: f32) -> Result<HostTensor> {
    let exact: Vec<f64> =
        (0..d / 2).map(|i| f64::from(base).powf(-2.0 * i as f64 / d as f64) / std::f64::consts::TAU).collect();
    let high: Vec<f32> = exact.iter().map(|&f| f32::from_bits((f as f32).to_bits() & !0xFFF)).collect();
    let low = exact.iter().zip(&high).map(|(f, high)| (f - f64::from(*high)) as f32);
    HostTensor::f32(&[2, d / 2], high.iter().copied().chain(low).collect())
}

impl Graph {
    /// Rotary positions. x: `[.., positions, d]`, d even, any view; start, an integer `[1]`, is the first position, 0
    /// if not given; base commonly 10000.
    pub fn rope(&mut self, x: Tensor, start: Option<Tensor>, base: f32) -> Result<Tensor> {
        let d = self.shape(x).last();
        if !d.is_multiple_of(2) {
            return Err(self.shape_error("rope", "[.., positions, d] with an even d is wanted", &[x]));
        }
        let turns = self.constant(turns(d, base)?)?;
        let inputs: Vec<Tensor> = [Some(x), Some(turns), start].into_iter().flatten().collect();
        self.apply1(Rope { inverse: false, start: start.is_some() }, &inputs)
    }
}

pub(super) fn entries() -> Vec<Entry> {
    vec![Entry {
        name: "rope",
        summary: "each pair (x_i, x_(i + d/2)) turned by (start + position) base^(-2i / d)",
        inputs: &[("x", "[.., positions, d], d even"), ("start", "one integer, the first position; optional")],
        attrs: &[
            ("base", "of the frequencies (default 10000)"),
            ("order", "digits: x is viewed with its axes in this order first (default as they are)"),
        ],
        build: |g, inputs, attrs| {
            let mut x = inputs.get("x")?;
            if let Some(order) = attrs.get("order") {
                let axes: Option<Vec<usize>> = order.chars().map(|c| c.to_digit(10).map(|a| a as usize)).collect();
                x = g.permute(x, &axes.ok_or_else(|| Error::data("order", format!("`{order}` is not digits")))?)?;
            }
            Ok(vec![("y", g.rope(x, inputs.optional("start"), attr(attrs, "base", 10000.0)?)?)])
        },
        cases: || {
            let mut make = Make::new(1100);
            let mut cases = Vec::new();
            for shape in [&[1, 2][..], &[7, 6], &[2, 5, 34], &[2, 3, 11, 8], &[300, 4]] {
                cases.push(Case::new(format!("{shape:?}"), vec![("x", make.normal(shape))]).gradients(&["x"]));
            }
            // As heads come out of a projection, and as the gradient of keys comes back.
            for (order, shape) in [("0213", [2, 5, 3, 14]), ("0132", [2, 3, 14, 5])] {
                let view = Case::new(format!("axes {order} of {shape:?}"), vec![("x", make.normal(&shape))]);
                cases.push(view.attr("order", order).gradients(&["x"]));
            }
            for start in [0, 1, 999, 4000] {
                let start_at = HostTensor::u32(&[1], vec![start]).expect("one integer");
                let inputs = vec![("x", make.normal(&[2, 9, 16])), ("start", start_at)];
                cases.push(Case::new(format!("from {start}"), inputs).attr("base", 500).gradients(&["x"]));
            }
            let large = Case::new("large", vec![("x", make.floats(&[13, 6], 1e4, 0.0))]);
            // The two products of a sum may cancel, and are rounded at 1e4.
            cases.push(large.tolerance(Tolerance { name: "rotation of large", absolute: 2e-2, relative: 1e-5 }));
            cases.push(Case::new("all equal", vec![("x", make.constant(&[3, 4], 5.0))]).tolerance(Tolerance::SUM));
            cases
        },
    }]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against the formula in double precision, and lengths kept, far along as well.
    #[test]
    fn angles_of_late_positions_are_right() {
        let turns = turns(8, 10000.0).expect("turns");
        let start = HostTensor::u32(&[1], vec![4000]).expect("one integer");
        let input = |t: &HostTensor| CpuInput { layout: crate::Layout::contiguous(&t.shape), words: &[] };
        let inputs = [
            CpuInput { words: turns.words(), ..input(&turns) },
            CpuInput { words: turns.words(), ..input(&turns) },
            CpuInput { words: start.words(), ..input(&start) },
        ];
        let rope = Rope { inverse: false, start: true };
        for p in [0, 7, 95] {
            for (i, (cos, sin)) in rope.rotation(&inputs, p).enumerate() {
                let angle = (4000.0 + p as f64) * 1e4f64.powf(-(i as f64) / 4.0);
                assert!((f64::from(cos) - angle.cos()).abs() < 1e-6, "cos of {angle}: {cos}");
                assert!((f64::from(sin) - angle.sin()).abs() < 1e-6, "sin of {angle}: {sin}");
            }
        }
    }
}
