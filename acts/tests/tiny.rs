//! What the shipped Tiny has learnt, and that training is what it says it is.

use acts::{
    tiny::{Checkpoint, Report, Trainer, evaluate, recipe},
    tinyland::{VERSION, tokenizer},
};
use engine::{Device, wait};

fn shipped() -> (Vec<u8>, Checkpoint) {
    let bytes = std::fs::read("../public/models/tiny-base.safetensors").expect("tiny-base is shipped");
    let checkpoint = Checkpoint::parse("tiny-base", &bytes).expect("tiny-base is whole");
    (bytes, checkpoint)
}

#[test]
fn the_shipped_tiny_base_has_learnt() {
    let (bytes, checkpoint) = shipped();
    assert!(bytes.len() < 4 << 20, "{} bytes", bytes.len());
    assert_eq!(checkpoint.file.about("data").as_deref(), Some(VERSION), "it was trained on other documents");
    let device = Device::cpu();
    let tokenizer = tokenizer::shipped().expect("the tokenizer is shipped");
    let store = checkpoint.store(&device).expect("it loads");
    let report = wait(evaluate(&device, &store, &checkpoint.config, &tokenizer)).expect("it is measured");
    println!("{report:#?}");

    for (gap, accuracy) in report.agreement.iter().take(7) {
        assert!(*accuracy > 0.95, "agreement across {gap} words: {accuracy}");
    }
    assert!(report.facts > 0.9, "facts: {}", report.facts);
    assert!(report.copying > 0.8, "copying: {}", report.copying);
    // Even attention over what a token sees would give 0.04 on these documents; three heads give more than five times that.
    assert!(report.previous_token[0].score > 0.3, "{:?}", report.previous_token[0]);
    assert!(report.previous_token[2].score > 0.2, "{:?}", report.previous_token[2]);
    assert!(report.induction[0].score > 0.8, "{:?}", report.induction[0]);

    // The metadata tell the same story as the weights, to the rounding of 16 bits.
    let told: Report = serde_json::from_str(&checkpoint.file.about("report").expect("a report")).expect("it parses");
    assert!((told.held_out_loss - report.held_out_loss).abs() < 0.01, "{} told", told.held_out_loss);
    assert!((told.facts - report.facts).abs() < 0.03);
}

#[test]
fn broken_checkpoints_are_refused() {
    let (bytes, _) = shipped();
    for len in [0, 1, 7, 8, 100, 5_000, bytes.len() / 2, bytes.len() - 1] {
        assert!(Checkpoint::parse("cut", &bytes[..len]).is_err(), "{len}");
    }
    let mut flipped = bytes.clone();
    flipped[0] ^= 0x7F;
    assert!(Checkpoint::parse("flipped", &flipped).is_err());
    let mut poisoned = bytes;
    // The last two bytes are a 16-bit float: all ones is not a number.
    let end = poisoned.len();
    poisoned[end - 2..].fill(0xFF);
    assert!(Checkpoint::parse("poisoned", &poisoned).is_err());
}

/// A smaller Tiny, so that the test is quick.
fn small() -> acts::tiny::Recipe {
    let mut recipe = recipe("tiny-base").expect("the recipe");
    recipe.config.layers = 2;
    recipe.config.width = 32;
    recipe.config.hidden = 64;
    recipe.config.context = 32;
    recipe.batch = 4;
    recipe.warm_up = 2;
    recipe
}

#[test]
fn a_resumed_run_follows_the_same_curve() {
    let device = Device::cpu_threads(1);
    let tokenizer = tokenizer::shipped().expect("the tokenizer is shipped");
    let recipe = small();
    let mut whole = wait(Trainer::new(&device, &recipe, &tokenizer)).expect("a trainer");
    let straight: Vec<f32> = (0..8).map(|_| wait(whole.step()).expect("a step").loss).collect();

    let mut first = wait(Trainer::new(&device, &recipe, &tokenizer)).expect("a trainer");
    let mut losses: Vec<f32> = (0..4).map(|_| wait(first.step()).expect("a step").loss).collect();
    let kept = wait(first.checkpoint()).expect("a checkpoint");
    let mut second = wait(Trainer::new(&device, &recipe, &tokenizer)).expect("a trainer");
    second.resume(&kept).expect("it goes on");
    losses.extend((0..4).map(|_| wait(second.step()).expect("a step").loss));
    assert_eq!(losses, straight);
    assert!(straight[7] < straight[0]);

    let mut other = small();
    other.seed += 1;
    let mut wrong = wait(Trainer::new(&device, &other, &tokenizer)).expect("a trainer");
    assert!(wrong.resume(&kept).is_err(), "a checkpoint of another recipe");
}

/// Two steps on the GPU, then counting: each further step is one submit and makes no buffer and no bind group.
#[test]
fn a_replayed_step_is_one_submit_and_allocates_nothing() {
    let device = wait(Device::gpu()).expect("a Vulkan adapter: install mesa-vulkan-drivers where there is no GPU");
    let gpu = device.as_gpu().expect("a GPU").clone();
    let tokenizer = tokenizer::shipped().expect("the tokenizer is shipped");
    let mut trainer = wait(Trainer::new(&device, &small(), &tokenizer)).expect("a trainer");
    let mut cpu = wait(Trainer::new(&Device::cpu(), &small(), &tokenizer)).expect("a trainer");
    let first = wait(trainer.step()).expect("a step").loss;
    let twin = wait(cpu.step()).expect("a step").loss;
    assert!((first - twin).abs() < 1e-4, "{first} on the GPU, {twin} on the CPU");
    let before = gpu.counts();
    for _ in 0..3 {
        let (a, b) = (wait(trainer.step()).expect("a step").loss, wait(cpu.step()).expect("a step").loss);
        assert!((a - b).abs() < 5e-3, "{a} on the GPU, {b} on the CPU");
    }
    let after = gpu.counts();
    assert_eq!(after.submits - before.submits, 3);
    assert_eq!((after.buffers, after.bind_groups), (before.buffers, before.bind_groups));
}

/// The full tiny-base as it trains: the same counting on its own graph, without running it on a slow adapter for long.
#[test]
fn a_block_forward_takes_fewer_than_twelve_launches() {
    let (_, checkpoint) = shipped();
    let device = wait(Device::gpu()).expect("a Vulkan adapter: install mesa-vulkan-drivers where there is no GPU");
    let store = checkpoint.store(&device).expect("it loads");
    let launches = |layers: usize| {
        let config = engine::models::gpt::Config { layers, ..checkpoint.config.clone() };
        let runner = acts::tiny::Runner::new(&device, &store, &config, [1, 16], |f| vec![f.logits]);
        wait(runner).expect("it compiles").program().launches()
    };
    let a_block = launches(2) - launches(1);
    assert!(a_block < 12, "{a_block} launches");
}
