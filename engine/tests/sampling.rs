//! Draws against the probabilities they should come from, by the chi-square test.

use engine::{Device, Graph, HostTensor, Program, Store, wait};

const LOGITS: [f32; 8] = [0.0, 1.5, -1.0, 0.3, 2.2, -4.0, 0.3, -1e30];
const DRAWS: usize = 51_200;

/// How often each place was drawn, at a temperature, with a seed.
fn counts(device: &Device, temperature: f32, seed: u32) -> Vec<u32> {
    let mut g = Graph::new();
    let row = g.input("logits", &[1, LOGITS.len()]).expect("an input");
    let logits = g.expand(row, &[DRAWS, LOGITS.len()]).expect("rows");
    let key = g.input_u32("seed", &[2]).expect("an input");
    let heat = g.input("temperature", &[1]).expect("an input");
    let drawn = g.categorical(logits, key, heat).expect("fitting shapes");
    let mut program = wait(Program::compile(device, &g, &[drawn], &Store::new(device))).expect("it compiles");
    let write = |program: &mut Program, t, value| program.write(t, &value).expect("a fitting input");
    write(&mut program, row, HostTensor::f32(&[1, LOGITS.len()], LOGITS.to_vec()).expect("a row"));
    write(&mut program, key, HostTensor::u32(&[2], vec![seed, 7]).expect("two integers"));
    write(&mut program, heat, HostTensor::f32(&[1], vec![temperature]).expect("one number"));
    let drawn = wait(program.run_and_read(&[drawn])).expect("it runs").remove(0);
    let mut counts = vec![0; LOGITS.len()];
    for &place in drawn.as_u32().expect("integers") {
        counts[place as usize] += 1;
    }
    counts
}

/// `sum (counted - expected)^2 / expected` over places that can be drawn; infinite if one that cannot be was.
fn chi_square(counts: &[u32], temperature: f32) -> f64 {
    let weights = LOGITS.map(|x| (f64::from(x) / f64::from(temperature)).exp());
    let sum: f64 = weights.iter().sum();
    counts
        .iter()
        .zip(weights)
        .map(|(&n, w)| {
            let expected = DRAWS as f64 * w / sum;
            if n == 0 && expected == 0.0 { 0.0 } else { (f64::from(n) - expected).powi(2) / expected }
        })
        .sum()
}

/// Exceeded by one seed in ten thousand, at the six degrees of freedom of seven places. The seeds are fixed.
const LIMIT: f64 = 27.86;

fn draws_follow_softmax(device: &Device) {
    for (temperature, seed) in [(1.0, 1), (1.0, 2), (0.7, 3), (2.0, 4)] {
        let found = chi_square(&counts(device, temperature, seed), temperature);
        println!("{}, temperature {temperature}: chi-square {found:.2}", device.name());
        assert!(found < LIMIT, "temperature {temperature}, seed {seed}: {found}");
    }
    assert_eq!(counts(device, 0.0, 1)[4], DRAWS as u32, "temperature 0 takes the largest");
}

#[test]
fn draws_follow_softmax_on_the_cpu() {
    draws_follow_softmax(&Device::cpu());
}

#[test]
fn draws_follow_softmax_on_the_gpu() {
    draws_follow_softmax(
        &wait(Device::gpu()).expect("a Vulkan adapter: install mesa-vulkan-drivers where there is no GPU"),
    );
}

#[test]
fn draws_from_other_probabilities_are_seen() {
    // Sabotage: what was drawn at one temperature judged by another close to it.
    assert!(chi_square(&counts(&Device::cpu(), 1.0, 1), 1.05) > LIMIT);
}
