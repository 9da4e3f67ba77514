//! Variables that outlive a run and are shared between programs: weights, optimizer state.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{Device, gpu::read_buffers};
use crate::{Error, HostTensor, Result, Shape};

/// The memory of one variable.
#[derive(Clone, Debug)]
pub(super) enum Memory {
    Cpu(Arc<Mutex<Vec<u32>>>),
    Gpu(wgpu::Buffer),
}

/// Locks memory; a panic elsewhere while it was held leaves numbers, not broken invariants.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Named variables on one device.
#[derive(Clone, Debug)]
pub struct Store {
    device: Device,
    variables: Arc<Mutex<BTreeMap<String, (Shape, Memory)>>>,
}

impl Store {
    /// An empty store on that device.
    pub fn new(device: &Device) -> Self {
        Self { device: device.clone(), variables: Arc::default() }
    }

    /// The device.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Sets a variable, in place where it exists with the same shape.
    pub fn set(&self, name: &str, value: &HostTensor) -> Result<()> {
        let mut variables = lock(&self.variables);
        let fits = variables.get(name).is_some_and(|(shape, _)| *shape == value.shape);
        if !fits {
            let memory = match &self.device {
                Device::Cpu(cpu) => {
                    cpu.count_allocation();
                    Memory::Cpu(Arc::new(Mutex::new(vec![0; value.shape.count()])))
                }
                Device::Gpu(gpu) => Memory::Gpu(gpu.buffer("variable", name, &value.shape)?),
            };
            variables.insert(name.into(), (value.shape.clone(), memory));
        }
        match (&variables[name].1, &self.device) {
            (Memory::Cpu(words), _) => lock(words).copy_from_slice(value.words()),
            (Memory::Gpu(buffer), Device::Gpu(gpu)) => {
                gpu.queue().write_buffer(buffer, 0, bytemuck::cast_slice(value.words()));
            }
            (Memory::Gpu(_), Device::Cpu(_)) => return Err(Error::data(name, "belongs to another device")),
        }
        Ok(())
    }

    /// Names and shapes, in alphabetical order.
    pub fn names(&self) -> Vec<(String, Shape)> {
        lock(&self.variables).iter().map(|(name, (shape, _))| (name.clone(), shape.clone())).collect()
    }

    /// The values of these variables, copied to the host in one transfer.
    pub async fn get_all(&self, names: &[String]) -> Result<Vec<HostTensor>> {
        let found: Vec<(Shape, Memory)> = {
            let variables = lock(&self.variables);
            names
                .iter()
                .map(|name| variables.get(name).cloned().ok_or_else(|| Error::data(name, "no such variable")))
                .collect::<Result<_>>()?
        };
        let words: Vec<Vec<u32>> = match &self.device {
            Device::Cpu(_) => found
                .iter()
                .map(|(_, m)| if let Memory::Cpu(words) = m { lock(words).clone() } else { vec![] })
                .collect(),
            Device::Gpu(gpu) => {
                let buffers: Vec<(&wgpu::Buffer, usize)> = found
                    .iter()
                    .filter_map(|(shape, m)| if let Memory::Gpu(b) = m { Some((b, shape.count())) } else { None })
                    .collect();
                read_buffers(gpu, &buffers).await?
            }
        };
        found
            .into_iter()
            .zip(words)
            .map(|((shape, _), words)| HostTensor::f32(&shape, bytemuck::cast_vec(words)))
            .collect()
    }

    pub(super) fn memory(&self, name: &str, shape: &Shape) -> Result<Memory> {
        let variables = lock(&self.variables);
        let Some((found, memory)) = variables.get(name) else {
            return Err(Error::data(name, "the store has no such variable"));
        };
        if found != shape {
            return Err(Error::data(name, format!("the store has it as {found}, the graph as {shape}")));
        }
        Ok(memory.clone())
    }
}
