//! What the shipped Vision Transformer has learnt, and that its training is what it says it is.

use acts::{
    sight::{Checkpoint, Recipe, Report, Score, Trainer, evaluate, recipe},
    tinyland::pictures::VERSION,
};
use engine::{Device, wait};

fn shipped() -> (Vec<u8>, Checkpoint) {
    let bytes = std::fs::read("../public/models/tiny-vit.safetensors").expect("tiny-vit is shipped");
    let checkpoint = Checkpoint::parse("tiny-vit", &bytes).expect("tiny-vit is whole");
    (bytes, checkpoint)
}

fn share(score: &Score, task: &str) -> f32 {
    score.tasks.iter().find(|(name, _)| name == task).expect("the task").1
}

#[test]
fn the_shipped_tiny_vit_has_learnt() {
    let (bytes, checkpoint) = shipped();
    assert!(bytes.len() < 1 << 20, "{} bytes", bytes.len());
    assert_eq!(checkpoint.file.about("data").as_deref(), Some(VERSION), "it was trained on other pictures");
    let device = Device::cpu();
    let store = checkpoint.store(&device).expect("it loads");
    let report = wait(evaluate(&device, &store, &checkpoint.config)).expect("it is measured");
    println!("{report:#?}");

    // A quarter of the answers to `count` and a fifth of those to `form` are right by chance.
    let trained = &report.trained_pairs;
    for (task, least) in [("form", 0.9), ("colour", 0.97), ("place", 0.9), ("count", 0.9)] {
        assert!(share(trained, task) >= least, "{task}: {}", share(trained, task));
    }
    // Whoever only knows the pairs of training has none of the held-out ones right, and a guess has one in thirty.
    let held_out = &report.held_out_pairs;
    for (task, least) in [("form", 0.5), ("colour", 0.93), ("place", 0.88), ("count", 0.85)] {
        assert!(share(held_out, task) >= least, "{task} of held-out pairs: {}", share(held_out, task));
    }
    assert!(held_out.form_and_colour >= 0.45, "both of held-out pairs: {}", held_out.form_and_colour);
    assert!(
        held_out.form_and_colour < trained.form_and_colour - 0.1,
        "what was held out is still the harder: {} and {}",
        held_out.form_and_colour,
        trained.form_and_colour
    );

    // The metadata tell the same story as the weights, to the rounding of 16 bits.
    let told: Report = serde_json::from_str(&checkpoint.file.about("report").expect("a report")).expect("it parses");
    for (told, measured) in
        [(&told.trained_pairs, &report.trained_pairs), (&told.held_out_pairs, &report.held_out_pairs)]
    {
        for ((name, told), (_, measured)) in told.tasks.iter().zip(&measured.tasks) {
            assert!((told - measured).abs() <= 0.02, "{name}: {told} told, {measured} measured");
        }
    }
}

/// A smaller one, so that the test is quick.
fn small() -> Recipe {
    let mut recipe = recipe("tiny-vit").expect("the recipe");
    recipe.config.layers = 1;
    recipe.config.width = 16;
    recipe.config.heads = 2;
    recipe.config.hidden = 16;
    recipe.batch = 4;
    recipe.warm_up = 2;
    recipe
}

#[test]
fn a_resumed_run_follows_the_same_curve() {
    let device = Device::cpu_threads(1);
    let recipe = small();
    let mut whole = wait(Trainer::new(&device, &recipe)).expect("a trainer");
    let straight: Vec<f32> = (0..8).map(|_| wait(whole.step()).expect("a step").loss).collect();
    let mut first = wait(Trainer::new(&device, &recipe)).expect("a trainer");
    let mut losses: Vec<f32> = (0..4).map(|_| wait(first.step()).expect("a step").loss).collect();
    let kept = wait(first.checkpoint()).expect("a checkpoint");
    let mut second = wait(Trainer::new(&device, &recipe)).expect("a trainer");
    second.resume(&kept).expect("it goes on");
    losses.extend((0..4).map(|_| wait(second.step()).expect("a step").loss));
    assert_eq!(losses, straight);

    let other = Recipe { seed: recipe.seed + 1, ..recipe };
    let mut wrong = wait(Trainer::new(&device, &other)).expect("a trainer");
    assert!(wrong.resume(&kept).is_err(), "a checkpoint of another recipe");
}

#[test]
fn broken_checkpoints_are_refused() {
    let (bytes, _) = shipped();
    for len in [0, 1, 7, 8, 100, 5_000, bytes.len() / 2, bytes.len() - 1] {
        assert!(Checkpoint::parse("cut", &bytes[..len]).is_err(), "{len}");
    }
    let mut poisoned = bytes;
    let end = poisoned.len();
    poisoned[end - 2..].fill(0xFF);
    assert!(Checkpoint::parse("poisoned", &poisoned).is_err());
}
