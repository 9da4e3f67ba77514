//! The ops. One file an op, read from the top: formula and shapes, shape rule, CPU twin, GPU dispatch, backward,
//! cost, and the cases every executor is checked on.
//!
//! To add one: `shaders/kernels/<op>.wgsl`, `engine/src/ops/<op>.rs`, and its name in [`ops!`] below.

use std::{collections::BTreeMap, fmt};

use shaders::{Kernel, ParamKind};

use crate::{DType, Error, Graph, HostTensor, Layout, Meta, Result, Shape, Tensor, Tier, graph::Backward};

/// Declares the op modules and the list of their entries.
macro_rules! ops {
    ($($name:ident),* $(,)?) => {
        $(mod $name;)*
        /// Every op that can be called by name, in alphabetical order.
        pub fn all() -> Vec<Entry> {
            let mut list: Vec<Entry> = [$($name::entries()),*].into_iter().flatten().collect();
            list.sort_by_key(|e| e.name);
            list
        }
    };
}

ops![
    activation,
    attention,
    binary,
    concat,
    conv2d,
    copy,
    cross_entropy,
    dequantize,
    embedding,
    fake_quantize,
    flash_attention,
    gather,
    group_norm,
    matmul,
    multiply_add,
    norm,
    optimizer,
    quantize,
    quantized_matmul,
    reduce,
    resample,
    rope,
    sample,
    softmax,
    time_embedding,
    unary,
];

pub use activation::Activation;
pub use attention::{Attention, AttentionOptions};
pub use binary::Binary;
pub use conv2d::{ConvKernel, ConvOptions, Window};
pub use copy::Copy;
pub use cross_entropy::IGNORE;
pub use flash_attention::{FLASH_COLUMNS, FlashAttention, FlashOptions, Rung};
pub use matmul::Epilogue;
pub use optimizer::Rule;
pub use quantize::QuantizedTensor;
pub use quantized_matmul::{Activations, QuantizedKernel};
pub use reduce::Reduction;
pub use softmax::Mask;
pub use unary::Unary;

/// The op of that name.
pub fn find(name: &str) -> Option<Entry> {
    all().into_iter().find(|e| e.name == name)
}

/// One computation the engine knows: a shape rule, a CPU twin, a GPU dispatch and a derivative.
pub trait Op: fmt::Debug + Send + Sync {
    /// The standard name.
    fn name(&self) -> &'static str;

    /// Shapes and types of the outputs, or what is wrong with the inputs.
    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>>;

    /// Whether input `i` may come as a strided view. Elsewhere the plan lays views out first.
    fn reads_strides(&self, _input: usize) -> bool {
        false
    }

    /// Inputs, which must be variables, that the op updates in place.
    fn updates(&self) -> &'static [usize] {
        &[]
    }

    /// The twin: simple loops that say what the kernel means. The oracle of every test.
    fn twin(&self, cpu: &mut Cpu<'_>);

    /// A faster way on the CPU; `false` where there is none for these inputs, and the twin runs instead.
    fn fast(&self, _cpu: &mut Cpu<'_>) -> bool {
        false
    }

    /// The dispatches that compute it on the GPU.
    fn gpu(&self, gpu: &Gpu<'_>) -> Vec<Dispatch>;

    /// Words of each temporary buffer its dispatches share.
    fn scratch(&self, _gpu: &Gpu<'_>) -> Vec<usize> {
        Vec::new()
    }

    /// Appends the gradient with respect to each input, `None` for one that has none.
    fn backward(&self, g: &mut Graph, ask: &Backward<'_>) -> Result<Vec<Option<Tensor>>>;

    /// Arithmetic done. Bytes are counted by the plan: every input and output once.
    fn flops(&self, inputs: &[Meta], outputs: &[Meta]) -> u64;
}

/// A strided read of CPU memory.
#[derive(Clone, Debug)]
pub struct CpuInput<'a> {
    /// The storage.
    pub words: &'a [u32],
    /// Where the elements lie.
    pub layout: Layout,
}

impl<'a> CpuInput<'a> {
    /// The elements of a contiguous float input.
    pub fn f32(&self) -> &'a [f32] {
        debug_assert!(self.layout.is_contiguous());
        &bytemuck::cast_slice(self.words)[..self.layout.shape.count()]
    }
    /// The elements of a contiguous integer input.
    pub fn u32(&self) -> &'a [u32] {
        debug_assert!(self.layout.is_contiguous());
        &self.words[..self.layout.shape.count()]
    }
    /// The whole storage as floats, to be read through the layout.
    pub fn storage(&self) -> &'a [f32] {
        bytemuck::cast_slice(self.words)
    }
    /// The floats of a strided input, in row-major order of the view.
    pub fn iter(&self) -> impl Iterator<Item = f32> + '_ {
        self.layout.words().map(|w| f32::from_bits(self.words[w]))
    }
}

