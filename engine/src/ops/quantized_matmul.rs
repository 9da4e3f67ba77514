//! Product with quantised weights: `y[r, j] = sum_i x[r, i] w[i, j] + bias[j]`, w unpacked on the way.
//!
//! x: `[.., k]`; w: `[k, n]` as packed codes, steps and zeros of [`crate::quant`]; bias: `[n]`; y: `[.., n]`. Over a group of
//! inputs that share a step it is `step (sum_i x[i] code[i] - zero sum_i x[i])`, so zero and step cost next to nothing.
//!
//! With [`Activations::Int8`] the rows of x are quantised too, to `int8` with a step a row, and the products are of whole
//! numbers (Dettmers et al. 2022): faster where the adapter multiplies bytes, and another result.
//!
//! The ladder of kernels: registers only, one row, four and sixteen; inputs split over a workgroup, for one row; shared tile; packed
//! dot product, and the same by shifts. The gradient is with respect to x alone: codes are whole numbers.

use shaders::Kernel;

use super::{
    Bind, Case, Cpu, CpuInput, Dispatch, Entry, Gpu, Make, Op, QuantizedTensor, Reduction, Tolerance, attr,
    dequantize::{case_inputs, extras, named, packed},
    float, for_rows, for_rows_of,
    quantize::{FORMATS, expect_packed},
    shape_error,
};
use crate::{
    DType, Error, Graph, Meta, Result, Shape, Tensor,
    cpu::{COLUMNS, Matrix, gemm, gemm_add},
    graph::Backward,
    quant::{self, BLOCK, Granularity, Levels, Packing},
};

/// How the rows of x enter the products.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Activations {
    /// As they are.
    #[default]
    F32,
    /// Quantised to 8 bits, a step a row; the weights must be `int8`.
    Int8,
}

/// Which kernel: a rung of the ladder, or the fitting one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum QuantizedKernel {
    /// By shape and adapter.
    #[default]
    Auto,
    /// Registers only: one row at a time.
    MatvecRegister,
    /// Registers only: four rows at a time.
    Register,
    /// Registers only: sixteen rows at a time. Codes of one plane and evenly spaced levels; others give way to `Register`.
    Wide,
    /// Inputs split over a workgroup.
    Matvec,
    /// Shared tile.
    Tiled,
    /// Bytes by shifts, where the packed dot product would do.
    Plain,
}

impl QuantizedKernel {
    fn parse(text: &str) -> Result<Self> {
        Ok(match text {
            "auto" => Self::Auto,
            "matvec_register" => Self::MatvecRegister,
            "register" => Self::Register,
            "wide" => Self::Wide,
            "matvec" => Self::Matvec,
            "tiled" => Self::Tiled,
            "plain" => Self::Plain,
            other => return Err(Error::data("kernel", format!("`{other}` is not a kernel of quantized_matmul"))),
        })
    }
}

#[derive(Debug, Clone)]
struct QuantizedMatMul {
    packing: Packing,
    bias: bool,
    activations: Activations,
    kernel: QuantizedKernel,
}

/// Rows from which on it pays to unpack weights for all of them and multiply matrices.
const ROWS_TO_UNPACK: usize = 4;

/// Inputs that are unpacked at once: a panel that stays in the cache for a thousand columns.
const PANEL: usize = 128;

/// A row of x in 8 bits: whole numbers, and their step.
fn int8(x: &[f32]) -> (impl Iterator<Item = f32> + '_, f32) {
    let levels = Levels::Symmetric(8);
    let largest = x.iter().fold(0.0f32, |m, x| m.max(x.abs()));
    let product = largest * levels.factor(1);
    let step = if product < quant::SMALLEST_STEP { 0.0 } else { product };
    (x.iter().map(move |&x| quant::code(levels, x, step, levels.zero()).0 as f32 - levels.zero()), step)
}

impl QuantizedMatMul {
    /// The input index of the bias.
    fn bias_input(&self, inputs: usize) -> usize {
        if self.bias { inputs - 1 } else { 2 }
    }

