//! Activation functions: `y = f(x)` with f one of GELU, SiLU, ReLU, tanh, sigmoid.
//!
//! GELU is the tanh form, `x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))` (Hendrycks and Gimpel 2016); SiLU is
//! `x sigmoid(x)`. The gradient is evaluated from x, so nothing else need be kept.

use super::{Bind, Case, Cpu, Dispatch, Entry, Gpu, Make, Op, attr, expect_floats, float, shape_error};
use crate::{Error, Graph, Meta, Result, Tensor, cpu::exp, graph::Backward};

/// The activations, in the order `shared/activation.wgsl` numbers them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Activation {
    /// x
    #[default]
    Identity,
    /// Gaussian error linear unit, tanh form.
    Gelu,
    /// x sigmoid(x), also called swish.
    Silu,
    /// max(x, 0)
    Relu,
    /// Hyperbolic tangent.
    Tanh,
    /// 1 / (1 + e^-x)
    Sigmoid,
}

const SQRT_2_OVER_PI: f32 = 0.797_884_6;

#[inline(always)]
fn sigmoid(x: f32, exp: impl Fn(f32) -> f32) -> f32 {
    1.0 / (1.0 + exp(-x.clamp(-80.0, 80.0)))
}

#[inline(always)]
fn gelu_inner(x: f32) -> f32 {
    SQRT_2_OVER_PI * (x + 0.044_715 * x * x * x)
}

/// tanh through one `exp`.
#[inline(always)]
fn tanh(x: f32, exp: impl Fn(f32) -> f32) -> f32 {
    let e = exp(-2.0 * x.abs().min(10.0));
    ((1.0 - e) / (1.0 + e)).copysign(x)
}

impl Activation {
    /// Its number in the kernels.
    pub fn number(self) -> usize {
        self as usize
    }

    /// The standard name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Gelu => "gelu",
            Self::Silu => "silu",
            Self::Relu => "relu",
            Self::Tanh => "tanh",
            Self::Sigmoid => "sigmoid",
        }
    }

    /// The activation of that name.
    pub fn parse(name: &str) -> Result<Self> {
        [Self::Identity, Self::Gelu, Self::Silu, Self::Relu, Self::Tanh, Self::Sigmoid]
            .into_iter()
            .find(|f| f.name() == name)
            .ok_or_else(|| Error::data("activation", format!("`{name}` is not one")))
    }

    /// f(x)
    pub fn at(self, x: f32) -> f32 {
        self.value(x, f32::exp)
    }

    /// f'(x)
    pub fn derivative(self, x: f32) -> f32 {
        self.slope(x, f32::exp)
    }

    /// f(x) by a given exponential: the library's for the twin, one that vectorises for the fast path.
    #[inline(always)]
    fn value(self, x: f32, exp: impl Fn(f32) -> f32) -> f32 {
        match self {
            Self::Identity => x,
            Self::Gelu => 0.5 * x * (1.0 + tanh(gelu_inner(x), exp)),
            Self::Silu => x * sigmoid(x, exp),
            Self::Relu => x.max(0.0),
            Self::Tanh => tanh(x, exp),
            Self::Sigmoid => sigmoid(x, exp),
        }
    }

    #[inline(always)]
    fn slope(self, x: f32, exp: impl Fn(f32) -> f32) -> f32 {
        match self {
            Self::Identity => 1.0,
            Self::Gelu => {
                let t = tanh(gelu_inner(x), exp);
                0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * SQRT_2_OVER_PI * (1.0 + 0.134_145 * x * x)
            }
            Self::Silu => {
                let s = sigmoid(x, exp);
                s * (1.0 + x * (1.0 - s))
            }
            Self::Relu => f32::from(x > 0.0),
            Self::Tanh => {
                let t = tanh(x, exp);
                1.0 - t * t
            }
            Self::Sigmoid => {
                let s = sigmoid(x, exp);
                s * (1.0 - s)
            }
        }
    }

    /// `row = f(row)`, with SIMD.
    pub(super) fn run(self, row: &mut [f32]) {
        self.known(row, |f, row| row.iter_mut().for_each(|x| *x = f.value(*x, exp)));
    }

    /// `row = row f'(x)`, with SIMD.
    fn run_backward(self, x: &[f32], row: &mut [f32]) {
        self.known(row, |f, row| row.iter_mut().zip(x).for_each(|(dy, x)| *dy *= f.slope(*x, exp)));
    }

    /// Runs a loop with the activation known when it is compiled, so that the loop has no choice in it.
    #[inline(always)]
    fn known(self, row: &mut [f32], run: impl Fn(Self, &mut [f32])) {
        match self {
            Self::Identity => run(Self::Identity, row),
            Self::Gelu => run(Self::Gelu, row),
            Self::Silu => run(Self::Silu, row),
            Self::Relu => run(Self::Relu, row),
            Self::Tanh => run(Self::Tanh, row),
            Self::Sigmoid => run(Self::Sigmoid, row),
        }
    }
}

