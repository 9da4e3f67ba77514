//! The claims of chapter 27, on the shipped Tiny and 4,096 held-out tokens.

use std::sync::Arc;

use acts::{
    act5::ch27_quantization::{
        Frame, PackedTiny, Quantization, Scheme, Tuner, Tuning, histogram, kernels, matrices, speed,
    },
    tiny::{Checkpoint, Runner},
    tinyland::tokenizer::{self, TinyTokenizer},
};
use engine::{
    Device, HostTensor,
    quant::{self, Format, Outliers},
    wait,
};

fn tiny_base() -> Arc<Checkpoint> {
    let bytes = std::fs::read("../public/models/tiny-base.safetensors").expect("tiny-base is shipped");
    Arc::new(Checkpoint::parse("tiny-base", &bytes).expect("tiny-base is whole"))
}

fn words() -> Arc<TinyTokenizer> {
    Arc::new(tokenizer::shipped().expect("the tokenizer is shipped"))
}

fn experiment() -> Quantization {
    wait(Quantization::new(&Device::cpu(), tiny_base(), words())).expect("it opens")
}

fn format(text: &str) -> Format {
    text.parse().expect("a format")
}

fn measure(experiment: &mut Quantization, scheme: Scheme) -> Frame {
    let frame = wait(experiment.frame(&scheme, None)).expect("a frame");
    println!(
        "{scheme}: {:.3} bits a weight, {} bytes, loss {:.4}, perplexity {:.3}, KL {:.5}",
        frame.bits_per_weight, frame.bytes, frame.loss, frame.perplexity, frame.kl
    );
    frame
}

/// Nats a token that are noise here: a sixth of the standard error of the mean of 4,096 surprises of deviation 2. The same
/// documents are read every time, so what is compared varies less than the mean itself.
const NOISE: f64 = 0.005;

/// Nats a token that are close: one per cent of the loss of the unrounded weights.
const CLOSE: f64 = 0.015;

/// Nats a token that are a cliff: perplexity half as large again.
const CLIFF: f64 = 0.4;

#[test]
fn eight_bits_are_noise_four_in_groups_are_close_and_below_three_is_a_cliff() {
    let mut experiment = experiment();
    let unrounded = measure(&mut experiment, Scheme::whole());
    let whole = unrounded.loss;
    assert!(unrounded.kl < 1e-9, "the unrounded weights are not themselves: {}", unrounded.kl);
    let mut loss = |text: &str| measure(&mut experiment, Scheme::of(format(text)));
    for text in ["int8/tensor", "int8/channel", "int8/group32"] {
        let eight = loss(text);
        assert!((eight.loss - whole).abs() < NOISE && eight.kl < 1e-3, "{text}: {}, not {whole}", eight.loss);
    }
    let (grouped, tensor) = (loss("int4/group32"), loss("int4/tensor"));
    assert!(grouped.loss - whole < CLOSE, "4 bits in groups: {}", grouped.loss);
    // One step a matrix loses at least three times as much, and moves predictions at least five times as far.
    assert!(tensor.loss - whole > 3.0 * (grouped.loss - whole) && tensor.kl > 5.0 * grouped.kl, "{tensor:?}");

    for granularity in ["channel", "group32"] {
        let [three, two, one] = ["int3", "int2", "int1"].map(|levels| loss(&format!("{levels}/{granularity}")).loss);
        // One training of this recipe lost less than 0.03 nats at three bits, another 0.033; both far more below.
        assert!(three - whole < 0.25 * CLIFF, "3 bits, {granularity}: {three}");
        assert!(two - whole > CLIFF && one - whole > CLIFF, "below 3 bits, {granularity}: {two} and {one}");
    }
    // What shares a step matters as much as bits: four levels with a zero, in groups, are no cliff, at the bytes of three bits:
    // one training lost less than 0.1 nats by it, another 0.11, where the same four levels without a zero lost 0.92.
    let (zeroed, three) = (loss("uint2/group32"), loss("int3/group32"));
    assert!(zeroed.loss - whole < 0.5 * CLIFF && zeroed.bytes == three.bytes, "{zeroed:?}");
    assert!(grouped.bytes * 2 < unrounded.bytes, "{} of {} bytes", grouped.bytes, unrounded.bytes);
}

