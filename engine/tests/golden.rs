//! Every op against values of another library: outputs and gradients by PyTorch in double precision, made by
//! `golden/make.py`, for quantised weights by NumPy, made by `golden/make_quantized.py`, and for the ops on pictures by NumPy, made by
//! `golden/make_pictures.py`. Twins, fast paths and GPU are all held to them.

use std::{collections::BTreeMap, path::PathBuf};

use engine::{
    Device, Graph, HostTensor, Program, Result, Store, Tensor, check,
    ops::{self, Attrs, Inputs, Tolerance},
    optim::{AdamW, Optimizer, create_state},
    wait,
};
use safetensors::{Dtype, SafeTensors};

/// One file: tensors and metadata by name.
struct Golden {
    tensors: BTreeMap<String, HostTensor>,
    metadata: BTreeMap<String, String>,
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

impl Golden {
    fn read(path: &PathBuf) -> Self {
        let bytes = std::fs::read(path).expect("a readable file");
        let (_, metadata) = SafeTensors::read_metadata(&bytes).expect("a safetensors header");
        let metadata = metadata.metadata().clone().expect("metadata").into_iter().collect();
        let file = SafeTensors::deserialize(&bytes).expect("a safetensors file");
        let tensors = file.iter().map(|(name, view)| {
            let words = view.data().chunks_exact(4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]));
            let tensor = match view.dtype() {
                Dtype::F32 => HostTensor::f32(view.shape(), words.map(f32::from_bits).collect()),
                Dtype::U32 => HostTensor::u32(view.shape(), words.collect()),
                other => panic!("{name}: {other:?}"),
            };
            (name.to_string(), tensor.expect("a tensor"))
        });
        Self { tensors: tensors.collect(), metadata }
    }

    /// Tensors called `<prefix><name>`, by name.
    fn under<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a HostTensor)> {
        self.tensors.iter().filter_map(move |(name, t)| Some((name.strip_prefix(prefix)?, t)))
    }

    fn get(&self, name: &str) -> &HostTensor {
        self.tensors.get(name).unwrap_or_else(|| panic!("{name} is missing"))
    }

    /// How far outputs may be off.
    fn tolerance(&self) -> Tolerance {
        let named = self.metadata["tolerance"].as_str();
        [Tolerance::EXACT, Tolerance::ELEMENTWISE, Tolerance::SUM]
            .into_iter()
            .find(|t| t.name == named)
            .unwrap_or_else(|| panic!("{named} is no tolerance"))
    }

    /// The cases and what they compute.
    fn calls(&self) -> Vec<(&str, Call)> {
        let call = |text: &str| serde_json::from_str(text).expect("a call");
        self.metadata.iter().filter_map(|(key, text)| Some((key.strip_prefix("case/")?, call(text)))).collect()
    }
}

/// What a case of a file computes.
#[derive(serde::Deserialize)]
struct Call {
    op: String,
    attrs: Attrs,
}

/// All files but those of optimizers and samplers, whose values are of several steps.
fn files() -> Vec<Golden> {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder()).expect("the folder").map(|entry| entry.expect("an entry").path()).collect();
    let of_steps = ["optimizers.safetensors", "samplers.safetensors"];
    paths.retain(|p| {
        p.extension().is_some_and(|e| e == "safetensors") && !of_steps.iter().any(|name| p.ends_with(name))
    });
    paths.sort();
    paths.iter().map(Golden::read).collect()
}