impl Op for Activation {
    fn name(&self) -> &'static str {
        (*self).name()
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        expect_floats((*self).name(), inputs, 1)?;
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
            y.copy_from_slice(&x[row * 1024..][..y.len()]);
            self.run(y);
        });
        true
    }

    fn gpu(&self, gpu: &Gpu<'_>) -> Vec<Dispatch> {
        let (shape, strides) = gpu.inputs[0].four();
        let count = gpu.inputs[0].shape.count();
        vec![
            Dispatch::new(&shaders::ACTIVATION, &[Bind::Input(0), Bind::Output(0)])
                .v("shape", shape)
                .v("strides", strides)
                .u("offset", gpu.inputs[0].offset)
                .u("count", count)
                .u("kind", self.number())
                .invocations(count),
        ]
    }

    fn backward(&self, g: &mut Graph, ask: &Backward<'_>) -> Result<Vec<Option<Tensor>>> {
        // y = f(x), so dx = dy f'(x)
        Ok(vec![Some(g.apply1(ActivationBackward(*self), &[ask.inputs[0], ask.grad()?])?)])
    }

    fn flops(&self, inputs: &[Meta], _outputs: &[Meta]) -> u64 {
        8 * inputs[0].shape.count() as u64
    }
}

/// `dx = dy f'(x)`
#[derive(Debug, Clone, Copy)]
struct ActivationBackward(Activation);

impl Op for ActivationBackward {
    fn name(&self) -> &'static str {
        "activation_backward"
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        expect_floats("activation_backward", inputs, 2)?;
        if inputs[0].shape != inputs[1].shape {
            return Err(shape_error("activation_backward", "x and dy differ in shape", inputs));
        }
        Ok(vec![float(&inputs[0].shape)])
    }

    fn reads_strides(&self, _input: usize) -> bool {
        true
    }

    fn twin(&self, cpu: &mut Cpu<'_>) {
        let (inputs, dx) = cpu.split(0);
        for (dx, (x, dy)) in dx.iter_mut().zip(inputs[0].iter().zip(inputs[1].iter())) {
            *dx = dy * self.0.derivative(x);
        }
    }

    fn fast(&self, cpu: &mut Cpu<'_>) -> bool {
        if !cpu.inputs.iter().all(|i| i.layout.is_contiguous()) {
            return false;
        }
        let threads = cpu.threads;
        let (inputs, dx) = cpu.split(0);
        let (x, dy) = (inputs[0].f32(), inputs[1].f32());
        super::for_rows(threads, dx, 1024, |row, dx| {
            dx.copy_from_slice(&dy[row * 1024..][..dx.len()]);
            self.0.run_backward(&x[row * 1024..], dx);
        });
        true
    }

    fn gpu(&self, gpu: &Gpu<'_>) -> Vec<Dispatch> {
        let (shape, x_strides) = gpu.inputs[0].four();
        let (_, dy_strides) = gpu.inputs[1].four();
        let count = gpu.inputs[0].shape.count();
        vec![
            Dispatch::new(&shaders::ACTIVATION_BACKWARD, &[Bind::Input(0), Bind::Input(1), Bind::Output(0)])
                .v("shape", shape)
                .v("x_strides", x_strides)
                .v("dy_strides", dy_strides)
                .u("x_offset", gpu.inputs[0].offset)
                .u("dy_offset", gpu.inputs[1].offset)
                .u("count", count)
                .u("kind", self.0.number())
                .invocations(count),
        ]
    }

    fn backward(&self, _g: &mut Graph, _ask: &Backward<'_>) -> Result<Vec<Option<Tensor>>> {
        Err(Error::NoGradient { op: "activation_backward", reason: "second derivatives of activations are not built" })
    }

    fn flops(&self, inputs: &[Meta], _outputs: &[Meta]) -> u64 {
        12 * inputs[0].shape.count() as u64
    }
}

impl Graph {
    /// `f(x)`, element by element.
    pub fn activate(&mut self, f: Activation, x: Tensor) -> Result<Tensor> {
        if f == Activation::Identity { Ok(x) } else { self.apply1(f, &[x]) }
    }

    /// `dy f'(x)`
    pub(crate) fn activate_backward(&mut self, f: Activation, x: Tensor, dy: Tensor) -> Result<Tensor> {
        if f == Activation::Identity { Ok(dy) } else { self.apply1(ActivationBackward(f), &[x, dy]) }
    }
}

pub(super) fn entries() -> Vec<Entry> {
    vec![Entry {
        name: "activation",
        summary: "y = f(x), f one of GELU (tanh form), SiLU, ReLU, tanh, sigmoid",
        inputs: &[("x", "any shape")],
        attrs: &[("f", "gelu, silu, relu, tanh, sigmoid or identity (default gelu)")],
        build: |g, inputs, attrs| {
            let f = Activation::parse(&attr(attrs, "f", "gelu".to_string())?)?;
            Ok(vec![("y", g.activate(f, inputs.get("x")?)?)])
        },
        cases: || {
            let mut make = Make::new(300);
            let mut cases = Vec::new();
            for f in ["gelu", "silu", "relu", "tanh", "sigmoid"] {
                cases.push(Case::new(f, vec![("x", make.normal(&[7, 37]))]).attr("f", f).gradients(&["x"]));
                cases.push(Case::new(format!("{f}, large"), vec![("x", make.floats(&[129], 200.0, 0.0))]).attr("f", f));
            }
            cases
        },
    }]
}
