//! Training: one compiled program a step, from scenes to updated parameters.

use engine::{
    Device, Error, Graph, HostTensor, Program, Result, Store, Tensor,
    io::TensorFile,
    optim::{AdamW, Schedule, create_state},
    rng,
};

use super::{Recipe, centred};
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
    /// What was trained, of the batch, before the update.
    pub loss: f32,
    /// Mean squared error of the batch, on the scale from -1 to 1.
    pub error: f32,
    /// Mean KL divergence of the batch, in nats a picture.
    pub kl: f32,
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
    noise: Tensor,
    hyper: Tensor,
    /// Loss, error and KL.
    read: [Tensor; 3],
    state: Vec<String>,
    step: u64,
}

/// The pictures of a step, each scene with its own dice, fixed by seed, step and place: a run can be resumed at any step.
fn batch(recipe: &Recipe, step: u64) -> Vec<f32> {
    let scene = |row: u64| Scene::draw(&mut Dice::new(&[recipe.data_seed, step, row]), Split::Train);
    (0..recipe.batch as u64).flat_map(|row| centred(&scene(row).render(recipe.config.side))).collect()
}

impl Trainer {
    /// A run from its first step.
    ///
    /// # Errors
    /// A recipe whose sizes do not fit each other, or a device that refuses.
    pub async fn new(device: &Device, recipe: &Recipe) -> Result<Self> {
        let config = &recipe.config;
        config.check()?;
        let mut g = Graph::new();
        let pictures = g.input("pictures", &config.pictures(recipe.batch))?;
        let noise = g.input("noise", &config.latents(recipe.batch))?;
        let hyper = g.input("hyper", &[8])?;
        let pass = config.train(&mut g, pictures, noise, recipe.deviation)?;
        let wrt: Vec<Tensor> = pass.parameters.iter().map(|(_, t)| *t).collect();
        let grads = g.gradients(pass.loss, &wrt)?;
        let optimizer = AdamW { weight_decay: recipe.weight_decay, ..AdamW::default() };
        let state = g.scope("update", |g| optimizer.apply(g, &pass.parameters, &grads, hyper, Some(recipe.clip)))?;

        let store = Store::new(device);
        config.load(&store, &config.initial(recipe.seed)?)?;
        create_state(&store, &state)?;
        let read = [pass.loss, pass.error, pass.kl];
        let program = Program::compile(device, &g, &read, &store).await?;
        let schedule = Schedule {
            peak: recipe.learning_rate,
            floor: 0.1 * recipe.learning_rate,
            warm_up: recipe.warm_up,
            steps: recipe.steps,
        };
        let state = state.into_iter().map(|(name, _)| name).collect();
        let recipe = recipe.clone();
        Ok(Self { recipe, schedule, optimizer, store, program, pictures, noise, hyper, read, state, step: 0 })
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
        let config = &self.recipe.config;
        let (pictures, latents) = (config.pictures(self.recipe.batch), config.latents(self.recipe.batch));
        let key = [self.recipe.seed, 1 << 31 | self.step as u32];
        let noise = (0..latents.iter().product::<usize>() as u32).map(|i| rng::normal(key, i)).collect();
        let learning_rate = self.schedule.at(self.step);
        self.program.write(self.pictures, &HostTensor::f32(&pictures, batch(&self.recipe, self.step))?)?;
        self.program.write(self.noise, &HostTensor::f32(&latents, noise)?)?;
        self.program.write(self.hyper, &self.optimizer.hyper(self.step, learning_rate))?;
        let values = self.program.run_and_read(&self.read).await?;
        let (loss, error, kl) = (values[0].as_f32()?[0], values[1].as_f32()?[0], values[2].as_f32()?[0]);
        if !loss.is_finite() {
            return Err(Error::data("loss", format!("is {loss} at step {}", self.step)));
        }
        self.step += 1;
        Ok(Progress { step: self.step, loss, error, kl, learning_rate })
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
