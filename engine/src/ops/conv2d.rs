//! Convolution of pictures, and its two gradients, which are convolutions again.
//!
//! `y[n, f, r, c] = g(bias[f] + sum_{ch, i, j} w[f, ch, i, j] x[n, ch, r s + i d - p, c s + j d - p]) + residual[n, f, r, c]`
//! with x = 0 outside, s the stride, d the dilation, p the padding, g an activation: cross-correlation, as every library
//! calls convolution.
//!
//! x: `[n, channels, h, w]`; w: `[filters, channels, kh, kw]`; bias: `[filters]`; y, residual: `[n, filters, rows, cols]`
//! with `rows = floor((h + 2p - d (kh - 1) - 1) / s) + 1`, cols alike.
//!
//! A convolution is a list of triples (output, weight, input), each output the sum over its triples of weight times input.
//! The gradients sum over the same list: an input's the products of weight and output gradient, a weight's those of input
//! and output gradient. So the three are each other's derivatives, of any order.

use shaders::Kernel;

use super::{
    Activation, Bind, Case, Cpu, CpuInput, Dispatch, Entry, Gpu, Make, Op, Reduction, Tolerance, attr, expect_floats, float,
    for_rows, shape_error,
};
use crate::{
    Error, Graph, Meta, Result, Shape, Tensor,
    cpu::{Matrix, gemm, gemm_add},
    graph::Backward,
};

/// How a window moves over a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Inputs between neighbouring outputs.
    pub stride: usize,
    /// Zeros around the picture, on each side.
    pub padding: usize,
    /// Inputs between neighbouring taps.
    pub dilation: usize,
}

impl Window {
    /// Neighbouring taps; padding `(k - 1) / 2` of an odd window of k at stride 1 keeps the picture's size.
    pub fn new(stride: usize, padding: usize) -> Self {
        Self { stride, padding, dilation: 1 }
    }

    /// Outputs along an axis of `extent` inputs under `kernel` taps; `None` where not one window fits.
    fn outputs(&self, extent: usize, kernel: usize) -> Option<usize> {
        let free = (extent + 2 * self.padding).checked_sub(self.dilation * (kernel - 1) + 1)?;
        Some(free / self.stride + 1)
    }

    fn check(&self, op: &'static str, inputs: &[Meta]) -> Result<()> {
        const MOST: usize = 1 << 12;
        if [self.stride, self.dilation].iter().any(|v| !(1..=MOST).contains(v)) || self.padding > MOST {
            let message = format!("{self:?}: stride and dilation are 1 to {MOST}, padding 0 to {MOST}");
            return Err(shape_error(op, message, inputs));
        }
        Ok(())
    }
}

impl Default for Window {
    fn default() -> Self {
        Self::new(1, 0)
    }
}

/// The kernels that compute it, in the order of the ladder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConvKernel {
    /// One invocation an output.
    Naive,
    /// Implicit GEMM through workgroup memory.
    Tiled,
    /// Four filters by four rows in registers.
    Register,
    /// Inputs read once for three taps: 3x3 windows at stride 1 only, which else give way to `Register`.
    Rows,
}

impl ConvKernel {
    /// The kernel of that name; `auto` is none.
    fn parse(name: &str) -> Result<Option<Self>> {
        match name {
            "auto" => Ok(None),
            "naive" => Ok(Some(Self::Naive)),
            "tiled" => Ok(Some(Self::Tiled)),
            "register" => Ok(Some(Self::Register)),
            "rows" => Ok(Some(Self::Rows)),
            _ => Err(Error::data("kernel", format!("`{name}` is not auto, naive, tiled, register or rows"))),
        }
    }
}

/// A convolution's window, and what is done to its sums in one pass with them.
#[derive(Debug, Clone, Copy, Default)]
pub struct ConvOptions {
    /// How the window moves.
    pub window: Window,
    /// `[filters]`, added before the activation.
    pub bias: Option<Tensor>,
    /// The activation.
    pub activation: Activation,
    /// As the output, added after the activation.
    pub residual: Option<Tensor>,
    /// The kernel, where the caller knows better than the op or wants to compare.
    pub kernel: Option<ConvKernel>,
}

/// Lengths of the axes.
#[derive(Debug, Clone, Copy)]
struct Sizes {
    batch: usize,
    channels: usize,
    height: usize,
    width: usize,
    filters: usize,
    kernel_rows: usize,
    kernel_cols: usize,
    rows: usize,
    cols: usize,
    window: Window,
}

impl Sizes {
    /// From the shapes of x, w and y.
    fn of(window: Window, x: &Shape, w: &Shape, y: &Shape) -> Self {
        Self {
            batch: x[0],
            channels: x[1],
            height: x[2],
            width: x[3],
            filters: w[0],
            kernel_rows: w[2],
            kernel_cols: w[3],
            rows: y[2],
            cols: y[3],
            window,
        }
    }

    /// Weights of a filter.
    fn taps(&self) -> usize {
        self.channels * self.kernel_rows * self.kernel_cols
    }

    fn pixels(&self) -> usize {
        self.rows * self.cols
    }

    /// Multiply-adds count two, also where a tap lies outside.
    fn flops(&self) -> u64 {
        2 * (self.batch * self.filters * self.pixels() * self.taps()) as u64
    }

    /// The row or column of the input under a tap of an output.
    fn under(&self, output: usize, tap: usize, extent: usize) -> Option<usize> {
        let at = (output * self.window.stride + tap * self.window.dilation).checked_sub(self.window.padding)?;
        (at < extent).then_some(at)
    }

    /// The triples: where in y, in w and in x, those of an output one after the other.
    fn triples(&self, mut f: impl FnMut(usize, usize, usize)) {
        let mut y = 0;
        for image in 0..self.batch {
            for filter in 0..self.filters {
                for row in 0..self.rows {
                    for col in 0..self.cols {
                        for channel in 0..self.channels {
                            for i in 0..self.kernel_rows {
                                let Some(r) = self.under(row, i, self.height) else { continue };
                                for j in 0..self.kernel_cols {
                                    let Some(c) = self.under(col, j, self.width) else { continue };
                                    let plane = image * self.channels + channel;
                                    let w = ((filter * self.channels + channel) * self.kernel_rows + i) * self.kernel_cols + j;
                                    f(y, w, (plane * self.height + r) * self.width + c);
                                }
                            }
                        }
                        y += 1;
                    }
                }
            }
        }
    }