/// What an op works with on the CPU.
#[derive(Debug)]
pub struct Cpu<'a> {
    /// The inputs. Those the op updates are empty here and in `state` instead.
    pub inputs: Vec<CpuInput<'a>>,
    /// The outputs, contiguous, holding anything.
    pub outputs: Vec<&'a mut [u32]>,
    /// The variables the op updates, in the order of [`Op::updates`].
    pub state: Vec<&'a mut [u32]>,
    /// Threads that may be used.
    pub threads: usize,
}

impl Cpu<'_> {
    /// The inputs, and output `i` as floats to write.
    pub fn split(&mut self, i: usize) -> (&[CpuInput<'_>], &mut [f32]) {
        (&self.inputs, bytemuck::cast_slice_mut(self.outputs[i]))
    }
}

/// What an op knows when it describes its dispatches.
#[derive(Debug)]
pub struct Gpu<'a> {
    /// Where each input's elements lie.
    pub inputs: &'a [Layout],
    /// The outputs.
    pub outputs: &'a [Meta],
    /// What the adapter can do.
    pub tier: &'a Tier,
}

/// A buffer of a dispatch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bind {
    /// An input of the op.
    Input(usize),
    /// An output of the op.
    Output(usize),
    /// A temporary of the op.
    Scratch(usize),
}

/// One kernel launch: which kernel, its uniform block, its buffers in binding order, its workgroups.
#[derive(Clone, Debug)]
pub struct Dispatch {
    /// The kernel.
    pub kernel: &'static Kernel,
    /// The uniform block.
    pub params: Vec<u8>,
    /// Constants of the pipeline that differ from what the kernel has them at.
    pub constants: Vec<(&'static str, u32)>,
    /// One for each binding of the kernel, in order.
    pub bindings: Vec<Bind>,
    /// Workgroups along x, y and z.
    pub groups: [u32; 3],
}

impl Dispatch {
    /// A launch of `kernel` over these buffers, one workgroup so far.
    pub fn new(kernel: &'static Kernel, bindings: &[Bind]) -> Self {
        assert_eq!(kernel.bindings.len(), bindings.len(), "{}: one buffer a binding", kernel.name);
        Self {
            kernel,
            params: vec![0; kernel.params_size as usize],
            constants: Vec::new(),
            bindings: bindings.to_vec(),
            groups: [1; 3],
        }
    }

    fn set(mut self, name: &str, kind: ParamKind, bytes: &[u8]) -> Self {
        let param = self.kernel.params.iter().find(|p| p.name == name && p.kind == kind);
        let param = param.unwrap_or_else(|| panic!("{} has no {kind:?} called {name}", self.kernel.name));
        let at = param.offset as usize;
        self.params[at..at + bytes.len()].copy_from_slice(bytes);
        self
    }

