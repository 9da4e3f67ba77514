//! A convolutional variational autoencoder: pictures to a small grid of latent vectors, and back.
//!
//! The encoder gives each picture x a normal distribution over latents, the decoder a picture to each latent, and training
//! makes likely pictures cheap to tell (Kingma and Welling 2014; Rezende, Mohamed and Wierstra 2014):
//! ```text
//! mean, log_variance = encoder(x)
//! z = mean + exp(log_variance / 2) noise            reparameterisation: noise ~ N(0, 1) comes from outside,
//!                                                   so that gradients reach the mean and the variance
//! loss = |x - decoder(z)|^2 / (2 s^2) + KL          for a decoder that is off by s a number
//! KL = 1/2 sum (mean^2 + variance - 1 - log_variance)    what the latents tell beyond N(0, 1), in nats
//! ```
//! The layers are those of the autoencoders of latent diffusion (Rombach et al. 2022), without attention, small:
//! ```text
//! block(x) = x + conv(silu(norm(conv(silu(norm(x))))))
//! encoder  = conv, for each width (conv of stride 2, block), norm, silu, conv to mean and log_variance
//! decoder  = conv, for each width backwards (block, nearest upsampling, conv), norm, silu, conv to the picture
//! ```
//! with 3x3 convolutions and group normalisation. Pictures are `[n, channels, side, side]` with values from -1 to 1, latents
//! `[n, latent, side / 2^k, side / 2^k]` for k widths.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    Error, Graph, HostTensor, Result, Store, Tensor,
    ops::{Activation, ConvOptions, Unary, Window},
    rng,
};

/// Added to the variance before the root, in every norm.
const EPSILON: f32 = 1e-5;

/// Sizes of an autoencoder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// Channels of a picture.
    pub channels: usize,
    /// Pixels of a picture, each way.
    pub side: usize,
    /// Channels after each halving.
    pub widths: Vec<usize>,
    /// Channels of a latent.
    pub latent: usize,
    /// Groups of every norm; divides the widths.
    pub groups: usize,
}

/// A layer with parameters.
enum Layer {
    /// From and to how many channels, 3x3.
    Conv(usize, usize),
    Norm(usize),
}

/// What the encoder gives.
#[derive(Clone, Copy, Debug)]
pub struct Encoded {
    /// Means of the latents: `[n, latent, side / 2^k, side / 2^k]`.
    pub mean: Tensor,
    /// Logarithms of their variances, of the same shape.
    pub log_variance: Tensor,
}

/// A training pass.
#[derive(Clone, Debug)]
pub struct Training {
    /// Parameters, in the order of [`Config::parameters`].
    pub parameters: Vec<(String, Tensor)>,
    /// The distributions of the latents.
    pub encoded: Encoded,
    /// What the decoder made of latents drawn from them.
    pub picture: Tensor,
    /// Mean over all numbers of the pictures of the squared error.
    pub error: Tensor,
    /// Mean over the pictures of the KL divergence from N(0, 1), in nats.
    pub kl: Tensor,
    /// What is trained: `error + 2 s^2 KL / numbers of a picture`.
    pub loss: Tensor,
}

impl Config {
    /// Checks that the sizes fit each other and this crate's limits.
    pub fn check(&self) -> Result<()> {
        let wrong = |message: &str| Err(Error::data("configuration", message));
        let sizes = [self.channels, self.side, self.latent, self.groups];
        if self.widths.is_empty()
            || self.widths.len() > 8
            || sizes.iter().chain(&self.widths).any(|s| !(1..=4096).contains(s))
        {
            return wrong("there are one to eight widths, and every size is 1 to 4096");
        }
        if !self.side.is_multiple_of(1 << self.widths.len()) {
            return wrong("the side must be halved once for each width");
        }
        if self.widths.iter().any(|w| !w.is_multiple_of(self.groups)) {
            return wrong("groups must divide the widths");
        }
        Ok(())
    }

    /// The shape of the latents of `n` pictures.
    pub fn latents(&self, n: usize) -> [usize; 4] {
        let side = self.side >> self.widths.len();
        [n, self.latent, side, side]
    }

    /// The shape of `n` pictures.
    pub fn pictures(&self, n: usize) -> [usize; 4] {
        [n, self.channels, self.side, self.side]
    }