    fn bias<'a>(&self, inputs: &[CpuInput<'a>]) -> Option<&'a [f32]> {
        self.bias.then(|| inputs[inputs.len() - 1].f32())
    }

    /// The kernel, and how many quads of columns and how many rows a workgroup of it makes.
    fn kernel(&self, gpu: &Gpu<'_>, m: usize) -> (&'static Kernel, [usize; 2]) {
        let even = self.packing.format.levels != Levels::Nf4 && self.packing.planes[1] == 0;
        let (one_row, four_rows): (&'static Kernel, &'static Kernel) = if self.packing.format.levels == Levels::Nf4 {
            (&shaders::QUANTIZED_MATVEC_REGISTER_TABLE, &shaders::QUANTIZED_MATMUL_REGISTER_TABLE)
        } else if self.packing.planes[1] > 0 {
            (&shaders::QUANTIZED_MATVEC_REGISTER_PLANES, &shaders::QUANTIZED_MATMUL_REGISTER_PLANES)
        } else {
            (&shaders::QUANTIZED_MATVEC_REGISTER, &shaders::QUANTIZED_MATMUL_REGISTER)
        };
        let kernel = match (self.kernel, gpu.tier.software, m) {
            // Software adapters pay for barriers and workgroup memory. Measured: BENCHMARKS.md, "Kernels on software adapters".
            (QuantizedKernel::Auto, true, 1) => QuantizedKernel::MatvecRegister,
            (QuantizedKernel::Auto, true, 8..) if self.packing.n >= 32 => QuantizedKernel::Wide,
            // Few rows do not fill a shared tile.
            (QuantizedKernel::Auto, false, ..8) => QuantizedKernel::Matvec,
            (QuantizedKernel::Auto, false, 32..) => QuantizedKernel::Tiled,
            (QuantizedKernel::Auto, ..) => QuantizedKernel::Register,
            (kernel, ..) => kernel,
        };
        match kernel {
            _ if self.activations == Activations::Int8 => {
                let plain = kernel == QuantizedKernel::Plain || !gpu.tier.packed_dot;
                let dots =
                    if plain { &shaders::QUANTIZED_MATMUL_DOT8_PLAIN } else { &shaders::QUANTIZED_MATMUL_DOT8 };
                (dots, [16, 4])
            }
            QuantizedKernel::MatvecRegister => (one_row, [16, 1]),
            QuantizedKernel::Wide if even => (&shaders::QUANTIZED_MATMUL_WIDE, [32, 16]),
            QuantizedKernel::Matvec => (&shaders::QUANTIZED_MATVEC, [8, 1]),
            QuantizedKernel::Tiled => (&shaders::QUANTIZED_MATMUL_TILED, [16, 64]),
            _ => (four_rows, [16, 4]),
        }
    }

    /// Inputs, padded.
    fn padded(&self) -> usize {
        self.packing.blocks * BLOCK
    }
}

