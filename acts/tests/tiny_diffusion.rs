//! What the shipped painter has learnt, and that its training is what it says it is.

use acts::{
    tiny::diffusion::{Checkpoint, Painter, Recipe, Report, Settings, Trainer, evaluate, judge, recipe},
    tinyland::{
        Split,
        dice::Dice,
        pictures::{SIDE, Scene, VERSION},
    },
};
use engine::{Device, sampling::Sampler, wait};

fn shipped() -> (Vec<u8>, Checkpoint) {
    let bytes = std::fs::read("../public/models/tiny-diffusion.safetensors").expect("tiny-diffusion is shipped");
    let checkpoint = Checkpoint::parse("tiny-diffusion", &bytes).expect("tiny-diffusion is whole");
    (bytes, checkpoint)
}

#[test]
fn the_shipped_painter_draws_what_is_asked() {
    let (bytes, checkpoint) = shipped();
    assert!(bytes.len() <= 1_600_000, "{} bytes", bytes.len());
    assert_eq!(checkpoint.file.about("data").as_deref(), Some(VERSION), "it was trained on other pictures");
    let report = wait(evaluate(&Device::cpu(), &checkpoint)).expect("it is measured");
    println!("{report:#?}");
    // The metadata tell the same story as the weights, to the rounding of 16 bits.
    let told: Report = serde_json::from_str(&checkpoint.file.about("report").expect("a report")).expect("it parses");
    for (told, now) in told.known.iter().zip(&report.known) {
        assert!((told.1.colour - now.1.colour).abs() < 0.07 && (told.1.all - now.1.all).abs() < 0.1, "{told:?} told");
    }
    // By chance one colour of six is right, and one size of two. Forms it has not learnt: one of five would be chance, and nothing
    // is claimed of them.
    let (_, guided) = report.known[1];
    assert!(guided.colour > 0.8 && guided.size > 0.65, "{guided:?}");
}

/// In the plane guidance also lowers variety (`ch41_diffusion.rs`). Of these pictures that is not so, as far as distances between
/// pixels tell: they grow with guidance, by a third when this was written. So only accuracy is asserted, and the spread is printed.
#[test]
fn guidance_raises_prompt_accuracy() {
    let (_, checkpoint) = shipped();
    let mut painter = wait(Painter::new(&Device::cpu(), &checkpoint, 12)).expect("it compiles");
    let mut found = Vec::new();
    for guidance in [0.5, 3.0] {
        let (mut right, mut spread) = (0, 0.0f64);
        for (seed, (colour, form)) in [("red", "circle"), ("blue", "square"), ("green", "triangle")].iter().enumerate()
        {
            let text = format!("a large {colour} {form}");
            let settings = Settings { sampler: Sampler::DpmPlusPlus2M, steps: 12, guidance, seed: seed as u32 };
            let pictures = wait(painter.draw(&[Some(text.as_str()); 12], settings)).expect("pictures");
            let list: Vec<&[f32]> = pictures.chunks(3 * SIDE * SIDE).collect();
            right += list.iter().filter(|p| judge(p, SIDE).is_some_and(|v| v.colour.word() == *colour)).count();
            for (i, a) in list.iter().enumerate() {
                for b in &list[..i] {
                    spread += a.iter().zip(*b).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>().sqrt();
                }
            }
        }
        println!("guidance {guidance}: {right} of 36 have the colour; spread {spread:.0}");
        found.push((right, spread));
    }
    assert!(found[1].0 > found[0].0, "{found:?}");
}

/// The judge is right about true pictures, nearly always: what it says of drawn ones means something.
#[test]
fn the_judge_knows_true_pictures() {
    let mut dice = Dice::new(&[5]);
    let (mut colours, mut forms) = (0, 0);
    for _ in 0..300 {
        let scene = Scene::single(&mut dice, Split::Train);
        let verdict = judge(&scene.render(SIDE), SIDE).expect("a shape");
        colours += usize::from(verdict.colour == scene.shapes[0].colour);
        forms += usize::from(verdict.form == scene.shapes[0].form);
    }
    println!("{colours} colours and {forms} forms of 300");
    assert!(colours > 290 && forms > 255, "{colours} colours and {forms} forms of 300");
    assert!(judge(&[0.8; 3 * SIDE * SIDE], SIDE).is_none());
}

/// A smaller painter, so that the test is quick.
fn small() -> Recipe {
    let mut recipe = recipe();
    (recipe.config.layers, recipe.config.width, recipe.config.hidden, recipe.batch, recipe.warm_up) = (2, 32, 64, 4, 2);
    recipe
}

#[test]
fn a_resumed_run_follows_the_same_curve() {
    let device = Device::cpu_threads(1);
    let steps = |trainer: &mut Trainer, count: usize| -> Vec<f32> {
        (0..count).map(|_| wait(trainer.step()).expect("a step").loss).collect()
    };
    let mut whole = wait(Trainer::new(&device, &small())).expect("a trainer");
    let straight = steps(&mut whole, 24);
    let mut first = wait(Trainer::new(&device, &small())).expect("a trainer");
    let mut losses = steps(&mut first, 12);
    let kept = wait(first.checkpoint()).expect("a checkpoint");
    let mut second = wait(Trainer::new(&device, &small())).expect("a trainer");
    second.resume(&kept).expect("it goes on");
    losses.extend(steps(&mut second, 12));
    assert_eq!(losses, straight);
    assert!(straight[23] < straight[0]);
    let [a, b] = [whole.averaged(), second.averaged()].map(|f| f.expect("an average"));
    assert_eq!(a.tensors, b.tensors);

    let mut wrong = wait(Trainer::new(&device, &Recipe { seed: 9, ..small() })).expect("a trainer");
    assert!(wrong.resume(&kept).is_err(), "a checkpoint of another recipe");
}

#[test]
fn the_gpu_trains_and_draws_alike() {
    let gpu = wait(Device::gpu()).expect("a Vulkan adapter: install mesa-vulkan-drivers where there is no GPU");
    let mut found = Vec::new();
    for device in [Device::cpu(), gpu] {
        let mut trainer = wait(Trainer::new(&device, &small())).expect("a trainer");
        let losses: Vec<f32> = (0..10).map(|_| wait(trainer.step()).expect("a step").loss).collect();
        let checkpoint = Checkpoint::of("small", trainer.averaged().expect("an average")).expect("it is whole");
        let mut painter = wait(Painter::new(&device, &checkpoint, 1)).expect("it compiles");
        let settings = Settings { sampler: Sampler::Heun, steps: 2, guidance: 2.0, seed: 4 };
        found.push((losses, wait(painter.draw(&[Some("a small red cross")], settings)).expect("a picture")));
    }
    let apart = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(apart(&found[0].0, &found[1].0) < 5e-3, "{:?} {:?}", found[0].0, found[1].0);
    assert!(apart(&found[0].1, &found[1].1) < 2e-2, "{}", apart(&found[0].1, &found[1].1));
}

#[test]
fn broken_painters_are_refused() {
    let (bytes, _) = shipped();
    for len in [0, 8, 5_000, bytes.len() / 2, bytes.len() - 1] {
        assert!(Checkpoint::parse("cut", &bytes[..len]).is_err(), "{len}");
    }
}
