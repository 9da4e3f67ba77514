//! A small diffusion Transformer: it looks at a noisy picture in patches, knows how noisy it is, and reads a caption.
//!
//! Each block, for x of `[batch, patches, width]`, with six vectors (shift, scale, gate, twice) made from the time:
//! ```text
//! x = x + gate1 * attention(rms(x) * (1 + scale1) + shift1)     patches among each other
//! x = x + attention(rms(x), caption)                            patches ask, words answer
//! x = x + gate2 * mlp(rms(x) * (1 + scale2) + shift2)
//! ```
//! after Peebles and Xie 2022 (DiT, adaLN-zero: gates start at 0, so that every block starts as the identity). As in PixArt-alpha (Chen
//! et al. 2023) the six vectors come from one matrix for all blocks and a small table of each block's own, and the caption comes in by
//! cross-attention. Norms have no gains of their own: the time sets them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::gpt::{EPSILON, Mode};
use crate::{
    Error, Graph, HostTensor, Result, Store, Tensor,
    ops::{Activation, AttentionOptions, Epilogue, FlashOptions, Mask, Unary},
    rng,
};

/// Sizes of a diffusion Transformer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// The side of a picture in pixels.
    pub side: usize,
    /// Its colour planes.
    pub channels: usize,
    /// The side of a patch in pixels; divides `side`.
    pub patch: usize,
    /// Blocks.
    pub layers: usize,
    /// Width of the residual stream.
    pub width: usize,
    /// Heads of either attention; divides `width`.
    pub heads: usize,
    /// Width of the feed-forward layer.
    pub hidden: usize,
    /// Numbers that tell the time: see [`time_features`](crate::sampling::time_features). Even.
    pub time_features: usize,
    /// Words that it knows.
    pub vocabulary: usize,
    /// Tokens of a caption.
    pub caption: usize,
}

/// Vectors that the time gives to a block.
const SETTINGS: usize = 6;

impl Config {
    /// Checks that the sizes fit each other and this crate's limits.
    pub fn check(&self) -> Result<()> {
        let wrong = |message: &str| Err(Error::data("configuration", message));
        let sizes = [self.side, self.channels, self.patch, self.layers, self.width, self.heads, self.hidden];
        let more = [self.time_features, self.vocabulary, self.caption];
        if sizes.into_iter().chain(more).any(|s| s == 0 || s > 1 << 16) {
            return wrong("every size must be at least 1 and at most 2^16");
        }
        if !self.side.is_multiple_of(self.patch) || !self.width.is_multiple_of(self.heads) {
            return wrong("a patch must divide the side, and heads the width");
        }
        if !self.time_features.is_multiple_of(2) {
            return wrong("the numbers that tell the time come in pairs");
        }
        Ok(())
    }

    /// Patches of a picture.
    pub fn patches(&self) -> usize {
        (self.side / self.patch).pow(2)
    }

    /// Numbers of a patch.
    pub fn patch_numbers(&self) -> usize {
        self.channels * self.patch * self.patch
    }

    /// Names and shapes of the parameters, in the order of the forward pass.
    pub fn parameters(&self) -> Vec<(String, Vec<usize>)> {
        let (d, h, p) = (self.width, self.hidden, self.patch_numbers());
        let named = |list: &[(&str, &[usize])]| -> Vec<(String, Vec<usize>)> {
            list.iter().map(|(name, shape)| ((*name).to_string(), shape.to_vec())).collect()
        };
        let mut list = named(&[
            ("patch.in", &[p, d]),
            ("patch.place", &[self.patches(), d]),
            ("caption.words", &[self.vocabulary, d]),
            ("caption.place", &[self.caption, d]),
            ("time.in", &[self.time_features, d]),
            ("time.in.bias", &[d]),
            ("time.out", &[d, d]),
            ("time.out.bias", &[d]),
            ("settings", &[d, SETTINGS * d]),
            ("settings.bias", &[SETTINGS * d]),
        ]);
        for layer in 0..self.layers {
            for (name, shape) in named(&[
                ("settings", &[SETTINGS * d]),
                ("attention.qkv", &[d, 3 * d]),
                ("attention.out", &[d, d]),
                ("words.q", &[d, d]),
                ("words.kv", &[d, 2 * d]),
                ("words.out", &[d, d]),
                ("feed_forward.up", &[d, h]),
                ("feed_forward.down", &[h, d]),
            ]) {
                list.push((format!("block{layer}.{name}"), shape));
            }
        }
        list.extend(named(&[("end.settings", &[d, 2 * d]), ("patch.out", &[d, p]), ("patch.out.bias", &[p])]));
        list
    }

