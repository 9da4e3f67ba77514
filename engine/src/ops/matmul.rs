//! Matrix product with an epilogue: `C = f(alpha A B + bias) + residual`.
//!
//! A: `[.., m, k]`, B: `[.., k, n]`, C: `[.., m, n]`; up to two equal batch axes. Operands are read through their
//! strides, so a transposed or broadcast one costs nothing. bias: `[n]`; residual: as C; f an activation.

use shaders::Kernel;

use super::{
    Activation, Bind, Case, Cpu, CpuInput, Dispatch, Entry, Gpu, Make, Op, Reduction, Tolerance, attr, expect_floats,
    float, shape_error,
};
use crate::{
    Error, Graph, Layout, Meta, Result, Shape, Tensor,
    cpu::{Matrix, gemm},
    graph::Backward,
};

/// What is done to each element of a product before it is stored, in one pass with it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Epilogue {
    /// Factor of the product; `None` is 1.
    pub alpha: Option<f32>,
    /// `[n]`, added before the activation.
    pub bias: Option<Tensor>,
    /// The activation.
    pub activation: Activation,
    /// As the product, added after the activation.
    pub residual: Option<Tensor>,
}

/// The kernels that compute it, in the order of the ladder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rung {
    /// An element of C an invocation.
    Naive,
    /// A 4x4 tile of C an invocation, in registers.
    Register,
    /// A 16x16 tile, of words read in fours.
    Wide,
    /// Tiles of A and B in workgroup memory.
    Tiled,
}

impl Rung {
    /// The rung of that name; `auto` is none.
    fn parse(name: &str) -> Result<Option<Self>> {
        match name {
            "auto" => Ok(None),
            "naive" => Ok(Some(Self::Naive)),
            "register" => Ok(Some(Self::Register)),
            "wide" => Ok(Some(Self::Wide)),
            "tiled" => Ok(Some(Self::Tiled)),
            _ => Err(Error::data("rung", format!("`{name}` is not auto, naive, register, wide or tiled"))),
        }
    }

    /// The kernel, and how many columns and rows a workgroup of it makes.
    fn kernel(self) -> (&'static Kernel, [usize; 2]) {
        let (kernel, side) = match self {
            Self::Naive => (&shaders::MATMUL_NAIVE, 1),
            Self::Register => (&shaders::MATMUL_REGISTER, 4),
            Self::Wide => (&shaders::MATMUL_WIDE, 16),
            Self::Tiled => (&shaders::MATMUL_TILED, 4),
        };
        (kernel, [0, 1].map(|axis| kernel.workgroup_size[axis] as usize * side))
    }
}

#[derive(Debug, Clone)]
struct MatMul {
    rung: Option<Rung>,
    alpha: f32,
    activation: Activation,
    bias: bool,
    residual: bool,
}

/// Sizes and strides of one operand pair, batch axes first.
struct Sizes {
    batch: [usize; 2],
    m: usize,
    n: usize,
    k: usize,
}

impl Sizes {
    fn of(a: &Shape, b: &Shape) -> Self {
        let axes = a.len();
        let axis = |i: usize| if axes > i { a[axes - 1 - i] } else { 1 };
        Self { batch: [axis(3), axis(2)], m: a[axes - 2], k: a[axes - 1], n: b[b.len() - 1] }
    }
}

/// Batch, batch, row and column strides.
fn strides(layout: &Layout) -> [usize; 4] {
    layout.four().1.map(|s| s as usize)
}

/// Whether the words of an operand `[.., rows, columns]` lie together along its columns (`Some(false)`), or along its rows
/// (`Some(true)`), and everything else in it begins at fours, so that loads of four can read it.
fn turned_in_fours(layout: &Layout) -> Option<bool> {
    let [first, second, row, column] = strides(layout);
    let (shape, _) = layout.four();
    let fours = |sizes: &[usize]| sizes.iter().all(|size| size.is_multiple_of(4));
    let base = fours(&[first, second, layout.offset]);
    if base && column == 1 && fours(&[row, shape[3] as usize]) {
        Some(false)
    } else if base && row == 1 && fours(&[column, shape[2] as usize]) {
        Some(true)
    } else {
        None
    }
}

