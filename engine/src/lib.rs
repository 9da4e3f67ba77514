//! The compute engine: a graph of static-shape tensors, reverse-mode differentiation as graph to graph, and
//! programs that are planned once and replayed on one of two executors, WGSL on the GPU or Rust on the CPU.
//!
//! ```
//! use engine::{Device, Graph, HostTensor, Program, Store};
//!
//! let mut g = Graph::new();
//! let x = g.input("x", &[2, 3])?;
//! let w = g.input("w", &[3, 1])?;
//! let y = g.matmul(x, w)?;
//!
//! let device = Device::cpu();
//! let mut program = engine::wait(Program::compile(&device, &g, &[y], &Store::new(&device)))?;
//! program.write(x, &HostTensor::f32(&[2, 3], vec![1., 2., 3., 4., 5., 6.])?)?;
//! program.write(w, &HostTensor::f32(&[3, 1], vec![1., 0., -1.])?)?;
//! program.run()?;
//! assert_eq!(engine::wait(program.read(y))?.as_f32()?, &[-2., -2.]);
//! # Ok::<(), engine::Error>(())
//! ```

mod call;
pub mod check;
mod cpu;
mod error;
pub mod exec;
pub mod gpu;
pub mod graph;
pub mod io;
pub mod models;
pub mod ops;
pub mod optim;
pub mod quant;
pub mod rng;
pub mod sampling;
mod tensor;

pub use call::Call;
pub use error::{Error, Result};
pub use exec::{Device, Program, Store};
pub use gpu::{GpuDevice, Preference, Tier};
pub use graph::{Graph, Tensor};
pub use tensor::{DType, Data, HostTensor, Layout, Meta, Shape};

/// Waits for a future of this crate on a native thread.
///
/// In a page, where blocking would stop the very events that are waited for, use `.await`.
#[cfg(not(target_arch = "wasm32"))]
pub fn wait<T>(future: impl Future<Output = T>) -> T {
    pollster::block_on(future)
}