    /// Every layer with parameters, in the order of the passes.
    fn layers(&self) -> Vec<(String, Layer)> {
        let mut list = Vec::new();
        let mut add = |name: String, layer: Layer| list.push((name, layer));
        let block = |add: &mut dyn FnMut(String, Layer), name: &str, width: usize| {
            for i in 1..=2 {
                add(format!("{name}.norm{i}"), Layer::Norm(width));
                add(format!("{name}.conv{i}"), Layer::Conv(width, width));
            }
        };
        let last = self.widths[self.widths.len() - 1];
        let wider = |i: usize| self.widths[i.saturating_sub(1)];
        add("encoder.in".into(), Layer::Conv(self.channels, self.widths[0]));
        for (i, &width) in self.widths.iter().enumerate() {
            add(format!("encoder.{i}.down"), Layer::Conv(wider(i), width));
            block(&mut add, &format!("encoder.{i}"), width);
        }
        add("encoder.norm".into(), Layer::Norm(last));
        add("encoder.out".into(), Layer::Conv(last, 2 * self.latent));
        add("decoder.in".into(), Layer::Conv(self.latent, last));
        for (i, &width) in self.widths.iter().enumerate().rev() {
            block(&mut add, &format!("decoder.{i}"), width);
            add(format!("decoder.{i}.up"), Layer::Conv(width, wider(i)));
        }
        add("decoder.norm".into(), Layer::Norm(self.widths[0]));
        add("decoder.out".into(), Layer::Conv(self.widths[0], self.channels));
        list
    }

    /// Names and shapes of the parameters.
    pub fn parameters(&self) -> Vec<(String, Vec<usize>)> {
        let parts = |(name, layer): (String, Layer)| match layer {
            Layer::Conv(from, to) => {
                [(format!("{name}.weight"), vec![to, from, 3, 3]), (format!("{name}.bias"), vec![to])]
            }
            Layer::Norm(width) => [(format!("{name}.gain"), vec![width]), (format!("{name}.bias"), vec![width])],
        };
        self.layers().into_iter().flat_map(parts).collect()
    }

    /// Numbers to learn.
    pub fn parameter_count(&self) -> usize {
        self.parameters().iter().map(|(_, s)| s.iter().product::<usize>()).sum()
    }

    /// Fresh parameters: weights normal with the variance that keeps that of what goes through, `1 / (9 channels)`, gains 1,
    /// biases 0.
    pub fn initial(&self, seed: u32) -> Result<BTreeMap<String, HostTensor>> {
        self.check()?;
        let mut out = BTreeMap::new();
        for (index, (name, shape)) in self.parameters().into_iter().enumerate() {
            let count = shape.iter().product::<usize>();
            let data = match shape[..] {
                [_, from, ..] => {
                    let deviation = 1.0 / ((9 * from) as f32).sqrt();
                    (0..count).map(|i| deviation * rng::normal([seed, index as u32], i as u32)).collect()
                }
                _ => vec![if name.ends_with("gain") { 1.0 } else { 0.0 }; count],
            };
            out.insert(name, HostTensor::f32(&shape, data)?);
        }
        Ok(out)
    }

    /// Puts parameters into a store, after checking that all are there with their shapes.
    pub fn load(&self, store: &Store, values: &BTreeMap<String, HostTensor>) -> Result<()> {
        self.check()?;
        super::load(store, &self.parameters(), values)
    }

    /// The distributions of the latents of pictures `[n, channels, side, side]`, with values from -1 to 1.
    pub fn encode(&self, g: &mut Graph, pictures: Tensor) -> Result<Encoded> {
        self.check()?;
        let [n, ..] = **g.shape(pictures) else {
            return Err(g.shape_error("vae", "pictures are [n, channels, side, side]", &[pictures]));
        };
        if **g.shape(pictures) != self.pictures(n) {
            return Err(g.shape_error("vae", format!("pictures of {:?} are wanted", self.pictures(n)), &[pictures]));
        }
        g.scope("encoder", |g| {
            let mut x = self.conv(g, "encoder.in", pictures, 1, None)?;
            for i in 0..self.widths.len() {
                let name = format!("encoder.{i}");
                x = self.conv(g, &format!("{name}.down"), x, 2, None)?;
                x = self.block(g, &name, x)?;
            }
            let x = self.norm_silu(g, "encoder.norm", x)?;
            let both = self.conv(g, "encoder.out", x, 1, None)?;
            let mean = g.slice(both, 1, 0, self.latent)?;
            let log_variance = g.slice(both, 1, self.latent, self.latent)?;
            Ok(Encoded { mean: g.name(mean, "mean"), log_variance: g.name(log_variance, "log variance") })
        })
    }

    /// Latents drawn from their distributions: `mean + exp(log_variance / 2) noise`.
    pub fn sample(&self, g: &mut Graph, encoded: Encoded, noise: Tensor) -> Result<Tensor> {
        g.scope("sample", |g| {
            let half = g.scale(encoded.log_variance, 0.5)?;
            let deviation = g.unary(Unary::Exp, half)?;
            let away = g.mul(deviation, noise)?;
            let z = g.add(encoded.mean, away)?;
            Ok(g.name(z, "latents"))
        })
    }

