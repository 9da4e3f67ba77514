//! Fused attention where the op's cases do not reach: long texts against double precision, and its memory.

use engine::{
    Device, Graph, HostTensor, Program, Store, Tensor,
    ops::{AttentionOptions, FlashOptions, Make, Mask, Rung},
    wait,
};

/// How far an output or a log-sum-exp of some thousand keys may be from the exact one: rounding of f32 scores of order
/// one, some ulps of `exp`, and sums in any order.
const LONG_TEXT: f64 = 1e-5;

fn gpu() -> Device {
    wait(Device::gpu()).expect("a Vulkan adapter: install mesa-vulkan-drivers where there is no GPU")
}

/// Output and log-sum-exp of one head in double precision.
fn exact(q: &[f32], k: &[f32], v: &[f32], [n, d]: [usize; 2], causal: bool) -> (Vec<f64>, Vec<f64>) {
    let scale = 1.0 / (d as f64).sqrt();
    let (mut outputs, mut sums) = (Vec::new(), Vec::new());
    for i in 0..n {
        let keys = if causal { i + 1 } else { n };
        let dot = |j: usize| (0..d).map(|c| f64::from(q[i * d + c]) * f64::from(k[j * d + c])).sum::<f64>();
        let scores: Vec<f64> = (0..keys).map(|j| scale * dot(j)).collect();
        let m = scores.iter().copied().fold(f64::MIN, f64::max);
        let weights: Vec<f64> = scores.iter().map(|s| (s - m).exp()).collect();
        let sum: f64 = weights.iter().sum();
        sums.push(m + sum.ln());
        let mut output = vec![0.0; d];
        for (j, weight) in weights.iter().enumerate() {
            output.iter_mut().zip(&v[j * d..]).for_each(|(o, v)| *o += weight * f64::from(*v) / sum);
        }
        outputs.extend(output);
    }
    (outputs, sums)
}

/// The largest error of one head of `n` positions on a device.
fn largest_error(device: &Device, [n, d]: [usize; 2], causal: bool, rung: Option<Rung>) -> f64 {
    let mut make = Make::new(n as u32);
    let values = [0, 1, 2].map(|_| make.normal(&[1, 1, n, d]));
    let mut g = Graph::new();
    let [q, k, v] = ["q", "k", "v"].map(|name| g.input(name, &[1, 1, n, d]).expect("an input"));
    let mask = if causal { Mask::Causal } else { Mask::None };
    let options = FlashOptions { mask, rung, ..FlashOptions::default() };
    let a = g.flash_attention(q, k, v, options).expect("it fits");
    let fetch = [a.output, a.lse];
    let mut program = wait(Program::compile(device, &g, &fetch, &Store::new(device))).expect("it compiles");
    for (t, value) in [q, k, v].into_iter().zip(&values) {
        program.write(t, value).expect("a fitting input");
    }
    let results = wait(program.run_and_read(&fetch)).expect("it runs");
    let [q, k, v] = values.each_ref().map(|t| t.as_f32().expect("floats"));
    let (output, lse) = exact(q, k, v, [n, d], causal);
    let pairs = |result: &HostTensor, exact: &[f64]| {
        let result = result.as_f32().expect("floats");
        assert_eq!(result.len(), exact.len());
        // NaN is passed over by `max`, so it is looked for.
        assert!(result.iter().all(|x| x.is_finite()));
        result.iter().zip(exact).map(|(a, b)| (f64::from(*a) - b).abs()).fold(0.0, f64::max)
    };
    pairs(&results[0], &output).max(pairs(&results[1], &lse))
}

#[test]
fn long_texts_are_as_exact_as_short_ones() {
    for n in [1, 17, 257, 1024, 4099] {
        for causal in [false, true] {
            let error = largest_error(&Device::cpu(), [n, 16], causal, None);
            println!("CPU, {n} positions, causal {causal}: {error:.1e}");
            assert!(error <= LONG_TEXT, "{n} positions, causal {causal}: off by {error:e}");
        }
    }
}

