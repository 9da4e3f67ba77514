//! What can go wrong, said with the op and the shapes it went wrong with.

use crate::Shape;

/// The result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of the engine.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The inputs of an op do not fit each other.
    #[error("{op}: {message} (inputs {})", list(.shapes))]
    Shape {
        /// The op.
        op: &'static str,
        /// Which rule is broken.
        message: String,
        /// The shapes that were given.
        shapes: Vec<Shape>,
    },
    /// A gradient was asked for through an op that has none.
    #[error("{op} has no gradient: {reason}")]
    NoGradient {
        /// The op.
        op: &'static str,
        /// Why.
        reason: &'static str,
    },
    /// A tensor is larger than this device can bind.
    #[error("{op}: a tensor of shape {shape} takes {bytes} bytes, and {device} binds at most {limit}")]
    OverLimit {
        /// The op that makes the tensor.
        op: String,
        /// Its shape.
        shape: Shape,
        /// Its size.
        bytes: u64,
        /// The limit.
        limit: u64,
        /// The adapter.
        device: String,
    },
    /// The device has no memory left for a program.
    #[error("out of memory on {device} while allocating {bytes} bytes")]
    OutOfMemory {
        /// The adapter.
        device: String,
        /// What the program asked for in all.
        bytes: u64,
    },
    /// The device is gone; programs on it are dead, host copies are not.
    #[error("the GPU was lost: {0}")]
    DeviceLost(String),
    /// No adapter can be had.
    #[error("no GPU: {0}")]
    NoGpu(String),
    /// The GPU reported an error.
    #[error("the GPU reported: {0}")]
    Gpu(String),
    /// Data do not fit the tensor they were meant for.
    #[error("{name}: {message}")]
    Data {
        /// The tensor or file.
        name: String,
        /// What is wrong.
        message: String,
    },
}

impl Error {
    /// Data that do not fit.
    pub fn data(name: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Data { name: name.into(), message: message.into() }
    }
}

fn list(shapes: &[Shape]) -> String {
    shapes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ")
}
