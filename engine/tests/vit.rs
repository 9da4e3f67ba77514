//! The Vision Transformer: that its first layer is the convolution it is said to be, that a rollout shares out what there is,
//! and that nothing but its positions knows where a square was.

use std::collections::BTreeMap;

use engine::{
    Device, Graph, HostTensor, Program, Result, Store, Tensor,
    models::vit::{Config, Forward, Mode, Task},
    ops::Make,
    wait,
};

/// How far the two ways of the same sum of products of order one may be apart: rounding of a few hundred terms in any order.
const SUM_ORDER: f32 = 2e-5;

fn config(patch: usize) -> Config {
    let tasks = vec![Task { name: "form".into(), classes: 3 }, Task { name: "count".into(), classes: 2 }];
    Config { side: 12, channels: 3, patch, layers: 2, width: 10, heads: 2, hidden: 7, tasks }
}

/// Runs a model with given parameters on pictures.
fn run(
    device: &Device,
    config: &Config,
    parameters: &BTreeMap<String, HostTensor>,
    pictures: &HostTensor,
    mode: Mode,
    fetch: impl Fn(&mut Graph, &Forward) -> Result<Vec<Tensor>>,
) -> Vec<HostTensor> {
    let store = Store::new(device);
    config.load(&store, parameters).expect("they fit");
    let mut g = Graph::new();
    let input = g.input("pictures", &pictures.shape).expect("an input");
    let forward = config.forward(&mut g, input, mode).expect("it is built");
    let read = fetch(&mut g, &forward).expect("it is built");
    let mut program = wait(Program::compile(device, &g, &read, &store)).expect("it compiles");
    program.write(input, pictures).expect("it fits");
    wait(program.run_and_read(&read)).expect("it runs")
}

/// `y[o, r, c] = b_o + sum_{i, u, v} x[i, r s + u, c s + v] w[o, i, u, v]`, as a convolution is defined, with stride s = its size.
fn convolution(x: &[f32], [channels, side]: [usize; 2], w: &[f32], b: &[f32], size: usize) -> Vec<f32> {
    let grid = side / size;
    let mut y = Vec::new();
    for (o, bias) in b.iter().enumerate() {
        for r in 0..grid {
            for c in 0..grid {
                let mut sum = f64::from(*bias);
                for i in 0..channels {
                    for u in 0..size {
                        for v in 0..size {
                            let pixel = x[(i * side + r * size + u) * side + c * size + v];
                            sum += f64::from(pixel) * f64::from(w[((o * channels + i) * size + u) * size + v]);
                        }
                    }
                }
                y.push(sum as f32);
            }
        }
    }
    y
}

#[test]
fn the_patch_embedding_is_a_strided_convolution() {
    for patch in [1, 2, 3, 4, 6, 12] {
        let config = config(patch);
        let mut parameters = config.initial(patch as u32).expect("they fit");
        let mut make = Make::new(7);
        parameters.insert("patch.bias".into(), make.normal(&[config.width]));
        let pictures = make.normal(&[2, 3, 12, 12]);
        let matrix = parameters["patch.weight"].as_f32().expect("floats").to_vec();
        let bias = parameters["patch.bias"].as_f32().expect("floats").to_vec();
        // The filter of output o is column o of the matrix, folded up again.
        let inner = config.patch_values();
        let filters: Vec<f32> = (0..config.width)
            .flat_map(|o| (0..inner).map(move |i| (o, i)))
            .map(|(o, i)| matrix[i * config.width + o])
            .collect();
        let projected =
            run(&Device::cpu(), &config, &parameters, &pictures, Mode::Infer, |_, f| Ok(vec![f.projected])).remove(0);
        let projected = projected.as_f32().expect("floats");
        let n = config.patches();
        for (at, picture) in pictures.as_f32().expect("floats").chunks(3 * 144).enumerate() {
            let expected = convolution(picture, [3, 12], &filters, &bias, patch);
            for o in 0..config.width {
                for i in 0..n {
                    let (a, b) = (projected[(at * n + i) * config.width + o], expected[o * n + i]);
                    assert!(
                        (a - b).abs() <= SUM_ORDER,
                        "patch {patch}, picture {at}, output {o}, square {i}: {a} for {b}"
                    );
                }
            }
        }
    }
}

