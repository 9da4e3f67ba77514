//! Elementwise arithmetic on two tensors, `y = a (+) b`, with NumPy's broadcasting: a repeated axis has stride 0.

use super::{Bind, Case, Cpu, Dispatch, Entry, Gpu, Make, Op, Tolerance, attr, expect_floats, float, shape_error};
use crate::{Error, Graph, Meta, Result, Tensor, graph::Backward};

/// The operations, in the order the kernel numbers them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binary {
    /// a + b
    Add,
    /// a - b
    Sub,
    /// a b
    Mul,
    /// a / b
    Div,
    /// The larger.
    Max,
    /// 1 where a = b, else 0.
    Equal,
    /// 1 where a > b, else 0.
    Greater,
}

impl Binary {
    #[inline(always)]
    fn at(self, a: f32, b: f32) -> f32 {
        match self {
            Self::Add => a + b,
            Self::Sub => a - b,
            Self::Mul => a * b,
            Self::Div => a / b,
            Self::Max => a.max(b),
            Self::Equal => f32::from(a == b),
            Self::Greater => f32::from(a > b),
        }
    }
}

impl Op for Binary {
    fn name(&self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Sub => "sub",
            Self::Mul => "mul",
            Self::Div => "div",
            Self::Max => "max",
            Self::Equal => "equal",
            Self::Greater => "greater",
        }
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        expect_floats(self.name(), inputs, 2)?;
        if inputs[0].shape != inputs[1].shape {
            return Err(shape_error(self.name(), "the operands differ in shape after broadcasting", inputs));
        }
        Ok(vec![float(&inputs[0].shape)])
    }

    fn reads_strides(&self, _input: usize) -> bool {
        true
    }

    fn twin(&self, cpu: &mut Cpu<'_>) {
        let (inputs, y) = cpu.split(0);
        for (y, (a, b)) in y.iter_mut().zip(inputs[0].iter().zip(inputs[1].iter())) {
            *y = self.at(a, b);
        }
    }

    fn fast(&self, cpu: &mut Cpu<'_>) -> bool {
        // Along the last axis every operand either moves by one word or stays: three tight loops cover all.
        let threads = cpu.threads;
        let row = cpu.inputs[0].layout.shape.last();
        let last = |i: usize| cpu.inputs[i].layout.strides[cpu.inputs[i].layout.shape.len() - 1];
        let (da, db) = (last(0), last(1));
        if row > 1 && (da > 1 || db > 1) {
            return false;
        }
        let (inputs, y) = cpu.split(0);
        let (a, b) = (&inputs[0], &inputs[1]);
        let (shape, a_strides) = a.layout.four();
        let (_, b_strides) = b.layout.four();
        let start = |r: usize, strides: [u32; 4], offset: usize| {
            let (i2, i1, i0) =
                (r % shape[2] as usize, r / shape[2] as usize % shape[1] as usize, r / (shape[1] * shape[2]) as usize);
            offset + i0 * strides[0] as usize + i1 * strides[1] as usize + i2 * strides[2] as usize
        };
        let whole = a.layout.is_contiguous() && b.layout.is_contiguous();
        let row = if whole { 1024 } else { row };
        let (av, bv) = (a.storage(), b.storage());
        super::for_rows(threads, y, row, |r, y| {
            let (i, j) = if whole {
                (r * row, r * row)
            } else {
                (start(r, a_strides, a.layout.offset), start(r, b_strides, b.layout.offset))
            };
            match (da, db) {
                _ if whole || (da == 1 && db == 1) => match self {
                    Self::Add => y.iter_mut().zip(&av[i..]).zip(&bv[j..]).for_each(|((y, a), b)| *y = a + b),
                    Self::Mul => y.iter_mut().zip(&av[i..]).zip(&bv[j..]).for_each(|((y, a), b)| *y = a * b),
                    _ => y.iter_mut().zip(&av[i..]).zip(&bv[j..]).for_each(|((y, a), b)| *y = self.at(*a, *b)),
                },
                (1, _) => y.iter_mut().zip(&av[i..]).for_each(|(y, a)| *y = self.at(*a, bv[j])),
                (_, 1) => y.iter_mut().zip(&bv[j..]).for_each(|(y, b)| *y = self.at(av[i], *b)),
                _ => y.fill(self.at(av[i], bv[j])),
            }
        });
        true
    }

    fn gpu(&self, gpu: &Gpu<'_>) -> Vec<Dispatch> {
        let (shape, a_strides) = gpu.inputs[0].four();
        let (_, b_strides) = gpu.inputs[1].four();
        let count = gpu.inputs[0].shape.count();
        vec![
            Dispatch::new(&shaders::BINARY, &[Bind::Input(0), Bind::Input(1), Bind::Output(0)])
                .v("shape", shape)
                .v("a_strides", a_strides)
                .v("b_strides", b_strides)
                .u("a_offset", gpu.inputs[0].offset)
                .u("b_offset", gpu.inputs[1].offset)
                .u("count", count)
                .u("kind", *self as usize)
                .invocations(count),
        ]
    }

    fn backward(&self, g: &mut Graph, ask: &Backward<'_>) -> Result<Vec<Option<Tensor>>> {
        let (a, b, y, dy) = (ask.inputs[0], ask.inputs[1], ask.outputs[0], ask.grad()?);
        let mut grads = vec![None, None];
        let (wants_a, wants_b) = (ask.wanted[0], ask.wanted[1]);
        match self {
            // y = a + b
            Self::Add => grads = vec![Some(dy), Some(dy)],
            // y = a - b
            Self::Sub => {
                grads[0] = Some(dy);
                if wants_b {
                    grads[1] = Some(g.scale(dy, -1.0)?);
                }
            }
            // y = a b
            Self::Mul => {
                if wants_a {
                    grads[0] = Some(g.mul(dy, b)?);
                }
                if wants_b {
                    grads[1] = Some(g.mul(dy, a)?);
                }
            }
            // y = a / b: da = dy / b, db = -dy y / b
            Self::Div => {
                let q = g.div(dy, b)?;
                grads[0] = Some(q);
                if wants_b {
                    let r = g.mul(q, y)?;
                    grads[1] = Some(g.scale(r, -1.0)?);
                }
            }
            // y = max(a, b): the gradient goes to the larger, to a in a tie
            Self::Max => {
                let b_wins = g.binary(Self::Greater, b, a)?;
                let db = g.mul(dy, b_wins)?;
                if wants_a {
                    grads[0] = Some(g.sub(dy, db)?);
                }
                grads[1] = Some(db);
            }
            // Steps: flat wherever they have a slope.
            Self::Equal | Self::Greater => {}
        }
        Ok(grads)
    }

    fn flops(&self, inputs: &[Meta], _outputs: &[Meta]) -> u64 {
        inputs[0].shape.count() as u64
    }
}

