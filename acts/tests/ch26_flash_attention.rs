//! The claims of chapter 26.

use acts::act5::ch26_flash_attention::{
    Bench, Difference, Limit, Setting, Slow, SlowSettings, TileState, Variant, bytes_held, bytes_moved, naive_bytes,
    tiled_bytes,
};
use engine::{Device, wait};

/// How far two orders of the same sum may be apart, outputs being of order one: some ulps of scores, exponentials and sums.
const ROUNDING: f64 = 1e-5;

/// The same in units of the last place of the largest number of a row.
const ROUNDING_ULPS: f64 = 64.0;

const SEEDS: [u32; 3] = [1, 2, 3];

fn gpu() -> Device {
    wait(Device::gpu()).expect("a Vulkan adapter: install mesa-vulkan-drivers where there is no GPU")
}

fn slow(seed: u32) -> SlowSettings {
    SlowSettings { n: 32, d: 8, rows: 8, cols: 8, causal: true, seed }
}

fn setting(n: usize, seed: u32) -> Setting {
    Setting { n, d: 32, heads: 2, causal: false, backward: false, seed }
}

#[test]
fn slow_motion_ends_where_plain_attention_does_and_not_at_the_same_bits() {
    for seed in SEEDS {
        let mut apart = 0.0f64;
        for causal in [false, true] {
            for (n, d, rows, cols) in [(32, 8, 8, 8), (29, 5, 7, 4), (64, 16, 32, 4), (64, 32, 4, 32), (8, 2, 8, 8)] {
                let slow = Slow::new(SlowSettings { n, d, rows, cols, causal, seed });
                assert_eq!(slow.output().len(), n * d);
                let difference = slow.difference();
                assert!(difference.absolute <= 1e-6 && difference.ulps <= ROUNDING_ULPS, "{n} {d}: {difference:?}");
                apart = apart.max(difference.absolute);
            }
        }
        assert!(apart > 0.0, "seed {seed}: not one bit differs");
    }
}

#[test]
fn every_frame_obeys_the_recurrence_and_sees_only_its_tile() {
    for seed in SEEDS {
        let mut slow = Slow::new(SlowSettings { n: 30, rows: 7, cols: 4, ..slow(seed) });
        let mut raised = 0;
        while slow.step() {
            let visit = slow.frame().expect("a visit was done").clone();
            assert_eq!(visit.scores.len(), visit.rows.len() * visit.cols.len());
            for (r, state) in visit.states.iter().enumerate() {
                let news: Vec<f32> =
                    visit.scores[r * visit.cols.len()..(r + 1) * visit.cols.len()].iter().flatten().copied().collect();
                let seen = visit.cols.end.min(state.row + 1).saturating_sub(visit.cols.start);
                assert_eq!(news.len(), seen, "row {} sees itself and what came before", state.row);
                let Some(m) = state.after.m else { panic!("every row sees its first key") };
                assert!(news.iter().all(|s| *s <= m) && state.before.m.is_none_or(|old| old <= m));
                assert!((0.0..=1.0).contains(&state.repair));
                let l = state.repair * state.before.l + news.iter().map(|s| (s - m).exp()).sum::<f32>();
                assert!((l - state.after.l).abs() <= 1e-5 * l, "row {}: {l} and {}", state.row, state.after.l);
                raised += usize::from(state.before.m.is_some() && state.repair < 1.0);
            }
            let [down, across] = slow.tiles();
            let states = (0..down * across).map(|i| slow.tile_at(slow.at(), i / across, i % across));
            assert_eq!(states.filter(|s| *s == TileState::Current).count(), 1);
        }
        assert!(raised > 0, "a maximum was raised, so that something was repaired");
    }
}

