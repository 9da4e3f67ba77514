//! That training of the autoencoder is what it says it is.

use acts::autoencoder::{Recipe, Trainer, recipe};
use engine::{Device, Graph, HostTensor, Program, wait};

/// A smaller autoencoder, so that the test is quick.
fn small() -> Recipe {
    let mut recipe = recipe("tiny-vae").expect("the recipe");
    recipe.config.widths = vec![8, 16];
    recipe.config.groups = 4;
    recipe.batch = 2;
    recipe.warm_up = 2;
    recipe
}

#[test]
fn a_resumed_run_follows_the_same_curve() {
    let device = Device::cpu_threads(1);
    let mut whole = wait(Trainer::new(&device, &small())).expect("a trainer");
    let straight: Vec<f32> = (0..6).map(|_| wait(whole.step()).expect("a step").loss).collect();
    let mut first = wait(Trainer::new(&device, &small())).expect("a trainer");
    let mut losses: Vec<f32> = (0..3).map(|_| wait(first.step()).expect("a step").loss).collect();
    let kept = wait(first.checkpoint()).expect("a checkpoint");
    let mut second = wait(Trainer::new(&device, &small())).expect("a trainer");
    second.resume(&kept).expect("it goes on");
    losses.extend((0..3).map(|_| wait(second.step()).expect("a step").loss));
    assert_eq!(losses, straight);

    let mut other = small();
    other.deviation *= 2.0;
    assert!(wait(Trainer::new(&device, &other)).expect("a trainer").resume(&kept).is_err(), "another recipe");
}

#[test]
fn training_is_the_same_on_the_gpu() {
    let gpu = wait(Device::gpu()).expect("a Vulkan adapter: install mesa-vulkan-drivers where there is no GPU");
    let mut on_gpu = wait(Trainer::new(&gpu, &small())).expect("a trainer");
    let mut on_cpu = wait(Trainer::new(&Device::cpu(), &small())).expect("a trainer");
    let mut losses = Vec::new();
    for step in 0..3 {
        let (a, b) = (wait(on_gpu.step()).expect("a step"), wait(on_cpu.step()).expect("a step"));
        assert!((a.loss - b.loss).abs() < 2e-3 * b.loss.max(1.0), "step {step}: {a:?} on the GPU, {b:?} on the CPU");
        losses.push(b.loss);
    }
    // Sabotage: another deviation weighs the divergence otherwise.
    let mut other = small();
    other.deviation *= 20.0;
    let loss = wait(wait(Trainer::new(&Device::cpu(), &other)).expect("a trainer").step()).expect("a step").loss;
    assert!((loss - losses[0]).abs() > 2e-3 * losses[0].max(1.0), "{loss} against {}", losses[0]);
}

#[test]
fn wrong_sizes_are_refused() {
    let config = small().config;
    let mut g = Graph::new();
    let pictures = g.input("pictures", &[1, 3, 16, 32]).expect("an input");
    assert!(config.encode(&mut g, pictures).is_err(), "not square");
    let latents = g.input("latents", &[1, 3, 8, 8]).expect("an input");
    assert!(config.decode(&mut g, latents).is_err(), "three channels instead of four");
    for (widths, groups, side) in [(vec![], 4, 32), (vec![8, 16], 3, 32), (vec![8, 16], 4, 30)] {
        let wrong = engine::models::vae::Config { widths, groups, side, ..config.clone() };
        assert!(wrong.check().is_err(), "{wrong:?}");
    }
}

/// With no noise the latents are the means, and a variance of 1 is no divergence.
#[test]
fn the_divergence_is_that_of_its_formula() {
    let config = small().config;
    let device = Device::cpu();
    let store = engine::Store::new(&device);
    let mut values = config.initial(3).expect("parameters");
    // Nothing but biases in the last layer of the encoder: means of 0.5 and variances of e^-1.
    let out = values.get_mut("encoder.out.weight").expect("weights");
    *out = HostTensor::f32(&out.shape, vec![0.0; out.shape.count()]).expect("zeros");
    values.insert(
        "encoder.out.bias".into(),
        HostTensor::f32(&[8], vec![0.5, 0.5, 0.5, 0.5, -1.0, -1.0, -1.0, -1.0]).expect("biases"),
    );
    config.load(&store, &values).expect("they fit");
    let mut g = Graph::new();
    let pictures = g.input("pictures", &config.pictures(2)).expect("an input");
    let noise = g.input("noise", &config.latents(2)).expect("an input");
    let pass = config.train(&mut g, pictures, noise, 0.1).expect("a pass");
    let mut program =
        wait(Program::compile(&device, &g, &[pass.kl, pass.error, pass.loss], &store)).expect("it compiles");
    let count = |shape: [usize; 4]| shape.iter().product::<usize>();
    let zeros = |shape: [usize; 4]| HostTensor::f32(&shape, vec![0.0; count(shape)]).expect("zeros");
    program.write(pictures, &zeros(config.pictures(2))).expect("pictures");
    program.write(noise, &zeros(config.latents(2))).expect("noise");
    let out = wait(program.run_and_read(&[pass.kl, pass.error, pass.loss])).expect("it runs");
    let [kl, error, loss] = [0, 1, 2].map(|i| out[i].as_f32().expect("a float")[0]);
    // 256 latents of 1/2 (0.25 + e^-1 - 1 + 1) nats.
    let right = 256.0 * 0.5 * (0.25 + (-1.0f32).exp());
    assert!((kl - right).abs() < 1e-3 * right, "{kl} instead of {right}");
    let whole = error + 2.0 * 0.1 * 0.1 * kl / 3072.0;
    assert!((loss - whole).abs() < 1e-5 * whole, "{loss} instead of {whole}");
}
