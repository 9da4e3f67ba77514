//! Training: one compiled program a step, from scenes to updated parameters.

use engine::{
    Device, Error, Graph, HostTensor, Program, Result, Store, Tensor,
    io::TensorFile,
    models::vit,
    optim::{AdamW, Schedule, create_state},
};

use super::{Recipe, centred, truth};
use crate::tinyland::{
    Split,
    dice::Dice,
    pictures::{self, Scene},
};

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// Steps done.
    pub step: u64,
    /// Mean surprise of the batch in nats, all questions together, before the update.
    pub loss: f32,
    /// The rate of the update.
    pub learning_rate: f32,
}

/// A training run that can stop and go on.
pub struct Trainer {
    recipe: Recipe,
    schedule: Schedule,
    optimizer: AdamW,
    store: Store,
    program: Program,
    pictures: Tensor,
    targets: Vec<Tensor>,
    hyper: Tensor,
    loss: Tensor,
    state: Vec<String>,
    step: u64,
}

/// The pictures of a step, `[batch, 3, side, side]`, and for each question the right answers. Every picture has its own dice,
/// fixed by seed, step and place, so that a run can be resumed at any step.
fn batch(recipe: &Recipe, step: u64) -> Result<(Vec<f32>, Vec<Vec<u32>>)> {
    let (mut pictures, mut targets) = (Vec::new(), vec![Vec::new(); recipe.config.tasks.len()]);
    for row in 0..recipe.batch as u64 {
        let scene = Scene::draw(&mut Dice::new(&[recipe.data_seed, step, row]), Split::Train);
        let classes = truth(&scene).ok_or_else(|| Error::data("scene", "has no shapes"))?;
        targets.iter_mut().zip(classes).for_each(|(list, class)| list.push(class));
        pictures.extend(centred(&scene.render(recipe.config.side)));
    }
    Ok((pictures, targets))
}

impl Trainer {
    /// A run from its first step.
    ///
    /// # Errors
    /// A recipe whose sizes do not fit each other or the questions, or a device that refuses.
    pub async fn new(device: &Device, recipe: &Recipe) -> Result<Self> {
        if recipe.config.tasks != super::tasks() {
            return Err(Error::data("recipe", "asks other questions than scenes answer"));
        }
        let (config, side) = (&recipe.config, recipe.config.side);
        let mut g = Graph::new();
        let pictures = g.input("pictures", &[recipe.batch, config.channels, side, side])?;
        let mut targets = Vec::new();
        for task in &config.tasks {
            targets.push(g.input_u32(&task.name, &[recipe.batch])?);
        }
        let hyper = g.input("hyper", &[8])?;
        let forward = config.forward(&mut g, pictures, vit::Mode::Train)?;
        let loss = g.scope("loss", |g| -> Result<_> {
            let mut loss = g.scalar(0.0)?;
            for (&logits, &right) in forward.logits.iter().zip(&targets) {
                let surprise = g.cross_entropy(logits, right)?;
                loss = g.add(loss, surprise)?;
            }
            Ok(loss)
        })?;
        let wrt: Vec<Tensor> = forward.parameters.iter().map(|(_, t)| *t).collect();
        let grads = g.gradients(loss, &wrt)?;
        let optimizer = AdamW { weight_decay: recipe.weight_decay, ..AdamW::default() };
        let state = g.scope("update", |g| optimizer.apply(g, &forward.parameters, &grads, hyper, Some(recipe.clip)))?;

        let store = Store::new(device);
        config.load(&store, &config.initial(recipe.seed)?)?;
        create_state(&store, &state)?;
        let program = Program::compile(device, &g, &[loss], &store).await?;
        let schedule = Schedule {
            peak: recipe.learning_rate,
            floor: 0.1 * recipe.learning_rate,
            warm_up: recipe.warm_up,
            steps: recipe.steps,
        };
        let state = state.into_iter().map(|(name, _)| name).collect();
        let recipe = recipe.clone();
        Ok(Self { recipe, schedule, optimizer, store, program, pictures, targets, hyper, loss, state, step: 0 })
    }

    /// The recipe.
    pub fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// Steps done.
    pub fn step_count(&self) -> u64 {
        self.step
    }

    /// Parameters and optimizer state.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// One step: one batch, one submit.
    ///
    /// # Errors
    /// A loss that is no number, or a device that is lost.
    pub async fn step(&mut self) -> Result<Progress> {
        let (pictures, targets) = batch(&self.recipe, self.step)?;
        let learning_rate = self.schedule.at(self.step);
        let (config, side) = (&self.recipe.config, self.recipe.config.side);
        let shape = [self.recipe.batch, config.channels, side, side];
        self.program.write(self.pictures, &HostTensor::f32(&shape, pictures)?)?;
        for (&input, classes) in self.targets.iter().zip(targets) {
            self.program.write(input, &HostTensor::u32(&[self.recipe.batch], classes)?)?;
        }
        self.program.write(self.hyper, &self.optimizer.hyper(self.step, learning_rate))?;
        let loss = self.program.run_and_read(&[self.loss]).await?[0].as_f32()?[0];
        if !loss.is_finite() {
            return Err(Error::data("loss", format!("is {loss} at step {}", self.step)));
        }
        self.step += 1;
        Ok(Progress { step: self.step, loss, learning_rate })
    }

    /// Everything a run needs to go on as if it had not stopped: parameters, optimizer state, step.
    ///
    /// # Errors
    /// A device that is lost.
    pub async fn checkpoint(&self) -> Result<TensorFile> {
        let mut file = self.parameters().await?;
        let values = self.store.get_all(&self.state).await?;
        file.tensors.extend(self.state.iter().cloned().zip(values));
        file.metadata.insert("step".into(), self.step.to_string());
        Ok(file)
    }

    /// The parameters, with the recipe.
    ///
    /// # Errors
    /// A device that is lost.
    pub async fn parameters(&self) -> Result<TensorFile> {
        let names: Vec<String> = self.recipe.config.parameters().into_iter().map(|(name, _)| name).collect();
        let values = self.store.get_all(&names).await?;
        let mut file = TensorFile { tensors: names.into_iter().zip(values).collect(), ..TensorFile::default() };
        let text = |value: serde_json::Result<String>| value.map_err(|e| Error::data("recipe", e.to_string()));
        file.metadata.insert("config".into(), text(serde_json::to_string(&self.recipe.config))?);
        file.metadata.insert("recipe".into(), text(serde_json::to_string(&self.recipe))?);
        file.metadata.insert("data".into(), pictures::VERSION.into());
        Ok(file)
    }

    /// Goes on from a checkpoint of the same recipe.
    ///
    /// # Errors
    /// A checkpoint of another recipe, or one that is not whole.
    pub fn resume(&mut self, file: &TensorFile) -> Result<()> {
        let mine = serde_json::to_string(&self.recipe).map_err(|e| Error::data("recipe", e.to_string()))?;
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
