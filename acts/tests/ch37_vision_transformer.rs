//! Claims of chapter 37.

use std::sync::Arc;

use acts::{
    act2::ch05_attention::Matrix,
    act7::ch37_vision_transformer::{Cost, PATCHES, Sight, grid_correlation, likeness, row_or_column, with_patch},
    sight::{Checkpoint, recipe},
    tinyland::{
        Split,
        dice::Dice,
        pictures::{SIDE, Scene},
    },
};
use engine::{Device, rng, wait};

/// How far the patch vectors may be from the convolution in 64 bits: rounding of at most 768 terms of order one, and that of the
/// bias.
const SUM_ORDER: f64 = 1e-5;

/// Orders of places drawn at random to compare with. That the learned one lies beyond all of them has a chance of one in two
/// hundred if places meant nothing.
const SHUFFLES: u32 = 199;

/// How near to zero the correlation of likeness with distance is before training: with 64 places there are 2016 pairs, whose
/// deviation by chance is about a fiftieth.
const BY_CHANCE: f64 = 0.1;

/// By how much places in one row or column are more alike than others after training, as a difference of cosines, at least.
const ROWS_AND_COLUMNS: f64 = 0.1;

fn shipped() -> Arc<Checkpoint> {
    let bytes = std::fs::read("../public/models/tiny-vit.safetensors").expect("tiny-vit is shipped");
    Arc::new(Checkpoint::parse("tiny-vit", &bytes).expect("tiny-vit is whole"))
}

fn scene(seed: u64) -> Scene {
    Scene::draw(&mut Dice::new(&[seed, 37]), Split::HeldOut)
}

/// An order of places that comes from a seed.
fn shuffled(count: usize, seed: u32) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by_key(|&i| rng::bits([seed, 37], i as u32));
    order
}

#[test]
fn the_patch_embedding_is_a_strided_convolution_at_every_size() {
    let mut sight = Sight::new(&Device::cpu(), shipped());
    for patch in PATCHES {
        for seed in 0..3 {
            let frame = wait(sight.frame(&scene(seed).render(SIDE), patch, async || {})).expect("a frame");
            assert!(frame.from_convolution <= SUM_ORDER, "patch {patch}: {}", frame.from_convolution);
            assert!(frame.from_convolution > 0.0, "two ways of summing in different precision differ somewhere");
            assert_eq!(frame.trained, patch == 4);
            let opened = sight.open(&frame, 1, 5).expect("there is such a number");
            assert!((opened.recomputed - f64::from(opened.value)).abs() <= SUM_ORDER);
            assert_eq!(opened.dot.terms.len(), 3 * patch * patch);
        }
    }
}

#[test]
fn cost_grows_with_the_square_of_tokens() {
    let config = recipe("tiny-vit").expect("the recipe").config;
    let costs: Vec<Cost> =
        PATCHES.iter().map(|&patch| Cost::of(&with_patch(&config, patch)).expect("it is counted")).collect();
    assert_eq!(costs.iter().map(|c| c.tokens).collect::<Vec<_>>(), [257, 65, 17, 5]);
    for pair in costs.windows(2) {
        let (many, few) = (pair[0], pair[1]);
        let square = |c: Cost| (c.tokens * c.tokens) as u64;
        // Exactly, to the last operation.
        assert_eq!(many.pairs * square(few), few.pairs * square(many), "{many:?}, {few:?}");
        // The rest grows no faster than the number of tokens: the patch embedding costs the same at every size.
        assert!(many.each * few.tokens as u64 <= few.each * many.tokens as u64, "{many:?}, {few:?}");
    }
}

#[test]
fn learned_positions_have_found_the_grid() {
    let checkpoint = shipped();
    let (config, places) = (checkpoint.config.clone(), checkpoint.config.patches());
    let matrix = |file: &std::collections::BTreeMap<String, engine::HostTensor>| {
        let data = file["positions"].as_f32().expect("floats").to_vec();
        likeness(&Matrix { rows: config.tokens(), cols: config.width, data })
    };
    let trained = matrix(&checkpoint.file.tensors);
    let straight: Vec<usize> = (0..places).collect();
    let found = grid_correlation(&trained, config.grid(), &straight);
    let (same, elsewhere) = row_or_column(&trained, config.grid());
    println!("correlation {found:.3}; in the same row or column {same:.3}, elsewhere {elsewhere:.3}");
    // Weak, as correlations go: the likeness lies in rows and columns and not in discs.
    let shuffles: Vec<f64> =
        (0..SHUFFLES).map(|seed| grid_correlation(&trained, config.grid(), &shuffled(places, seed))).collect();
    let lowest = shuffles.iter().copied().fold(f64::MAX, f64::min);
    println!("the lowest of {SHUFFLES} shuffles {lowest:.3}");
    assert!(found < 0.0 && found < lowest, "{found}, and {lowest} with places shuffled");
    assert!(same - elsewhere >= ROWS_AND_COLUMNS, "{same} in the same row or column, {elsewhere} elsewhere");
    for seed in 0..3 {
        let unborn = matrix(&config.initial(seed).expect("they fit"));
        let before = grid_correlation(&unborn, config.grid(), &straight);
        let (same, elsewhere) = row_or_column(&unborn, config.grid());
        println!("before training, seed {seed}: {before:.3}, {same:.3} and {elsewhere:.3}");
        assert!(before.abs() <= BY_CHANCE, "before training, seed {seed}: {before}");
        assert!((same - elsewhere).abs() < ROWS_AND_COLUMNS / 2.0, "before training, seed {seed}: {same}, {elsewhere}");
    }
}

#[test]
fn attention_and_rollout_share_out_one() {
    let mut sight = Sight::new(&Device::cpu(), shipped());
    let frame = wait(sight.frame(&scene(1).render(SIDE), 4, async || {})).expect("a frame");
    for layer in 0..frame.config.layers {
        for token in [0, 1, 40, 64] {
            for row in [
                frame.attention(layer, Some(1), token),
                frame.attention(layer, None, token),
                frame.rolled(layer, token),
            ] {
                let row = row.expect("there is such a row");
                assert_eq!(row.len(), 65);
                assert!((row.iter().sum::<f32>() - 1.0).abs() <= 1e-4);
            }
        }
    }
    assert_eq!(frame.attention(9, None, 0), None);
    assert_eq!(frame.attention(0, Some(9), 0), None);
    assert_eq!(frame.attention(0, None, 65), None);
}

#[test]
fn what_is_no_picture_is_refused() {
    let mut sight = Sight::new(&Device::cpu(), shipped());
    let mut picture = scene(0).render(SIDE);
    assert!(wait(sight.frame(&picture[1..], 4, async || {})).is_err());
    assert!(wait(sight.frame(&picture, 5, async || {})).is_err());
    picture[7] = f32::NAN;
    assert!(wait(sight.frame(&picture, 4, async || {})).is_err());
}