/// 20 steps of 1,024 tokens with the rounding in the loop, three seeds; and as many without, as a control.
#[test]
fn training_with_the_rounding_moves_the_cliff() {
    let (checkpoint, words) = (tiny_base(), words());
    let mut experiment = experiment();
    let two = format("int2/group32");
    let whole = measure(&mut experiment, Scheme::whole()).loss;
    let rounded = measure(&mut experiment, Scheme::of(two)).loss;
    let mut train = |rounding: bool, seed: u64| {
        let tuning = Tuning { steps: 20, ..Tuning::of(rounding.then_some(two), seed) };
        let mut tuner = wait(Tuner::new(&Device::cpu(), &checkpoint, &words, tuning)).expect("a tuner");
        while !tuner.done() {
            wait(tuner.step(async || {})).expect("a step");
        }
        let weights = Arc::new(wait(tuner.weights()).expect("weights"));
        let loss = wait(experiment.frame_of(weights, &Scheme::of(two), None)).expect("a frame").loss;
        println!("trained {} rounding, seed {seed}: {loss:.4}", if rounding { "with" } else { "without" });
        loss
    };
    assert!(rounded - whole > CLIFF, "no cliff: {rounded} after {whole}");
    for seed in [1, 2, 3] {
        // Of what rounding costs, at most a quarter is left.
        let aware = train(true, seed);
        assert!(aware - whole < 0.25 * (rounded - whole), "seed {seed}: {aware}, of {rounded} and {whole}");
    }
    let unaware = train(false, 1);
    assert!(unaware - whole > 0.75 * (rounded - whole), "training alone gave {unaware}");
}

#[test]
fn outliers_kept_apart_help_one_step_a_matrix() {
    let mut experiment = experiment();
    let four = Scheme::of(format("int4/tensor"));
    let plain = measure(&mut experiment, four);
    for outliers in [Outliers::Share(0.005), Outliers::Inputs(2)] {
        let kept = measure(&mut experiment, Scheme { outliers: Some(outliers), ..four });
        assert!(kept.bits_per_weight > plain.bits_per_weight && kept.bytes > plain.bytes);
        if let Outliers::Share(_) = outliers {
            assert!(kept.kl < 0.5 * plain.kl, "{outliers:?}: KL {} of {}", kept.kl, plain.kl);
        }
    }
}

/// The packed kernels give the logits of the dequantised weights, on both executors.
#[test]
fn packed_kernels_predict_what_dequantised_weights_do() {
    let checkpoint = tiny_base();
    let mut ids = vec![tokenizer::END];
    ids.extend(words().encode(" the cat that the dogs followed is tired."));
    let gpu = wait(Device::gpu()).expect("a Vulkan adapter: install mesa-vulkan-drivers where there is no GPU");
    for text in ["int4/group32", "uint3/channel", "nf4/group64", "ternary/tensor"] {
        let store = checkpoint.store(&Device::cpu()).expect("it loads");
        for (name, shape) in checkpoint.config.parameters() {
            if let ([k, n], true) = (&shape[..], name != "embedding") {
                let w = checkpoint.file.get(&name).expect("a matrix").as_f32().expect("floats");
                let q = quant::quantize(w, [*k, *n], format(text)).expect("it fits");
                store.set(&name, &HostTensor::f32(&shape, q.dequantize()).expect("it fits")).expect("a variable");
            }
        }
        let mut plain =
            wait(Runner::new(&Device::cpu(), &store, &checkpoint.config, [1, ids.len()], |f| vec![f.logits]))
                .expect("it compiles");
        let logits = plain.forward.logits;
        let right = wait(plain.run(std::slice::from_ref(&ids), &[logits])).expect("it runs").remove(0);
        for device in [Device::cpu(), gpu.clone()] {
            let scheme = Scheme::of(format(text));
            let mut packed = wait(PackedTiny::new(&device, &checkpoint, &scheme, ids.len())).expect("it compiles");
            let logits = wait(packed.run(&ids)).expect("it runs");
            for (a, b) in logits.as_f32().expect("floats").iter().zip(right.as_f32().expect("floats")) {
                // Four blocks deep, on logits of order ten.
                assert!((a - b).abs() <= 2e-3 + 1e-3 * b.abs(), "{text} on {}: {a}, not {b}", device.name());
            }
        }
    }
    let (four, whole) = (Scheme::of(format("int4/group32")), Scheme::whole());
    let measure =
        |scheme, positions| wait(speed(&Device::cpu(), &checkpoint, scheme, positions, async || {})).expect("a speed");
    let many = measure(&four, 128);
    assert!(many.positions == 128 && many.tokens_per_second > 0.0, "{many:?}");
    for device in [Device::cpu(), gpu] {
        let work = wait(kernels(&device, &checkpoint, &four, 1)).expect("kernels");
        assert_eq!((work.len(), work[0].op), (4, "quantized_matmul"));
        assert_eq!(work[0].kernels.is_empty(), device.as_gpu().is_none());
    }
    let (four, whole) = (measure(&four, 1), measure(&whole, 1));
    println!("{four:?} in 4 bits, {whole:?} as floats");
    // The embedding, a seventh of the weights, stays at 32 bits here.
    assert!(four.weight_bytes * 3 < whole.weight_bytes && four.tokens_per_second > 0.0);
}