    /// The pictures of latents `[n, latent, side / 2^k, side / 2^k]`; values from -1 to 1, and a little beyond.
    pub fn decode(&self, g: &mut Graph, latents: Tensor) -> Result<Tensor> {
        self.check()?;
        let n = g.shape(latents)[0];
        if **g.shape(latents) != self.latents(n) {
            return Err(g.shape_error("vae", format!("latents of {:?} are wanted", self.latents(n)), &[latents]));
        }
        g.scope("decoder", |g| {
            let mut x = self.conv(g, "decoder.in", latents, 1, None)?;
            for i in (0..self.widths.len()).rev() {
                let name = format!("decoder.{i}");
                x = self.block(g, &name, x)?;
                let large = g.upsample(x, 2)?;
                x = self.conv(g, &format!("{name}.up"), large, 1, None)?;
            }
            let x = self.norm_silu(g, "decoder.norm", x)?;
            let picture = self.conv(g, "decoder.out", x, 1, None)?;
            Ok(g.name(picture, "picture"))
        })
    }

    /// Builds a pass to train: the pictures, noise in the shape of their latents, and the decoder's deviation s.
    pub fn train(&self, g: &mut Graph, pictures: Tensor, noise: Tensor, s: f32) -> Result<Training> {
        let encoded = self.encode(g, pictures)?;
        let z = self.sample(g, encoded, noise)?;
        let picture = self.decode(g, z)?;
        let numbers = g.shape(pictures).count() as f32;
        let n = g.shape(pictures)[0] as f32;
        let (error, kl, loss) = g.scope("loss", |g| -> Result<_> {
            let off = g.sub(picture, pictures)?;
            let squared = g.unary(Unary::Square, off)?;
            let sum = g.sum_all(squared)?;
            let error = g.scale(sum, 1.0 / numbers)?;
            // 1/2 (mean^2 + variance - 1 - log_variance)
            let square = g.unary(Unary::Square, encoded.mean)?;
            let variance = g.unary(Unary::Exp, encoded.log_variance)?;
            let beyond = g.sub(variance, encoded.log_variance)?;
            let beyond = g.unary(Unary::Affine(1.0, -1.0), beyond)?;
            let both = g.add(square, beyond)?;
            let sum = g.sum_all(both)?;
            let kl = g.scale(sum, 0.5 / n)?;
            let cost = g.scale(kl, 2.0 * s * s * n / numbers)?;
            Ok((error, kl, g.add(error, cost)?))
        })?;
        let parameters = self.parameters().into_iter().map(|(name, shape)| {
            let t = g.variable(&name, &shape)?;
            Ok((name, t))
        });
        let parameters = parameters.collect::<Result<_>>()?;
        Ok(Training { parameters, encoded, picture, error, kl, loss })
    }

    /// A 3x3 convolution with bias that keeps the size at stride 1 and halves it at stride 2.
    fn conv(&self, g: &mut Graph, name: &str, x: Tensor, stride: usize, residual: Option<Tensor>) -> Result<Tensor> {
        let [w, bias] = self.pair(g, name, ["weight", "bias"])?;
        let options =
            ConvOptions { window: Window::new(stride, 1), bias: Some(bias), residual, ..ConvOptions::default() };
        g.conv2d(x, w, options)
    }

    fn norm_silu(&self, g: &mut Graph, name: &str, x: Tensor) -> Result<Tensor> {
        let [gain, bias] = self.pair(g, name, ["gain", "bias"])?;
        let h = g.group_norm(x, gain, bias, self.groups, EPSILON)?;
        g.activate(Activation::Silu, h)
    }

    /// `x + conv(silu(norm(conv(silu(norm(x))))))`
    fn block(&self, g: &mut Graph, name: &str, x: Tensor) -> Result<Tensor> {
        g.scope("block", |g| {
            let h = self.norm_silu(g, &format!("{name}.norm1"), x)?;
            let h = self.conv(g, &format!("{name}.conv1"), h, 1, None)?;
            let h = self.norm_silu(g, &format!("{name}.norm2"), h)?;
            self.conv(g, &format!("{name}.conv2"), h, 1, Some(x))
        })
    }

    /// The two parameters of a layer.
    fn pair(&self, g: &mut Graph, layer: &str, parts: [&str; 2]) -> Result<[Tensor; 2]> {
        let list = self.parameters();
        let mut get = |part: &str| {
            let name = format!("{layer}.{part}");
            let shape = &list.iter().find(|(n, _)| *n == name).ok_or_else(|| Error::data(&name, "is no parameter"))?.1;
            g.variable(&name, shape)
        };
        Ok([get(parts[0])?, get(parts[1])?])
    }
}
