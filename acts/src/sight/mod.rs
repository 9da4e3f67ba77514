//! Tiny sees: a Vision Transformer trained on the pictures of Tinyland, its training and its report card.
//!
//! It answers four questions about a scene at once: the form, the colour and the place of the largest shape, and how many
//! shapes there are. Pairs of colour and form that training never shows say whether it has learnt the two apart.

mod evaluate;
mod recipe;
mod train;

use engine::{
    Device, Error, Graph, HostTensor, Program, Result, Store, Tensor,
    io::TensorFile,
    models::vit::{self, Task},
};

pub use self::{
    evaluate::{Report, Score, evaluate},
    recipe::{Recipe, recipe, recipes},
    train::{Progress, Trainer},
};
use crate::tinyland::pictures::{Colour, Form, MOST_SHAPES, Scene};

/// Where the largest shape may be: the picture in thirds, in reading order.
pub const PLACES: [&str; 9] =
    ["top left", "top", "top right", "left", "middle", "right", "bottom left", "bottom", "bottom right"];

/// How many shapes there may be, as words.
pub const COUNTS: [&str; MOST_SHAPES] = ["one", "two", "three", "four"];

/// The questions, in the order of the model's answers.
pub fn tasks() -> Vec<Task> {
    let task = |name: &str, classes: usize| Task { name: name.into(), classes };
    vec![
        task("form", Form::ALL.len()),
        task("colour", Colour::ALL.len()),
        task("place", PLACES.len()),
        task("count", COUNTS.len()),
    ]
}

/// The answers that a question has, in the order of their class numbers; none for a question that is not asked.
pub fn answers(task: &str) -> Vec<&'static str> {
    match task {
        "form" => Form::ALL.map(Form::word).to_vec(),
        "colour" => Colour::ALL.map(Colour::word).to_vec(),
        "place" => PLACES.to_vec(),
        "count" => COUNTS.to_vec(),
        _ => vec![],
    }
}

/// The right answer to each of [`tasks`]. A scene without shapes has none.
pub fn truth(scene: &Scene) -> Option<[u32; 4]> {
    let largest = scene.largest()?;
    let third = |at: f32| ((3.0 * at) as usize).min(2);
    let place = 3 * third(largest.y) + third(largest.x);
    let count = scene.shapes.len().min(MOST_SHAPES) - 1;
    Some([largest.form.index(), largest.colour.index(), place, count].map(|class| class as u32))
}

/// Brightness of 0 to 1 as the model takes it: -1 to 1, so that a middle grey says nothing.
pub fn centred(picture: &[f32]) -> Vec<f32> {
    picture.iter().map(|x| 2.0 * x - 1.0).collect()
}

/// A trained Vision Transformer in host memory: what survives a lost GPU.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    /// Sizes.
    pub config: vit::Config,
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
        let about = file.about("config").ok_or_else(|| Error::data(name, "has no configuration"))?;
        let config: vit::Config =
            serde_json::from_str(&about).map_err(|e| Error::data(name, format!("configuration: {e}")))?;
        config.check()?;
        let checkpoint = Self { config, file };
        checkpoint.store(&Device::cpu())?;
        Ok(checkpoint)
    }

    /// The parameters on a device.
    ///
    /// # Errors
    /// Where a parameter is missing, misshapen or not finite.
    pub fn store(&self, device: &Device) -> Result<Store> {
        let store = Store::new(device);
        self.config.load(&store, &self.file.tensors)?;
        Ok(store)
    }
}

/// A forward pass over a fixed number of pictures.
pub struct Runner {
    /// The pass.
    pub forward: vit::Forward,
    program: Program,
    pictures: Tensor,
    shape: [usize; 4],
}

impl Runner {
    /// Compiles a pass over `batch` pictures; `fetch` says which of its tensors will be read.
    ///
    /// # Errors
    /// Where the configuration does not hold together, or the device refuses.
    pub async fn new(
        device: &Device,
        store: &Store,
        config: &vit::Config,
        batch: usize,
        fetch: impl Fn(&vit::Forward) -> Vec<Tensor>,
    ) -> Result<Self> {
        let shape = [batch, config.channels, config.side, config.side];
        let mut g = Graph::new();
        let pictures = g.input("pictures", &shape)?;
        let forward = config.forward(&mut g, pictures, vit::Mode::Infer)?;
        let program = Program::compile(device, &g, &fetch(&forward), store).await?;
        Ok(Self { forward, program, pictures, shape })
    }

    /// The compiled program.
    pub fn program(&mut self) -> &mut Program {
        &mut self.program
    }

    /// Runs on pictures with brightness of 0 to 1, `[batch, channels, side, side]` one after the other, and reads tensors.
    ///
    /// # Errors
    /// Another number of values than that, or a device that is lost.
    pub async fn run(&mut self, pictures: &[f32], read: &[Tensor]) -> Result<Vec<HostTensor>> {
        self.program.write(self.pictures, &HostTensor::f32(&self.shape, centred(pictures))?)?;
        self.program.run_and_read(read).await
    }
}

/// Probabilities of logits, in 64 bits.
pub fn probabilities(logits: &[f32]) -> Vec<f64> {
    let most = logits.iter().copied().fold(f32::MIN, f32::max);
    let powers: Vec<f64> = logits.iter().map(|&x| f64::from(x - most).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.into_iter().map(|p| p / sum).collect()
}

/// The place of the largest number; the first of equals.
pub fn top(row: &[f32]) -> usize {
    (0..row.len()).rev().max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap_or(0)
}
