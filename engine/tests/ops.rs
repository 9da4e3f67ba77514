//! Every case of every op: fast paths and GPU against the twins, gradients against finite differences.

use engine::{
    Device, GpuDevice, HostTensor, Preference, Program, Store, Tensor, check,
    ops::{self, Case, Entry},
    wait,
};

fn gpu() -> Device {
    wait(Device::gpu()).expect("a Vulkan adapter: install mesa-vulkan-drivers where there is no GPU")
}

fn each(mut f: impl FnMut(&Entry, &Case)) {
    for entry in ops::all() {
        let cases = (entry.cases)();
        assert!(!cases.is_empty(), "{} has no cases", entry.name);
        for case in cases {
            f(&entry, &case);
        }
    }
}

fn verify_on(device: &Device) {
    let mut failures = Vec::new();
    let mut compared = 0;
    each(|entry, case| match wait(check::verify(device, entry, case)) {
        Ok(verdicts) => {
            for v in verdicts {
                compared += 1;
                if v.comparison.wrong > 0 {
                    failures.push(format!("{} ({}), {}: {}", v.op, v.case, v.tensor, v.comparison.report));
                }
            }
        }
        Err(error) => failures.push(format!("{} ({}): {error}", entry.name, case.label)),
    });
    assert!(compared > 0);
    assert!(failures.is_empty(), "on {}:\n{}", device.name(), failures.join("\n"));
}

#[test]
fn fast_paths_equal_the_twins() {
    verify_on(&Device::cpu());
}

#[test]
fn kernels_equal_the_twins() {
    let device = gpu();
    println!("adapter: {:?}", device.as_gpu().map(|g| g.tier().clone()));
    verify_on(&device);
}

/// A processor plays the GPU where there is none, and the ops then choose other kernels than a real one gets.
#[test]
fn kernels_of_a_real_gpu_equal_the_twins() {
    let device = wait(GpuDevice::open_as_hardware(Preference::default())).expect("a Vulkan adapter");
    verify_on(&Device::Gpu(device));
}

/// The loss of a case with its inputs moved by `step` along a direction.
fn loss(built: &check::Built, program: &mut Program, case: &Case, name: &str, direction: &[f32], step: f32) -> f64 {
    for ((input, t), (_, value)) in built.inputs.iter().zip(&case.inputs) {
        let moved = if *input == name {
            let data = value.as_f32().expect("only floats have gradients");
            let data = data.iter().zip(direction).map(|(x, d)| x + step * d).collect();
            HostTensor::f32(&value.shape, data).expect("the same shape")
        } else {
            value.clone()
        };
        program.write(*t, &moved).expect("a fitting input");
    }
    // The last of that name: an op may call an output of its own so.
    let loss = built.outputs.iter().rfind(|(n, _)| n == "loss").expect("a loss").1;
    f64::from(wait(program.run_and_read(&[loss])).expect("it runs")[0].as_f32().expect("floats")[0])
}

/// Directional derivatives along a few random directions, by central differences over the twins.
#[test]
fn gradients_equal_finite_differences() {
    let device = Device::oracle();
    let mut failures = Vec::new();
    let mut compared = 0;
    each(|entry, case| {
        if case.gradients.is_empty() {
            return;
        }
        let built = check::build(entry, case, true).unwrap_or_else(|e| panic!("{} ({}): {e}", entry.name, case.label));
        let fetch: Vec<Tensor> = built.outputs.iter().map(|(_, t)| *t).collect();
        let mut program =
            wait(Program::compile(&device, &built.graph, &fetch, &Store::new(&device))).expect("it compiles");
        for name in &case.gradients {
            let value = &case.inputs.iter().find(|(n, _)| n == name).expect("a gradient names an input").1;
            let count = value.shape.count();
            loss(&built, &mut program, case, name, &vec![0.0; count], 0.0);
            let gradient = built.outputs.iter().find(|(n, _)| *n == format!("d{name}")).expect("its gradient").1;
            let gradient = wait(program.read(gradient)).expect("it was fetched");
            let gradient = gradient.as_f32().expect("floats").to_vec();
            for trial in 0..3 {
                let direction: Vec<f32> = (0..count)
                    .map(|i| if engine::rng::bits([trial, 5], i as u32)[0] & 1 == 0 { 1.0 } else { -1.0 })
                    .collect();
                let along: f64 = gradient.iter().zip(&direction).map(|(g, d)| f64::from(g * d)).sum();
                // The best of several steps: too large bends, too small drowns in rounding.
                let (mut best, mut found) = (f64::MAX, 0.0);
                for step in [3e-2f32, 1e-2, 3e-3, 1e-3] {
                    let up = loss(&built, &mut program, case, name, &direction, step);
                    let down = loss(&built, &mut program, case, name, &direction, -step);
                    let slope = (up - down) / (2.0 * f64::from(step));
                    if (slope - along).abs() < best {
                        (best, found) = ((slope - along).abs(), slope);
                    }
                }
                compared += 1;
                let size: f64 = gradient.iter().map(|g| f64::from(g.abs())).sum();
                // Relative to the sum of magnitudes, which is what rounding in the loss is relative to.
                if !(best <= 2e-3 * size + 2e-4) {
                    failures.push(format!(
                        "{} ({}): d{name} along {trial}: {along} instead of {found}",
                        entry.name, case.label
                    ));
                }
            }
        }
    });
    assert!(compared > 100);
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn a_wrong_gradient_is_seen() {
    // Sabotage: the loss of one input judged by the gradient of another.
    let entry = ops::find("binary").expect("binary");
    let case = (entry.cases)().into_iter().find(|c| c.label == "sub").expect("sub");
    let outcome = wait(check::run(&Device::oracle(), &entry, &case)).expect("it runs");
    let get = |name: &str| &outcome.tensors.iter().find(|(n, _)| n == name).expect("a gradient").1;
    assert!(check::compare(get("da"), get("db"), ops::Tolerance::COMPOSED).wrong > 0);
}
