//! Act V: making it fit.

pub mod ch26_flash_attention;
pub mod ch27_quantization;