impl Graph {
    /// Elementwise, with broadcasting.
    pub fn binary(&mut self, f: Binary, a: Tensor, b: Tensor) -> Result<Tensor> {
        let (a, b) = self.broadcast(f.name(), a, b)?;
        self.apply1(f, &[a, b])
    }
    /// `a + b`
    pub fn add(&mut self, a: Tensor, b: Tensor) -> Result<Tensor> {
        self.binary(Binary::Add, a, b)
    }
    /// `a - b`
    pub fn sub(&mut self, a: Tensor, b: Tensor) -> Result<Tensor> {
        self.binary(Binary::Sub, a, b)
    }
    /// `a b`, element by element
    pub fn mul(&mut self, a: Tensor, b: Tensor) -> Result<Tensor> {
        self.binary(Binary::Mul, a, b)
    }
    /// `a / b`
    pub fn div(&mut self, a: Tensor, b: Tensor) -> Result<Tensor> {
        self.binary(Binary::Div, a, b)
    }
}

pub(super) fn entries() -> Vec<Entry> {
    vec![Entry {
        name: "binary",
        summary: "y = a (+) b, element by element, with NumPy's broadcasting",
        inputs: &[("a", "any shape"), ("b", "a shape that broadcasts with a's")],
        attrs: &[("f", "add, sub, mul, div, max, equal or greater (default add)")],
        build: |g, inputs, attrs| {
            let name = attr(attrs, "f", "add".to_string())?;
            let f = [Binary::Add, Binary::Sub, Binary::Mul, Binary::Div, Binary::Max, Binary::Equal, Binary::Greater]
                .into_iter()
                .find(|f| f.name() == name)
                .ok_or_else(|| Error::data("f", format!("`{name}` is not an operation")))?;
            Ok(vec![("y", g.binary(f, inputs.get("a")?, inputs.get("b")?)?)])
        },
        cases: || {
            let mut make = Make::new(400);
            let mut cases = Vec::new();
            for f in ["add", "sub", "mul", "max", "equal", "greater"] {
                let inputs = vec![("a", make.normal(&[3, 5, 7])), ("b", make.normal(&[3, 5, 7]))];
                let case = Case::new(f, inputs).attr("f", f);
                cases.push(if matches!(f, "equal" | "greater") { case } else { case.gradients(&["a", "b"]) });
            }
            let b = make.floats(&[2, 11], 0.2, 2.0);
            cases.push(
                Case::new("div", vec![("a", make.normal(&[2, 11])), ("b", b)]).attr("f", "div").gradients(&["a", "b"]),
            );
            for (a, b) in [
                (&[4, 3, 5][..], &[5][..]),
                (&[4, 1, 5], &[3, 1]),
                (&[1], &[6, 7]),
                (&[2, 3, 1, 5], &[3, 4, 1]),
                (&[1, 1], &[1]),
            ] {
                let inputs = vec![("a", make.normal(a)), ("b", make.normal(b))];
                cases.push(
                    Case::new(format!("{a:?} with {b:?}"), inputs)
                        .attr("f", "mul")
                        .gradients(&["a", "b"])
                        .tolerance(Tolerance::SUM),
                );
            }
            cases
        },
    }]
}
