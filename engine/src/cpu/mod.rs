//! The CPU executor's fast paths.

mod gemm;

pub(crate) use gemm::{Matrix, gemm};