#[test]
fn slow_motion_goes_both_ways() {
    let mut machine = Slow::new(slow(1));
    assert!(!machine.back() && machine.frame().is_none());
    let frames: Vec<_> = (0..machine.len()).map(|_| (machine.step(), machine.frame().cloned()).1).collect();
    assert!(!machine.step());
    for frame in frames.iter().rev() {
        assert_eq!(machine.frame(), frame.as_ref());
        assert!(machine.back());
    }
    machine.go(usize::MAX);
    assert_eq!(machine.at(), machine.len());
    assert_eq!(machine, {
        let mut again = Slow::new(slow(1));
        again.go(again.len());
        again
    });
    assert_ne!(Slow::new(slow(1)).output(), Slow::new(slow(2)).output());
}

#[test]
fn slow_motion_counts_what_the_formulas_count() {
    for causal in [false, true] {
        let settings = SlowSettings { n: 64, d: 16, rows: 16, cols: 8, causal, seed: 1 };
        let machine = Slow::new(settings);
        let last = machine.frame_at(machine.len()).expect("the last");
        let s = Setting { n: 64, d: 16, heads: 1, causal, backward: false, seed: 1 };
        assert_eq!(last.naive.moved(), naive_bytes(&s));
        assert_eq!(last.tiled.moved(), tiled_bytes(&s, [16, 8]));
        assert_eq!(last.naive.held, 2 * 4 * 64 * 64);
        assert!(last.tiled.held < last.naive.held / 4);
        // The naive count is the plan's own: every tensor of every stage once.
        assert_eq!(wait(bytes_moved(&Device::cpu(), &s, Variant::Naive)).expect("it compiles"), naive_bytes(&s));
    }
}

/// Three seeds, both executors, both passes.
#[test]
fn fused_attention_differs_from_naive_by_rounding_and_is_not_bit_identical() {
    for device in [Device::cpu(), gpu()] {
        for seed in SEEDS {
            for backward in [false, true] {
                let s = Setting { causal: seed == 2, backward, ..setting(96, seed) };
                let list = wait(Bench::new(&device, s).expect("it fits").finish()).expect("it runs");
                assert_eq!(list.len(), Variant::all(&device).len());
                assert_eq!(list.iter().filter(|m| m.chosen).count(), 1, "the engine chooses one");
                for m in &list {
                    assert!(m.error <= ROUNDING, "{}: {}", m.variant.name(), m.error);
                    assert!(m.time_ms > 0.0 && m.launches > 0);
                    let Some(difference) = m.difference else { continue };
                    println!("{}, {}: {difference:?} {:?}", device.name(), m.variant.name(), m.gradient_difference);
                    assert!(difference.absolute > 0.0, "{}: bit-identical", m.variant.name());
                    assert!(difference.absolute <= ROUNDING && difference.ulps <= ROUNDING_ULPS, "{difference:?}");
                    assert_eq!(m.gradient_difference.is_some(), backward);
                    // A gradient is a sum over all queries.
                    assert!(m.gradient_difference.is_none_or(|g| g.absolute <= 4.0 * ROUNDING), "{m:?}");
                }
            }
        }
    }
}

#[test]
fn fused_memory_grows_with_the_length_and_naive_with_its_square() {
    for device in [Device::cpu(), gpu()] {
        for backward in [false, true] {
            for variant in Variant::all(&device) {
                let held = [256, 512, 1024].map(|n| {
                    let s = Setting { backward, ..setting(n, 1) };
                    wait(bytes_held(&device, &s, variant)).expect("it compiles") as f64
                });
                for pair in held.windows(2) {
                    let grew = pair[1] / pair[0];
                    let right = if variant == Variant::Naive { grew > 3.0 } else { grew < 2.05 };
                    assert!(right, "{}, backward {backward}: {held:?}", variant.name());
                }
            }
        }
    }
}

#[test]
fn tiles_move_fewer_bytes_at_long_lengths_unless_they_are_too_short() {
    for backward in [false, true] {
        for seed in SEEDS {
            let s = Setting { causal: seed == 2, backward, ..setting(2048, seed) };
            let [naive, fused] = [Variant::Naive, Variant::Fused(None)]
                .map(|variant| wait(bytes_moved(&Device::cpu(), &s, variant)).expect("it compiles"));
            assert!(3 * fused < 2 * naive, "{fused} and {naive}");
        }
    }
    // Four rows share what is read of a key of 32 columns: that is more than the table would have cost.
    let s = setting(2048, 1);
    assert!(tiled_bytes(&s, [4, 32]) > naive_bytes(&s) && tiled_bytes(&s, [64, 32]) < naive_bytes(&s) / 2);
}