/// Whether loads of four can read both operands of a product, along the axis they share too, and write the product.
fn in_fours(a: &Layout, b: &Layout) -> bool {
    let sizes = [a.shape.last(), b.shape.last()];
    turned_in_fours(a).is_some() && turned_in_fours(b).is_some() && sizes.iter().all(|size| size.is_multiple_of(4))
}

impl MatMul {
    /// The input index of the bias and of the residual.
    fn extras(&self) -> (Option<usize>, Option<usize>) {
        (self.bias.then_some(2), self.residual.then_some(2 + usize::from(self.bias)))
    }

    fn finish(&self, row: &mut [f32], bias: Option<&[f32]>, residual: Option<&[f32]>, activate: impl Fn(&mut [f32])) {
        if let Some(bias) = bias {
            row.iter_mut().zip(bias).for_each(|(c, b)| *c += b);
        }
        if self.activation != Activation::Identity {
            activate(row);
        }
        if let Some(residual) = residual {
            row.iter_mut().zip(residual).for_each(|(c, r)| *c += r);
        }
    }

    fn extra_slices<'a>(&self, inputs: &[CpuInput<'a>]) -> (Option<&'a [f32]>, Option<&'a [f32]>) {
        let (bias, residual) = self.extras();
        (bias.map(|i| inputs[i].f32()), residual.map(|i| inputs[i].f32()))
    }

    /// Which kernel runs: the one asked for, if it can read the operands as they lie.
    fn choose(&self, gpu: &Gpu<'_>, s: &Sizes) -> Rung {
        let rung = self.rung.unwrap_or(match (gpu.tier.software, s.m, s.n) {
            // Software adapters pay for barriers and workgroup memory. Measured: BENCHMARKS.md, "Kernels on software adapters".
            (true, _, 32..) => Rung::Wide,
            (false, 32.., 32..) => Rung::Tiled,
            // Few columns fill neither tile.
            _ => Rung::Register,
        });
        if rung == Rung::Wide && !in_fours(&gpu.inputs[0], &gpu.inputs[1]) { Rung::Register } else { rung }
    }
}

