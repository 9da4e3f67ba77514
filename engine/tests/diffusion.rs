//! Samplers against the walks of another library, `diffusers`, made by `golden/make_samplers.py`; and the compiled move
//! against the table of numbers it stands for, on both executors.

use engine::{
    Device, Graph, HostTensor, Program, Result, Store,
    io::TensorFile,
    sampling::{LEVELS, Level, Path, Sampler, Schedule, Spacing, Step, Target, guide, time_features},
    wait,
};

/// The other library keeps its levels in 32 bits and divides by the small signal of the noisiest.
const WALK: f64 = 2e-4;

/// What a walk was asked.
#[derive(serde::Deserialize)]
struct Asked {
    path: String,
    sampler: String,
    spacing: String,
    steps: usize,
    eta: f64,
}

/// Data are +1 or -1 with this deviation around.
const DEVIATION: f64 = 0.3;

/// E[x0 | a x0 + s e = x].
fn expected(x: f64, level: Level) -> f64 {
    let (a, s) = (level.signal, level.noise);
    let variance = (a * DEVIATION).powi(2) + s * s;
    let mean = (x * a / variance).tanh();
    mean + a * DEVIATION.powi(2) / variance * (x - a * mean)
}

#[test]
fn walks_are_those_of_diffusers() {
    let bytes = include_bytes!("golden/samplers.safetensors");
    let file = TensorFile::parse("samplers", bytes).expect("the file");
    let mut walks = 0;
    for (key, text) in &file.metadata {
        let Some(label) = key.strip_prefix("case/") else { continue };
        let asked: Asked = serde_json::from_str(text).expect("what was asked");
        let path = match asked.path.as_str() {
            "linear" => Path::Linear,
            "cosine" => Path::Cosine,
            "straight" => Path::Straight,
            other => panic!("{other} is no path"),
        };
        let sampler = match asked.sampler.as_str() {
            "ddpm" => Sampler::Ddpm,
            "ddim" => Sampler::Ddim { eta: asked.eta },
            "euler" => Sampler::Euler,
            "heun" => Sampler::Heun,
            "dpm++2m" => Sampler::DpmPlusPlus2M,
            other => panic!("{other} is no sampler"),
        };
        let spacing = match asked.spacing.as_str() {
            "leading" => Spacing::Leading,
            "even" => Spacing::Even,
            "trailing" => Spacing::Trailing,
            other => panic!("{other} is no spacing"),
        };
        let walk = file.get(&format!("{label}/walk")).expect("the walk");
        let [rows, points] = *walk.shape else { panic!("{label}: {}", walk.shape) };
        let noise = file.tensors.get(&format!("{label}/noise")).map(|t| t.as_f32().expect("floats").to_vec());
        let walk = walk.as_f32().expect("floats");
        let levels = Schedule::new(path).levels(asked.steps, spacing).expect("levels");
        let moves = sampler.moves(path, &levels).expect("moves");
        assert_eq!(moves.len() + 1, rows, "{label}");
        for p in 0..points {
            let (mut x, mut kept) = (f64::from(walk[p]), 0.0);
            for (i, m) in moves.iter().enumerate() {
                let z = noise.as_ref().map_or(0.0, |n| f64::from(n[i * points + p]));
                (x, kept) = m.apply(x, expected(x, m.level), kept, z);
                let reference = f64::from(walk[(i + 1) * points + p]);
                let off = (x - reference).abs();
                assert!(off <= WALK * (1.0 + reference.abs()), "{label}, point {p}, move {i}: {x}, not {reference}");
            }
        }
        walks += 1;
    }
    assert_eq!(walks, 11);
}

#[test]
fn a_wrong_sampler_would_be_seen() {
    let levels = Schedule::new(Path::Linear).levels(10, Spacing::Even).expect("levels");
    let end = |sampler: Sampler| {
        let (mut x, mut kept) = (0.4, 0.0);
        for m in sampler.moves(Path::Linear, &levels).expect("moves") {
            (x, kept) = m.apply(x, expected(x, m.level), kept, 0.3);
        }
        x
    };
    let ends = [Sampler::Ddpm, Sampler::Euler, Sampler::Heun, Sampler::DpmPlusPlus2M].map(end);
    for (i, a) in ends.iter().enumerate() {
        assert!(ends[..i].iter().all(|b| (a - b).abs() > 50.0 * WALK), "{ends:?}");
    }
}