    /// Numbers to learn.
    pub fn parameter_count(&self) -> usize {
        self.parameters().iter().map(|(_, s)| s.iter().product::<usize>()).sum()
    }

    /// Fresh parameters: matrices uniform within `+-(6 / (rows + columns))^1/2` (Glorot and Bengio 2010); the places of patches
    /// cosines and sines of row and column, as strong as the patches themselves, for patches that do not know where they are
    /// learn colours long before shapes; embeddings of words and their places normal with deviation 0.02; 0 for whatever sets gates, for what writes words into pictures, and for the last matrix: at first nothing
    /// depends on the time or the caption, and the answer is 0.
    pub fn initial(&self, seed: u32) -> Result<BTreeMap<String, HostTensor>> {
        let mut out = BTreeMap::new();
        for (index, (name, shape)) in self.parameters().into_iter().enumerate() {
            let count = shape.iter().product::<usize>();
            let zero =
                shape.len() == 1 || name.contains("settings") || name.ends_with("words.out") || name == "patch.out";
            let key = [seed, index as u32];
            let data = if zero {
                vec![0.0; count]
            } else if name == "patch.place" {
                self.places_of_patches()
            } else if name.starts_with("caption") {
                (0..count).map(|i| 0.02 * rng::normal(key, i as u32)).collect()
            } else {
                let most = (6.0 / (shape[0] + shape[1]) as f32).sqrt();
                (0..count).map(|i| most * (2.0 * rng::unit(rng::bits(key, i as u32)[0]) - 1.0)).collect()
            };
            out.insert(name, HostTensor::f32(&shape, data)?);
        }
        Ok(out)
    }

    /// Row, then column, each by cosines and sines of its number at frequencies from 1 down to nearly 1 / 100.
    fn places_of_patches(&self) -> Vec<f32> {
        let (across, quarter) = (self.side / self.patch, self.width / 4);
        let mut out = Vec::new();
        for place in 0..across * across {
            let mut row = Vec::new();
            for number in [place / across, place % across] {
                let angle = |i: usize| number as f64 * 100f64.powf(-(i as f64) / quarter as f64);
                row.extend((0..quarter).map(|i| angle(i).cos() as f32));
                row.extend((0..quarter).map(|i| angle(i).sin() as f32));
            }
            row.resize(self.width, 0.0);
            out.extend(row);
        }
        out
    }

    /// Puts parameters into a store, after checking that all are there with their shapes.
    pub fn load(&self, store: &Store, values: &BTreeMap<String, HostTensor>) -> Result<()> {
        self.check()?;
        super::load(store, &self.parameters(), values)
    }

    /// Pictures `[batch, channels, side, side]` as patches `[batch, patches, patch_numbers]`: patches by rows, in each the planes one
    /// after the other.
    pub fn to_patches(&self, pictures: &[f32]) -> Vec<f32> {
        let mut out = vec![0.0; pictures.len()];
        self.places(pictures.len(), |pixel, patch| out[patch] = pictures[pixel]);
        out
    }

    /// The way back.
    pub fn to_pictures(&self, patches: &[f32]) -> Vec<f32> {
        let mut out = vec![0.0; patches.len()];
        self.places(patches.len(), |pixel, patch| out[pixel] = patches[patch]);
        out
    }

    /// Calls `f` with the index of every number of whole pictures, as a pixel and in its patch.
    fn places(&self, count: usize, mut f: impl FnMut(usize, usize)) {
        let (side, p, across) = (self.side, self.patch, self.side / self.patch);
        for pixel in 0..count {
            let (column, row, plane) = (pixel % side, pixel / side % side, pixel / (side * side));
            let (channel, picture) = (plane % self.channels, plane / self.channels);
            let patch = (picture * across + row / p) * across + column / p;
            f(pixel, ((patch * self.channels + channel) * p + row % p) * p + column % p);
        }
    }
}

/// What is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// A noisy picture: `[batch, patches, patch_numbers]`.
    pub patches: Tensor,
    /// How noisy: `[batch, time_features]`.
    pub time: Tensor,
    /// The caption's tokens: `[batch, caption]`, integers.
    pub caption: Tensor,
}