impl Op for MatMul {
    fn name(&self) -> &'static str {
        "matmul"
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        expect_floats("matmul", inputs, 2 + usize::from(self.bias) + usize::from(self.residual))?;
        let (a, b) = (&inputs[0].shape, &inputs[1].shape);
        let axes = a.len();
        if axes < 2 || b.len() != axes {
            return Err(shape_error("matmul", "both operands need the same number of axes, two or more", inputs));
        }
        if a[..axes - 2] != b[..axes - 2] {
            return Err(shape_error("matmul", "the batch axes differ", inputs));
        }
        if a[axes - 1] != b[axes - 2] {
            let message = format!("{} columns do not meet {} rows", a[axes - 1], b[axes - 2]);
            return Err(shape_error("matmul", message, inputs));
        }
        let mut shape = a.to_vec();
        shape[axes - 1] = b[axes - 1];
        let shape = Shape::new(&shape)?;
        let (bias, residual) = self.extras();
        if let Some(i) = bias
            && *inputs[i].shape != [shape.last()]
        {
            return Err(shape_error("matmul", format!("the bias must be [{}]", shape.last()), inputs));
        }
        if let Some(i) = residual
            && inputs[i].shape != shape
        {
            return Err(shape_error("matmul", format!("the residual must be {shape}"), inputs));
        }
        Ok(vec![float(&shape)])
    }

    fn reads_strides(&self, input: usize) -> bool {
        input < 2
    }

    fn twin(&self, cpu: &mut Cpu<'_>) {
        let (inputs, c) = cpu.split(0);
        let (a, b) = (&inputs[0], &inputs[1]);
        let s = Sizes::of(&a.layout.shape, &b.layout.shape);
        let (sa, sb) = (strides(&a.layout), strides(&b.layout));
        let (bias, residual) = self.extra_slices(inputs);
        for (r, row) in c.chunks_mut(s.n).enumerate() {
            let (batch, i) = (r / s.m, r % s.m);
            let (b0, b1) = (batch / s.batch[1], batch % s.batch[1]);
            for (j, out) in row.iter_mut().enumerate() {
                let mut sum = 0.0;
                for k in 0..s.k {
                    let at_a = a.layout.offset + b0 * sa[0] + b1 * sa[1] + i * sa[2] + k * sa[3];
                    let at_b = b.layout.offset + b0 * sb[0] + b1 * sb[1] + k * sb[2] + j * sb[3];
                    sum += a.storage()[at_a] * b.storage()[at_b];
                }
                *out = self.alpha * sum;
            }
            let activate = |row: &mut [f32]| row.iter_mut().for_each(|c| *c = self.activation.at(*c));
            self.finish(row, bias, residual.map(|x| &x[r * s.n..(r + 1) * s.n]), activate);
        }
    }

    fn fast(&self, cpu: &mut Cpu<'_>) -> bool {
        let threads = cpu.threads;
        let (inputs, c) = cpu.split(0);
        let (a, b) = (&inputs[0], &inputs[1]);
        let s = Sizes::of(&a.layout.shape, &b.layout.shape);
        let (sa, sb) = (strides(&a.layout), strides(&b.layout));
        let (bias, residual) = self.extra_slices(inputs);
        let batches = s.batch[0] * s.batch[1];
        let product = |batch: usize, c: &mut [f32], threads: usize| {
            let (b0, b1) = (batch / s.batch[1], batch % s.batch[1]);
            let left = Matrix {
                data: a.storage(),
                offset: a.layout.offset + b0 * sa[0] + b1 * sa[1],
                row: sa[2],
                col: sa[3],
            };
            let right = Matrix {
                data: b.storage(),
                offset: b.layout.offset + b0 * sb[0] + b1 * sb[1],
                row: sb[2],
                col: sb[3],
            };
            gemm(s.m, s.n, s.k, self.alpha, left, right, c, threads);
        };
        if batches == 1 {
            product(0, c, threads);
        } else {
            super::for_rows(threads, c, s.m * s.n, |batch, c| product(batch, c, 1));
        }
        if bias.is_some() || residual.is_some() || self.activation != Activation::Identity {
            super::for_rows(threads, c, s.n, |r, row| {
                let activate = |row: &mut [f32]| self.activation.run(row);
                self.finish(row, bias, residual.map(|x| &x[r * s.n..(r + 1) * s.n]), activate);
            });
        }
        true
    }

    fn gpu(&self, gpu: &Gpu<'_>) -> Vec<Dispatch> {
        let (a, b) = (&gpu.inputs[0], &gpu.inputs[1]);
        let s = Sizes::of(&a.shape, &b.shape);
        let (sa, sb) = (strides(a), strides(b));
        let (bias, residual) = self.extras();
        let rung = self.choose(gpu, &s);
        let (kernel, [wide, high]) = rung.kernel();
        let bindings = [
            Bind::Input(0),
            Bind::Input(1),
            Bind::Input(bias.unwrap_or(0)),
            Bind::Input(residual.unwrap_or(0)),
            Bind::Output(0),
        ];
        let dispatch =
            Dispatch::new(kernel, &bindings)
                .u("batch1", s.batch[1])
                .u("m", s.m)
                .u("n", s.n)
                .u("k", s.k)
                .u("a_offset", a.offset)
                .u("a_batch0", sa[0])
                .u("a_batch1", sa[1])
                .u("a_row", sa[2])
                .u("a_col", sa[3])
                .u("b_offset", b.offset)
                .u("b_batch0", sb[0])
                .u("b_batch1", sb[1])
                .u("b_row", sb[2])
                .u("b_col", sb[3])
                .f("alpha", self.alpha)
                .groups([s.n.div_ceil(wide), s.m.div_ceil(high), s.batch[0] * s.batch[1]]);
        let finish = [
            ("has_bias", usize::from(self.bias)),
            ("has_residual", usize::from(self.residual)),
            ("activation", self.activation.number()),
        ];
        let turned = |layout: &Layout| usize::from(turned_in_fours(layout) == Some(true));
        vec![match rung {
            Rung::Naive | Rung::Tiled => finish.into_iter().fold(dispatch, |d, (name, value)| d.u(name, value)),
            Rung::Register => finish.into_iter().fold(dispatch, |d, (name, value)| d.constant(name, value)),
            Rung::Wide => finish
                .into_iter()
                .fold(dispatch, |d, (name, value)| d.constant(name, value))
                .constant("a_turned", turned(a))
                .constant("b_turned", turned(b)),
        }]
    }

    fn backward(&self, g: &mut Graph, ask: &Backward<'_>) -> Result<Vec<Option<Tensor>>> {
        // C = f(P) + residual, P = alpha A B + bias
        let (a, b, dc) = (ask.inputs[0], ask.inputs[1], ask.grad()?);
        let (bias, residual) = self.extras();
        let dp = if self.activation == Activation::Identity {
            dc
        } else {
            let epilogue = Epilogue { alpha: Some(self.alpha), bias: bias.map(|i| ask.inputs[i]), ..Epilogue::default() };
            let p = g.matmul_with(a, b, epilogue)?;
            g.activate_backward(self.activation, p, dc)?
        };
        let scaled = Epilogue { alpha: Some(self.alpha), ..Epilogue::default() };
        let mut grads = vec![None; ask.inputs.len()];
        if ask.wanted[0] {
            let bt = g.transpose(b)?; // dA = alpha dP B^T
            grads[0] = Some(g.matmul_with(dp, bt, scaled)?);
        }
        if ask.wanted[1] {
            let at = g.transpose(a)?; // dB = alpha A^T dP
            grads[1] = Some(g.matmul_with(at, dp, scaled)?);
        }
        if let Some(i) = bias {
            let n = g.shape(dp).last();
            let rows = g.shape(dp).count() / n;
            let flat = g.reshape(dp, &[rows, n])?;
            grads[i] = Some(g.reduce(flat, 0, Reduction::Sum)?);
        }
        if let Some(i) = residual {
            grads[i] = Some(dc);
        }
        Ok(grads)
    }

    fn flops(&self, inputs: &[Meta], outputs: &[Meta]) -> u64 {
        2 * (outputs[0].shape.count() * inputs[0].shape.last()) as u64
    }
}