/// Runs one case: outputs as `out/<name>`, gradients as `grad/<name>`.
fn run(device: &Device, golden: &Golden, case: &str, call: &Call) -> Result<Vec<(String, HostTensor)>> {
    let entry = ops::find(&call.op).unwrap_or_else(|| panic!("there is no op {}", call.op));
    let mut g = Graph::new();
    let mut inputs = Inputs::default();
    let prefix = format!("{case}/in/");
    for (name, value) in golden.under(&prefix) {
        let t = match value.data {
            engine::Data::F32(_) => g.input(name, &value.shape)?,
            engine::Data::U32(_) => g.input_u32(name, &value.shape)?,
        };
        inputs.0.insert(name.into(), t);
    }
    let outputs = (entry.build)(&mut g, &inputs, &call.attrs)?;
    let mut fetch: Vec<(String, Tensor)> = outputs.iter().map(|(name, t)| (format!("out/{name}"), *t)).collect();
    let mut loss = None;
    for (name, weight) in golden.under(&format!("{case}/weight/")) {
        let output = outputs.iter().find(|(n, _)| *n == name).unwrap_or_else(|| panic!("{case}: no output {name}")).1;
        let weight = g.constant(weight.clone())?;
        let weighted = g.mul(output, weight)?;
        let sum = g.sum_all(weighted)?;
        loss = Some(match loss {
            None => sum,
            Some(so_far) => g.add(so_far, sum)?,
        });
    }
    if let Some(loss) = loss {
        let names: Vec<String> = golden.under(&format!("{case}/grad/")).map(|(name, _)| name.to_string()).collect();
        let wrt: Vec<Tensor> = names.iter().map(|name| inputs.0[name]).collect();
        let grads = g.gradients(loss, &wrt)?;
        fetch.extend(names.iter().map(|name| format!("grad/{name}")).zip(grads));
    }
    let list: Vec<Tensor> = fetch.iter().map(|(_, t)| *t).collect();
    let mut program = wait(Program::compile(device, &g, &list, &Store::new(device)))?;
    for (name, value) in golden.under(&prefix) {
        program.write(inputs.0[name], value)?;
    }
    let values = wait(program.run_and_read(&list))?;
    Ok(fetch.into_iter().map(|(name, _)| name).zip(values).collect())
}

fn hold_to_golden(device: &Device) {
    let (mut failures, mut outputs, mut gradients) = (Vec::new(), 0, 0);
    for golden in files() {
        for (case, call) in golden.calls() {
            let results = run(device, &golden, case, &call).unwrap_or_else(|e| panic!("{case}: {e}"));
            // Gradients sum over what the op itself only computes.
            for (kind, tolerance, count) in
                [("out", golden.tolerance(), &mut outputs), ("grad", Tolerance::COMPOSED, &mut gradients)]
            {
                for (name, reference) in golden.under(&format!("{case}/{kind}/")) {
                    let full = format!("{kind}/{name}");
                    let result =
                        results.iter().find(|(n, _)| *n == full).unwrap_or_else(|| panic!("{case}: no {full}"));
                    let comparison = check::compare(&result.1, reference, tolerance);
                    *count += 1;
                    if comparison.wrong > 0 {
                        failures.push(format!("{case} ({}), {full}: {}", call.op, comparison.report));
                    }
                }
            }
        }
    }
    println!("{}: {outputs} outputs and {gradients} gradients", device.name());
    assert!(outputs > 70 && gradients > 90);
    assert!(failures.is_empty(), "on {}:\n{}", device.name(), failures.join("\n"));
}

fn gpu() -> Device {
    wait(Device::gpu()).expect("a Vulkan adapter: install mesa-vulkan-drivers where there is no GPU")
}

#[test]
fn twins_equal_pytorch() {
    hold_to_golden(&Device::oracle());
}

#[test]
fn fast_paths_equal_pytorch() {
    hold_to_golden(&Device::cpu());
}

#[test]
fn kernels_equal_pytorch() {
    hold_to_golden(&gpu());
}

#[test]
fn a_wrong_result_is_seen() {
    // Sabotage: softmax at a scale a little off, judged by the values of the right one.
    let wrong = Call { op: "softmax".into(), attrs: [("scale".to_string(), "0.701".to_string())].into() };
    let golden = Golden::read(&folder().join("softmax.safetensors"));
    for (name, result) in run(&Device::oracle(), &golden, "plain", &wrong).expect("it runs") {
        assert!(check::compare(&result, golden.get(&format!("plain/{name}")), golden.tolerance()).wrong > 0, "{name}");
    }
}

#[test]
fn every_op_has_golden_values() {
    let covered: Vec<String> = files()
        .iter()
        .flat_map(|golden| golden.calls().into_iter().map(|(_, call)| call.op).collect::<Vec<_>>())
        .collect();
    for entry in ops::all() {
        let elsewhere = match entry.name {
            "sgd" | "momentum" | "adamw" => "five steps in place, below",
            "random_bits" => "known answers of its authors, in `engine::rng`",
            "categorical" => "a test of its distribution, in `sampling.rs`",
            _ => "",
        };
        assert!(!elsewhere.is_empty() || covered.iter().any(|op| op == entry.name), "{} has none", entry.name);
    }
}

