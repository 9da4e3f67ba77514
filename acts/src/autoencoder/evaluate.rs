//! The autoencoder's report card, on scenes of colours and forms that were never in training together.

use engine::{Device, Graph, HostTensor, Program, Result, Store, models::vae};
use serde::{Deserialize, Serialize};

use super::{centred, shown};
use crate::tinyland::{Split, dice::Dice, pictures::Scene};

/// The measurements, over 256 held-out pictures with brightness from 0 to 1, told by the means of their latents.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Mean squared error of the pictures that come back.
    pub error: f32,
    /// The same of pictures that are shrunk to 8 x 8 by means and spread out again: what as many places can do without learning,
    /// with three numbers each instead of four.
    pub shrunk: f32,
    /// The same of pictures filled with their own mean colour.
    pub flat: f32,
    /// What the latents tell beyond normal noise, in nats a picture.
    pub kl: f32,
    /// Mean of all latents.
    pub latent_mean: f32,
    /// Their standard deviation: what a model of latents divides them by.
    pub latent_deviation: f32,
}

const BATCH: usize = 32;
const PICTURES: usize = 256;

/// Measures an autoencoder.
///
/// # Errors
/// A device that is lost.
pub async fn evaluate(device: &Device, store: &Store, config: &vae::Config) -> Result<Report> {
    let mut g = Graph::new();
    let pictures = g.input("pictures", &config.pictures(BATCH))?;
    let encoded = config.encode(&mut g, pictures)?;
    let mean = g.copy(encoded.mean)?;
    let log_variance = g.copy(encoded.log_variance)?;
    let back = config.decode(&mut g, mean)?;
    let mut program = Program::compile(device, &g, &[mean, log_variance, back], store).await?;

    let (mut error, mut shrunk, mut flat) = (0.0, 0.0, 0.0);
    let (mut kl, mut sum, mut squares, mut latents) = (0.0, 0.0, 0.0, 0);
    for first in (0..PICTURES).step_by(BATCH) {
        let scene = |i: usize| Scene::draw(&mut Dice::new(&[77, i as u64]), Split::HeldOut);
        let list: Vec<Vec<f32>> = (first..first + BATCH).map(|i| scene(i).render(config.side)).collect();
        let values = list.iter().flat_map(|picture| centred(picture)).collect();
        program.write(pictures, &HostTensor::f32(&config.pictures(BATCH), values)?)?;
        let out = program.run_and_read(&[mean, log_variance, back]).await?;
        for (picture, back) in list.iter().zip(out[2].as_f32()?.chunks(list[0].len())) {
            error += off(picture, &shown(back));
            shrunk += off(picture, &squares_of(picture, config.side, config.side / config.latents(1)[3]));
            flat += off(picture, &squares_of(picture, config.side, config.side));
        }
        for (&mean, &log_variance) in out[0].as_f32()?.iter().zip(out[1].as_f32()?) {
            let (mean, log_variance) = (f64::from(mean), f64::from(log_variance));
            kl += 0.5 * (mean * mean + log_variance.exp() - 1.0 - log_variance);
            sum += mean;
            squares += mean * mean;
            latents += 1;
        }
    }
    let count = PICTURES as f64;
    let mean = sum / f64::from(latents);
    Ok(Report {
        error: (error / count) as f32,
        shrunk: (shrunk / count) as f32,
        flat: (flat / count) as f32,
        kl: (kl / count) as f32,
        latent_mean: mean as f32,
        latent_deviation: (squares / f64::from(latents) - mean * mean).max(0.0).sqrt() as f32,
    })
}

/// Mean squared error.
fn off(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>() / a.len() as f64
}

/// A picture whose squares of `k` by `k` are filled with their means.
fn squares_of(picture: &[f32], side: usize, k: usize) -> Vec<f32> {
    let mut out = vec![0.0; picture.len()];
    for (out, plane) in out.chunks_mut(side * side).zip(picture.chunks(side * side)) {
        let square = |row: usize, col: usize| {
            let (r, c) = (row / k * k, col / k * k);
            let rows = plane.chunks(side).skip(r).take(k);
            rows.map(|line| line[c..c + k].iter().sum::<f32>()).sum::<f32>() / (k * k) as f32
        };
        for (i, out) in out.iter_mut().enumerate() {
            *out = square(i / side, i % side);
        }
    }
    out
}
