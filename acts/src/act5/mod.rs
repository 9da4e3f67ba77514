//! Act V: making it fit.

pub mod ch27_quantization;