    /// Output rows whose windows are laid out at once on the CPU: about what a second-level cache holds.
    fn lines(&self) -> usize {
        const FLOATS: usize = 1 << 17;
        (FLOATS / (self.taps() * self.cols)).clamp(1, self.rows)
    }

    /// im2col: windows of the outputs from row `first` on, `[taps, rows * cols]`, of one image.
    fn windows(&self, image: &[f32], first: usize, windows: &mut [f32]) {
        let pixels = windows.len() / self.taps();
        for (t, line) in windows.chunks_mut(pixels).enumerate() {
            let (j, i) = (t % self.kernel_cols, t / self.kernel_cols % self.kernel_rows);
            let plane = t / (self.kernel_rows * self.kernel_cols) * self.height;
            let (from, to) = self.inside(j);
            for (k, out) in line.chunks_mut(self.cols).enumerate() {
                let Some(r) = self.under(first + k, i, self.height) else {
                    out.fill(0.0);
                    continue;
                };
                out[..from].fill(0.0);
                out[to..].fill(0.0);
                if from < to {
                    let row = &image[(plane + r) * self.width..][..self.width];
                    let row = &row[from * self.window.stride + j * self.window.dilation - self.window.padding..];
                    if self.window.stride == 1 {
                        out[from..to].copy_from_slice(&row[..to - from]);
                    } else {
                        out[from..to].iter_mut().zip(row.iter().step_by(self.window.stride)).for_each(|(y, x)| *y = *x);
                    }
                }
            }
        }
    }

    /// col2im, the transpose of [`Sizes::windows`]: adds every window's elements to the inputs they came from.
    fn add_windows(&self, windows: &[f32], first: usize, image: &mut [f32]) {
        let pixels = windows.len() / self.taps();
        for (t, line) in windows.chunks(pixels).enumerate() {
            let (j, i) = (t % self.kernel_cols, t / self.kernel_cols % self.kernel_rows);
            let plane = t / (self.kernel_rows * self.kernel_cols) * self.height;
            let (from, to) = self.inside(j);
            for (k, out) in line.chunks(self.cols).enumerate() {
                let Some(r) = self.under(first + k, i, self.height) else { continue };
                if from < to {
                    let row = &mut image[(plane + r) * self.width..][..self.width];
                    let row = &mut row[from * self.window.stride + j * self.window.dilation - self.window.padding..];
                    if self.window.stride == 1 {
                        row.iter_mut().zip(&out[from..to]).for_each(|(x, y)| *x += y);
                    } else {
                        row.iter_mut().step_by(self.window.stride).zip(&out[from..to]).for_each(|(x, y)| *x += y);
                    }
                }
            }
        }
    }

    /// The outputs of a row under whose tap of column `j` there is an input: from .. to.
    fn inside(&self, j: usize) -> (usize, usize) {
        let Window { stride, padding, dilation } = self.window;
        let from = padding.saturating_sub(j * dilation).div_ceil(stride).min(self.cols);
        let to = (self.width + padding).saturating_sub(j * dilation).div_ceil(stride).min(self.cols);
        (from, to.max(from))
    }

    /// Whether a picture is its own windows: 1x1 at stride 1.
    fn is_plain(&self) -> bool {
        self.kernel_rows * self.kernel_cols == 1 && self.window.stride == 1 && self.window.padding == 0
    }
}