#[test]
fn hostile_settings_become_something_that_runs() {
    let huge = SlowSettings { n: usize::MAX, d: 0, rows: 0, cols: usize::MAX, causal: true, seed: u32::MAX };
    let machine = Slow::new(huge);
    assert_eq!((machine.settings().n, machine.settings().d), (64, 2));
    assert!(machine.len() > 1 && machine.output().iter().all(|x| x.is_finite()));
    let s = Setting { n: usize::MAX, d: 7, heads: 0, causal: true, backward: true, seed: 0 };
    let (s, limit) = s.clamped(&Device::cpu());
    assert_eq!((s.d, s.heads), (4, 1));
    assert!(s.n <= 2048);
    let (wide, why) = Setting { n: 2048, d: 128, heads: 8, ..s }.clamped(&Device::cpu());
    assert!(limit.is_none_or(|l| l == Limit::Processor) && why == Some(Limit::Processor) && wide.n < 2048);
    assert_eq!(Setting { n: 1, ..s }.clamped(&Device::cpu()).0.n, 16);
}

#[test]
fn a_difference_that_is_no_number_is_seen() {
    let a = [1.0, 2.0, f32::NAN, 4.0];
    assert!(Difference::between(&a, &[1.0, 2.0, 3.0, 4.0], 2).absolute.is_infinite());
    let one = Difference::between(&[1.0 + f32::EPSILON], &[1.0], 1);
    assert_eq!((one.ulps, one.absolute), (1.0, f64::from(f32::EPSILON)));
}

/// The frame that browser tests look at.
const STORED_FRAME: usize = 9;

/// The browser tests compare pages with a stored file, made by `e2e/oracle/chapter26.py` in 64 bits; this holds the machine
/// to it.
#[test]
fn the_stored_oracle_is_what_the_machine_computes() {
    let machine = Slow::new(slow(1));
    let frame = machine.frame_at(STORED_FRAME).expect("a frame");
    let states: Vec<_> = frame
        .states
        .iter()
        .map(|s| {
            serde_json::json!({
                "row": s.row, "old_m": s.before.m, "new_m": s.after.m, "old_l": s.before.l, "repair": s.repair,
                "repaired": s.repaired, "arrived": s.arrived, "new_l": s.after.l, "output": s.output,
            })
        })
        .collect();
    let now = serde_json::json!({
        "n": 32, "d": 8, "rows": 8, "cols": 8, "seed": 1, "frame": STORED_FRAME, "frames": machine.len(),
        "naive": { "moved": frame.naive.moved(), "held": frame.naive.held },
        "tiled": { "moved": frame.tiled.moved(), "held": frame.tiled.held },
        "scores": frame.scores, "states": states, "tolerance": ROUNDING,
    });
    let path = "../e2e/oracle/chapter26.json";
    let stored = std::fs::read_to_string(path).unwrap_or_default();
    let stored: serde_json::Value = serde_json::from_str(&stored).unwrap_or_default();
    assert!(same(&now, &stored), "computed now: {now}");
}

/// Equal, numbers to rounding.
fn same(a: &serde_json::Value, b: &serde_json::Value) -> bool {
    use serde_json::Value::{Array, Number, Object};
    match (a, b) {
        (Number(a), Number(b)) => match (a.as_f64(), b.as_f64()) {
            (Some(a), Some(b)) => (a - b).abs() <= 1e-5 * (1.0 + a.abs()),
            _ => false,
        },
        (Array(a), Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Object(a), Object(b)) => a.len() == b.len() && a.iter().all(|(k, a)| b.get(k).is_some_and(|b| same(a, b))),
        _ => a == b,
    }
}