/// A move whose network is `x w`, guided against `x u`: as the numbers say, on either executor.
#[test]
fn a_move_runs_as_one_program() -> Result<()> {
    let gpu = wait(Device::gpu()).expect("a Vulkan adapter: install mesa-vulkan-drivers where there is no GPU");
    let (shape, most) = ([3, 2], 0.8f32);
    let matrices = [[0.9f32, -0.2, 0.1, 0.7], [0.5, 0.3, -0.4, 0.6]];
    let (start, draws) = ([0.3f32, -1.2, 0.8, 2.0, -0.1, 0.05], [0.1f32, -0.7, 1.1, 0.4, -2.0, 0.6]);
    for device in [Device::cpu(), gpu] {
        let mut g = Graph::new();
        let w = g.input("w", &[1])?;
        let step = Step::build(&mut g, &shape, Some(most), |g, x| {
            let mut answers = Vec::new();
            for matrix in matrices {
                let m = g.constant(HostTensor::f32(&[2, 2], matrix.to_vec())?)?;
                answers.push(g.matmul(x, m)?);
            }
            guide(g, answers[0], answers[1], w)
        })?;
        let read = [step.next, step.next_kept];
        let mut program = wait(Program::compile(&device, &g, &read, &Store::new(&device)))?;
        program.write(w, &HostTensor::f32(&[1], vec![1.5])?)?;
        program.write(step.noise, &HostTensor::f32(&shape, draws.to_vec())?)?;
        let levels = Schedule::new(Path::Cosine).levels(4, Spacing::Trailing)?;
        for (sampler, target) in
            [(Sampler::Ddpm, Target::Noise), (Sampler::Heun, Target::Velocity), (Sampler::DpmPlusPlus2M, Target::Flow)]
        {
            let (mut x, mut kept) = (start.to_vec(), vec![0.0f32; 6]);
            for m in sampler.moves(Path::Cosine, &levels)? {
                program.write(step.x, &HostTensor::f32(&shape, x.clone())?)?;
                program.write(step.kept, &HostTensor::f32(&shape, kept.clone())?)?;
                program.write(step.coefficients, &Step::coefficients(&m, target)?)?;
                let out = wait(program.run_and_read(&read))?;
                let [of_x, of_answer] = target.clean(m.level);
                for i in 0..6 {
                    let (row, col) = (i / 2, i % 2);
                    let product = |m: [f32; 4]| f64::from(x[2 * row] * m[col] + x[2 * row + 1] * m[2 + col]);
                    let (with, without) = (product(matrices[0]), product(matrices[1]));
                    let answer = without + 1.5 * (with - without);
                    let clean = (of_x * f64::from(x[i]) + of_answer * answer).clamp(-f64::from(most), f64::from(most));
                    let (next, keep) = m.apply(f64::from(x[i]), clean, f64::from(kept[i]), f64::from(draws[i]));
                    for (is, right) in [(out[0].as_f32()?[i], next), (out[1].as_f32()?[i], keep)] {
                        // Where hardly any signal is left, 32-bit numbers are large before they are cut.
                        let off = (f64::from(is) - right).abs();
                        assert!(
                            off <= 1e-3 * (1.0 + right.abs()),
                            "{} {sampler:?} {i}: {is}, not {right}",
                            device.name()
                        );
                    }
                }
                (x, kept) = (out[0].as_f32()?.to_vec(), out[1].as_f32()?.to_vec());
            }
        }
    }
    Ok(())
}

#[test]
fn times_are_told_apart() {
    let features = time_features(&[0.0, 0.5, 0.501], 16);
    assert_eq!(&features[..8], [1.0; 8]);
    let apart: f32 = features[16..32].iter().zip(&features[32..]).map(|(a, b)| (a - b).powi(2)).sum();
    assert!(apart > 0.1, "{apart}");
    assert_eq!(Schedule::new(Path::Straight).level(LEVELS - 1).noise, 1.0);
}
