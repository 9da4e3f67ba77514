//! Writes the numbers that the browser tests hold chapter 27 to, computed natively:
//! `cargo run -p acts --example oracle27` makes `e2e/oracle/chapter27.json` again.

use std::sync::Arc;

use acts::{
    act5::ch27_quantization::{Quantization, Scheme, Tuner, Tuning, histogram},
    tiny::Checkpoint,
    tinyland::tokenizer,
};
use engine::{
    Device,
    quant::{Format, Granularity, Levels, Outliers},
    wait,
};

const TEXT: &str = "the cat that the dogs followed";
const MATRIX: &str = "block1.feed_forward.up";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let bytes = std::fs::read("public/models/tiny-base.safetensors")?;
    let checkpoint = Arc::new(Checkpoint::parse("tiny-base", &bytes)?);
    let words = Arc::new(tokenizer::shipped()?);
    let mut experiment = wait(Quantization::new(&Device::cpu(), checkpoint.clone(), words.clone()))?;
    let four = Scheme::of(Format::new(Levels::Symmetric(4), Granularity::Group(32)));
    let three = Scheme {
        outliers: Some(Outliers::Share(0.005)),
        embedding: true,
        layer: None,
        ..Scheme::of(Format::new(Levels::ZeroPoint(3), Granularity::Channel))
    };
    let mut schemes = Vec::new();
    for (query, scheme) in [("format=int4/group32", four), ("format=uint3/channel&keep=share&embedding=on", three)] {
        let frame = wait(experiment.frame(&scheme, Some(TEXT)))?;
        let reading = frame.reading.ok_or("no reading")?;
        let picture = histogram(&checkpoint, MATRIX, &scheme, 7, 41)?;
        let next: Vec<_> = reading.next.iter().map(|n| (n.token.clone(), n.whole, n.rounded)).collect();
        schemes.push(serde_json::json!({
            "query": query, "bits_per_weight": frame.bits_per_weight, "bytes": frame.bytes,
            "perplexity": frame.perplexity, "kl": frame.kl, "text_perplexity": reading.perplexity,
            "whole_text_perplexity": reading.whole_perplexity, "next": next, "error": picture.error,
            "levels": picture.levels.len(),
        }));
    }
    let mut sweep = Vec::new();
    for scheme in &Scheme::sweep()[..3] {
        let frame = wait(experiment.frame(scheme, None))?;
        sweep.push(serde_json::json!({ "scheme": scheme.to_string(), "perplexity": frame.perplexity }));
    }
    let two = Format::new(Levels::Symmetric(2), Granularity::Group(32));
    let mut tuner =
        wait(Tuner::new(&Device::cpu(), &checkpoint, &words, Tuning { steps: 2, ..Tuning::of(Some(two), 1) }))?;
    let mut losses = Vec::new();
    while !tuner.done() {
        losses.push(wait(tuner.step(async || {}))?.loss);
    }
    let trained = wait(experiment.frame_of(Arc::new(wait(tuner.weights())?), &Scheme::of(two), None))?;
    let json = serde_json::json!({
        "text": TEXT, "matrix": MATRIX, "column": 7, "schemes": schemes, "sweep": sweep,
        "training": { "format": two.to_string(), "seed": 1, "steps": 2, "losses": losses, "loss": trained.loss },
    });
    std::fs::create_dir_all("e2e/oracle")?;
    std::fs::write("e2e/oracle/chapter27.json", serde_json::to_string_pretty(&json)? + "\n")?;
    Ok(())
}
