//! The CPU executor's fast paths.

mod gemm;
pub(crate) mod lanes;
mod quantized;

pub(crate) use gemm::{Matrix, gemm, gemm_add};
pub(crate) use lanes::exp;
pub(crate) use quantized::{COLUMNS, Packed};
