//! The plan of a program: which ops run in which order, where every tensor lies, and which memory is used again.

use std::{collections::HashMap, sync::Arc};

use crate::{
    DType, Error, Graph, HostTensor, Layout, Meta, Result, Shape, Tensor,
    graph::Source,
    ops::{Copy, Op},
};

/// A piece of memory that holds one tensor at a time.
pub type Slot = usize;

/// What a slot is for.
#[derive(Clone, Debug)]
pub enum Holds {
    /// An input of the program, written by the host.
    Input,
    /// A variable of the store.
    Variable(String, Shape),
    /// A constant.
    Constant(Arc<HostTensor>),
    /// Results, one after the other.
    Results,
}

/// Where a tensor lies.
#[derive(Clone, Debug)]
pub struct Place {
    /// The slot.
    pub slot: Slot,
    /// Its elements in the slot.
    pub layout: Layout,
    /// Their type.
    pub dtype: DType,
}

/// One op to run.
#[derive(Clone, Debug)]
pub struct Step {
    /// The op.
    pub op: Arc<dyn Op>,
    /// The graph node it comes from; a copy made by the plan bears the node it was made for.
    pub node: usize,
    /// What it reads.
    pub inputs: Vec<Place>,
    /// What it writes.
    pub outputs: Vec<(Slot, Meta)>,
}

impl Step {
    /// Arithmetic done.
    pub fn flops(&self) -> u64 {
        let inputs: Vec<Meta> =
            self.inputs.iter().map(|p| Meta { shape: p.layout.shape.clone(), dtype: p.dtype }).collect();
        let outputs: Vec<Meta> = self.outputs.iter().map(|(_, m)| m.clone()).collect();
        self.op.flops(&inputs, &outputs)
    }

    /// Bytes that must move at least: every distinct input word and every output word once.
    pub fn bytes(&self) -> u64 {
        let read: usize = self
            .inputs
            .iter()
            .map(|p| {
                p.layout
                    .shape
                    .iter()
                    .zip(&p.layout.strides)
                    .map(|(&n, &s)| if s == 0 { 1 } else { n })
                    .product::<usize>()
            })
            .sum();
        let written: usize = self.outputs.iter().map(|(_, m)| m.shape.count()).sum::<usize>()
            + self.op.updates().iter().map(|&i| self.inputs[i].layout.shape.count()).sum::<usize>();
        4 * (read + written) as u64
    }
}

/// Everything decided before a program runs.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Ops in order.
    pub steps: Vec<Step>,
    /// Size in words and use of each slot.
    pub slots: Vec<(usize, Holds)>,
    /// Where each tensor that can be written or read lies.
    pub places: HashMap<Tensor, Place>,
}

/// A storage before memory is shared out: as many as tensors that own memory.
struct Storage {
    words: usize,
    holds: Holds,
    last_use: usize,
    slot: Slot,
}

impl Plan {
    /// Plans what `fetch` needs, and every update of a variable.
    ///
    /// Tensors of `fetch` keep their memory to the end of the run; others give theirs up after their last use.
    pub fn new(graph: &Graph, fetch: &[Tensor]) -> Result<Self> {
        let needed = needed(graph, fetch);
        let mut planner =
            Planner { graph, storages: vec![], steps: vec![], places: HashMap::new(), copies: HashMap::new() };
        for (index, node) in graph.nodes().iter().enumerate() {
            if needed[index] {
                planner.lower(index, node)?;
            }
        }
        for t in fetch {
            if let Some((storage, _)) = planner.places.get(t) {
                planner.storages[*storage].last_use = usize::MAX;
            }
        }
        Ok(planner.share_memory(fetch))
    }

    /// Words of memory in all.
    pub fn words(&self) -> usize {
        self.slots.iter().map(|(words, _)| words).sum()
    }
}

/// Which nodes a run must do.
fn needed(graph: &Graph, fetch: &[Tensor]) -> Vec<bool> {
    let mut needed = vec![false; graph.nodes().len()];
    for &t in fetch {
        needed[graph.value(t).node] = true;
    }
    for (index, node) in graph.nodes().iter().enumerate() {
        if let Source::Op(op) = &node.source {
            needed[index] |= !op.updates().is_empty();
        }
    }
    for index in (0..needed.len()).rev() {
        if needed[index] {
            for &t in &graph.nodes()[index].inputs {
                needed[graph.value(t).node] = true;
            }
        }
    }
    needed
}

struct Planner<'a> {
    graph: &'a Graph,
    storages: Vec<Storage>,
    /// Steps whose places name storages, not yet slots.
    steps: Vec<Step>,
    places: HashMap<Tensor, (usize, Layout)>,
    copies: HashMap<Tensor, usize>,
}

