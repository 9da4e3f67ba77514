//! Tiny: the one model that lives through all seven acts, its training and its report card.

pub mod diffusion;
mod evaluate;
mod recipe;
mod train;

use engine::{Device, Graph, HostTensor, Program, Result, Store, Tensor, io::TensorFile, models::gpt};

pub use self::{
    evaluate::{HeadScore, Report, evaluate},
    recipe::{Recipe, recipe, recipes},
    train::{Progress, Trainer},
};

/// A trained Tiny in host memory: what survives a lost GPU.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    /// Sizes.
    pub config: gpt::Config,
    /// Parameters and the story of their training.
    pub file: TensorFile,
}

impl Checkpoint {
    /// Reads a checkpoint file.
    ///
    /// # Errors
    /// A file that is broken, has no configuration, lacks a parameter, or holds numbers that are not finite.
    pub fn parse(name: &str, bytes: &[u8]) -> Result<Self> {
        let file = TensorFile::parse(name, bytes)?;
        let about = file.about("config").ok_or_else(|| engine::Error::data(name, "has no configuration"))?;
        let config: gpt::Config =
            serde_json::from_str(&about).map_err(|e| engine::Error::data(name, format!("configuration: {e}")))?;
        config.check()?;
        let checkpoint = Self { config, file };
        checkpoint.config.load(&Store::new(&Device::cpu()), &checkpoint.file.tensors)?;
        Ok(checkpoint)
    }

    /// The parameters on a device.
    pub fn store(&self, device: &Device) -> Result<Store> {
        let store = Store::new(device);
        self.config.load(&store, &self.file.tensors)?;
        Ok(store)
    }
}

/// A forward pass of fixed shape, ready to run on any tokens.
pub struct Runner {
    /// The pass.
    pub forward: gpt::Forward,
    program: Program,
    tokens: Tensor,
    batch: usize,
    positions: usize,
}

impl Runner {
    /// Compiles a pass over `[batch, positions]` tokens; `fetch` says which of its tensors will be read.
    pub async fn new(
        device: &Device,
        store: &Store,
        config: &gpt::Config,
        [batch, positions]: [usize; 2],
        fetch: impl Fn(&gpt::Forward) -> Vec<Tensor>,
    ) -> Result<Self> {
        let mut g = Graph::new();
        let tokens = g.input_u32("tokens", &[batch, positions])?;
        let forward = config.forward(&mut g, tokens, gpt::Mode::Infer)?;
        let program = Program::compile(device, &g, &fetch(&forward), store).await?;
        Ok(Self { forward, program, tokens, batch, positions })
    }

    /// The compiled program.
    pub fn program(&mut self) -> &mut Program {
        &mut self.program
    }

    /// Runs on rows of tokens, each padded at its end to the pass's length, and reads tensors. Causal attention keeps
    /// the padding from being seen by what comes before it.
    pub async fn run(&mut self, rows: &[Vec<u32>], read: &[Tensor]) -> Result<Vec<HostTensor>> {
        if rows.len() > self.batch || rows.iter().any(|r| r.len() > self.positions) {
            let message = format!("{} rows do not fit [{}, {}]", rows.len(), self.batch, self.positions);
            return Err(engine::Error::data("tokens", message));
        }
        let mut words = vec![crate::tinyland::tokenizer::PAD; self.batch * self.positions];
        for (row, out) in rows.iter().zip(words.chunks_mut(self.positions)) {
            out[..row.len()].copy_from_slice(row);
        }
        self.program.write(self.tokens, &HostTensor::u32(&[self.batch, self.positions], words)?)?;
        self.program.run_and_read(read).await
    }
}