#[test]
fn executors_and_modes_agree() {
    let config = config(4);
    let parameters = config.initial(3).expect("they fit");
    let pictures = Make::new(8).normal(&[2, 3, 12, 12]);
    let gpu = wait(Device::gpu()).expect("a Vulkan adapter: install mesa-vulkan-drivers where there is no GPU");
    let answers =
        |device: &Device, mode| run(device, &config, &parameters, &pictures, mode, |_, f| Ok(f.logits.clone()));
    let oracle = answers(&Device::oracle(), Mode::Infer);
    assert_eq!(oracle.iter().map(|t| t.shape.to_vec()).collect::<Vec<_>>(), [[2, 3], [2, 2]]);
    for other in
        [answers(&Device::cpu(), Mode::Infer), answers(&Device::cpu(), Mode::Train), answers(&gpu, Mode::Infer)]
    {
        for (a, b) in oracle.iter().zip(&other) {
            for (a, b) in a.as_f32().expect("floats").iter().zip(b.as_f32().expect("floats")) {
                assert!((a - b).abs() <= 1e-4, "{a} and {b}");
            }
        }
    }
}

#[test]
fn a_rollout_shares_out_one() {
    let config = config(3);
    let parameters = config.initial(5).expect("they fit");
    let pictures = Make::new(9).normal(&[2, 3, 12, 12]);
    let out = run(&Device::cpu(), &config, &parameters, &pictures, Mode::Infer, |g, f| {
        let mut read = config.rollout(g, f)?;
        read.extend(f.blocks.iter().map(|b| b.weights));
        Ok(read)
    });
    let n = config.tokens();
    let [first, second] = [0, 1].map(|at| out[at].as_f32().expect("floats"));
    let weights: Vec<&[f32]> = out[2..].iter().map(|t| t.as_f32().expect("floats")).collect();
    for row in first.chunks(n).chain(second.chunks(n)) {
        assert!((row.iter().sum::<f32>() - 1.0).abs() <= 1e-5 && row.iter().all(|&x| x >= 0.0));
    }
    // The second by hand, for one picture: half the mean of the heads and half of what was there, times the first.
    let step = |i: usize, j: usize| {
        let mean: f32 = (0..config.heads).map(|h| weights[1][(h * n + i) * n + j]).sum::<f32>() / config.heads as f32;
        0.5 * mean + if i == j { 0.5 } else { 0.0 }
    };
    for (i, j) in [(0, 0), (0, 5), (3, 3), (n - 1, 2)] {
        let expected: f32 = (0..n).map(|k| step(i, k) * first[k * n + j]).sum();
        let found = second[i * n + j];
        assert!((found - expected).abs() <= 1e-5, "{found} for {expected}");
    }
}

#[test]
fn without_positions_a_picture_is_a_bag_of_squares() {
    let config = config(4);
    let mut parameters = config.initial(6).expect("they fit");
    let picture = Make::new(10).normal(&[1, 3, 12, 12]);
    // The same squares with the first row of them moved to the end.
    let x = picture.as_f32().expect("floats");
    let moved: Vec<f32> = x.chunks(144).flat_map(|plane| [&plane[48..], &plane[..48]].concat()).collect();
    let moved = HostTensor::f32(&[1, 3, 12, 12], moved).expect("it fits");
    let largest = |parameters: &BTreeMap<String, HostTensor>| {
        let [a, b] = [&picture, &moved]
            .map(|p| run(&Device::cpu(), &config, parameters, p, Mode::Infer, |_, f| Ok(vec![f.features])).remove(0));
        let class = |t: &HostTensor| t.as_f32().expect("floats")[..config.width].to_vec();
        class(&a).iter().zip(class(&b)).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
    };
    let positions = Make::new(11).normal(&[config.tokens(), config.width]);
    parameters.insert("positions".into(), positions);
    let with = largest(&parameters);
    let none = HostTensor::f32(&[config.tokens(), config.width], vec![0.0; config.tokens() * config.width]);
    parameters.insert("positions".into(), none.expect("it fits"));
    let without = largest(&parameters);
    assert!(without <= 1e-4 && with > 100.0 * without, "{without} without positions, {with} with them");
}

#[test]
fn sizes_that_do_not_fit_are_refused() {
    for wrong in [
        Config { patch: 5, ..config(4) },
        Config { heads: 3, ..config(4) },
        Config { patch: 0, ..config(4) },
        Config { tasks: vec![], ..config(4) },
    ] {
        assert!(wrong.check().is_err(), "{wrong:?}");
    }
    let mut g = Graph::new();
    let pictures = g.input("pictures", &[1, 3, 10, 12]).expect("an input");
    assert!(config(4).forward(&mut g, pictures, Mode::Infer).is_err());
    assert!(g.patchify(pictures, 4).is_err());
}