#[test]
fn pictures_and_texts() {
    let checkpoint = tiny_base();
    assert_eq!(matrices(&checkpoint.config).len(), 17);
    let scheme = |text| Scheme::of(format(text));
    let picture = |matrix, scheme: Scheme, column, bins| histogram(&checkpoint, matrix, &scheme, column, bins);
    let all = picture("block1.feed_forward.up", scheme("int3/tensor"), 0, 40).expect("a histogram");
    assert_eq!((all.counts.iter().sum::<usize>(), all.levels.len()), (128 * 512, 7));
    assert_eq!(all.level_counts.iter().sum::<usize>(), 128 * 512);
    let group = picture("block1.feed_forward.up", scheme("int3/group32"), 7, 40).expect("a histogram");
    assert_eq!(group.counts.iter().sum::<usize>(), 32);
    assert!(group.error < all.error && group.levels.len() <= 7 && group.high > 0.0);
    // The largest weight makes the step: three steps are it.
    assert!((3.0 * group.step.expect("a step") - group.high).abs() < 1e-6);
    let kept = Scheme { outliers: Some(Outliers::Share(0.005)), ..scheme("int3/tensor") };
    let kept = picture("block1.feed_forward.up", kept, 0, 40).expect("a histogram");
    assert_eq!(kept.kept.len(), 328);
    assert!(kept.error < all.error && kept.kept.len() + kept.level_counts.iter().sum::<usize>() == 128 * 512);
    let other = Scheme { layer: Some(0), ..scheme("int3/tensor") };
    for untouched in [other, Scheme::whole()] {
        let plain = picture("block1.feed_forward.up", untouched, 0, 40).expect("a histogram");
        assert!(plain.levels.is_empty() && plain.error == 0.0 && plain.counts == all.counts);
    }
    assert!(picture("block1.norm", scheme("int3/tensor"), 0, 40).is_err());
    assert!(picture("block1.attention.out", scheme("int3/tensor"), 128, 40).is_err());
    assert!(picture("block1.attention.out", scheme("int3/tensor"), 0, 0).is_err());

    let mut experiment = experiment();
    let scheme = Scheme { layer: Some(1), embedding: true, ..Scheme::of(format("int4/channel")) };
    let frame = wait(experiment.frame(&scheme, Some("the cat is tired"))).expect("a frame");
    let reading = frame.reading.expect("a text was given");
    assert!(reading.perplexity.is_finite() && reading.perplexity > 1.0 && reading.next_kl >= 0.0 && !reading.cut);
    assert!(reading.next.len() == 8 && reading.next.iter().any(|n| n.whole != n.rounded), "{:?}", reading.next);
    let plain = wait(experiment.frame(&Scheme::whole(), Some("the cat is tired"))).expect("a frame");
    let plain = plain.reading.expect("a text was given");
    assert_eq!((plain.perplexity, plain.next_kl), (plain.whole_perplexity, 0.0));
    assert_eq!(plain.whole_perplexity, reading.whole_perplexity);

    // What is given up half-way leaves nothing behind.
    let mut measuring = experiment.begin(&Scheme::of(format("int1/tensor")), None, None);
    for _ in 0..30 {
        assert!(wait(measuring.advance()).expect("a step").is_none());
    }
    assert!(measuring.progress() < 1.0);
    assert_eq!(wait(experiment.frame(&scheme, Some("the cat is tired"))).expect("a frame").loss, frame.loss);
    assert!(scheme.to_string().contains("block 1 only"), "{scheme}");
    for text in ["", "word ".repeat(20_000).as_str(), "🙂 ناس\0"] {
        let frame = wait(experiment.frame(&Scheme::whole(), Some(text)));
        assert_eq!(frame.is_err(), text.is_empty());
    }
    let names: Vec<String> = Scheme::sweep().iter().map(ToString::to_string).collect();
    assert!((1..names.len()).all(|i| !names[..i].contains(&names[i])), "{names:?}");
}