impl Graph {
    /// `A B`
    pub fn matmul(&mut self, a: Tensor, b: Tensor) -> Result<Tensor> {
        self.matmul_with(a, b, Epilogue::default())
    }

    /// `f(alpha A B + bias) + residual`. A matrix B is shared by all batches of A.
    pub fn matmul_with(&mut self, a: Tensor, b: Tensor, epilogue: Epilogue) -> Result<Tensor> {
        self.matmul_on(a, b, epilogue, None)
    }

    fn matmul_on(&mut self, a: Tensor, b: Tensor, epilogue: Epilogue, rung: Option<Rung>) -> Result<Tensor> {
        let shape = self.shape(a).to_vec();
        if shape.len() > 2 && self.shape(b).len() == 2 {
            // One tall product instead of many small ones.
            let rows = shape[..shape.len() - 1].iter().product();
            let flat = self.reshape(a, &[rows, shape[shape.len() - 1]])?;
            let n = self.shape(b)[1];
            let residual = epilogue.residual.map(|r| self.reshape(r, &[rows, n])).transpose()?;
            let c = self.matmul_on(flat, b, Epilogue { residual, ..epilogue }, rung)?;
            let mut out = shape;
            *out.last_mut().expect("a shape has axes") = n;
            return self.reshape(c, &out);
        }
        let op = MatMul {
            rung,
            alpha: epilogue.alpha.unwrap_or(1.0),
            activation: epilogue.activation,
            bias: epilogue.bias.is_some(),
            residual: epilogue.residual.is_some(),
        };
        let inputs: Vec<Tensor> = [Some(a), Some(b), epilogue.bias, epilogue.residual].into_iter().flatten().collect();
        self.apply1(op, &inputs)
    }
}

