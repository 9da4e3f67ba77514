//! Writes the numbers that the browser tests hold chapter 41 to, computed natively:
//! `cargo run -p acts --example oracle41` makes `e2e/oracle/chapter41.json` again.

use acts::{
    act7::ch41_diffusion::{Field, Plan, Point, Sampling, Settings, Source, Training, noised, variety},
    tiny::diffusion::{CAPTION, Checkpoint, Painter, Settings as Drawing},
    tinyland::pictures::SIDE,
};
use engine::{
    Device,
    sampling::{Path, Sampler, Schedule, Target},
    wait,
};

/// Points that the page samples.
const POINTS: usize = 600;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let device = Device::cpu();
    let mut cases = Vec::new();
    let asked = [
        ("moons", Source::moons(), Path::Linear, Target::Noise, Sampler::Ddim { eta: 0.0 }, "ddim", None, 1.0),
        ("hills", Source::grid(), Path::Straight, Target::Flow, Sampler::Heun, "heun", Some(1), 2.0),
        ("spiral", Source::spiral(), Path::Cosine, Target::Velocity, Sampler::Ddpm, "ddpm", Some(0), 1.5),
    ];
    for (data, source, path, target, sampler, name, class, guidance) in asked {
        let (training, steps, seed) = (10u64, 6usize, 3u32);
        let settings = Settings { source: source.clone(), path, target, steps: training, seed };
        let mut run = wait(Training::new(&device, &settings))?;
        let mut losses = Vec::new();
        while !run.done() {
            losses.push(f64::from(wait(run.step(async || {}))?.loss));
        }
        let learnt = wait(run.learnt())?;
        let mut sampling = wait(Sampling::new(&device, &learnt, POINTS))?;
        let plan = Plan { sampler, steps, class, guidance, seed };
        let xy = wait(sampling.sample(&plan))?;
        let any = wait(Point::measure(&mut sampling, &Plan { class: None, ..plan }, async || {}))?;
        let mut field = wait(Field::new(&device, &learnt, 15, 2.7))?;
        // Where no noise is left, the page looks at level 20.
        let homes = wait(field.at(Schedule::new(path).level(20), class, guidance))?;
        let path_name = format!("{path:?}").to_lowercase();
        let target_name = format!("{target:?}").to_lowercase();
        let class_name = class.map_or("any", |c| ["round", "square"][c as usize]);
        cases.push(serde_json::json!({
            "query": format!("data={data}&path={path_name}&target={target_name}&training={training}&seed={seed}&sampler={name}&steps={steps}&class={class_name}&guidance={guidance}"),
            "loss": losses.iter().sum::<f64>() / losses.len() as f64,
            "points": xy[..40], "variety": variety(&xy), "distance_any": any.distance, "class": class, "homes": homes[..40],
            "noised": noised(&source.draw(POINTS, seed ^ 0xDA7A).of_class(0).xy, Schedule::new(path).level(499), seed)[..20],
        }));
    }
    let bytes = std::fs::read("public/models/tiny-diffusion.safetensors")?;
    let checkpoint = Checkpoint::parse("tiny-diffusion", &bytes)?;
    let mut painter = wait(Painter::new(&device, &checkpoint, 4))?;
    let prompt = "a large red circle";
    let settings = Drawing { sampler: Sampler::DpmPlusPlus2M, steps: 4, guidance: 3.0, seed: 1 };
    let mut walk = painter.begin(&[Some(prompt); 4], settings)?;
    let mut last = None;
    while let Some(frame) = wait(painter.advance(&mut walk, async || {}))? {
        last = Some(frame);
    }
    let frame = last.ok_or("no frame")?;
    let mut pixels = Vec::new();
    for y in (2..SIDE).step_by(4) {
        for x in (2..SIDE).step_by(4) {
            pixels.push([0, 1, 2].map(|c| frame.noisy[c * SIDE * SIDE + y * SIDE + x]));
        }
    }
    let patches = frame.words.len() / CAPTION;
    let words: Vec<f32> =
        (0..5).map(|w| (0..patches).map(|p| frame.words[p * CAPTION + w]).sum::<f32>() / patches as f32).collect();
    let json = serde_json::json!({
        "cases": cases,
        "pictures": { "query": "psteps=4", "prompt": prompt, "pixels": pixels, "words": words },
    });
    std::fs::create_dir_all("e2e/oracle")?;
    std::fs::write("e2e/oracle/chapter41.json", serde_json::to_string_pretty(&json)? + "\n")?;
    Ok(())
}
