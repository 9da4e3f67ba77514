//! `--device cpu|gpu`, the same for every command that computes.

use anyhow::{Context, Result};
use clap::ValueEnum;
use engine::Device;

/// Which executor runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DeviceKind {
    /// Rust, with its fast paths
    Cpu,
    /// WGSL, on the native adapter
    Gpu,
}

impl DeviceKind {
    pub fn open(self) -> Result<Device> {
        Ok(match self {
            Self::Cpu => Device::cpu(),
            Self::Gpu => engine::wait(Device::gpu()).context("no adapter; --device cpu needs none")?,
        })
    }
}