/// A forward pass.
#[derive(Clone, Debug)]
pub struct Forward {
    /// Parameters, in the order of [`Config::parameters`].
    pub parameters: Vec<(String, Tensor)>,
    /// By block: how much each patch takes of each word, `[batch, heads, patches, caption]`.
    pub words: Vec<Tensor>,
    /// The answer: `[batch, patches, patch_numbers]`.
    pub answer: Tensor,
}

impl Config {
    /// Builds the forward pass. In [`Mode::Infer`] the weights over words can be fetched.
    pub fn forward(&self, g: &mut Graph, seen: Seen, mode: Mode) -> Result<Forward> {
        self.check()?;
        let (d, patches) = (self.width, self.patches());
        let batch = g.shape(seen.patches).first().copied().unwrap_or(0);
        let wanted = [
            [batch, patches, self.patch_numbers()].to_vec(),
            [batch, self.time_features].to_vec(),
            [batch, self.caption].to_vec(),
        ];
        let given = [seen.patches, seen.time, seen.caption];
        if given.iter().zip(&wanted).any(|(&t, wanted)| **g.shape(t) != **wanted) {
            return Err(g.shape_error("dit", format!("patches, time and caption are to be {wanted:?}"), &given));
        }
        let mut parameters = Vec::new();
        for (name, shape) in self.parameters() {
            let t = g.variable(&name, &shape)?;
            parameters.push((name, t));
        }
        let by_name: BTreeMap<String, Tensor> = parameters.iter().cloned().collect();
        let p = |name: &str| by_name[name];
        let ones = g.constant(HostTensor::f32(&[d], vec![1.0; d])?)?;
        let plus = |bias: Tensor| Epilogue { bias: Some(bias), ..Epilogue::default() };

        let caption = g.scope("caption", |g| -> Result<_> {
            let words = g.embedding(p("caption.words"), seen.caption)?;
            let placed = g.add(words, p("caption.place"))?;
            g.rms_norm(placed, ones, EPSILON)
        })?;
        let (time, settings) = g.scope("time", |g| -> Result<_> {
            let first = g.matmul_with(seen.time, p("time.in"), plus(p("time.in.bias")))?;
            let first = g.activate(Activation::Silu, first)?;
            let time = g.matmul_with(first, p("time.out"), plus(p("time.out.bias")))?;
            let time = g.activate(Activation::Silu, time)?;
            Ok((time, g.matmul_with(time, p("settings"), plus(p("settings.bias")))?))
        })?;
        let mut x = g.scope("patches", |g| -> Result<_> {
            let x = g.matmul(seen.patches, p("patch.in"))?;
            g.add(x, p("patch.place"))
        })?;
        let mut words = Vec::new();
        for layer in 0..self.layers {
            let own = |name: &str| p(&format!("block{layer}.{name}"));
            let (next, weights) =
                g.scope(format!("block{layer}"), |g| self.block(g, x, caption, settings, &own, ones, mode))?;
            x = next;
            words.push(g.name(weights, format!("words of block {layer}")));
        }
        let answer = g.scope("end", |g| -> Result<_> {
            let settings = g.matmul(time, p("end.settings"))?;
            let (shift, scale) = (slot(g, settings, 0, d)?, slot(g, settings, 1, d)?);
            let normed = modulate(g, x, ones, shift, scale)?;
            g.matmul_with(normed, p("patch.out"), plus(p("patch.out.bias")))
        })?;
        g.name(answer, "answer");
        Ok(Forward { parameters, words, answer })
    }