impl Op for QuantizedMatMul {
    fn name(&self) -> &'static str {
        "quantized_matmul"
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        const OP: &str = "quantized_matmul";
        let p = &self.packing;
        p.format.check()?;
        let Some(x) = inputs.first().filter(|x| x.dtype == DType::F32 && x.shape.len() == 2) else {
            return Err(shape_error(OP, "x must be floats [m, k]", inputs));
        };
        if x.shape[1] != p.k {
            let message = format!("{} columns of x do not meet {} inputs of the weights", x.shape[1], p.k);
            return Err(shape_error(OP, message, inputs));
        }
        let packed = expect_packed(OP, p, &inputs[1..])?;
        if inputs.len() != 1 + packed + usize::from(self.bias) {
            return Err(shape_error(OP, format!("{} inputs are wanted", 1 + packed + usize::from(self.bias)), inputs));
        }
        if self.bias && inputs[inputs.len() - 1] != Meta::f32(&[p.n])? {
            return Err(shape_error(OP, format!("the bias must be [{}]", p.n), inputs));
        }
        if self.activations == Activations::Int8 && p.format.levels != Levels::Symmetric(8) {
            return Err(shape_error(OP, format!("8-bit activations want int8 weights, not {}", p.format), inputs));
        }
        Ok(vec![float(&Shape::new(&[x.shape[0], p.n])?)])
    }

    fn twin(&self, cpu: &mut Cpu<'_>) {
        let (inputs, y) = cpu.split(0);
        let (p, q) = (&self.packing, packed(self.packing, &inputs[1..]));
        let bias = self.bias(inputs);
        for (r, y) in y.chunks_mut(p.n).enumerate() {
            let x = &inputs[0].f32()[r * p.k..(r + 1) * p.k];
            let (whole, x_step) = int8(x);
            let whole: Vec<f32> = whole.collect();
            for (j, y) in y.iter_mut().enumerate() {
                let mut sum = 0.0;
                for i in 0..p.k {
                    let at = p.step_at(i, j);
                    let zero = q.zeros.map_or(p.format.levels.zero(), |zeros| zeros[at]);
                    let w = quant::value(p.format.levels, p.code(q.words, i, j), q.steps[at], zero);
                    sum += w * if self.activations == Activations::Int8 { whole[i] * x_step } else { x[i] };
                }
                *y = sum + bias.map_or(0.0, |bias| bias[j]);
            }
        }
    }

    fn fast(&self, cpu: &mut Cpu<'_>) -> bool {
        let threads = cpu.threads;
        let (inputs, y) = cpu.split(0);
        let (p, q) = (&self.packing, packed(self.packing, &inputs[1..]));
        let m = y.len() / p.n;
        // There is no product of bytes to be had here: 8-bit rows are turned back into floats, and multiplied as such.
        let mut rounded = Vec::new();
        let x = if self.activations == Activations::Int8 {
            for x in inputs[0].f32().chunks(p.k) {
                let (whole, step) = int8(x);
                rounded.extend(whole.map(|x| x * step));
            }
            &rounded
        } else {
            inputs[0].f32()
        };
        if m < ROWS_TO_UNPACK {
            for (x, y) in x.chunks(p.k).zip(y.chunks_mut(p.n)) {
                // A weight costs about an eighth of a plain element.
                for_rows_of(threads, p.k * COLUMNS / 8, y, COLUMNS, |c, y| q.matvec(x, c * COLUMNS, y));
            }
        } else {
            let mut panel = vec![0.0; PANEL.min(p.k) * p.n];
            for first in (0..p.k).step_by(PANEL) {
                let depth = PANEL.min(p.k - first);
                let panel = &mut panel[..depth * p.n];
                for_rows(threads, panel, p.n, |i, row| q.dequantize_row(first + i, row));
                let left = Matrix { data: x, offset: first, row: p.k, col: 1 };
                let right = Matrix { data: panel, offset: 0, row: p.n, col: 1 };
                let product = if first == 0 { gemm } else { gemm_add };
                product(m, p.n, depth, 1.0, left, right, y, threads);
            }
        }
        if let Some(bias) = self.bias(inputs) {
            for y in y.chunks_mut(p.n) {
                y.iter_mut().zip(bias).for_each(|(y, b)| *y += b);
            }
        }
        true
    }

    fn scratch(&self, gpu: &Gpu<'_>) -> Vec<usize> {
        let m = gpu.inputs[0].shape[0];
        let k = self.padded();
        let padded = if k == self.packing.k { 4 } else { m * k };
        match self.activations {
            Activations::F32 => vec![padded],
            Activations::Int8 => vec![padded, m * k / 4, m],
        }
    }

    fn gpu(&self, gpu: &Gpu<'_>) -> Vec<Dispatch> {
        let p = &self.packing;
        let (m, k) = (gpu.inputs[0].shape[0], self.padded());
        let mut list = Vec::new();
        let mut x = Bind::Input(0);
        if k != p.k {
            // Whole blocks, so that no kernel has an edge along the inputs.
            x = Bind::Scratch(0);
            list.push(
                Dispatch::new(&shaders::PAD, &[Bind::Input(0), x])
                    .u("count", m * k)
                    .u("len", p.k)
                    .u("inner", 1)
                    .u("whole", k)
                    .u("start", 0)
                    .invocations(m * k),
            );
        }
        let whole = usize::from(p.format.granularity == Granularity::Tensor);
        let bias = Bind::Input(self.bias_input(gpu.inputs.len()));
        let (kernel, [wide, high]) = self.kernel(gpu, m);
        let quads = p.stride / 4;
        if self.activations == Activations::Int8 {
            let (xq, x_steps) = (Bind::Scratch(1), Bind::Scratch(2));
            list.push(
                Dispatch::new(&shaders::QUANTIZE_ROWS, &[x, xq, x_steps])
                    .u("m", m)
                    .u("k", k)
                    .f("factor", Levels::Symmetric(8).factor(1))
                    .flat_groups(m),
            );
            list.push(
                Dispatch::new(kernel, &[xq, x_steps, Bind::Input(1), Bind::Input(2), bias, Bind::Output(0)])
                    .u("m", m)
                    .u("n", p.n)
                    .u("k", k)
                    .u("quads", quads)
                    .u("group", p.group)
                    .u("groups", p.groups)
                    .u("whole", whole)
                    .u("has_bias", usize::from(self.bias))
                    .groups([quads.div_ceil(wide), m.div_ceil(high), 1]),
            );
            return list;
        }
        let (zeros, table) = extras(p, 1);
        let bindings = [x, Bind::Input(1), Bind::Input(2), zeros, table, bias, Bind::Output(0)];
        list.push(
            Dispatch::new(kernel, &bindings)
                .v("planes", p.planes)
                .u("m", m)
                .u("n", p.n)
                .u("k", k)
                .u("quads", quads)
                .u("blocks", p.blocks)
                .u("group", p.group)
                .u("groups", p.groups)
                .u("whole", whole)
                .u("kind", p.format.levels.number())
                .u("has_bias", usize::from(self.bias))
                .f("zero", p.format.levels.zero())
                .groups([quads.div_ceil(wide), m.div_ceil(high), 1]),
        );
        list
    }

    fn backward(&self, g: &mut Graph, ask: &Backward<'_>) -> Result<Vec<Option<Tensor>>> {
        let dy = ask.grad()?;
        let mut grads = vec![None; ask.inputs.len()];
        let weights = &ask.wanted[1..ask.inputs.len() - usize::from(self.bias)];
        if weights.contains(&true) {
            let reason = "codes are whole numbers, and steps follow from them; train with fake_quantize";
            return Err(Error::NoGradient { op: "quantized_matmul", reason });
        }
        if ask.wanted[0] {
            // y = x W + bias; dx = dy W^T. What 8-bit activations round is passed straight through.
            let zeros = self.packing.has_zeros().then(|| ask.inputs[3]);
            let (packed, steps) = (ask.inputs[1], ask.inputs[2]);
            let w = g.dequantize(&QuantizedTensor { packed, steps, zeros, packing: self.packing })?;
            let wt = g.transpose(w)?;
            grads[0] = Some(g.matmul(dy, wt)?);
        }
        if self.bias {
            grads[ask.inputs.len() - 1] = Some(g.reduce(dy, 0, Reduction::Sum)?);
        }
        Ok(grads)
    }

    fn flops(&self, inputs: &[Meta], outputs: &[Meta]) -> u64 {
        2 * (outputs[0].shape.count() * inputs[0].shape.last()) as u64
    }
}