pub(super) fn entries() -> Vec<Entry> {
    vec![Entry {
        name: "matmul",
        summary: "y = f(alpha A B + bias) + residual",
        inputs: &[
            ("a", "[.., m, k]; [.., k, m] if transpose_a"),
            ("b", "[.., k, n]; [.., n, k] if transpose_b"),
            ("bias", "[n], optional"),
            ("residual", "[.., m, n], optional"),
        ],
        attrs: &[
            ("transpose_a", "true or false (default false)"),
            ("transpose_b", "true or false (default false)"),
            ("alpha", "factor of the product (default 1)"),
            ("activation", "gelu, silu, relu, tanh, sigmoid or identity (default identity)"),
            ("rung", "auto, naive, register, wide or tiled: the GPU's kernel (default auto)"),
        ],
        build: |g, inputs, attrs| {
            let (mut a, mut b) = (inputs.get("a")?, inputs.get("b")?);
            if attr(attrs, "transpose_a", false)? {
                a = g.transpose(a)?;
            }
            if attr(attrs, "transpose_b", false)? {
                b = g.transpose(b)?;
            }
            let epilogue = Epilogue {
                alpha: Some(attr(attrs, "alpha", 1.0)?),
                bias: inputs.optional("bias"),
                activation: Activation::parse(&attr(attrs, "activation", "identity".to_string())?)?,
                residual: inputs.optional("residual"),
            };
            let rung = Rung::parse(&attr(attrs, "rung", "auto".to_string())?)?;
            Ok(vec![("y", g.matmul_on(a, b, epilogue, rung)?)])
        },
        cases: || {
            let mut make = Make::new(500);
            let mut cases = Vec::new();
            for (m, k, n) in [(1, 1, 1), (1, 64, 1), (2, 3, 5), (7, 13, 17), (33, 65, 31), (64, 64, 64), (61, 16, 67)] {
                let inputs = vec![("a", make.normal(&[m, k])), ("b", make.normal(&[k, n]))];
                cases.push(
                    Case::new(format!("{m}x{k} by {k}x{n}"), inputs).tolerance(Tolerance::SUM).gradients(&["a", "b"]),
                );
            }
            let inputs = vec![("a", make.normal(&[2, 3, 9, 5])), ("b", make.normal(&[2, 3, 7, 5]))];
            cases.push(
                Case::new("two batch axes, B transposed", inputs)
                    .attr("transpose_b", true)
                    .tolerance(Tolerance::SUM)
                    .gradients(&["a", "b"]),
            );
            let inputs = vec![("a", make.normal(&[2, 40, 37])), ("b", make.normal(&[2, 40, 41]))];
            cases.push(Case::new("A transposed", inputs).attr("transpose_a", true).tolerance(Tolerance::SUM));
            for f in ["gelu", "relu", "identity"] {
                let inputs = vec![
                    ("a", make.floats(&[3, 6, 11], 0.5, 0.0)),
                    ("b", make.floats(&[11, 10], 0.5, 0.0)),
                    ("bias", make.normal(&[10])),
                    ("residual", make.normal(&[3, 6, 10])),
                ];
                cases.push(
                    Case::new(format!("bias, {f}, residual"), inputs)
                        .attr("activation", f)
                        .attr("alpha", 0.5)
                        .tolerance(Tolerance::SUM)
                        .gradients(&["a", "b", "bias", "residual"]),
                );
            }
            // Every kernel on every way operands may lie; sizes that fill no tile, but fours.
            for rung in ["naive", "register", "wide", "tiled"] {
                for (turn_a, turn_b) in [(false, false), (false, true), (true, false), (true, true)] {
                    let (a, b) = (if turn_a { [2, 24, 20] } else { [2, 20, 24] }, if turn_b { [2, 36, 24] } else { [2, 24, 36] });
                    let inputs = vec![
                        ("a", make.floats(&a, 0.5, 0.0)),
                        ("b", make.floats(&b, 0.5, 0.0)),
                        ("bias", make.normal(&[36])),
                        ("residual", make.normal(&[2, 20, 36])),
                    ];
                    let plain = inputs[..2].to_vec();
                    let case = |label: &str, inputs| {
                        let lies = |turned: bool| if turned { "turned" } else { "as it is" };
                        Case::new(format!("{rung}, A {}, B {}{label}", lies(turn_a), lies(turn_b)), inputs)
                            .attr("rung", rung)
                            .attr("transpose_a", turn_a)
                            .attr("transpose_b", turn_b)
                            .tolerance(Tolerance::SUM)
                    };
                    cases.push(case("", plain));
                    cases.push(case(", finished", inputs).attr("activation", "silu").attr("alpha", 0.5));
                }
                for (m, k, n) in [(1, 8, 4), (3, 40, 44), (35, 12, 16), (17, 64, 100)] {
                    let inputs = vec![("a", make.normal(&[m, k])), ("b", make.normal(&[k, n]))];
                    let case = Case::new(format!("{rung}, {m}x{k} by {k}x{n}"), inputs);
                    cases.push(case.attr("rung", rung).tolerance(Tolerance::SUM));
                }
            }
            let inputs = vec![("a", make.floats(&[5, 8], 1e15, 0.0)), ("b", make.floats(&[8, 5], 1e15, 0.0))];
            cases.push(Case::new("large", inputs).tolerance(Tolerance { name: "sum of large", absolute: 1e25, relative: 1e-4 }));
            cases
        },
    }]
}