#[test]
fn every_kernel_is_exact_on_long_texts() {
    let device = gpu();
    for (rung, lengths) in [
        (Rung::Tiled, &[1, 17, 257, 1024][..]),
        (Rung::Register, &[1, 17, 257, 1024, 4099]),
        (Rung::Decode, &[1, 17, 257]),
    ] {
        for &n in lengths {
            let error = largest_error(&device, [n, 16], true, Some(rung));
            println!("{rung:?}, {n} positions: {error:.1e}");
            assert!(error <= LONG_TEXT, "{rung:?}, {n} positions: off by {error:e}");
        }
    }
}

#[test]
fn a_wrong_result_of_a_long_text_is_seen() {
    // Sabotage: what one head gives with a causal mask, judged by the exact values without.
    let mut make = Make::new(3);
    let values = [0, 1, 2].map(|_| make.normal(&[1, 1, 17, 4]));
    let [q, k, v] = values.each_ref().map(|t| t.as_f32().expect("floats"));
    let (a, b) = (exact(q, k, v, [17, 4], false), exact(q, k, v, [17, 4], true));
    assert!(a.0.iter().zip(&b.0).any(|(a, b)| (a - b).abs() > LONG_TEXT));
}

#[test]
fn inputs_that_do_not_fit_are_refused_in_words() {
    let mut g = Graph::new();
    let mut input = |name: &str, shape: &[usize]| g.input(name, shape).expect("an input");
    let (q, k, v) = (input("q", &[1, 3, 5, 8]), input("k", &[1, 2, 7, 8]), input("v", &[1, 2, 7, 8]));
    let (wide, mask) = (input("wide", &[1, 1, 5, 129]), input("mask", &[7, 5]));
    let given = FlashOptions { mask: Mask::Given(mask), ..FlashOptions::default() };
    for (q, k, v, options, words) in [
        (q, k, v, FlashOptions::default(), "[1, 3, 5, 8]"), // two key heads do not divide three
        (wide, wide, wide, FlashOptions::default(), "128 columns"),
        (k, k, v, given, "the mask must be [7, 7]"),
        (k, k, v, FlashOptions { key_lengths: Some(mask), ..FlashOptions::default() }, "integers as key lengths"),
    ] {
        let error = g.flash_attention(q, k, v, options).expect_err("it does not fit").to_string();
        assert!(error.contains("flash_attention") && error.contains(words), "{error}");
    }
}

/// Bytes of a compiled attention of `n` positions, with its gradients or without.
fn bytes(device: &Device, n: usize, fused: bool, backward: bool) -> f64 {
    let mut g = Graph::new();
    let [q, k, v] = ["q", "k", "v"].map(|name| g.input(name, &[1, 2, n, 8]).expect("an input"));
    let output = if fused {
        g.flash_attention(q, k, v, FlashOptions { mask: Mask::Causal, ..FlashOptions::default() })
            .expect("it fits")
            .output
    } else {
        g.attention(q, k, v, AttentionOptions { scale: None, mask: Mask::Causal }).expect("it fits").output
    };
    let mut fetch: Vec<Tensor> = vec![output];
    if backward {
        let loss = g.sum_all(output).expect("a sum");
        fetch.extend(g.gradients(loss, &[q, k, v]).expect("gradients"));
    }
    wait(Program::compile(device, &g, &fetch, &Store::new(device))).expect("it compiles").bytes() as f64
}

#[test]
fn memory_grows_with_the_length_and_not_with_its_square() {
    for device in [Device::cpu(), gpu()] {
        for backward in [false, true] {
            let of = |fused: bool| [256, 512, 1024].map(|n| bytes(&device, n, fused, backward));
            let (fused, naive) = (of(true), of(false));
            println!("{}, backward {backward}: {fused:?} fused, {naive:?} step by step", device.name());
            for i in 1..3 {
                assert!(fused[i] < 2.05 * fused[i - 1], "{fused:?}");
                assert!(naive[i] > 3.0 * naive[i - 1], "{naive:?}");
            }
            assert!(naive[2] > 20.0 * fused[2]);
        }
    }
}
