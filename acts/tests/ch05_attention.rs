//! The claims of chapter 5.

use std::sync::Arc;

use acts::{
    act2::ch05_attention::{Attention, Edit, MOST_TOKENS, Settings, Stage, scale_sweep},
    tiny::Checkpoint,
    tinyland::tokenizer,
};
use engine::{Device, Error, wait};

fn tiny_base() -> Arc<Checkpoint> {
    let bytes = std::fs::read("../public/models/tiny-base.safetensors").expect("tiny-base is shipped");
    Arc::new(Checkpoint::parse("tiny-base", &bytes).expect("tiny-base is whole"))
}

fn experiment(device: &Device) -> Attention {
    let tokenizer = Arc::new(tokenizer::shipped().expect("the tokenizer is shipped"));
    Attention::new(device, tiny_base(), tokenizer).expect("it opens")
}

fn settings() -> Settings {
    Settings {
        text: "the cat that the dogs followed is tired".into(),
        layer: 1,
        head: 2,
        scale: true,
        shuffle: None,
        edit: None,
    }
}

fn gpu() -> Device {
    wait(Device::gpu()).expect("a Vulkan adapter: install mesa-vulkan-drivers where there is no GPU")
}

#[test]
fn both_executors_give_the_twins_numbers() {
    let mut oracle = experiment(&Device::oracle());
    for device in [Device::cpu(), gpu()] {
        let mut other = experiment(&device);
        for layer in 0..4 {
            let settings = Settings { layer, ..settings() };
            let a = wait(oracle.frame(&settings)).expect("a frame");
            let b = wait(other.frame(&settings)).expect("a frame");
            for stage in Stage::ALL {
                let (a, b) = (a.stage(stage), b.stage(stage));
                for (x, y) in a.data.iter().zip(&b.data) {
                    // Four blocks deep, on scores of order ten.
                    assert!((x - y).abs() <= 1e-3 + 1e-3 * x.abs(), "{} {stage:?}: {x} and {y}", device.name());
                }
            }
        }
    }
}

#[test]
fn every_cell_opens_to_the_number_the_device_computed() {
    let mut experiment = experiment(&gpu());
    let settings = Settings { edit: Some(Edit { query: 4, key: 2, score: 3.5 }), ..settings() };
    let frame = wait(experiment.frame(&settings)).expect("a frame");
    assert_eq!(frame.stage(Stage::Scaled).at(4, 2), 3.5);
    for stage in Stage::ALL {
        let matrix = frame.stage(stage);
        for row in 0..matrix.rows {
            for col in 0..matrix.cols {
                let opened = experiment.open(&frame, &settings, stage, row, col).expect("it opens");
                let apart = (opened.recomputed - f64::from(opened.value)).abs();
                if !opened.masked {
                    assert!(apart <= 1e-3 + 1e-3 * opened.recomputed.abs(), "{stage:?} {row} {col}: {apart}");
                }
            }
        }
        assert!(experiment.open(&frame, &settings, stage, matrix.rows, 0).is_none());
    }
}

#[test]
fn weights_are_shares_and_never_look_ahead() {
    let mut experiment = experiment(&Device::cpu());
    for scale in [true, false] {
        let frame = wait(experiment.frame(&Settings { scale, ..settings() })).expect("a frame");
        let weights = frame.stage(Stage::Weights);
        for row in 0..weights.rows {
            assert!((weights.row(row).iter().sum::<f32>() - 1.0).abs() < 1e-5);
            assert!(weights.row(row)[row + 1..].iter().all(|w| *w == 0.0));
        }
    }
}

/// Shuffled in, shuffled out, without positions or mask; not so with positions. Three shuffles, every head.
#[test]
fn attention_alone_does_not_know_order() {
    let mut experiment = experiment(&gpu());
    for seed in 1..=3 {
        for layer in 0..4 {
            let mut with = 0.0f32;
            for head in 0..4 {
                let settings = Settings { layer, head, shuffle: Some(seed), ..settings() };
                let shuffle = wait(experiment.frame(&settings)).expect("a frame").shuffle.expect("a shuffle");
                // Rounding: a few ulps of the largest output, as sums run in another order.
                assert!(shuffle.without_positions <= 1e-5 * shuffle.largest_output.max(1.0), "{shuffle:?}");
                with = with.max(shuffle.with_positions / shuffle.largest_output);
            }
            assert!(with > 1e-2, "layer {layer}: positions changed outputs by {with} only");
        }
    }
}

/// Without the division the entropy of the weights collapses as d grows; with it, it stays. Three seeds.
#[test]
fn the_scale_keeps_entropy() {
    for seed in [5, 6, 7] {
        let points = wait(scale_sweep(&Device::cpu(), &[4, 64, 512], 32, seed)).expect("a sweep");
        let [small, _, large] = points[..] else { panic!("three widths") };
        assert!(large.unscaled_bits < 0.5, "{points:?}");
        assert!(large.scaled_bits > 4.0 && (large.scaled_bits - small.scaled_bits).abs() < 0.5, "{points:?}");
        for p in points {
            assert!((p.score_deviation / (p.d as f32).sqrt() - 1.0).abs() < 0.2, "{p:?}");
        }
    }
}

#[test]
fn bad_input_is_refused_in_words() {
    let mut experiment = experiment(&Device::cpu());
    let refuse = |experiment: &mut Attention, settings: Settings| match wait(experiment.frame(&settings)) {
        Err(Error::Data { message, .. }) => assert!(!message.is_empty()),
        other => panic!("{other:?}"),
    };
    refuse(&mut experiment, Settings { text: String::new(), ..settings() });
    refuse(&mut experiment, Settings { layer: 9, ..settings() });
    refuse(&mut experiment, Settings { head: 4, ..settings() });
    refuse(&mut experiment, Settings { edit: Some(Edit { query: 1, key: 5, score: 0.0 }), ..settings() });
    refuse(&mut experiment, Settings { edit: Some(Edit { query: 1, key: 0, score: f32::NAN }), ..settings() });
    for text in ["word ".repeat(20_000), "🙂 ناس 👩‍👩‍👧 שלום".into(), "a\0b\0".into(), "<|end|><|pad|>".into()]
    {
        let frame = wait(experiment.frame(&Settings { text: text.clone(), ..settings() })).expect("a frame");
        assert!(frame.stages.iter().all(|m| m.data.iter().all(|x| x.is_finite())));
        assert!(frame.tokens.len() <= MOST_TOKENS && (frame.cut || text.len() < 4096));
    }
    // Settings that were refused leave the experiment in order.
    assert!(wait(experiment.frame(&settings())).is_ok());
}

/// The browser tests compare pages with a stored file; this holds the file to the twins.
#[test]
fn the_stored_oracle_is_what_the_twins_compute() {
    let stored = std::fs::read_to_string("../e2e/oracle/chapter5.json").expect("the oracle is stored");
    let stored: serde_json::Value = serde_json::from_str(&stored).expect("it is JSON");
    let frame = wait(experiment(&Device::oracle()).frame(&settings())).expect("a frame");
    for (stage, stored) in Stage::ALL.iter().zip(stored["stages"].as_array().expect("stages")) {
        let data = stored["data"].as_array().expect("data");
        assert_eq!(data.len(), frame.stage(*stage).data.len());
        for (a, b) in data.iter().zip(&frame.stage(*stage).data) {
            assert!((a.as_f64().expect("a number") - f64::from(*b)).abs() < 1e-4, "{stage:?}");
        }
    }
}
