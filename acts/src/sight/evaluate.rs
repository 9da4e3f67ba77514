//! The report card: what the model answers about scenes that it has not been trained on.

use engine::{Device, Error, Result, Store, models::vit};
use serde::{Deserialize, Serialize};

use super::{COUNTS, Runner, top, truth};
use crate::tinyland::{
    Split,
    dice::Dice,
    pictures::{MOST_SHAPES, Overlap, Scene},
};

/// Shares of right answers on one side of the held-out line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// For each question, by name.
    pub tasks: Vec<(String, f32)>,
    /// Form and colour both right.
    pub form_and_colour: f32,
    /// The count, by how many there are.
    pub count_by_number: Vec<(String, f32)>,
}

/// The measurements.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Scenes measured on each side, a quarter of them with each number of shapes.
    pub scenes: usize,
    /// New scenes of pairs of colour and form that training has.
    pub trained_pairs: Score,
    /// Scenes of pairs that training never has.
    pub held_out_pairs: Score,
}

const BATCH: usize = 32;
const SCENES: usize = 1024;
/// Apart from every seed of training.
const SEED: u64 = 0x5_cee5;

/// Measures a model.
///
/// # Errors
/// A model with other questions than those of [`super::tasks`], or a device that is lost.
pub async fn evaluate(device: &Device, store: &Store, config: &vit::Config) -> Result<Report> {
    if config.tasks != super::tasks() {
        return Err(Error::data("model", "answers other questions than scenes do"));
    }
    let mut runner = Runner::new(device, store, config, BATCH, |f| f.logits.clone()).await?;
    Ok(Report {
        scenes: SCENES,
        trained_pairs: score(&mut runner, config, Split::Train).await?,
        held_out_pairs: score(&mut runner, config, Split::HeldOut).await?,
    })
}

async fn score(runner: &mut Runner, config: &vit::Config, split: Split) -> Result<Score> {
    let read = runner.forward.logits.clone();
    let mut right = vec![0; config.tasks.len()];
    let (mut both, mut by_number) = (0, [0; MOST_SHAPES]);
    for first in (0..SCENES).step_by(BATCH) {
        let scenes: Vec<Scene> = (first..first + BATCH)
            .map(|at| Scene::of(&mut Dice::new(&[SEED, at as u64]), split, 1 + at % MOST_SHAPES, Overlap::Apart))
            .collect();
        let pictures: Vec<f32> = scenes.iter().flat_map(|scene| scene.render(config.side)).collect();
        let out = runner.run(&pictures, &read).await?;
        for (row, scene) in scenes.iter().enumerate() {
            let wanted = truth(scene).ok_or_else(|| Error::data("scene", "has no shapes"))?;
            let mut hits = Vec::new();
            for (logits, (task, class)) in out.iter().zip(config.tasks.iter().zip(wanted)) {
                let own = &logits.as_f32()?[row * task.classes..(row + 1) * task.classes];
                hits.push(top(own) == class as usize);
            }
            right.iter_mut().zip(&hits).for_each(|(sum, &hit)| *sum += usize::from(hit));
            both += usize::from(hits[0] && hits[1]);
            by_number[scene.shapes.len() - 1] += usize::from(hits[3]);
        }
    }
    let share = |hits: usize, of: usize| hits as f32 / of as f32;
    let names = config.tasks.iter().map(|task| task.name.clone());
    let numbers = COUNTS.iter().map(ToString::to_string);
    Ok(Score {
        tasks: names.zip(right.iter().map(|&hits| share(hits, SCENES))).collect(),
        form_and_colour: share(both, SCENES),
        count_by_number: numbers.zip(by_number.map(|hits| share(hits, SCENES / MOST_SHAPES))).collect(),
    })
}
