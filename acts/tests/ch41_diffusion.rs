//! Chapter 41's claims, over three seeds each.

use acts::act7::ch41_diffusion::{
    Field, Learnt, Plan, Point, Sampling, Settings, Source, Training, class_share, distance, noised, variety,
};
use engine::{
    Device,
    sampling::{LEVELS, Path, Sampler, Schedule, Target},
    wait,
};

const SEEDS: [u32; 3] = [1, 2, 3];
const POINTS: usize = 1000;
const STEPS: u64 = 1000;

fn learnt(device: &Device, source: Source, path: Path, target: Target, seed: u32) -> Learnt {
    let settings = Settings { source, path, target, steps: STEPS, seed };
    let mut training = wait(Training::new(device, &settings)).expect("a training");
    wait(training.finish()).expect("it trains");
    wait(training.learnt()).expect("weights")
}

fn plan(sampler: Sampler, steps: usize, seed: u32) -> Plan {
    Plan { sampler, steps, class: None, guidance: 1.0, seed }
}

/// After 20 steps the distance has fallen to less than a third of that after one; from 20 to 100 it falls by less than a tenth of
/// that fall. At 10 questions the samplers that leave nothing to chance have made nine tenths of it.
#[test]
fn distance_falls_with_steps_then_levels_and_few_steps_keep_most_of_the_quality() {
    let device = Device::cpu();
    for seed in SEEDS {
        let net = learnt(&device, Source::moons(), Path::Linear, Target::Noise, seed);
        let mut sampling = wait(Sampling::new(&device, &net, POINTS)).expect("it compiles");
        let mut far = |sampler: Sampler, steps: usize| {
            wait(Point::measure(&mut sampling, &plan(sampler, steps, seed), async || {})).expect("a point")
        };
        let floor = Point::floor(&Source::moons(), POINTS, seed);
        for sampler in [Sampler::Ddpm, Sampler::Ddim { eta: 0.0 }, Sampler::Heun, Sampler::DpmPlusPlus2M] {
            let list = [1, 2, 5, 10, 20, 100].map(|steps| far(sampler, steps));
            println!("seed {seed}, {sampler:?}, floor {floor:.3}: {:.3?}", list.map(|p| p.distance));
            let [one, _, _, ten, twenty, hundred] = list.map(|p| p.distance);
            assert!(twenty < one / 3.0, "seed {seed}, {sampler:?}: {twenty} after 20 steps, {one} after one");
            let fall = one - hundred;
            assert!((twenty - hundred).abs() < 0.1 * fall, "seed {seed}, {sampler:?}: {twenty}, then {hundred}");
            if sampler != Sampler::Ddpm {
                // Heun asks twice a step: 5 steps are 9 questions.
                let few = if sampler == Sampler::Heun { list[2] } else { list[3] };
                assert!(few.questions <= 10);
                assert!(one - few.distance > 0.9 * fall, "seed {seed}, {sampler:?}: {ten} with ten questions");
            }
        }
    }
}

/// On a grid of hills whose classes alternate: w = 4 against w = 1 raises the share of the asked class by a point at least, and lowers
/// variety by a tenth at least.
#[test]
fn guidance_raises_the_share_of_the_class_and_lowers_variety() {
    let device = Device::cpu();
    for seed in SEEDS {
        let net = learnt(&device, Source::grid(), Path::Linear, Target::Noise, seed);
        let mut sampling = wait(Sampling::new(&device, &net, POINTS)).expect("it compiles");
        let data = Source::grid().draw(4000, 77);
        let mut list = Vec::new();
        for guidance in [0.0, 1.0, 2.0, 4.0] {
            let plan = Plan { class: Some(1), guidance, ..plan(Sampler::Ddim { eta: 0.0 }, 50, seed) };
            let points = wait(sampling.sample(&plan)).expect("points");
            list.push((guidance, class_share(&points, &data, 1), variety(&points)));
        }
        println!("seed {seed}: w, share, variety {list:.3?}");
        assert!(list[1].1 > list[0].1 + 0.2, "the class is obeyed at all: {list:?}");
        assert!(list[3].1 > list[1].1 + 0.01, "share: {list:?}");
        assert!(list[3].2 < 0.9 * list[1].2, "variety: {list:?}");
    }
}