    /// Sets a `u32` of the uniform block.
    pub fn u(self, name: &str, value: usize) -> Self {
        self.set(name, ParamKind::U32, &(value as u32).to_le_bytes())
    }
    /// Sets an `f32`.
    pub fn f(self, name: &str, value: f32) -> Self {
        self.set(name, ParamKind::F32, &value.to_le_bytes())
    }
    /// Sets a `vec4<u32>`.
    pub fn v(self, name: &str, value: [u32; 4]) -> Self {
        self.set(name, ParamKind::Vec4U32, bytemuck::cast_slice(&value))
    }
    /// Sets an override of the kernel: each set of values is a pipeline of its own, so these are for kinds, not for sizes.
    pub fn constant(mut self, name: &'static str, value: usize) -> Self {
        assert!(self.kernel.overrides.contains(&name), "{} has no override called {name}", self.kernel.name);
        self.constants.push((name, value as u32));
        self
    }
    /// Workgroups along x, y and z.
    pub fn groups(mut self, groups: [usize; 3]) -> Self {
        self.groups = groups.map(|g| g as u32);
        self
    }
    /// `count` workgroups in all, folded into y where x alone does not reach.
    pub fn flat_groups(self, count: usize) -> Self {
        const MOST: usize = 65_535;
        let y = count.div_ceil(MOST);
        self.groups([count.div_ceil(y), y, 1])
    }
    /// The launch of a kernel that includes `row`: an invocation a row, where barriers are dear, or a workgroup.
    pub fn rows(self, count: usize, alone: bool) -> Self {
        if alone { self.constant("alone", 1).invocations(count) } else { self.flat_groups(count) }
    }
    /// Enough workgroups for one invocation each of `count` elements.
    pub fn invocations(self, count: usize) -> Self {
        let size = self.kernel.workgroup_size[0] as usize;
        self.flat_groups(count.div_ceil(size))
    }
}

/// Attributes of an op called by name, as text.
pub type Attrs = BTreeMap<String, String>;

/// An attribute parsed, or `default` where it is not given.
pub fn attr<T: std::str::FromStr>(attrs: &Attrs, name: &str, default: T) -> Result<T> {
    match attrs.get(name) {
        None => Ok(default),
        Some(text) => text.parse().map_err(|_| Error::data(name, format!("`{text}` is not a value of this attribute"))),
    }
}

/// The inputs of an op called by name.
#[derive(Clone, Debug, Default)]
pub struct Inputs(pub BTreeMap<String, Tensor>);

impl Inputs {
    /// The input of that name; an error names it where it is missing.
    pub fn get(&self, name: &str) -> Result<Tensor> {
        self.optional(name).ok_or_else(|| Error::data(name, "this input is missing"))
    }
    /// The input of that name, if given.
    pub fn optional(&self, name: &str) -> Option<Tensor> {
        self.0.get(name).copied()
    }
}

/// Builds an op, or a composition of ops, from named inputs.
pub type Build = fn(&mut Graph, &Inputs, &Attrs) -> Result<Vec<(&'static str, Tensor)>>;

/// An op that can be called by name: from a test, the command line, the verification page.
#[derive(Clone)]
pub struct Entry {
    /// The standard name.
    pub name: &'static str,
    /// One line: the formula.
    pub summary: &'static str,
    /// Input names, each with what it is.
    pub inputs: &'static [(&'static str, &'static str)],
    /// Attribute names, each with what it is and its default.
    pub attrs: &'static [(&'static str, &'static str)],
    /// Builds it; the outputs come with their names.
    pub build: Build,
    /// The cases every executor is checked on.
    pub cases: fn() -> Vec<Case>,
}

/// One case: inputs, attributes, and what to check.
#[derive(Clone, Debug)]
pub struct Case {
    /// What is special about it.
    pub label: String,
    /// Named inputs.
    pub inputs: Vec<(&'static str, HostTensor)>,
    /// Attributes.
    pub attrs: Attrs,
    /// Inputs whose gradient is compared with finite differences.
    pub gradients: Vec<&'static str>,
    /// How far apart two executors may be.
    pub tolerance: Tolerance,
}

impl Case {
    /// A case with these inputs and no attributes.
    pub fn new(label: impl Into<String>, inputs: Vec<(&'static str, HostTensor)>) -> Self {
        Self { label: label.into(), inputs, attrs: Attrs::new(), gradients: vec![], tolerance: Tolerance::ELEMENTWISE }
    }
    /// With an attribute.
    pub fn attr(mut self, name: &str, value: impl ToString) -> Self {
        self.attrs.insert(name.into(), value.to_string());
        self
    }
    /// Whose gradients with respect to these inputs are checked too.
    pub fn gradients(mut self, names: &[&'static str]) -> Self {
        self.gradients = names.to_vec();
        self
    }
    /// With another tolerance.
    pub fn tolerance(mut self, tolerance: Tolerance) -> Self {
        self.tolerance = tolerance;
        self
    }
}

/// How far two results may be apart: `|a - b| <= absolute + relative * |b|`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tolerance {
    /// Its name, shown with every result it judged.
    pub name: &'static str,
    /// Absolute part.
    pub absolute: f32,
    /// Part relative to the reference.
    pub relative: f32,
}

impl Tolerance {
    /// Integers, copies: equal.
    pub const EXACT: Self = Self { name: "exact", absolute: 0.0, relative: 0.0 };
    /// One rounding or one transcendental function an element: WGSL allows these a few ulps, `exp` and `tanh` more.
    pub const ELEMENTWISE: Self = Self { name: "elementwise", absolute: 2e-6, relative: 1e-5 };
    /// Sums of up to some thousand terms of order one, in any order.
    pub const SUM: Self = Self { name: "sum", absolute: 3e-5, relative: 3e-5 };
    /// Sums of sums, or functions of them.
    pub const COMPOSED: Self = Self { name: "composed", absolute: 2e-4, relative: 2e-4 };
}

/// Pseudorandom inputs for cases: normal floats and small integers, the same everywhere.
#[derive(Debug)]
pub struct Make {
    seed: u32,
}

impl Make {
    /// A source of inputs.
    pub fn new(seed: u32) -> Self {
        Self { seed }
    }
    /// Roughly normal floats of unit variance.
    pub fn normal(&mut self, shape: &[usize]) -> HostTensor {
        self.floats(shape, 1.0, 0.0)
    }
    /// Roughly normal floats times `scale` plus `shift`.
    pub fn floats(&mut self, shape: &[usize], scale: f32, shift: f32) -> HostTensor {
        self.seed += 1;
        let count = shape.iter().product();
        let data = (0..count).map(|i| shift + scale * crate::rng::normal([self.seed, 77], i as u32)).collect();
        HostTensor::f32(shape, data).expect("the cases' shapes are valid")
    }
    /// Integers below `below`.
    pub fn integers(&mut self, shape: &[usize], below: u32) -> HostTensor {
        self.seed += 1;
        let count: usize = shape.iter().product();
        let data = (0..count).map(|i| crate::rng::bits([self.seed, 78], i as u32)[0] % below).collect();
        HostTensor::u32(shape, data).expect("the cases' shapes are valid")
    }
    /// Floats no two of which are nearer than 0.1, in a scattered order: for functions with kinks where values tie.
    pub fn distinct(&mut self, shape: &[usize]) -> HostTensor {
        let count: usize = shape.iter().product();
        // 7919 is prime and larger than any case, so the order is a permutation.
        let data = (0..count).map(|i| 0.1 * (((i + 1) * 7919) % count) as f32).collect();
        HostTensor::f32(shape, data).expect("the cases' shapes are valid")
    }
    /// The same float everywhere.
    pub fn constant(&mut self, shape: &[usize], value: f32) -> HostTensor {
        HostTensor::f32(shape, vec![value; shape.iter().product()]).expect("the cases' shapes are valid")
    }
}

/// An error of an op about its inputs' shapes.
pub(crate) fn shape_error(op: &'static str, message: impl Into<String>, inputs: &[Meta]) -> Error {
    Error::Shape { op, message: message.into(), shapes: inputs.iter().map(|m| m.shape.clone()).collect() }
}

/// Checks the number of inputs and that they are floats.
pub(crate) fn expect_floats(op: &'static str, inputs: &[Meta], count: usize) -> Result<()> {
    if inputs.len() != count {
        return Err(shape_error(op, format!("{count} inputs are wanted, {} were given", inputs.len()), inputs));
    }
    if inputs.iter().any(|m| m.dtype != DType::F32) {
        return Err(shape_error(op, "floats are wanted, integers were given", inputs));
    }
    Ok(())
}

/// A float output of that shape.
pub(crate) fn float(shape: &Shape) -> Meta {
    Meta { shape: shape.clone(), dtype: DType::F32 }
}

/// Runs `f(row, out_row)` over rows of `out`, on all threads where the work is worth it.
pub(crate) fn for_rows<T: Send>(threads: usize, out: &mut [T], row: usize, f: impl Fn(usize, &mut [T]) + Sync + Send) {
    for_rows_of(threads, row, out, row, f);
}

/// The same for rows that cost `work` elements each, though they write fewer.
pub(crate) fn for_rows_of<T: Send>(
    threads: usize,
    work: usize,
    out: &mut [T],
    row: usize,
    f: impl Fn(usize, &mut [T]) + Sync + Send,
) {
    #[cfg(not(target_arch = "wasm32"))]
    if threads > 1 && out.len() / row * work >= 1 << 14 {
        use rayon::prelude::*;
        let rows_at_once = (4096 / work).max(1);
        out.par_chunks_mut(row * rows_at_once).enumerate().for_each(|(i, chunk)| {
            for (j, out_row) in chunk.chunks_mut(row).enumerate() {
                f(i * rows_at_once + j, out_row);
            }
        });
        return;
    }
    let _ = (threads, work);
    for (i, out_row) in out.chunks_mut(row).enumerate() {
        f(i, out_row);
    }
}