impl Planner<'_> {
    fn storage(&mut self, words: usize, holds: Holds) -> usize {
        self.storages.push(Storage { words, holds, last_use: self.steps.len(), slot: 0 });
        self.storages.len() - 1
    }

    fn lower(&mut self, index: usize, node: &crate::graph::Node) -> Result<()> {
        let holds = match &node.source {
            Source::Input(_) => Holds::Input,
            Source::Variable(name) => Holds::Variable(name.clone(), self.graph.shape(node.outputs[0]).clone()),
            Source::Constant(value) => Holds::Constant(value.clone()),
            Source::View(view) => {
                let base = node.inputs[0];
                let (storage, layout) = self.places[&base].clone();
                let place = match view.of(&layout) {
                    Some(layout) => (storage, layout),
                    None => {
                        let copy = self.contiguous(base, index)?;
                        let layout = Layout::contiguous(self.graph.shape(base));
                        let layout =
                            view.of(&layout).ok_or_else(|| Error::data("plan", "a view of contiguous memory"))?;
                        (copy, layout)
                    }
                };
                self.places.insert(node.outputs[0], place);
                return Ok(());
            }
            Source::Op(op) => {
                let mut inputs = Vec::new();
                for (i, &t) in node.inputs.iter().enumerate() {
                    let (storage, layout) = self.places[&t].clone();
                    inputs.push(if op.reads_strides(i) || layout.is_contiguous() {
                        (storage, layout)
                    } else {
                        (self.contiguous(t, index)?, Layout::contiguous(&layout.shape))
                    });
                }
                let outputs: Vec<(usize, Meta)> = node
                    .outputs
                    .iter()
                    .map(|&t| {
                        let meta = self.graph.meta(t).clone();
                        let storage = self.storage(meta.shape.count(), Holds::Results);
                        self.places.insert(t, (storage, Layout::contiguous(&meta.shape)));
                        (storage, meta)
                    })
                    .collect();
                let dtypes: Vec<DType> = node.inputs.iter().map(|&t| self.graph.meta(t).dtype).collect();
                self.push(op.clone(), index, inputs, dtypes, outputs);
                return Ok(());
            }
        };
        let t = node.outputs[0];
        let shape = self.graph.shape(t).clone();
        let storage = self.storage(shape.count(), holds);
        self.places.insert(t, (storage, Layout::contiguous(&shape)));
        Ok(())
    }

    /// A storage with the view's elements row by row, made once.
    fn contiguous(&mut self, t: Tensor, node: usize) -> Result<usize> {
        if let Some(&copy) = self.copies.get(&t) {
            return Ok(copy);
        }
        let meta = self.graph.meta(t).clone();
        let place = self.places[&t].clone();
        let storage = self.storage(meta.shape.count(), Holds::Results);
        self.push(Arc::new(Copy), node, vec![place], vec![meta.dtype], vec![(storage, meta)]);
        self.copies.insert(t, storage);
        Ok(storage)
    }

    fn push(
        &mut self,
        op: Arc<dyn Op>,
        node: usize,
        inputs: Vec<(usize, Layout)>,
        dtypes: Vec<DType>,
        outputs: Vec<(usize, Meta)>,
    ) {
        let at = self.steps.len();
        for (storage, _) in &inputs {
            self.storages[*storage].last_use = at;
        }
        for (storage, _) in &outputs {
            self.storages[*storage].last_use = at;
        }
        let inputs =
            inputs.into_iter().zip(dtypes).map(|((slot, layout), dtype)| Place { slot, layout, dtype }).collect();
        self.steps.push(Step { op, node, inputs, outputs });
    }

    /// Gives every storage a slot; results share slots whose tensors are no longer needed.
    fn share_memory(mut self, fetch: &[Tensor]) -> Plan {
        let mut slots: Vec<(usize, Holds)> = Vec::new();
        for storage in &mut self.storages {
            if !matches!(storage.holds, Holds::Results) {
                storage.slot = slots.len();
                slots.push((storage.words, storage.holds.clone()));
            }
        }
        let mut free: Vec<Slot> = Vec::new();
        let mut ends: HashMap<usize, Vec<usize>> = HashMap::new();
        for (i, storage) in self.storages.iter().enumerate() {
            ends.entry(storage.last_use).or_default().push(i);
        }
        for at in 0..self.steps.len() {
            for (storage, _) in &self.steps[at].outputs {
                let words = self.storages[*storage].words;
                // The smallest free slot that is large enough and not wastefully so.
                let best = (0..free.len())
                    .filter(|&i| (words..=4 * words + 64).contains(&slots[free[i]].0))
                    .min_by_key(|&i| slots[free[i]].0);
                self.storages[*storage].slot = match best {
                    Some(i) => free.swap_remove(i),
                    None => {
                        slots.push((words, Holds::Results));
                        slots.len() - 1
                    }
                };
            }
            for &storage in ends.get(&at).map_or(&[][..], Vec::as_slice) {
                if matches!(self.storages[storage].holds, Holds::Results) {
                    free.push(self.storages[storage].slot);
                }
            }
        }
        let slot = |storage: usize| self.storages[storage].slot;
        for step in &mut self.steps {
            step.inputs.iter_mut().for_each(|p| p.slot = slot(p.slot));
            step.outputs.iter_mut().for_each(|(s, _)| *s = slot(*s));
        }
        let graph = self.graph;
        let places = self
            .places
            .iter()
            .filter(|(t, (storage, _))| fetch.contains(t) || !matches!(self.storages[*storage].holds, Holds::Results))
            .map(|(&t, (storage, layout))| {
                (t, Place { slot: slot(*storage), layout: layout.clone(), dtype: graph.meta(t).dtype })
            })
            .collect();
        Plan { steps: self.steps, slots, places }
    }
}