/// Every path with every target learns, and the field points home.
#[test]
fn every_target_learns_on_every_path() {
    let device = Device::cpu();
    let source = Source::drawn(vec![vec![[0.0, 0.0], [4.0, 0.0]], vec![[0.0, 2.0], [4.0, 3.0]]]).expect("a drawing");
    for path in [Path::Linear, Path::Cosine, Path::Straight] {
        for target in [Target::Noise, Target::Velocity, Target::Flow] {
            let settings = Settings { source: source.clone(), path, target, steps: 300, seed: 5 };
            let mut training = wait(Training::new(&device, &settings)).expect("a training");
            wait(training.finish()).expect("it trains");
            let net = wait(training.learnt()).expect("weights");
            let mut sampling = wait(Sampling::new(&device, &net, 500)).expect("it compiles");
            let point = wait(Point::measure(&mut sampling, &plan(Sampler::DpmPlusPlus2M, 20, 3), async || {}));
            let point = point.expect("a point");
            println!("{path:?}, {target:?}: {:.3}", point.distance);
            assert!(point.distance < 0.35, "{path:?}, {target:?}: {}", point.distance);
            let mut field = wait(Field::new(&device, &net, 6, 2.5)).expect("a field");
            let (places, level) = (field.places(), Schedule::new(path).at(0.5));
            let homes = wait(field.at(level, None, 1.0)).expect("homes");
            let far = |list: &[f32]| list.chunks(2).map(|p| p[0].hypot(p[1])).sum::<f32>() / 36.0;
            assert!(far(&homes) < far(&places), "{path:?}, {target:?}");
        }
    }
}

#[test]
fn noise_ruins_points_step_by_step() {
    let data = Source::spiral().draw(2000, 4);
    let schedule = Schedule::new(Path::Cosine);
    let off = |i: usize| distance(&noised(&data.xy, schedule.level(i), 8), &data.xy);
    let list = [0, 200, 500, LEVELS - 1].map(off);
    assert!(list.windows(2).all(|w| w[0] < w[1]), "{list:?}");
    let noise = noised(&data.xy, schedule.level(LEVELS - 1), 8);
    let square = noise.iter().map(|x| x * x).sum::<f32>() / noise.len() as f32;
    assert!((square - 1.0).abs() < 0.1, "{square}");
}

/// The same steps on the GPU, and the same walk.
#[test]
fn the_gpu_learns_and_walks_alike() {
    let gpu = wait(Device::gpu()).expect("a Vulkan adapter: install mesa-vulkan-drivers where there is no GPU");
    let mut ends = Vec::new();
    for device in [Device::cpu(), gpu] {
        let settings =
            Settings { source: Source::moons(), path: Path::Straight, target: Target::Flow, steps: 5, seed: 1 };
        let mut training = wait(Training::new(&device, &settings)).expect("a training");
        let mut losses = Vec::new();
        while !training.done() {
            losses.push(wait(training.step(async || {})).expect("a step").loss);
        }
        let net = wait(training.learnt()).expect("weights");
        let mut sampling = wait(Sampling::new(&device, &net, 64)).expect("it compiles");
        let asked = Plan { class: Some(0), guidance: 2.0, ..plan(Sampler::Heun, 3, 1) };
        ends.push((losses, wait(sampling.sample(&asked)).expect("points")));
    }
    let apart = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(apart(&ends[0].0, &ends[1].0) < 1e-3, "{:?} {:?}", ends[0].0, ends[1].0);
    assert!(apart(&ends[0].1, &ends[1].1) < 1e-2, "{}", apart(&ends[0].1, &ends[1].1));
}
