//! Training: one compiled program a step, from documents to updated parameters.

use engine::{
    Device, Error, Graph, HostTensor, Program, Result, Store, Tensor,
    io::TensorFile,
    models::gpt,
    optim::{AdamW, Schedule},
};

use super::Recipe;
use crate::tinyland::{Split, batches::Batches, tokenizer::TinyTokenizer};

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// Steps done.
    pub step: u64,
    /// Mean surprise of the batch in nats, before the update.
    pub loss: f32,
    /// The rate of the update.
    pub learning_rate: f32,
    /// Tokens seen so far.
    pub tokens: u64,
}

/// A training run that can stop and go on.
pub struct Trainer<'a> {
    recipe: Recipe,
    batches: Batches<'a>,
    schedule: Schedule,
    optimizer: AdamW,
    store: Store,
    program: Program,
    tokens: Tensor,
    targets: Tensor,
    hyper: Tensor,
    loss: Tensor,
    state: Vec<String>,
    step: u64,
}

impl<'a> Trainer<'a> {
    /// A run from its first step.
    pub async fn new(device: &Device, recipe: &Recipe, tokenizer: &'a TinyTokenizer) -> Result<Self> {
        let shape = [recipe.batch, recipe.config.context];
        let mut g = Graph::new();
        let tokens = g.input_u32("tokens", &shape)?;
        let targets = g.input_u32("targets", &shape)?;
        let hyper = g.input("hyper", &[8])?;
        let forward = recipe.config.forward(&mut g, tokens, gpt::Mode::Train)?;
        let loss = g.scope("loss", |g| g.cross_entropy(forward.logits, targets))?;
        let wrt: Vec<Tensor> = forward.parameters.iter().map(|(_, t)| *t).collect();
        let grads = g.gradients(loss, &wrt)?;
        let optimizer = AdamW { weight_decay: recipe.weight_decay, ..AdamW::default() };
        let state = g.scope("update", |g| optimizer.apply(g, &forward.parameters, &grads, hyper, Some(recipe.clip)))?;

        let store = Store::new(device);
        recipe.config.load(&store, &recipe.config.initial(recipe.seed)?)?;
        for (name, shape) in &state {
            store.set(name, &HostTensor::f32(shape, vec![0.0; shape.count()])?)?;
        }
        let program = Program::compile(device, &g, &[loss], &store).await?;
        let schedule = Schedule {
            peak: recipe.learning_rate,
            floor: 0.1 * recipe.learning_rate,
            warm_up: recipe.warm_up,
            steps: recipe.steps,
        };
        Ok(Self {
            recipe: recipe.clone(),
            batches: Batches::new(tokenizer, Split::Train, recipe.data_seed, recipe.batch, recipe.config.context),
            schedule,
            optimizer,
            store,
            program,
            tokens,
            targets,
            hyper,
            loss,
            state: state.into_iter().map(|(name, _)| name).collect(),
            step: 0,
        })
    }

    /// The recipe.
    pub fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// Steps done.
    pub fn step_count(&self) -> u64 {
        self.step
    }

    /// The compiled step.
    pub fn program(&mut self) -> &mut Program {
        &mut self.program
    }

    /// Parameters and optimizer state.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// One step: one batch, one submit.
    pub async fn step(&mut self) -> Result<Progress> {
        let shape = [self.recipe.batch, self.recipe.config.context];
        let batch = self.batches.at(self.step);
        let learning_rate = self.schedule.at(self.step);
        self.program.write(self.tokens, &HostTensor::u32(&shape, batch.inputs)?)?;
        self.program.write(self.targets, &HostTensor::u32(&shape, batch.targets)?)?;
        self.program.write(self.hyper, &self.optimizer.hyper(self.step, learning_rate))?;
        let loss = self.program.run_and_read(&[self.loss]).await?[0].as_f32()?[0];
        if !loss.is_finite() {
            return Err(Error::data("loss", format!("is {loss} at step {}", self.step)));
        }
        self.step += 1;
        Ok(Progress { step: self.step, loss, learning_rate, tokens: self.step * (shape[0] * shape[1]) as u64 })
    }

    /// Everything a run needs to go on as if it had not stopped: parameters, optimizer state, step.
    pub async fn checkpoint(&self) -> Result<TensorFile> {
        let mut file = self.parameters().await?;
        let values = self.store.get_all(&self.state).await?;
        file.tensors.extend(self.state.iter().cloned().zip(values));
        file.metadata.insert("step".into(), self.step.to_string());
        Ok(file)
    }

    /// The parameters, with the recipe.
    pub async fn parameters(&self) -> Result<TensorFile> {
        let names: Vec<String> = self.recipe.config.parameters().into_iter().map(|(name, _)| name).collect();
        let values = self.store.get_all(&names).await?;
        let mut file = TensorFile { tensors: names.into_iter().zip(values).collect(), ..TensorFile::default() };
        let text = |value: serde_json::Result<String>| value.map_err(|e| Error::data("recipe", e.to_string()));
        file.metadata.insert("config".into(), text(serde_json::to_string(&self.recipe.config))?);
        file.metadata.insert("recipe".into(), text(serde_json::to_string(&self.recipe))?);
        file.metadata.insert("data".into(), crate::tinyland::VERSION.into());
        Ok(file)
    }

    /// Goes on from a checkpoint of the same recipe.
    pub fn resume(&mut self, file: &TensorFile) -> Result<()> {
        let mine = serde_json::to_string(&self.recipe).unwrap_or_default();
        if file.about("recipe").as_deref() != Some(&mine) {
            return Err(Error::data("checkpoint", "was made by another recipe"));
        }
        let step = file.about("step").and_then(|s| s.parse().ok());
        let step = step.ok_or_else(|| Error::data("checkpoint", "does not say at which step it was made"))?;
        self.recipe.config.load(&self.store, &file.tensors)?;
        for name in &self.state {
            self.store.set(name, file.get(name)?)?;
        }
        self.step = step;
        Ok(())
    }
}
