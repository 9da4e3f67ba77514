//! Elementwise functions of one tensor: `y = f(x)`.

use super::{Bind, Case, Cpu, Dispatch, Entry, Gpu, Make, Op, Tolerance, attr, expect_floats, float};
use crate::{Error, Graph, Meta, Result, Tensor, graph::Backward};

/// The functions, in the order the kernel numbers them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Unary {
    /// e^x
    Exp,
    /// Natural logarithm.
    Log,
    /// -x
    Neg,
    /// x^2
    Square,
    /// Square root.
    Sqrt,
    /// 1 / sqrt(x)
    Rsqrt,
    /// 1 / x
    Reciprocal,
    /// a x + b
    Affine(f32, f32),
}

impl Unary {
    fn number(self) -> usize {
        match self {
            Self::Exp => 0,
            Self::Log => 1,
            Self::Neg => 2,
            Self::Square => 3,
            Self::Sqrt => 4,
            Self::Rsqrt => 5,
            Self::Reciprocal => 6,
            Self::Affine(..) => 7,
        }
    }

    fn at(self, x: f32) -> f32 {
        match self {
            Self::Exp => x.exp(),
            Self::Log => x.ln(),
            Self::Neg => -x,
            Self::Square => x * x,
            Self::Sqrt => x.sqrt(),
            Self::Rsqrt => 1.0 / x.sqrt(),
            Self::Reciprocal => 1.0 / x,
            Self::Affine(a, b) => a * x + b,
        }
    }
}

impl Op for Unary {
    fn name(&self) -> &'static str {
        match self {
            Self::Exp => "exp",
            Self::Log => "log",
            Self::Neg => "neg",
            Self::Square => "square",
            Self::Sqrt => "sqrt",
            Self::Rsqrt => "rsqrt",
            Self::Reciprocal => "reciprocal",
            Self::Affine(..) => "affine",
        }
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        expect_floats(self.name(), inputs, 1)?;
        Ok(vec![float(&inputs[0].shape)])
    }

    fn reads_strides(&self, _input: usize) -> bool {
        true
    }

    fn twin(&self, cpu: &mut Cpu<'_>) {
        let (inputs, y) = cpu.split(0);
        for (y, x) in y.iter_mut().zip(inputs[0].iter()) {
            *y = self.at(x);
        }
    }

    fn fast(&self, cpu: &mut Cpu<'_>) -> bool {
        if !cpu.inputs[0].layout.is_contiguous() {
            return false;
        }
        let threads = cpu.threads;
        let (inputs, y) = cpu.split(0);
        let x = inputs[0].f32();
        super::for_rows(threads, y, 1024, |row, y| {
            for (y, x) in y.iter_mut().zip(&x[row * 1024..]) {
                *y = self.at(*x);
            }
        });
        true
    }

    fn gpu(&self, gpu: &Gpu<'_>) -> Vec<Dispatch> {
        let (shape, strides) = gpu.inputs[0].four();
        let count = gpu.inputs[0].shape.count();
        let (a, b) = if let Self::Affine(a, b) = self { (*a, *b) } else { (0.0, 0.0) };
        vec![
            Dispatch::new(&shaders::UNARY, &[Bind::Input(0), Bind::Output(0)])
                .v("shape", shape)
                .v("strides", strides)
                .u("offset", gpu.inputs[0].offset)
                .u("count", count)
                .u("kind", self.number())
                .f("a", a)
                .f("b", b)
                .invocations(count),
        ]
    }

    fn backward(&self, g: &mut Graph, ask: &Backward<'_>) -> Result<Vec<Option<Tensor>>> {
        let (x, y, dy) = (ask.inputs[0], ask.outputs[0], ask.grad()?);
        let dx = match *self {
            Self::Exp => g.mul(dy, y)?,                  // y = e^x
            Self::Log => g.div(dy, x)?,                  // y = log x
            Self::Neg => g.unary(Self::Neg, dy)?,        // y = -x
            Self::Affine(a, _) => g.scale(dy, a)?,       // y = a x + b
            Self::Square => {
                let twice = g.scale(x, 2.0)?; // y = x^2
                g.mul(dy, twice)?
            }
            Self::Sqrt => {
                let q = g.div(dy, y)?; // y = sqrt x, dy/dx = 1 / (2 y)
                g.scale(q, 0.5)?
            }
            Self::Rsqrt => {
                let q = g.div(y, x)?; // y = x^(-1/2), dy/dx = -y / (2 x)
                let q = g.mul(dy, q)?;
                g.scale(q, -0.5)?
            }
            Self::Reciprocal => {
                let q = g.mul(y, y)?; // y = 1/x, dy/dx = -y^2
                let q = g.mul(dy, q)?;
                g.unary(Self::Neg, q)?
            }
        };
        Ok(vec![Some(dx)])
    }

    fn flops(&self, inputs: &[Meta], _outputs: &[Meta]) -> u64 {
        inputs[0].shape.count() as u64
    }
}

impl Graph {
    /// `f(x)`, element by element.
    pub fn unary(&mut self, f: Unary, x: Tensor) -> Result<Tensor> {
        self.apply1(f, &[x])
    }

    /// `a x`
    pub fn scale(&mut self, x: Tensor, a: f32) -> Result<Tensor> {
        self.unary(Unary::Affine(a, 0.0), x)
    }
}

pub(super) fn entries() -> Vec<Entry> {
    vec![Entry {
        name: "unary",
        summary: "y = f(x), element by element",
        inputs: &[("x", "any shape")],
        attrs: &[
            ("f", "exp, log, neg, square, sqrt, rsqrt, reciprocal or affine (default affine)"),
            ("a", "affine: factor (default 1)"),
            ("b", "affine: summand (default 0)"),
        ],
        build: |g, inputs, attrs| {
            let f = match attr(attrs, "f", "affine".to_string())?.as_str() {
                "exp" => Unary::Exp,
                "log" => Unary::Log,
                "neg" => Unary::Neg,
                "square" => Unary::Square,
                "sqrt" => Unary::Sqrt,
                "rsqrt" => Unary::Rsqrt,
                "reciprocal" => Unary::Reciprocal,
                "affine" => Unary::Affine(attr(attrs, "a", 1.0)?, attr(attrs, "b", 0.0)?),
                other => return Err(Error::data("f", format!("`{other}` is not a function"))),
            };
            Ok(vec![("y", g.unary(f, inputs.get("x")?)?)])
        },
        cases: || {
            let mut make = Make::new(200);
            let mut cases = Vec::new();
            for f in ["exp", "neg", "square"] {
                cases.push(Case::new(f, vec![("x", make.normal(&[3, 5, 7]))]).attr("f", f).gradients(&["x"]));
            }
            for f in ["log", "sqrt", "rsqrt", "reciprocal"] {
                let mut x = make.normal(&[4, 13]);
                if let crate::Data::F32(v) = &mut x.data {
                    v.iter_mut().for_each(|v| *v = v.abs() + 0.5);
                }
                cases.push(Case::new(f, vec![("x", x)]).attr("f", f).gradients(&["x"]));
            }
            let affine = Case::new("affine", vec![("x", make.normal(&[257]))]).attr("a", -1.5).attr("b", 0.25);
            cases.push(affine.gradients(&["x"]));
            cases.push(Case::new("one element", vec![("x", make.normal(&[1]))]).attr("f", "exp"));
            cases.push(
                Case::new("large", vec![("x", make.floats(&[65], 1e18, 0.0))])
                    .attr("f", "square")
                    .tolerance(Tolerance::ELEMENTWISE),
            );
            cases
        },
    }]
}
