//! The CPU executor: the twins, and the fast paths where an op has one.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU64, Ordering},
};

use super::{
    Store,
    plan::{Holds, Plan},
    store::{Memory, lock},
};
use crate::{
    Result,
    ops::{Cpu, CpuInput},
};

/// The processor, as a device.
#[derive(Clone, Debug)]
pub struct CpuDevice {
    /// Threads used where it pays.
    pub threads: usize,
    /// Whether ops run their twins only: slow, and the reference.
    pub twins: bool,
    allocations: Arc<AtomicU64>,
}

impl CpuDevice {
    pub(super) fn new(threads: usize, twins: bool) -> Self {
        Self { threads, twins, allocations: Arc::default() }
    }

    pub(super) fn count_allocation(&self) {
        self.allocations.fetch_add(1, Ordering::Relaxed);
    }

    /// Buffers allocated since the device was made.
    pub fn allocations(&self) -> u64 {
        self.allocations.load(Ordering::Relaxed)
    }
}

enum Words {
    Own(Vec<u32>),
    Shared(Arc<Mutex<Vec<u32>>>),
}

impl Words {
    fn take(&mut self) -> Vec<u32> {
        match self {
            Self::Own(words) => std::mem::take(words),
            Self::Shared(words) => std::mem::take(&mut *lock(words)),
        }
    }
    fn put(&mut self, back: Vec<u32>) {
        match self {
            Self::Own(words) => *words = back,
            Self::Shared(words) => *lock(words) = back,
        }
    }
}

pub(super) struct CpuProgram {
    device: CpuDevice,
    slots: Vec<Words>,
}

/// What results start as: read before it is written, it shows.
const SENTINEL: u32 = 0x7F4E_4EAD; // about 2.7e38

impl CpuProgram {
    pub fn new(device: &CpuDevice, plan: &Plan, store: &Store) -> Result<Self> {
        let mut slots = Vec::new();
        for (words, holds) in &plan.slots {
            slots.push(match holds {
                Holds::Variable(name, shape) => match store.memory(name, shape)? {
                    Memory::Cpu(shared) => Words::Shared(shared),
                    Memory::Gpu(_) => return Err(crate::Error::data(name, "belongs to another device")),
                },
                Holds::Constant(value) => Words::Own(value.words().to_vec()),
                Holds::Input | Holds::Results => {
                    device.count_allocation();
                    Words::Own(vec![SENTINEL; *words])
                }
            });
        }
        Ok(Self { device: device.clone(), slots })
    }

    pub fn write(&mut self, slot: usize, words: &[u32]) {
        if let Words::Own(own) = &mut self.slots[slot] {
            own.copy_from_slice(words);
        }
    }

    pub fn read(&self, slot: usize) -> Vec<u32> {
        match &self.slots[slot] {
            Words::Own(words) => words.clone(),
            Words::Shared(words) => lock(words).clone(),
        }
    }

    /// Runs the steps; `after` is told when each is done.
    pub fn run(&mut self, plan: &Plan, mut after: impl FnMut(usize)) {
        for index in 0..plan.steps.len() {
            self.step(plan, index);
            after(index);
        }
    }

    /// Runs one step.
    pub fn step(&mut self, plan: &Plan, index: usize) {
        let step = &plan.steps[index];
        let updates = step.op.updates();
        // What is written is moved out of its slot, so that the rest can be borrowed meanwhile.
        let mut state: Vec<Vec<u32>> = updates.iter().map(|&i| self.slots[step.inputs[i].slot].take()).collect();
        let mut outputs: Vec<Vec<u32>> = step.outputs.iter().map(|(slot, _)| self.slots[*slot].take()).collect();
        let guards: Vec<_> = step
            .inputs
            .iter()
            .enumerate()
            .map(|(i, place)| match &self.slots[place.slot] {
                Words::Shared(words) if !updates.contains(&i) => Some(words),
                _ => None,
            })
            .collect();
        // A variable read twice is locked once.
        let mut locked: Vec<(*const Mutex<Vec<u32>>, _)> = Vec::new();
        for words in guards.iter().flatten() {
            let key = Arc::as_ptr(words);
            if locked.iter().all(|(k, _)| *k != key) {
                locked.push((key, lock(words)));
            }
        }
        let inputs = step
            .inputs
            .iter()
            .enumerate()
            .map(|(i, place)| {
                let words: &[u32] = match (&self.slots[place.slot], guards[i]) {
                    (_, Some(shared)) => {
                        let key = Arc::as_ptr(shared);
                        locked.iter().find(|(k, _)| *k == key).map_or(&[], |(_, guard)| guard)
                    }
                    (Words::Own(words), None) => words,
                    (Words::Shared(_), None) => &[],
                };
                CpuInput { words, layout: place.layout.clone() }
            })
            .collect();
        let mut cpu = Cpu {
            inputs,
            outputs: outputs.iter_mut().zip(&step.outputs).map(|(w, (_, m))| &mut w[..m.shape.count()]).collect(),
            state: state.iter_mut().map(Vec::as_mut_slice).collect(),
            threads: self.device.threads,
        };
        if self.device.twins || !step.op.fast(&mut cpu) {
            step.op.twin(&mut cpu);
        }
        drop(cpu);
        drop(locked);
        drop(guards);
        for (&i, words) in updates.iter().zip(state) {
            self.slots[step.inputs[i].slot].put(words);
        }
        for ((slot, _), words) in step.outputs.iter().zip(outputs) {
            self.slots[*slot].put(words);
        }
    }
}
