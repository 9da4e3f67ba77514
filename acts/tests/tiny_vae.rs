//! What the shipped autoencoder keeps of pictures it has not seen.

use acts::{
    autoencoder::{Checkpoint, Report, evaluate},
    tinyland::pictures::VERSION,
};
use engine::{Device, wait};

fn shipped() -> (Vec<u8>, Checkpoint) {
    let bytes = std::fs::read("../public/models/tiny-vae.safetensors").expect("tiny-vae is shipped");
    let checkpoint = Checkpoint::parse("tiny-vae", &bytes).expect("tiny-vae is whole");
    (bytes, checkpoint)
}

#[test]
fn the_shipped_tiny_vae_keeps_pictures_it_has_not_seen() {
    let (bytes, checkpoint) = shipped();
    assert!(bytes.len() <= 400_000, "{} bytes", bytes.len());
    assert_eq!(checkpoint.file.about("data").as_deref(), Some(VERSION), "it was trained on other pictures");
    let device = Device::cpu();
    let store = checkpoint.store(&device).expect("it loads");
    let report = wait(evaluate(&device, &store, &checkpoint.config)).expect("it is measured");
    println!("{report:#?}");
    // Measured when it was trained: an eighteenth of what as many places do without learning, a fifty-eighth of what one colour
    // does.
    assert!(10.0 * report.error < report.shrunk, "{} against {} shrunk", report.error, report.shrunk);
    assert!(40.0 * report.error < report.flat, "{} against {} flat", report.error, report.flat);
    // Near enough to normal noise for a model of latents to start from it.
    assert!(report.latent_mean.abs() < 0.5 && (0.3..1.5).contains(&report.latent_deviation), "{report:?}");

    // The metadata tell the same story as the weights, to the rounding of 16 bits.
    let told: Report = serde_json::from_str(&checkpoint.file.about("report").expect("a report")).expect("it parses");
    assert!((told.error - report.error).abs() < 0.05 * report.error, "{} told", told.error);
}
