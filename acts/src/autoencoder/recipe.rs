//! How the autoencoder is made.

use engine::models::vae::Config;
use serde::{Deserialize, Serialize};

use crate::tinyland::pictures::SIDE;

/// Everything that decides a training run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// The checkpoint's name.
    pub name: String,
    /// Sizes.
    pub config: Config,
    /// How far off, a number, the decoder may be for nothing: the larger, the more the latents look like noise.
    pub deviation: f32,
    /// Pictures a step.
    pub batch: usize,
    /// Steps.
    pub steps: u64,
    /// Steps of linear warm-up.
    pub warm_up: u64,
    /// The highest learning rate; a cosine brings it down to a tenth.
    pub learning_rate: f32,
    /// Pull of weights towards 0.
    pub weight_decay: f32,
    /// The largest global norm of the gradient.
    pub clip: f32,
    /// Seed of the parameters and of the noise.
    pub seed: u32,
    /// Seed of the scenes.
    pub data_seed: u64,
}

/// All recipes.
pub fn recipes() -> Vec<Recipe> {
    vec![tiny_vae()]
}

/// The recipe of that name.
pub fn recipe(name: &str) -> Option<Recipe> {
    recipes().into_iter().find(|r| r.name == name)
}

/// About 170 thousand parameters: an eighth of a picture's numbers.
fn tiny_vae() -> Recipe {
    Recipe {
        name: "tiny-vae".into(),
        config: Config { channels: 3, side: SIDE, widths: vec![32, 48], latent: 4, groups: 8 },
        deviation: 0.05,
        batch: 8,
        steps: 3000,
        warm_up: 100,
        learning_rate: 2e-3,
        weight_decay: 0.01,
        clip: 1.0,
        seed: 1,
        data_seed: 1,
    }
}
