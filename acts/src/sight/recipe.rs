//! How each checkpoint is made.

use engine::models::vit::Config;
use serde::{Deserialize, Serialize};

use super::tasks;
use crate::tinyland::pictures::SIDE;

/// Everything that decides a training run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// The checkpoint's name.
    pub name: String,
    /// Sizes.
    pub config: Config,
    /// Pictures a step.
    pub batch: usize,
    /// Steps.
    pub steps: u64,
    /// Steps of linear warm-up.
    pub warm_up: u64,
    /// The highest learning rate; a cosine brings it down to a tenth.
    pub learning_rate: f32,
    /// Pull of matrices towards 0.
    pub weight_decay: f32,
    /// The largest global norm of the gradient.
    pub clip: f32,
    /// Seed of the parameters.
    pub seed: u32,
    /// Seed of the scenes.
    pub data_seed: u64,
}

/// All recipes.
pub fn recipes() -> Vec<Recipe> {
    vec![tiny_vit()]
}

/// The recipe of that name.
pub fn recipe(name: &str) -> Option<Recipe> {
    recipes().into_iter().find(|r| r.name == name)
}

/// About 0.3 million parameters, pictures of 32 by 32 in squares of 4: what the reader meets in act VII.
fn tiny_vit() -> Recipe {
    Recipe {
        name: "tiny-vit".into(),
        config: Config {
            side: SIDE,
            channels: 3,
            patch: 4,
            layers: 4,
            width: 96,
            heads: 4,
            hidden: 192,
            tasks: tasks(),
        },
        batch: 32,
        steps: 6_000,
        warm_up: 200,
        learning_rate: 1.5e-3,
        weight_decay: 0.05,
        clip: 1.0,
        seed: 1,
        data_seed: 1,
    }
}