impl Graph {
    /// `x W + bias` with quantised weights.
    pub fn quantized_matmul(&mut self, x: Tensor, w: &QuantizedTensor, bias: Option<Tensor>) -> Result<Tensor> {
        self.quantized_matmul_with(x, w, bias, Activations::F32, QuantizedKernel::Auto)
    }

    /// The same, with a say in how.
    pub fn quantized_matmul_with(
        &mut self,
        x: Tensor,
        w: &QuantizedTensor,
        bias: Option<Tensor>,
        activations: Activations,
        kernel: QuantizedKernel,
    ) -> Result<Tensor> {
        let shape = self.shape(x).to_vec();
        let rows = shape[..shape.len() - 1].iter().product::<usize>().max(1);
        let flat = self.reshape(x, &[rows, shape[shape.len() - 1]])?;
        let mut inputs = vec![flat];
        inputs.extend(w.tensors(self)?);
        inputs.extend(bias);
        let op = QuantizedMatMul { packing: w.packing, bias: bias.is_some(), activations, kernel };
        let y = self.apply1(op, &inputs)?;
        let mut out = shape;
        *out.last_mut().expect("a shape has axes") = w.packing.n;
        self.reshape(y, &out)
    }
}

pub(super) fn entries() -> Vec<Entry> {
    vec![Entry {
        name: "quantized_matmul",
        summary: "y = x w + bias, w = (code - zero) step or table[code] step",
        inputs: &[
            ("x", "[.., k]"),
            ("packed", "integers [rows, stride]"),
            ("steps", "[groups, stride], or [1, 1] for the whole matrix"),
            ("zeros", "as steps, where the format has a zero point"),
            ("bias", "[n], optional"),
        ],
        attrs: &[
            ("format", "as in quantize (default int4/group32)"),
            ("n", "columns (default: stride)"),
            ("activations", "f32, or int8 where the weights are int8 (default f32)"),
            ("kernel", "matvec_register, register, wide, matvec, tiled, plain or auto (default auto)"),
        ],
        build: |g, inputs, attrs| {
            let x = inputs.get("x")?;
            let w = named(g, inputs, attrs, Some(g.shape(x).last()))?;
            let activations = match attr(attrs, "activations", "f32".to_string())?.as_str() {
                "f32" => Activations::F32,
                "int8" => Activations::Int8,
                other => return Err(Error::data("activations", format!("`{other}` is neither f32 nor int8"))),
            };
            let kernel = QuantizedKernel::parse(&attr(attrs, "kernel", "auto".to_string())?)?;
            Ok(vec![("y", g.quantized_matmul_with(x, &w, inputs.optional("bias"), activations, kernel)?)])
        },
        cases: || {
            let mut make = Make::new(2000);
            let mut cases = Vec::new();
            // Products of long rows, in another order, with sums of x times a zero of up to 128 that cancel.
            let close = Tolerance { name: "sum of quantised", absolute: 3e-4, relative: 3e-5 };
            let mut case = |label: String, x: &[usize], n: usize, format: &str, bias: bool| {
                let k = x[x.len() - 1];
                let mut inputs = vec![("x", make.normal(x))];
                inputs.extend(case_inputs(&mut make, [k, n], format));
                inputs.extend(bias.then(|| ("bias", make.normal(&[n]))));
                Case::new(label, inputs).attr("format", format).attr("n", n).tolerance(close)
            };
            for (i, format) in FORMATS.into_iter().enumerate() {
                let (x, n) = [(&[1, 96][..], 20), (&[5, 77], 7), (&[2, 3, 33], 9), (&[1, 1], 1), (&[3, 160], 13)][i % 5];
                let label = format!("{format}, x {x:?}, {n} columns");
                cases.push(case(label, x, n, format, i % 3 == 0).gradients(&["x"]));
            }
            for kernel in ["matvec_register", "register", "wide", "matvec", "tiled"] {
                for (format, m, k, n) in [
                    ("int4/group32", 1, 128, 64),
                    ("int4/group16", 6, 53, 35),
                    ("uint4/group64", 67, 70, 70),
                    ("int3/channel", 3, 65, 33),
                    ("nf4/group32", 5, 40, 17),
                    ("int8/tensor", 2, 64, 5),
                    ("ternary/tensor", 1, 600, 3),
                ] {
                    let label = format!("{kernel}, {format}, {m}x{k} by {k}x{n}");
                    cases.push(case(label, &[m, k], n, format, m % 2 == 1).attr("kernel", kernel));
                }
            }
            for kernel in ["auto", "plain"] {
                for (format, m, k, n) in [
                    ("int8/channel", 1, 128, 64),
                    ("int8/group32", 5, 77, 7),
                    ("int8/group16", 6, 33, 18),
                    ("int8/tensor", 9, 130, 5),
                ] {
                    let label = format!("8-bit rows, {kernel}, {format}, {m}x{k} by {k}x{n}");
                    let case = case(label, &[m, k], n, format, m == 5).attr("kernel", kernel);
                    cases.push(case.attr("activations", "int8"));
                }
            }
            let mut zeros = case("8-bit rows of zeros".into(), &[2, 40], 6, "int8/channel", true);
            zeros.inputs[0].1 = make_zeros(&[2, 40]);
            cases.push(zeros.attr("activations", "int8"));
            cases
        },
    }]
}

fn make_zeros(shape: &[usize]) -> crate::HostTensor {
    Make::new(0).constant(shape, 0.0)
}
