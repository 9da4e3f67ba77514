//! The WGSL kernels and what the host must know of them, read off the shader text at build time.
//!
//! A kernel is one file in `kernels/`, with one entry point `main`. Its uniform block is binding 0 and its
//! storage buffers are bindings 1, 2, … of group 0. Files in `shared/` are only ever included.

/// A compiled-in kernel: the composed text that runs, and its reflected interface.
#[derive(Debug)]
pub struct Kernel {
    /// File name without its ending.
    pub name: &'static str,
    /// The comment at the head of the file: the mathematics, the shapes, the one idea of this variant.
    pub doc: &'static str,
    /// The whole WGSL text, includes in place: exactly what the GPU is given.
    pub source: &'static str,
    /// Invocations of a workgroup along x, y and z.
    pub workgroup_size: [u32; 3],
    /// Storage buffers in binding order, the first at binding 1.
    pub bindings: &'static [Binding],
    /// Fields of the uniform block at binding 0.
    pub params: &'static [Param],
    /// Size of the uniform block in bytes.
    pub params_size: u32,
    /// Constants of type `u32` that can be given another value when the pipeline is made. What depends on one alone is
    /// decided then: software adapters walk through both sides of every branch that is left.
    pub overrides: &'static [&'static str],
}

/// A storage buffer of a kernel.
#[derive(Debug)]
pub struct Binding {
    /// Its variable in the WGSL text.
    pub name: &'static str,
    /// Whether the kernel may write it.
    pub writes: bool,
}

/// A field of a kernel's uniform block.
#[derive(Debug)]
pub struct Param {
    /// Its name in the WGSL text.
    pub name: &'static str,
    /// Byte offset in the block.
    pub offset: u32,
    /// Its type.
    pub kind: ParamKind,
}

/// The types a uniform field may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParamKind {
    /// `u32`
    U32,
    /// `f32`
    F32,
    /// `vec4<u32>`
    Vec4U32,
}

include!(concat!(env!("OUT_DIR"), "/kernels.rs"));

/// The kernel of that name.
pub fn find(name: &str) -> Option<&'static Kernel> {
    ALL.iter().copied().find(|k| k.name == name)
}
