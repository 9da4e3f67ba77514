//! The experiments behind the chapters: no interface, seeded, runnable natively.

pub mod act2;
pub mod act5;
pub mod act7;
pub mod autoencoder;
pub mod bench;
pub mod sight;
pub mod tiny;
pub mod tinyland;
