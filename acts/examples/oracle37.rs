//! Writes the numbers that the browser tests hold chapter 37 to, computed by the CPU twins:
//! `cargo run -p acts --example oracle37` makes `e2e/oracle/chapter37.json` again.

use std::sync::Arc;

use acts::{
    act7::ch37_vision_transformer::{Cost, PATCHES, Sight, with_patch},
    sight::Checkpoint,
    tinyland::{
        Split,
        dice::Dice,
        pictures::{SIDE, Scene},
    },
};
use engine::{Device, wait};

const SEED: u64 = 7;
const LAYER: usize = 2;
const HEAD: usize = 1;
const SQUARE: usize = 20;
const COMPONENT: usize = 5;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let bytes = std::fs::read("public/models/tiny-vit.safetensors")?;
    let checkpoint = Arc::new(Checkpoint::parse("tiny-vit", &bytes)?);
    let mut experiment = Sight::new(&Device::oracle(), checkpoint.clone());
    let scene = Scene::draw(&mut Dice::new(&[SEED]), Split::Train);
    let mut passes = Vec::new();
    for patch in PATCHES {
        let config = with_patch(&checkpoint.config, patch);
        let frame = wait(experiment.frame(&scene.render(SIDE), patch, async || {}))?;
        let square = SQUARE.min(config.patches() - 1);
        let cost = Cost::of(&config)?;
        let answers: Vec<_> =
            frame.answers.iter().map(|a| serde_json::json!({ "task": a.task, "list": a.list })).collect();
        passes.push(serde_json::json!({
            "patch": patch, "square": square, "tokens": cost.tokens, "pairs": cost.pairs, "each": cost.each,
            "vector": frame.vectors.row(square),
            "attention": frame.attention(LAYER, Some(HEAD), square + 1),
            "mean_of_heads": frame.attention(LAYER, None, square + 1),
            "rollout": frame.rolled(LAYER, square + 1),
            "positions": experiment.position_likeness(patch, square),
            "opened": experiment.open(&frame, square, COMPONENT).map(|o| o.recomputed),
            "answers": answers,
        }));
    }
    let json = serde_json::json!({
        "seed": SEED, "caption": scene.caption(), "layer": LAYER, "head": HEAD, "component": COMPONENT, "passes": passes,
    });
    std::fs::create_dir_all("e2e/oracle")?;
    std::fs::write("e2e/oracle/chapter37.json", serde_json::to_string(&json)? + "\n")?;
    Ok(())
}
