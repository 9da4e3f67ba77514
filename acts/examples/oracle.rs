//! Writes the numbers that the browser tests hold chapter 5 to, computed by the CPU twins:
//! `cargo run -p acts --example oracle` makes `e2e/oracle/chapter5.json` again.

use std::sync::Arc;

use acts::{
    act2::ch05_attention::{Attention, Settings, Stage},
    tiny::Checkpoint,
    tinyland::tokenizer,
};
use engine::{Device, wait};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let bytes = std::fs::read("public/models/tiny-base.safetensors")?;
    let checkpoint = Arc::new(Checkpoint::parse("tiny-base", &bytes)?);
    let mut experiment = Attention::new(&Device::oracle(), checkpoint, Arc::new(tokenizer::shipped()?))?;
    let settings = Settings {
        text: "the cat that the dogs followed is tired".into(),
        layer: 1,
        head: 2,
        scale: true,
        shuffle: None,
        edit: None,
    };
    let frame = wait(experiment.frame(&settings))?;
    let stages: Vec<_> = Stage::ALL
        .iter()
        .map(|&stage| {
            let m = frame.stage(stage);
            serde_json::json!({ "stage": format!("{stage:?}"), "rows": m.rows, "cols": m.cols, "data": m.data })
        })
        .collect();
    let tokens: Vec<_> = frame.tokens.iter().map(|t| t.text.clone()).collect();
    let json = serde_json::json!({
        "text": settings.text, "layer": settings.layer, "head": settings.head, "tokens": tokens,
        "entropy_bits": frame.entropy_bits, "stages": stages,
    });
    std::fs::create_dir_all("e2e/oracle")?;
    std::fs::write("e2e/oracle/chapter5.json", serde_json::to_string(&json)? + "\n")?;
    Ok(())
}