    fn block(
        &self,
        g: &mut Graph,
        x: Tensor,
        caption: Tensor,
        settings: Tensor,
        own: &dyn Fn(&str) -> Tensor,
        ones: Tensor,
        mode: Mode,
    ) -> Result<(Tensor, Tensor)> {
        let (d, heads, batch) = (self.width, self.heads, g.shape(x)[0]);
        let settings = g.add(settings, own("settings"))?;
        let mut vectors = Vec::new();
        for i in 0..SETTINGS {
            vectors.push(slot(g, settings, i, d)?);
        }
        // `[batch, tokens, width]` to `[batch, heads, tokens, d]`, from a place on.
        let split = |g: &mut Graph, all: Tensor, part: usize| -> Result<Tensor> {
            let (tokens, parts) = (g.shape(all)[1], g.shape(all)[2] / d);
            let all = g.reshape(all, &[batch, tokens, parts * heads, d / heads])?;
            let all = g.permute(all, &[0, 2, 1, 3])?;
            g.slice(all, 1, part * heads, heads)
        };
        let joined = |g: &mut Graph, mixed: Tensor| -> Result<Tensor> {
            let tokens = g.shape(mixed)[2];
            let mixed = g.permute(mixed, &[0, 2, 1, 3])?;
            g.reshape(mixed, &[batch, tokens, d])
        };
        let attend = |g: &mut Graph, q: Tensor, k: Tensor, v: Tensor| -> Result<(Tensor, Tensor)> {
            let steps = g.attention(q, k, v, AttentionOptions { scale: None, mask: Mask::None })?;
            let output = match mode {
                Mode::Infer => steps.output,
                Mode::Train => g.flash_attention(q, k, v, FlashOptions::default())?.output,
            };
            Ok((output, steps.weights))
        };

        let x = g.scope("attention", |g| -> Result<_> {
            let normed = modulate(g, x, ones, vectors[0], vectors[1])?;
            let all = g.matmul(normed, own("attention.qkv"))?;
            let (q, k, v) = (split(g, all, 0)?, split(g, all, 1)?, split(g, all, 2)?);
            let (mixed, _) = attend(g, q, k, v)?;
            let mixed = joined(g, mixed)?;
            let out = g.matmul(mixed, own("attention.out"))?;
            let gated = g.mul(out, vectors[2])?;
            g.add(x, gated)
        })?;
        let (x, weights) = g.scope("words", |g| -> Result<_> {
            let normed = g.rms_norm(x, ones, EPSILON)?;
            let q = g.matmul(normed, own("words.q"))?;
            let kv = g.matmul(caption, own("words.kv"))?;
            let (q, k, v) = (split(g, q, 0)?, split(g, kv, 0)?, split(g, kv, 1)?);
            let (mixed, weights) = attend(g, q, k, v)?;
            let mixed = joined(g, mixed)?;
            let add = Epilogue { residual: Some(x), ..Epilogue::default() };
            Ok((g.matmul_with(mixed, own("words.out"), add)?, weights))
        })?;
        let x = g.scope("feed_forward", |g| -> Result<_> {
            let normed = modulate(g, x, ones, vectors[3], vectors[4])?;
            let hidden = g.matmul(normed, own("feed_forward.up"))?;
            let hidden = g.activate(Activation::Gelu, hidden)?;
            let out = g.matmul(hidden, own("feed_forward.down"))?;
            let gated = g.mul(out, vectors[5])?;
            g.add(x, gated)
        })?;
        Ok((x, weights))
    }
}

/// Vector `i` of `[batch, n * d]`, as `[batch, 1, d]`.
fn slot(g: &mut Graph, settings: Tensor, i: usize, d: usize) -> Result<Tensor> {
    let batch = g.shape(settings)[0];
    let one = g.slice(settings, 1, i * d, d)?;
    g.reshape(one, &[batch, 1, d])
}

/// `rms(x) * (1 + scale) + shift`
fn modulate(g: &mut Graph, x: Tensor, ones: Tensor, shift: Tensor, scale: Tensor) -> Result<Tensor> {
    let normed = g.rms_norm(x, ones, EPSILON)?;
    let factor = g.unary(Unary::Affine(1.0, 1.0), scale)?;
    let scaled = g.mul(normed, factor)?;
    g.add(scaled, shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patches_are_where_they_should_be() {
        let config = Config {
            side: 6,
            channels: 2,
            patch: 3,
            layers: 1,
            width: 4,
            heads: 1,
            hidden: 4,
            time_features: 2,
            vocabulary: 2,
            caption: 1,
        };
        let pictures: Vec<f32> = (0..2 * 2 * 36).map(|i| i as f32).collect();
        let patches = config.to_patches(&pictures);
        // The second patch of the first picture, its first plane: columns 3 to 5 of rows 0 to 2.
        assert_eq!(&patches[18..27], [3.0, 4.0, 5.0, 9.0, 10.0, 11.0, 15.0, 16.0, 17.0]);
        assert_eq!(config.to_pictures(&patches), pictures);
    }
}