/// Five steps of every optimizer, in place, parameters and moments compared after each.
fn train_as_pytorch(device: &Device) {
    let golden = Golden::read(&folder().join("optimizers.safetensors"));
    let rates: Vec<f32> = serde_json::from_str(&golden.metadata["rates"]).expect("rates");
    let most: f32 = golden.metadata["clip"].parse().expect("a norm");
    let adamw = AdamW { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weight_decay: 0.1 };
    let mut compared = 0;
    for optimizer in [
        Optimizer::Sgd { weight_decay: 0.1 },
        Optimizer::Momentum { momentum: 0.9, weight_decay: 0.1 },
        Optimizer::AdamW(adamw),
    ] {
        for clip in [None, Some(most)] {
            let mut g = Graph::new();
            let store = Store::new(device);
            let (mut parameters, mut grads) = (Vec::new(), Vec::new());
            for (name, start) in golden.under("in/") {
                store.set(name, start).expect("a variable");
                parameters.push((name.to_string(), g.variable(name, &start.shape).expect("a variable")));
                grads.push(g.input(name, &start.shape).expect("an input"));
            }
            let hyper = g.input("hyper", &[8]).expect("an input");
            let state = optimizer.apply(&mut g, &parameters, &grads, hyper, clip).expect("updates");
            create_state(&store, &state).expect("room");
            let mut program = wait(Program::compile(device, &g, &[], &store)).expect("it compiles");
            let clipped = if clip.is_some() { ", clipped" } else { "" };
            for (step, &rate) in rates.iter().enumerate() {
                for ((name, _), &grad) in parameters.iter().zip(&grads) {
                    program.write(grad, golden.get(&format!("grad/{step}/{name}"))).expect("a gradient");
                }
                program.write(hyper, &optimizer.hyper(step as u64, rate)).expect("eight numbers");
                program.run().expect("it runs");
                let names: Vec<String> =
                    parameters.iter().map(|p| &p.0).chain(state.iter().map(|s| &s.0)).cloned().collect();
                for (name, value) in names.iter().zip(wait(store.get_all(&names)).expect("variables")) {
                    let key = format!("{}{clipped}/{step}/{name}", optimizer.rule().name());
                    let comparison = check::compare(&value, golden.get(&key), Tolerance::SUM);
                    assert_eq!(comparison.wrong, 0, "on {}, {key}: {}", device.name(), comparison.report);
                    compared += 1;
                }
            }
        }
    }
    // Two parameters with 0, 1 and 2 moments each, clipped and not, after each of five steps.
    assert_eq!(compared, 2 * (1 + 2 + 3) * 2 * 5);
}

#[test]
fn twins_train_as_pytorch() {
    train_as_pytorch(&Device::oracle());
}

#[test]
fn fast_paths_train_as_pytorch() {
    train_as_pytorch(&Device::cpu());
}

#[test]
fn kernels_train_as_pytorch() {
    train_as_pytorch(&gpu());
}

#[test]
fn only_variables_can_be_updated_and_updates_have_no_gradient() {
    let mut g = Graph::new();
    let x = g.input("x", &[3]).expect("an input");
    let hyper = g.input("hyper", &[8]).expect("an input");
    let sgd = Optimizer::Sgd { weight_decay: 0.0 };
    let error = sgd.apply(&mut g, &[("x".into(), x)], &[x], hyper, None).expect_err("x is no variable");
    assert!(error.to_string().contains("only variables"), "{error}");
    let error = sgd.apply(&mut g, &[("x".into(), x)], &[], hyper, None).expect_err("a gradient is missing");
    assert!(error.to_string().contains("0 gradients"), "{error}");
    let inputs = Inputs([("param", x), ("grad", x), ("hyper", hyper)].map(|(n, t)| (n.into(), t)).into());
    let moved = (ops::find("sgd").expect("sgd").build)(&mut g, &inputs, &Attrs::new()).expect("a step")[0].1;
    let loss = g.sum_all(moved).expect("a sum");
    let error = g.gradients(loss, &[x]).expect_err("no gradient");
    assert!(error.to_string().contains("an update is the end of a graph"), "{error}");
}
