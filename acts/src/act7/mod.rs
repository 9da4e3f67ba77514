//! Act VII, the other modalities.

pub mod ch37_vision_transformer;
pub mod ch41_diffusion;