/// What a launch computes: the forward pass, or the gradient of the input as a convolution of the outputs' gradients.
struct Launch {
    /// In the order of `shared/conv2d.wgsl`.
    sizes: [(&'static str, usize); 17],
    batch: usize,
    channels: usize,
    filters: usize,
    rows: usize,
    cols: usize,
    /// 3x3 at stride 1.
    threes: bool,
}

impl Launch {
    fn forward(s: &Sizes) -> Self {
        let taps = s.kernel_rows * s.kernel_cols;
        let w = s.window;
        Self::new(s, [s.channels, s.height, s.width], [s.filters, s.rows, s.cols], [w.stride, 1], [w.padding; 2], [
            s.channels * taps,
            taps,
            0,
        ])
    }

    /// `dx[y, x] = sum of dy[(y + p - i d) / s, ..] w[.., i, j]`: with i counted from the end, `y + i d - (d (k - 1) - p)`.
    fn backward(s: &Sizes) -> Self {
        let taps = s.kernel_rows * s.kernel_cols;
        let w = s.window;
        // A padding wider than the window makes this negative, and in the kernels' arithmetic that is as good.
        let pad = |kernel: usize| (w.dilation * (kernel - 1)).wrapping_sub(w.padding);
        let pads = [pad(s.kernel_rows), pad(s.kernel_cols)];
        Self::new(s, [s.filters, s.rows, s.cols], [s.channels, s.height, s.width], [1, w.stride], pads, [
            taps,
            s.channels * taps,
            1,
        ])
    }

    fn new(
        s: &Sizes,
        [channels, height, width]: [usize; 3],
        [filters, rows, cols]: [usize; 3],
        [stride, spread]: [usize; 2],
        [pad_rows, pad_cols]: [usize; 2],
        [w_filter, w_channel, flip]: [usize; 3],
    ) -> Self {
        let sizes = [
            ("batch", s.batch),
            ("channels", channels),
            ("height", height),
            ("width", width),
            ("filters", filters),
            ("rows", rows),
            ("cols", cols),
            ("kernel_rows", s.kernel_rows),
            ("kernel_cols", s.kernel_cols),
            ("stride", stride),
            ("spread", spread),
            ("dilation", s.window.dilation),
            ("pad_rows", pad_rows),
            ("pad_cols", pad_cols),
            ("w_filter", w_filter),
            ("w_channel", w_channel),
            ("flip", flip),
        ];
        let threes = [s.kernel_rows, s.kernel_cols, stride, spread, s.window.dilation] == [3, 3, 1, 1, 1];
        Self { sizes, batch: s.batch, channels, filters, rows, cols, threes }
    }

    fn size(&self, name: &str) -> usize {
        self.sizes.iter().find(|(n, _)| *n == name).map_or(0, |(_, v)| *v)
    }

    fn choose(&self, wanted: Option<ConvKernel>, gpu: &Gpu<'_>) -> ConvKernel {
        let best = if gpu.tier.software {
            ConvKernel::Rows // barriers and workgroup memory are dear
        } else if self.filters < 32 || self.channels < 8 {
            ConvKernel::Register // a shared tile of 64 filters by 16 channels would be mostly empty
        } else {
            ConvKernel::Tiled
        };
        match wanted.unwrap_or(best) {
            ConvKernel::Rows if !self.threes => ConvKernel::Register,
            kernel => kernel,
        }
    }

    /// Vectors of four weights that `conv2d_rows` reads.
    fn fours(&self) -> usize {
        self.channels * 9 * self.filters.div_ceil(4)
    }

    fn scratch(&self, wanted: Option<ConvKernel>, gpu: &Gpu<'_>) -> Vec<usize> {
        if self.choose(wanted, gpu) == ConvKernel::Rows { vec![4 * self.fours()] } else { vec![] }
    }

    /// The dispatches: input 0 is convolved with input 1; the epilogue's inputs follow.
    fn dispatches(
        &self,
        wanted: Option<ConvKernel>,
        gpu: &Gpu<'_>,
        activation: Activation,
        [bias, residual]: [Option<usize>; 2],
    ) -> Vec<Dispatch> {
        let kernel = self.choose(wanted, gpu);
        let (source, work): (&'static Kernel, usize) = match kernel {
            ConvKernel::Naive => (&shaders::CONV2D_NAIVE, self.filters * self.rows),
            ConvKernel::Register => (&shaders::CONV2D_REGISTER, self.filters.div_ceil(4) * self.rows.div_ceil(4)),
            ConvKernel::Rows => (&shaders::CONV2D_ROWS, self.filters.div_ceil(4) * self.rows.div_ceil(8)),
            ConvKernel::Tiled => (&shaders::CONV2D_TILED, 0),
        };
        let mut list = Vec::new();
        let weights = if kernel == ConvKernel::Rows {
            let fours = Dispatch::new(&shaders::CONV2D_FOURS, &[Bind::Input(1), Bind::Scratch(0)]);
            let fours = fours.u("filters", self.filters).u("channels", self.channels).u("taps", 9);
            let fours = ["w_filter", "w_channel", "flip"].iter().fold(fours, |d, name| d.u(name, self.size(name)));
            list.push(fours.invocations(self.fours()));
            Bind::Scratch(0)
        } else {
            Bind::Input(1)
        };
        let bindings = [
            Bind::Input(0),
            weights,
            Bind::Input(bias.unwrap_or(0)),
            Bind::Input(residual.unwrap_or(0)),
            Bind::Output(0),
        ];
        let dispatch = self.sizes.iter().fold(Dispatch::new(source, &bindings), |d, (name, size)| d.u(name, *size));
        let dispatch = dispatch
            .u("has_bias", usize::from(bias.is_some()))
            .u("has_residual", usize::from(residual.is_some()))
            .u("activation", activation.number());
        list.push(if kernel == ConvKernel::Tiled {
            let pixels = self.batch * self.rows * self.cols;
            dispatch.flat_groups(self.filters.div_ceil(64) * pixels.div_ceil(64))
        } else {
            dispatch.invocations(self.batch * work * self.cols)
        });
        list
    }
}

#[derive(Debug, Clone, Copy)]
struct Conv2d {
    window: Window,
    activation: Activation,
    bias: bool,
    residual: bool,
    kernel: Option<ConvKernel>,
}

impl Conv2d {
    /// The input index of the bias and of the residual.
    fn extras(&self) -> [Option<usize>; 2] {
        [self.bias.then_some(2), self.residual.then_some(2 + usize::from(self.bias))]
    }

    fn plain(self) -> Self {
        Self { activation: Activation::Identity, bias: false, residual: false, ..self }
    }

    fn sizes(&self, inputs: &[CpuInput<'_>]) -> Sizes {
        let (x, w) = (&inputs[0].layout.shape, &inputs[1].layout.shape);
        let y = self.output(x, w).expect("the shape rule has agreed");
        Sizes::of(self.window, x, w, &y)
    }

    /// The shape of y, if a window fits.
    fn output(&self, x: &Shape, w: &Shape) -> Option<Shape> {
        let (rows, cols) = (self.window.outputs(x[2], w[2])?, self.window.outputs(x[3], w[3])?);
        Shape::new(&[x[0], w[0], rows, cols]).ok()
    }

    /// Bias, activation and residual of one plane of outputs.
    fn finish(&self, y: &mut [f32], bias: Option<f32>, residual: Option<&[f32]>, activate: impl Fn(&mut [f32])) {
        if let Some(bias) = bias {
            y.iter_mut().for_each(|y| *y += bias);
        }
        if self.activation != Activation::Identity {
            activate(y);
        }
        if let Some(residual) = residual {
            y.iter_mut().zip(residual).for_each(|(y, r)| *y += r);
        }
    }

    fn finish_all(&self, inputs: &[CpuInput<'_>], s: &Sizes, threads: usize, y: &mut [f32], activate: fn(Activation, &mut [f32])) {
        let [bias, residual] = self.extras().map(|i| i.map(|i| inputs[i].f32()));
        for_rows(threads, y, s.pixels(), |plane, y| {
            let residual = residual.map(|r| &r[plane * s.pixels()..][..s.pixels()]);
            self.finish(y, bias.map(|b| b[plane % s.filters]), residual, |y| activate(self.activation, y));
        });
    }
}

impl Op for Conv2d {
    fn name(&self) -> &'static str {
        "conv2d"
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        expect_floats("conv2d", inputs, 2 + usize::from(self.bias) + usize::from(self.residual))?;
        self.window.check("conv2d", inputs)?;
        let (x, w) = (&inputs[0].shape, &inputs[1].shape);
        if x.len() != 4 || w.len() != 4 {
            return Err(shape_error("conv2d", "pictures [n, channels, h, w] and filters [f, channels, kh, kw] are wanted", inputs));
        }
        if x[1] != w[1] {
            return Err(shape_error("conv2d", format!("filters of {} channels do not meet {}", w[1], x[1]), inputs));
        }
        let Some(y) = self.output(x, w) else {
            return Err(shape_error("conv2d", "the window is larger than the padded picture", inputs));
        };
        let [bias, residual] = self.extras();
        if bias.is_some_and(|i| *inputs[i].shape != [y[1]]) {
            return Err(shape_error("conv2d", format!("the bias must be [{}]", y[1]), inputs));
        }
        if residual.is_some_and(|i| inputs[i].shape != y) {
            return Err(shape_error("conv2d", format!("the residual must be {y}"), inputs));
        }
        Ok(vec![float(&y)])
    }

    fn twin(&self, cpu: &mut Cpu<'_>) {
        let (inputs, y) = cpu.split(0);
        let s = self.sizes(inputs);
        let (x, w) = (inputs[0].f32(), inputs[1].f32());
        y.fill(0.0);
        s.triples(|at, tap, from| y[at] += w[tap] * x[from]);
        self.finish_all(inputs, &s, 1, y, |f, y| y.iter_mut().for_each(|y| *y = f.at(*y)));
    }

    /// Windows laid out as a matrix, some rows of outputs at a time, and a matrix product.
    fn fast(&self, cpu: &mut Cpu<'_>) -> bool {
        let threads = cpu.threads;
        let (inputs, y) = cpu.split(0);
        let s = self.sizes(inputs);
        let (x, w) = (inputs[0].f32(), inputs[1].f32());
        let image = s.channels * s.height * s.width;
        let product = |n: usize, y: &mut [f32], threads: usize| {
            let x = &x[n * image..][..image];
            let w = Matrix { data: w, offset: 0, row: s.taps(), col: 1 };
            if s.is_plain() {
                let x = Matrix { data: x, offset: 0, row: s.pixels(), col: 1 };
                gemm(s.filters, s.pixels(), s.taps(), 1.0, w, x, y, threads);
                return;
            }
            let mut windows = vec![0.0; s.taps() * s.lines() * s.cols];
            let mut block = vec![0.0; s.filters * s.lines() * s.cols];
            for first in (0..s.rows).step_by(s.lines()) {
                let pixels = s.lines().min(s.rows - first) * s.cols;
                let windows = &mut windows[..s.taps() * pixels];
                s.windows(x, first, windows);
                let windows = Matrix { data: windows, offset: 0, row: pixels, col: 1 };
                if pixels == s.pixels() {
                    gemm(s.filters, pixels, s.taps(), 1.0, w, windows, y, threads);
                } else {
                    let block = &mut block[..s.filters * pixels];
                    gemm(s.filters, pixels, s.taps(), 1.0, w, windows, block, threads);
                    for (f, block) in block.chunks(pixels).enumerate() {
                        y[f * s.pixels() + first * s.cols..][..pixels].copy_from_slice(block);
                    }
                }
            }
        };
        if s.batch == 1 {
            product(0, y, threads);
        } else {
            for_rows(threads, y, s.filters * s.pixels(), |n, y| product(n, y, 1));
        }
        if self.bias || self.residual || self.activation != Activation::Identity {
            self.finish_all(inputs, &s, threads, y, |f, y| f.run(y));
        }
        true
    }

    fn scratch(&self, gpu: &Gpu<'_>) -> Vec<usize> {
        let s = Sizes::of(self.window, &gpu.inputs[0].shape, &gpu.inputs[1].shape, &gpu.outputs[0].shape);
        Launch::forward(&s).scratch(self.kernel, gpu)
    }

    fn gpu(&self, gpu: &Gpu<'_>) -> Vec<Dispatch> {
        let s = Sizes::of(self.window, &gpu.inputs[0].shape, &gpu.inputs[1].shape, &gpu.outputs[0].shape);
        Launch::forward(&s).dispatches(self.kernel, gpu, self.activation, self.extras())
    }

    fn backward(&self, g: &mut Graph, ask: &Backward<'_>) -> Result<Vec<Option<Tensor>>> {
        // y = f(P) + residual, P = w * x + bias
        let (x, w, dy) = (ask.inputs[0], ask.inputs[1], ask.grad()?);
        let [bias, residual] = self.extras();
        let dp = if self.activation == Activation::Identity {
            dy
        } else {
            let before = ConvOptions {
                window: self.window,
                bias: bias.map(|i| ask.inputs[i]),
                kernel: self.kernel,
                ..ConvOptions::default()
            };
            let p = g.conv2d(x, w, before)?;
            g.activate_backward(self.activation, p, dy)?
        };
        let mut grads = vec![None; ask.inputs.len()];
        if ask.wanted[0] {
            let shape = g.shape(x).clone();
            grads[0] = Some(g.apply1(InputGradient { of: self.plain(), height: shape[2], width: shape[3] }, &[dp, w])?);
        }
        if ask.wanted[1] {
            let shape = g.shape(w).clone();
            grads[1] = Some(g.apply1(WeightGradient { of: self.plain(), kernel: [shape[2], shape[3]] }, &[x, dp])?);
        }
        if let Some(i) = bias
            && ask.wanted[i]
        {
            grads[i] = Some(g.sum_of_channels(dp)?); // dbias = sum of dP over pictures and places
        }
        if let Some(i) = residual {
            grads[i] = Some(dy);
        }
        Ok(grads)
    }

    fn flops(&self, inputs: &[Meta], outputs: &[Meta]) -> u64 {
        Sizes::of(self.window, &inputs[0].shape, &inputs[1].shape, &outputs[0].shape).flops()
    }
}

/// `dx[input] = sum over the input's triples of w[weight] dy[output]`; also called transposed convolution.
#[derive(Debug, Clone, Copy)]
struct InputGradient {
    of: Conv2d,
    height: usize,
    width: usize,
}

impl InputGradient {
    /// The sizes of the convolution whose input is wanted, from the shapes of dy and w.
    fn sizes(&self, dy: &Shape, w: &Shape) -> Result<Sizes> {
        let x = Shape::new(&[dy[0], w[1], self.height, self.width])?;
        Ok(Sizes::of(self.of.window, &x, w, dy))
    }

    fn known(&self, dy: &Shape, w: &Shape) -> Sizes {
        self.sizes(dy, w).expect("the shape rule has agreed")
    }
}

impl Op for InputGradient {
    fn name(&self) -> &'static str {
        "conv2d_input_gradient"
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        let name = self.name();
        expect_floats(name, inputs, 2)?;
        self.of.window.check(name, inputs)?;
        let (dy, w) = (&inputs[0].shape, &inputs[1].shape);
        if dy.len() != 4 || w.len() != 4 || dy[1] != w[0] {
            return Err(shape_error(name, "gradients [n, f, rows, cols] and filters [f, channels, kh, kw] are wanted", inputs));
        }
        let x = Shape::new(&[dy[0], w[1], self.height, self.width])?;
        if self.of.output(&x, w).as_ref() != Some(dy) {
            return Err(shape_error(name, format!("these are not the outputs of pictures {x}"), inputs));
        }
        Ok(vec![float(&x)])
    }

    fn twin(&self, cpu: &mut Cpu<'_>) {
        let (inputs, dx) = cpu.split(0);
        let s = self.known(&inputs[0].layout.shape, &inputs[1].layout.shape);
        let (dy, w) = (inputs[0].f32(), inputs[1].f32());
        dx.fill(0.0);
        s.triples(|at, tap, to| dx[to] += w[tap] * dy[at]);
    }

    /// A matrix product gives what every window owes its inputs, and they add it up.
    fn fast(&self, cpu: &mut Cpu<'_>) -> bool {
        let threads = cpu.threads;
        let (inputs, dx) = cpu.split(0);
        let s = self.known(&inputs[0].layout.shape, &inputs[1].layout.shape);
        let (dy, w) = (inputs[0].f32(), inputs[1].f32());
        let product = |n: usize, dx: &mut [f32], threads: usize| {
            let w = Matrix { data: w, offset: 0, row: 1, col: s.taps() };
            let dy = |first: usize| Matrix {
                data: dy,
                offset: n * s.filters * s.pixels() + first * s.cols,
                row: s.pixels(),
                col: 1,
            };
            if s.is_plain() {
                gemm(s.taps(), s.pixels(), s.filters, 1.0, w, dy(0), dx, threads);
                return;
            }
            dx.fill(0.0);
            let mut windows = vec![0.0; s.taps() * s.lines() * s.cols];
            for first in (0..s.rows).step_by(s.lines()) {
                let pixels = s.lines().min(s.rows - first) * s.cols;
                let windows = &mut windows[..s.taps() * pixels];
                gemm(s.taps(), pixels, s.filters, 1.0, w, dy(first), windows, threads);
                s.add_windows(windows, first, dx);
            }
        };
        if s.batch == 1 {
            product(0, dx, threads);
        } else {
            for_rows(threads, dx, s.channels * s.height * s.width, |n, dx| product(n, dx, 1));
        }
        true
    }

    fn scratch(&self, gpu: &Gpu<'_>) -> Vec<usize> {
        let s = self.known(&gpu.inputs[0].shape, &gpu.inputs[1].shape);
        Launch::backward(&s).scratch(self.of.kernel, gpu)
    }

    fn gpu(&self, gpu: &Gpu<'_>) -> Vec<Dispatch> {
        let s = self.known(&gpu.inputs[0].shape, &gpu.inputs[1].shape);
        Launch::backward(&s).dispatches(self.of.kernel, gpu, Activation::Identity, [None, None])
    }

    fn backward(&self, g: &mut Graph, ask: &Backward<'_>) -> Result<Vec<Option<Tensor>>> {
        // dx = sum of w dy: linear in both, over the same triples
        let (dy, w, ddx) = (ask.inputs[0], ask.inputs[1], ask.grad()?);
        let mut grads = vec![None, None];
        if ask.wanted[0] {
            grads[0] = Some(g.apply1(self.of, &[ddx, w])?);
        }
        if ask.wanted[1] {
            let shape = g.shape(w).clone();
            grads[1] = Some(g.apply1(WeightGradient { of: self.of, kernel: [shape[2], shape[3]] }, &[ddx, dy])?);
        }
        Ok(grads)
    }

    fn flops(&self, inputs: &[Meta], _outputs: &[Meta]) -> u64 {
        self.known(&inputs[0].shape, &inputs[1].shape).flops()
    }
}

/// `dw[weight] = sum over the weight's triples of x[input] dy[output]`
#[derive(Debug, Clone, Copy)]
struct WeightGradient {
    of: Conv2d,
    kernel: [usize; 2],
}

impl WeightGradient {
    fn sizes(&self, x: &Shape, dy: &Shape) -> Result<Sizes> {
        let w = Shape::new(&[dy[1], x[1], self.kernel[0], self.kernel[1]])?;
        Ok(Sizes::of(self.of.window, x, &w, dy))
    }

    fn known(&self, x: &Shape, dy: &Shape) -> Sizes {
        self.sizes(x, dy).expect("the shape rule has agreed")
    }

    /// The kernel, its workgroups for one part along x and y, and how many lines of outputs make a part.
    fn parts(&self, s: &Sizes, gpu: &Gpu<'_>) -> (&'static Kernel, [usize; 2], usize) {
        // Workgroups that fill a device; so few outputs alone would not.
        const WANTED: usize = 128;
        let tiled = match self.of.kernel {
            Some(kernel) => kernel == ConvKernel::Tiled,
            None => !gpu.tier.software && s.filters >= 32 && s.taps() >= 32,
        };
        let (kernel, groups) = if tiled {
            (&shaders::CONV2D_WEIGHT_GRADIENT_TILED, [s.taps().div_ceil(64), s.filters.div_ceil(64)])
        } else {
            let tiles = s.taps().div_ceil(4) * s.filters.div_ceil(4);
            (&shaders::CONV2D_WEIGHT_GRADIENT_REGISTER, [tiles.div_ceil(64), 1])
        };
        let lines = s.batch * s.rows;
        let parts = (WANTED / (groups[0] * groups[1])).clamp(1, lines);
        (kernel, groups, lines.div_ceil(parts))
    }
}

impl Op for WeightGradient {
    fn name(&self) -> &'static str {
        "conv2d_weight_gradient"
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        let name = self.name();
        expect_floats(name, inputs, 2)?;
        self.of.window.check(name, inputs)?;
        let (x, dy) = (&inputs[0].shape, &inputs[1].shape);
        if x.len() != 4 || dy.len() != 4 || x[0] != dy[0] {
            return Err(shape_error(name, "pictures [n, channels, h, w] and gradients [n, f, rows, cols] are wanted", inputs));
        }
        let w = Shape::new(&[dy[1], x[1], self.kernel[0], self.kernel[1]])?;
        if self.of.output(x, &w).as_ref() != Some(dy) {
            return Err(shape_error(name, format!("these are not the outputs of filters {w}"), inputs));
        }
        Ok(vec![float(&w)])
    }

    fn twin(&self, cpu: &mut Cpu<'_>) {
        let (inputs, dw) = cpu.split(0);
        let s = self.known(&inputs[0].layout.shape, &inputs[1].layout.shape);
        let (x, dy) = (inputs[0].f32(), inputs[1].f32());
        dw.fill(0.0);
        s.triples(|at, tap, from| dw[tap] += x[from] * dy[at]);
    }

    fn fast(&self, cpu: &mut Cpu<'_>) -> bool {
        let threads = cpu.threads;
        let (inputs, dw) = cpu.split(0);
        let s = self.known(&inputs[0].layout.shape, &inputs[1].layout.shape);
        let (x, dy) = (inputs[0].f32(), inputs[1].f32());
        let image = s.channels * s.height * s.width;
        let mut windows = vec![0.0; s.taps() * s.lines() * s.cols];
        dw.fill(0.0);
        for n in 0..s.batch {
            for first in (0..s.rows).step_by(s.lines()) {
                let pixels = s.lines().min(s.rows - first) * s.cols;
                let windows = &mut windows[..s.taps() * pixels];
                s.windows(&x[n * image..][..image], first, windows);
                let offset = n * s.filters * s.pixels() + first * s.cols;
                let dy = Matrix { data: dy, offset, row: s.pixels(), col: 1 };
                let windows = Matrix { data: windows, offset: 0, row: 1, col: pixels };
                gemm_add(s.filters, s.taps(), pixels, 1.0, dy, windows, dw, threads);
            }
        }
        true
    }

    fn scratch(&self, gpu: &Gpu<'_>) -> Vec<usize> {
        let s = self.known(&gpu.inputs[0].shape, &gpu.inputs[1].shape);
        let (_, _, block) = self.parts(&s, gpu);
        let parts = (s.batch * s.rows).div_ceil(block);
        if parts == 1 { vec![] } else { vec![parts * s.filters * s.taps()] }
    }

    fn gpu(&self, gpu: &Gpu<'_>) -> Vec<Dispatch> {
        let s = self.known(&gpu.inputs[0].shape, &gpu.inputs[1].shape);
        let (kernel, [x, y], block) = self.parts(&s, gpu);
        let parts = (s.batch * s.rows).div_ceil(block);
        // One part's sums are the result.
        let part = if parts == 1 { Bind::Output(0) } else { Bind::Scratch(0) };
        let mut list = vec![
            Dispatch::new(kernel, &[Bind::Input(0), Bind::Input(1), part])
                .u("batch", s.batch)
                .u("channels", s.channels)
                .u("height", s.height)
                .u("width", s.width)
                .u("filters", s.filters)
                .u("rows", s.rows)
                .u("cols", s.cols)
                .u("kernel_rows", s.kernel_rows)
                .u("kernel_cols", s.kernel_cols)
                .u("stride", s.window.stride)
                .u("dilation", s.window.dilation)
                .u("padding", s.window.padding)
                .u("block", block)
                .groups([x, y, parts]),
        ];
        if parts > 1 {
            let weights = s.filters * s.taps();
            list.push(
                Dispatch::new(&shaders::REDUCE_COLUMNS, &[part, Bind::Output(0)])
                    .u("outer", 1)
                    .u("rows", parts)
                    .u("cols", weights)
                    .u("kind", Reduction::Sum as usize)
                    .invocations(weights),
            );
        }
        list
    }

    fn backward(&self, g: &mut Graph, ask: &Backward<'_>) -> Result<Vec<Option<Tensor>>> {
        // dw = sum of x dy: linear in both, over the same triples
        let (x, dy, ddw) = (ask.inputs[0], ask.inputs[1], ask.grad()?);
        let mut grads = vec![None, None];
        if ask.wanted[0] {
            let shape = g.shape(x).clone();
            grads[0] = Some(g.apply1(InputGradient { of: self.of, height: shape[2], width: shape[3] }, &[dy, ddw])?);
        }
        if ask.wanted[1] {
            grads[1] = Some(g.apply1(self.of, &[x, ddw])?);
        }
        Ok(grads)
    }

    fn flops(&self, inputs: &[Meta], _outputs: &[Meta]) -> u64 {
        self.known(&inputs[0].shape, &inputs[1].shape).flops()
    }
}

impl Graph {
    /// The convolution of pictures x, `[n, channels, h, w]`, with filters w, `[filters, channels, kh, kw]`.
    pub fn conv2d(&mut self, x: Tensor, w: Tensor, options: ConvOptions) -> Result<Tensor> {
        let op = Conv2d {
            window: options.window,
            activation: options.activation,
            bias: options.bias.is_some(),
            residual: options.residual.is_some(),
            kernel: options.kernel,
        };
        let inputs: Vec<Tensor> = [Some(x), Some(w), options.bias, options.residual].into_iter().flatten().collect();
        self.apply1(op, &inputs)
    }

