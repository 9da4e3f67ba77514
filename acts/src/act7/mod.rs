//! The experiments of Act VII.

pub mod ch41_diffusion;
