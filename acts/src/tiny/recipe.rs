//! How each checkpoint is made.

use engine::models::gpt::Config;
use serde::{Deserialize, Serialize};

use crate::tinyland::tokenizer::VOCAB_SIZE;

/// Everything that decides a training run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// The checkpoint's name.
    pub name: String,
    /// Sizes.
    pub config: Config,
    /// Rows a step.
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
    /// Seed of the documents.
    pub data_seed: u64,
}

/// All recipes.
pub fn recipes() -> Vec<Recipe> {
    vec![tiny_base()]
}

/// The recipe of that name.
pub fn recipe(name: &str) -> Option<Recipe> {
    recipes().into_iter().find(|r| r.name == name)
}

/// About a million parameters: what the reader meets in act II.
fn tiny_base() -> Recipe {
    Recipe {
        name: "tiny-base".into(),
        config: Config {
            vocabulary: VOCAB_SIZE,
            context: 128,
            layers: 4,
            width: 128,
            heads: 4,
            kv_heads: 4,
            hidden: 512,
            rope_base: 10_000.0,
        },
        batch: 16,
        steps: 6_000,
        warm_up: 200,
        learning_rate: 2e-3,
        weight_decay: 0.05,
        clip: 1.0,
        seed: 1,
        data_seed: 1,
    }
}