    /// The gradient of a convolution's input of `[height, width]`, which is a transposed convolution: dy is
    /// `[n, filters, rows, cols]`, w `[filters, channels, kh, kw]`, the result `[n, channels, height, width]`.
    pub fn conv2d_input_gradient(
        &mut self,
        dy: Tensor,
        w: Tensor,
        [height, width]: [usize; 2],
        window: Window,
        kernel: Option<ConvKernel>,
    ) -> Result<Tensor> {
        self.apply1(InputGradient { of: Conv2d::of(window, kernel), height, width }, &[dy, w])
    }

    /// The gradient of a convolution's filters of `[kh, kw]`: x is `[n, channels, h, w]`, dy `[n, filters, rows, cols]`,
    /// the result `[filters, channels, kh, kw]`.
    pub fn conv2d_weight_gradient(
        &mut self,
        x: Tensor,
        dy: Tensor,
        size: [usize; 2],
        window: Window,
        kernel: Option<ConvKernel>,
    ) -> Result<Tensor> {
        self.apply1(WeightGradient { of: Conv2d::of(window, kernel), kernel: size }, &[x, dy])
    }
}

impl Conv2d {
    /// Without an epilogue.
    fn of(window: Window, kernel: Option<ConvKernel>) -> Self {
        Self { window, activation: Activation::Identity, bias: false, residual: false, kernel }
    }
}

/// The attributes all three have.
fn window(attrs: &super::Attrs) -> Result<Window> {
    Ok(Window { stride: attr(attrs, "stride", 1)?, padding: attr(attrs, "padding", 0)?, dilation: attr(attrs, "dilation", 1)? })
}

fn kernel(attrs: &super::Attrs) -> Result<Option<ConvKernel>> {
    ConvKernel::parse(&attr(attrs, "kernel", "auto".to_string())?)
}

/// Pictures, filters and how the window moves: `[n, channels, h, w]`, `[filters, kh, kw]`, `[stride, padding, dilation]`.
type Sketch = (&'static str, [usize; 4], [usize; 3], [usize; 3]);

const SKETCHES: &[Sketch] = &[
    ("size 1", [1, 1, 1, 1], [1, 1, 1], [1, 0, 1]),
    ("1x1", [2, 3, 4, 5], [5, 1, 1], [1, 0, 1]),
    ("3x3, padded", [2, 3, 7, 11], [5, 3, 3], [1, 1, 1]),
    ("3x3, two blocks of rows", [1, 2, 13, 5], [9, 3, 3], [1, 1, 1]),
    ("3x3, not padded", [1, 2, 5, 4], [3, 3, 3], [1, 0, 1]),
    ("3x3, padded wide", [1, 1, 2, 3], [2, 3, 3], [1, 3, 1]),
    ("stride 2", [2, 3, 9, 6], [4, 3, 3], [2, 1, 1]),
    ("stride 3, rows left over", [1, 2, 11, 8], [3, 2, 3], [3, 0, 1]),
    ("dilated", [1, 3, 9, 10], [2, 3, 3], [1, 2, 2]),
    ("dilated, stride 2, tall", [1, 2, 12, 7], [3, 5, 2], [2, 3, 2]),
    ("window of the picture's size", [3, 2, 4, 4], [5, 4, 4], [1, 0, 1]),
    // Tiles of 64 filters, 64 pixels and 16 channels, of which the last are not full.
    ("several tiles", [1, 19, 9, 11], [67, 3, 3], [1, 1, 1]),
];

/// The kernels a sketch is worth being computed with.
fn kernels(label: &str) -> &'static [&'static str] {
    match label {
        "3x3, padded" | "3x3, two blocks of rows" | "3x3, padded wide" | "3x3, not padded" => &["naive", "tiled", "register", "rows"],
        _ => &["naive", "tiled", "register"],
    }
}

const WINDOW: [(&str, &str); 4] = [
    ("stride", "inputs between neighbouring outputs (default 1)"),
    ("padding", "zeros on each side (default 0)"),
    ("dilation", "inputs between neighbouring taps (default 1)"),
    ("kernel", "auto, naive, tiled, register or rows (default auto)"),
];

fn windowed(case: Case, [stride, padding, dilation]: [usize; 3], kernel: &str) -> Case {
    case.attr("stride", stride).attr("padding", padding).attr("dilation", dilation).attr("kernel", kernel).tolerance(Tolerance::SUM)
}

/// Shape of the outputs of a sketch.
fn outputs(x: [usize; 4], [filters, kh, kw]: [usize; 3], [stride, padding, dilation]: [usize; 3]) -> [usize; 4] {
    let window = Window { stride, padding, dilation };
    let fits = "the cases' windows fit";
    [x[0], filters, window.outputs(x[2], kh).expect(fits), window.outputs(x[3], kw).expect(fits)]
}

pub(super) fn entries() -> Vec<Entry> {
    vec![
        Entry {
            name: "conv2d",
            summary: "y[n, f, r, c] = g(bias[f] + sum w[f, ch, i, j] x[n, ch, r stride + i dilation - padding, ..]) + residual",
            inputs: &[
                ("x", "[n, channels, h, w]"),
                ("w", "[f, channels, kh, kw]"),
                ("bias", "[f], optional"),
                ("residual", "[n, f, rows, cols], optional"),
            ],
            attrs: &[
                WINDOW[0],
                WINDOW[1],
                WINDOW[2],
                WINDOW[3],
                ("activation", "gelu, silu, relu, tanh, sigmoid or identity (default identity)"),
            ],
            build: |g, inputs, attrs| {
                let options = ConvOptions {
                    window: window(attrs)?,
                    bias: inputs.optional("bias"),
                    activation: Activation::parse(&attr(attrs, "activation", "identity".to_string())?)?,
                    residual: inputs.optional("residual"),
                    kernel: kernel(attrs)?,
                };
                Ok(vec![("y", g.conv2d(inputs.get("x")?, inputs.get("w")?, options)?)])
            },
            cases: || {
                let mut make = Make::new(2700);
                let mut cases = Vec::new();
                for &(label, x, [f, kh, kw], how) in SKETCHES {
                    for kernel in kernels(label) {
                        let inputs = vec![("x", make.normal(&x)), ("w", make.floats(&[f, x[1], kh, kw], 0.5, 0.0))];
                        let case = Case::new(format!("{label}, {kernel}"), inputs);
                        cases.push(windowed(case, how, kernel).gradients(&["x", "w"]));
                    }
                }
                for (activation, kernel) in [("silu", "rows"), ("relu", "tiled"), ("identity", "register"), ("gelu", "naive")] {
                    let inputs = vec![
                        ("x", make.floats(&[2, 3, 5, 6], 0.5, 0.0)),
                        ("w", make.floats(&[5, 3, 3, 3], 0.5, 0.0)),
                        ("bias", make.normal(&[5])),
                        ("residual", make.normal(&[2, 5, 5, 6])),
                    ];
                    let case = Case::new(format!("bias, {activation}, residual, {kernel}"), inputs).attr("activation", activation);
                    cases.push(windowed(case, [1, 1, 1], kernel).gradients(&["x", "w", "bias", "residual"]));
                }
                for kernel in kernels("3x3, padded") {
                    let inputs =
                        vec![("x", make.floats(&[1, 3, 5, 5], 1e15, 0.0)), ("w", make.floats(&[4, 3, 3, 3], 1e15, 0.0))];
                    let large = Tolerance { name: "sum of large", absolute: 1e25, relative: 1e-4 };
                    cases.push(windowed(Case::new(format!("large, {kernel}"), inputs), [1, 1, 1], kernel).tolerance(large));
                    let inputs = vec![("x", make.constant(&[1, 2, 4, 4], 0.5)), ("w", make.constant(&[3, 2, 3, 3], 2.0))];
                    cases.push(windowed(Case::new(format!("all equal, {kernel}"), inputs), [1, 1, 1], kernel));
                }
                cases
            },
        },
        Entry {
            name: "conv2d_input_gradient",
            summary: "dx: each input's sum of w dy over the outputs that see it; a transposed convolution",
            inputs: &[("dy", "[n, f, rows, cols]"), ("w", "[f, channels, kh, kw]")],
            attrs: &[
                ("height", "of the pictures (default the smallest with that many rows)"),
                ("width", "of the pictures (default the smallest with that many columns)"),
                WINDOW[0],
                WINDOW[1],
                WINDOW[2],
                WINDOW[3],
            ],
            build: |g, inputs, attrs| {
                let (dy, w, window) = (inputs.get("dy")?, inputs.get("w")?, window(attrs)?);
                let smallest = |axis: usize| match (g.shape(dy).get(axis), g.shape(w).get(axis)) {
                    (Some(rows), Some(taps)) => ((rows - 1) * window.stride + window.dilation * (taps - 1) + 1)
                        .saturating_sub(2 * window.padding),
                    _ => 0,
                };
                let size = [attr(attrs, "height", smallest(2))?, attr(attrs, "width", smallest(3))?];
                Ok(vec![("dx", g.conv2d_input_gradient(dy, w, size, window, kernel(attrs)?)?)])
            },
            cases: || {
                let mut make = Make::new(2800);
                let mut cases = Vec::new();
                for &(label, x, [f, kh, kw], how) in SKETCHES {
                    for kernel in kernels(label) {
                        let dy = make.normal(&outputs(x, [f, kh, kw], how));
                        let inputs = vec![("dy", dy), ("w", make.floats(&[f, x[1], kh, kw], 0.5, 0.0))];
                        let case = Case::new(format!("{label}, {kernel}"), inputs);
                        let case = windowed(case, how, kernel).attr("height", x[2]).attr("width", x[3]);
                        cases.push(case.gradients(&["dy", "w"]));
                    }
                }
                cases
            },
        },
        Entry {
            name: "conv2d_weight_gradient",
            summary: "dw: each weight's sum of x dy over the outputs it is used for",
            inputs: &[("x", "[n, channels, h, w]"), ("dy", "[n, f, rows, cols]")],
            attrs: &[
                ("kernel_height", "rows of the window (default 3)"),
                ("kernel_width", "columns of the window (default 3)"),
                WINDOW[0],
                WINDOW[1],
                WINDOW[2],
                WINDOW[3],
            ],
            build: |g, inputs, attrs| {
                let size = [attr(attrs, "kernel_height", 3)?, attr(attrs, "kernel_width", 3)?];
                let dw =
                    g.conv2d_weight_gradient(inputs.get("x")?, inputs.get("dy")?, size, window(attrs)?, kernel(attrs)?)?;
                Ok(vec![("dw", dw)])
            },
            cases: || {
                let mut make = Make::new(2900);
                let mut cases = Vec::new();
                for &(label, x, [f, kh, kw], how) in SKETCHES {
                    for kernel in ["tiled", "register"] {
                        let dy = make.normal(&outputs(x, [f, kh, kw], how));
                        let case = Case::new(format!("{label}, {kernel}"), vec![("x", make.normal(&x)), ("dy", dy)]);
                        let case = windowed(case, how, kernel).attr("kernel_height", kh).attr("kernel_width", kw);
                        cases.push(case.gradients(&["x", "dy"]));
                    }
                }
                cases
            },
        },
    ]
}
