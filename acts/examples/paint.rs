//! Draws a sheet of pictures by the painter of a checkpoint file, shipped or kept by an unfinished run:
//! `cargo run -p acts --example paint -- FILE OUT.ppm [GUIDANCE] [STEPS]`.

use acts::{
    tiny::diffusion::{Checkpoint, Painter, Settings, judge},
    tinyland::pictures::SIDE,
};
use engine::{Device, io::TensorFile, sampling::Sampler, wait};

const CAPTIONS: [&str; 12] = [
    "a large red circle",
    "a small blue square",
    "a large green triangle",
    "a small yellow cross",
    "a large purple diamond",
    "a large black square",
    "a large red square",
    "a large purple circle",
    "a small blue triangle",
    "a large blue circle left of a small red triangle",
    "a small green square above a large black cross",
    "a large yellow circle right of a small purple square",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [from, to] = [args.first(), args.get(1)].map(|a| a.cloned().unwrap_or_default());
    let number = |at: usize, default: f32| args.get(at).and_then(|a| a.parse().ok()).unwrap_or(default);
    let mut file = TensorFile::parse(&from, &std::fs::read(&from)?)?;
    // What an unfinished run keeps has the average beside the weights.
    let averages: Vec<_> =
        file.tensors.iter().filter_map(|(n, t)| Some((n.strip_prefix("average/")?.to_owned(), t.clone()))).collect();
    file.tensors.extend(averages);
    let checkpoint = Checkpoint::of(&from, file)?;
    let mut painter = wait(Painter::new(&Device::cpu(), &checkpoint, CAPTIONS.len()))?;
    let captions: Vec<Option<&str>> = CAPTIONS.iter().map(|c| Some(*c)).collect();
    let mut rows = Vec::new();
    for seed in 0..4 {
        let settings = Settings {
            sampler: Sampler::DpmPlusPlus2M,
            steps: number(3, 20.0) as usize,
            guidance: number(2, 3.0),
            seed,
        };
        let all = wait(painter.draw(&captions, settings))?;
        if seed == 0 {
            for (caption, picture) in CAPTIONS.iter().zip(all.chunks(3 * SIDE * SIDE)) {
                println!("{caption}: {:?}", judge(picture, SIDE));
            }
        }
        rows.push(all);
    }
    let (scale, width) = (3, CAPTIONS.len() * SIDE);
    let mut out = format!("P6 {} {} 255\n", width * scale, rows.len() * SIDE * scale).into_bytes();
    for y in 0..rows.len() * SIDE * scale {
        for x in 0..width * scale {
            let (y, x) = (y / scale, x / scale);
            let base = x / SIDE * 3 * SIDE * SIDE + y % SIDE * SIDE + x % SIDE;
            out.extend((0..3).map(|c| (rows[y / SIDE][base + c * SIDE * SIDE] * 255.0).round() as u8));
        }
    }
    std::fs::write(to, out)?;
    Ok(())
}
