//! The CPU executor's fast paths.

mod gemm;
pub(crate) mod lanes;

pub(crate) use gemm::{Matrix, gemm, gemm_add};
pub(crate) use lanes::exp;
