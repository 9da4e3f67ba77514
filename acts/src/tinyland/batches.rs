//! Documents packed into rows of tokens, ready to train on.

use super::dice::Dice;
use super::tokenizer::{END, TinyTokenizer};
use super::{Corpus, Split, World};

/// A target that counts for nothing.
pub const IGNORE: u32 = u32::MAX;

/// `batch` rows of `context` tokens each, one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// What the model sees: `[batch * context]`.
    pub inputs: Vec<u32>,
    /// What it should say next at each place, or [`IGNORE`].
    pub targets: Vec<u32>,
}

/// Batches without end. Each row is its own stream of documents, fixed by `(seed, step, row)`: any batch can be had without
/// those before it, so training resumes where it stopped.
#[derive(Debug, Clone)]
pub struct Batches<'a> {
    tokenizer: &'a TinyTokenizer,
    corpus: Corpus,
    seed: u64,
    batch: usize,
    context: usize,
    step: u64,
}

impl<'a> Batches<'a> {
    /// Batches of the default world, from step 0.
    pub fn new(tokenizer: &'a TinyTokenizer, split: Split, seed: u64, batch: usize, context: usize) -> Self {
        Self { tokenizer, corpus: Corpus::new(World::default(), split, Dice::new(&[])), seed, batch, context, step: 0 }
    }

    /// The step of the batch that comes next; all that a checkpoint need keep.
    pub fn state(&self) -> u64 {
        self.step
    }

    /// Goes on at `step`, as if all batches before it had been taken.
    pub fn resume(&mut self, step: u64) {
        self.step = step;
    }

    /// The batch of a step. Every row opens with [`END`], and has one between documents.
    pub fn at(&mut self, step: u64) -> Batch {
        let mut batch = Batch { inputs: Vec::new(), targets: Vec::new() };
        for row in 0..self.batch as u64 {
            self.corpus.reseed(Dice::new(&[self.seed, step, row]));
            let mut tokens = vec![END];
            while tokens.len() <= self.context {
                if let Some(document) = self.corpus.next() {
                    tokens.extend(self.tokenizer.encode(&document.text));
                    tokens.push(END);
                }
            }
            batch.inputs.extend(&tokens[..self.context]);
            batch.targets.extend(&tokens[1..=self.context]);
        }
        batch
    }
}

impl Iterator for Batches<'_> {
    type Item = Batch;

    fn next(&mut self) -> Option<Batch> {
        let batch = self.at(self.step);
        self.step += 1;
        Some(batch)
    }

    /// Leaves out `steps` batches without making them; `skip` and `step_by` rest on this.
    fn nth(&mut self, steps: usize) -> Option<Batch> {
        self.step += steps as u64;
        self.next()
    }
}

/// A prompt and its reply in one row, in which only the reply is to be learned: every target before it is [`IGNORE`], and so is
/// every one after its closing [`END`]. What does not fit in `context` is cut off.
pub fn reply_row(tokenizer: &TinyTokenizer, prompt: &str, reply: &str, context: usize) -> Batch {
    let mut tokens = tokenizer.encode(prompt);
    let asked = tokens.len();
    tokens.extend(tokenizer.encode(reply));
    tokens.push(END);
    let learned = asked.max(1)..tokens.len();
    let at = |place: usize| tokens.get(place).copied();
    Batch {
        inputs: (0..context).map(|place| at(place).unwrap_or(super::tokenizer::PAD)).collect(),
        targets: (1..=context).map(|place| at(place).filter(|_| learned.contains(&place)).unwrap_or(IGNORE)).collect(),
    }
}
