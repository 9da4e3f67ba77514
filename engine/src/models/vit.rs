//! A Vision Transformer (Dosovitskiy et al. 2021): a picture cut into squares, each square a token.
//!
//! A picture of `[channels, side, side]` has `n = (side / patch)^2` squares, in reading order. Laid out flat, channel by channel
//! and row by row, square i is a vector x_i of `channels patch^2` numbers. Then
//! ```text
//! z_0     = class + p_0                  a learned vector that belongs to no square
//! z_(i+1) = x_i E + e + p_(i+1)          one matrix for all squares: a convolution of width and stride `patch`
//! a = layer_norm(z) Wqkv                 queries, keys, values of all heads side by side
//! z = z + softmax(q k^T / sqrt(d)) v Wout          every token sees every token
//! z = z + gelu(layer_norm(z) Wup) Wdown
//! logits = layer_norm(z)_0 H + h         one classifier for each task, side by side
//! ```
//! The block is that of [`super::gpt`] without a mask and without rotary positions: the only thing that knows where a square
//! was is p, one free vector a place.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use super::gpt::{EPSILON, Mode};
use crate::{
    Error, Graph, HostTensor, Result, Store, Tensor,
    ops::{Activation, AttentionOptions, Epilogue, FLASH_COLUMNS, FlashOptions, Mask, Reduction},
    rng,
};

/// The scope of what every token does with every other: the work that grows with the square of their number.
pub const PAIRS: &str = "every pair of tokens";

/// A question about a picture with a fixed list of answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// What it asks for.
    pub name: String,
    /// How many answers there are.
    pub classes: usize,
}

/// Sizes of a Vision Transformer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// Pixels along each side of a picture.
    pub side: usize,
    /// Numbers of a pixel.
    pub channels: usize,
    /// Pixels along each side of a square; divides `side`.
    pub patch: usize,
    /// Blocks.
    pub layers: usize,
    /// Width of the residual stream.
    pub width: usize,
    /// Heads of a layer; divides `width`.
    pub heads: usize,
    /// Width of the feed-forward layer.
    pub hidden: usize,
    /// What is read off the class token.
    pub tasks: Vec<Task>,
}

impl Config {
    /// Checks that the sizes fit each other and this crate's limits.
    ///
    /// # Errors
    /// A size of 0 or beyond the limits, a patch that does not divide the side, heads that do not divide the width, no task.
    pub fn check(&self) -> Result<()> {
        let wrong = |message: &str| Err(Error::data("configuration", message));
        let sizes = [self.side, self.channels, self.patch, self.layers, self.width, self.heads, self.hidden];
        if sizes.contains(&0) || sizes.iter().any(|&s| s > 1 << 16) {
            return wrong("every size must be at least 1 and at most 2^16");
        }
        if !self.side.is_multiple_of(self.patch) {
            return wrong("the patch must divide the side of the picture");
        }
        if self.tokens() > 1 << 16 || self.patch_values() > 1 << 20 {
            return wrong("there are too many squares, or numbers in a square");
        }
        if !self.width.is_multiple_of(self.heads) {
            return wrong("heads must divide the width");
        }
        if self.tasks.is_empty() || self.tasks.iter().any(|t| t.classes == 0 || t.classes > 1 << 16) {
            return wrong("there must be a task, and answers to each");
        }
        Ok(())
    }

    /// Squares along each side.
    pub fn grid(&self) -> usize {
        self.side / self.patch
    }

    /// Squares of a picture.
    pub fn patches(&self) -> usize {
        self.grid() * self.grid()
    }

    /// Tokens: the class token, then the squares.
    pub fn tokens(&self) -> usize {
        self.patches() + 1
    }

    /// Numbers in a square.
    pub fn patch_values(&self) -> usize {
        self.channels * self.patch * self.patch
    }

    /// Width of one head.
    pub fn head_width(&self) -> usize {
        self.width / self.heads
    }

    /// Answers of all tasks together.
    pub fn classes(&self) -> usize {
        self.tasks.iter().map(|task| task.classes).sum()
    }

    /// Names and shapes of the parameters, in the order of the forward pass.
    pub fn parameters(&self) -> Vec<(String, Vec<usize>)> {
        let (d, h) = (self.width, self.hidden);
        let mut list = vec![
            ("patch.weight".to_string(), vec![self.patch_values(), d]),
            ("patch.bias".to_string(), vec![d]),
            ("class".to_string(), vec![d]),
            ("positions".to_string(), vec![self.tokens(), d]),
        ];
        for layer in 0..self.layers {
            for (name, shape) in [
                ("attention.norm.gain", vec![d]),
                ("attention.norm.bias", vec![d]),
                ("attention.qkv", vec![d, 3 * d]),
                ("attention.out", vec![d, d]),
                ("feed_forward.norm.gain", vec![d]),
                ("feed_forward.norm.bias", vec![d]),
                ("feed_forward.up", vec![d, h]),
                ("feed_forward.down", vec![h, d]),
            ] {
                list.push((format!("block{layer}.{name}"), shape));
            }
        }
        list.push(("norm.gain".to_string(), vec![d]));
        list.push(("norm.bias".to_string(), vec![d]));
        list.push(("head.weight".to_string(), vec![d, self.classes()]));
        list.push(("head.bias".to_string(), vec![self.classes()]));
        list
    }

    /// Numbers to learn.
    pub fn parameter_count(&self) -> usize {
        self.parameters().iter().map(|(_, s)| s.iter().product::<usize>()).sum()
    }

    /// Fresh parameters: gains 1, biases 0, the rest normal with deviation 0.02, save the patch embedding, whose deviation is the
    /// inverse root of the numbers it reads (pixels are not yet normalised), and the two matrices that write into the residual
    /// stream, scaled down by the root of twice the depth.
    ///
    /// # Errors
    /// Where a shape is beyond what a tensor may have.
    pub fn initial(&self, seed: u32) -> Result<BTreeMap<String, HostTensor>> {
        let mut out = BTreeMap::new();
        for (index, (name, shape)) in self.parameters().into_iter().enumerate() {
            let count = shape.iter().product::<usize>();
            let deviation = match name.as_str() {
                "patch.weight" => 1.0 / (shape[0] as f32).sqrt(),
                name if name.ends_with("attention.out") || name.ends_with("feed_forward.down") => {
                    0.02 / (2.0 * self.layers as f32).sqrt()
                }
                _ => 0.02,
            };
            let data = match name.rsplit('.').next() {
                Some("gain") => vec![1.0; count],
                Some("bias") => vec![0.0; count],
                _ => (0..count).map(|i| deviation * rng::normal([seed, index as u32], i as u32)).collect(),
            };
            out.insert(name, HostTensor::f32(&shape, data)?);
        }
        Ok(out)
    }

    /// Puts parameters into a store, after checking that all are there with their shapes.
    ///
    /// # Errors
    /// A configuration that does not hold together, a parameter that is missing, misshapen or not finite.
    pub fn load(&self, store: &Store, values: &BTreeMap<String, HostTensor>) -> Result<()> {
        self.check()?;
        super::load(store, &self.parameters(), values)
    }
}

/// What one block computed.
#[derive(Clone, Debug)]
pub struct Block {
    /// What came in, normalised: what queries, keys and values are made of.
    pub normed: Tensor,
    /// Queries: `[batch, heads, tokens, d]`.
    pub q: Tensor,
    /// Keys: `[batch, heads, tokens, d]`.
    pub k: Tensor,
    /// Values: `[batch, heads, tokens, d]`.
    pub v: Tensor,
    /// Dot products, not yet scaled: `[batch, heads, tokens, tokens]`.
    pub scores: Tensor,
    /// Attention weights: `[batch, heads, tokens, tokens]`, each row sums to 1.
    pub weights: Tensor,
    /// The residual stream after attention: `[batch, tokens, width]`.
    pub attended: Tensor,
    /// The feed-forward layer's activations: `[batch, tokens, hidden]`.
    pub hidden: Tensor,
    /// The residual stream after the block.
    pub out: Tensor,
}

/// A forward pass.
#[derive(Clone, Debug)]
pub struct Forward {
    /// Parameters, in the order of [`Config::parameters`].
    pub parameters: Vec<(String, Tensor)>,
    /// The squares laid out flat: `[batch, patches, patch_values]`.
    pub patches: Tensor,
    /// Their vectors, before positions: `[batch, patches, width]`.
    pub projected: Tensor,
    /// Class token and squares with their positions: `[batch, tokens, width]`.
    pub embedded: Tensor,
    /// The blocks.
    pub blocks: Vec<Block>,
    /// The last residual stream, normalised: `[batch, tokens, width]`. What a language model would be shown.
    pub features: Tensor,
    /// For each task `[batch, classes]`.
    pub logits: Vec<Tensor>,
}

impl Graph {
    /// Cuts pictures `[batch, channels, side, side]` into squares of `patch`, in reading order, each laid out flat channel by
    /// channel: `[batch, (side / patch)^2, channels patch^2]`. Two views of four axes, where six would say it at once.
    ///
    /// # Errors
    /// Pictures of another shape, or a patch that does not divide their sides.
    pub fn patchify(&mut self, pictures: Tensor, patch: usize) -> Result<Tensor> {
        let [batch, channels, height, width] = **self.shape(pictures) else {
            return Err(self.shape_error("patchify", "pictures are [batch, channels, height, width]", &[pictures]));
        };
        if patch == 0 || !height.is_multiple_of(patch) || !width.is_multiple_of(patch) {
            return Err(self.shape_error("patchify", format!("{patch} does not divide the sides"), &[pictures]));
        }
        let (rows, columns) = (height / patch, width / patch);
        // Bands of `patch` rows, each band with all its channels.
        let bands = self.reshape(pictures, &[batch, channels, rows, patch * width])?;
        let bands = self.permute(bands, &[0, 2, 1, 3])?;
        // Each band cut across.
        let squares = self.reshape(bands, &[batch * rows, channels * patch, columns, patch])?;
        let squares = self.permute(squares, &[0, 2, 1, 3])?;
        self.reshape(squares, &[batch, rows * columns, channels * patch * patch])
    }
}

impl Config {
    /// Builds the forward pass over `pictures`, `[batch, channels, side, side]`.
    ///
    /// # Errors
    /// A configuration that does not hold together, or pictures of another shape.
    pub fn forward(&self, g: &mut Graph, pictures: Tensor, mode: Mode) -> Result<Forward> {
        self.check()?;
        let [batch, channels, height, width] = **g.shape(pictures) else {
            return Err(g.shape_error("vit", "pictures are [batch, channels, side, side]", &[pictures]));
        };
        if [channels, height, width] != [self.channels, self.side, self.side] {
            return Err(g.shape_error("vit", "the pictures are of another size", &[pictures]));
        }
        let mut parameters = Vec::new();
        for (name, shape) in self.parameters() {
            let t = g.variable(&name, &shape)?;
            parameters.push((name, t));
        }
        let by_name: BTreeMap<&str, Tensor> = parameters.iter().map(|(n, t)| (n.as_str(), *t)).collect();

        let (patches, projected, embedded) = g.scope("patches", |g| -> Result<_> {
            let patches = g.patchify(pictures, self.patch)?;
            let bias = Epilogue { bias: Some(by_name["patch.bias"]), ..Epilogue::default() };
            let projected = g.matmul_with(patches, by_name["patch.weight"], bias)?;
            let class = g.expand(by_name["class"], &[batch, 1, self.width])?;
            let tokens = g.concat(&[class, projected], 1)?;
            Ok((patches, projected, g.add(tokens, by_name["positions"])?))
        })?;
        for (t, name) in [(patches, "squares"), (projected, "patch vectors"), (embedded, "with positions")] {
            g.name(t, name);
        }

        let mut x = embedded;
        let mut blocks = Vec::new();
        for layer in 0..self.layers {
            let parameter = |name: &str| by_name[format!("block{layer}.{name}").as_str()];
            let block = g.scope(format!("block{layer}"), |g| self.block(g, x, batch, &parameter, mode))?;
            x = block.out;
            blocks.push(block);
        }

        let (features, logits) = g.scope("logits", |g| -> Result<_> {
            let features = g.layer_norm(x, by_name["norm.gain"], by_name["norm.bias"], EPSILON)?;
            let class = g.slice(features, 1, 0, 1)?;
            let class = g.reshape(class, &[batch, self.width])?;
            let bias = Epilogue { bias: Some(by_name["head.bias"]), ..Epilogue::default() };
            let all = g.matmul_with(class, by_name["head.weight"], bias)?;
            let mut start = 0;
            let mut logits = Vec::new();
            for task in &self.tasks {
                let own = g.slice(all, 1, start, task.classes)?;
                start += task.classes;
                logits.push(g.name(own, format!("logits of {}", task.name)));
            }
            Ok((features, logits))
        })?;
        g.name(features, "features");
        Ok(Forward { parameters, patches, projected, embedded, blocks, features, logits })
    }

    fn block(
        &self,
        g: &mut Graph,
        x: Tensor,
        batch: usize,
        parameter: &dyn Fn(&str) -> Tensor,
        mode: Mode,
    ) -> Result<Block> {
        let (tokens, d, heads) = (self.tokens(), self.head_width(), self.heads);
        let norm = |g: &mut Graph, x: Tensor, name: &str| {
            g.layer_norm(x, parameter(&format!("{name}.gain")), parameter(&format!("{name}.bias")), EPSILON)
        };
        let (normed, [q, k, v], attention, attended) = g.scope("attention", |g| -> Result<_> {
            let normed = norm(g, x, "attention.norm")?;
            let all = g.matmul(normed, parameter("attention.qkv"))?;
            let all = g.reshape(all, &[batch, tokens, 3 * heads, d])?;
            let all = g.permute(all, &[0, 2, 1, 3])?;
            let q = g.slice(all, 1, 0, heads)?;
            let k = g.slice(all, 1, heads, heads)?;
            let v = g.slice(all, 1, 2 * heads, heads)?;
            let attention = g.scope(PAIRS, |g| -> Result<_> {
                let mut attention = g.attention(q, k, v, AttentionOptions { scale: None, mask: Mask::None })?;
                if mode == Mode::Train && d <= FLASH_COLUMNS {
                    attention.output = g.flash_attention(q, k, v, FlashOptions::default())?.output;
                }
                Ok(attention)
            })?;
            let joined = g.permute(attention.output, &[0, 2, 1, 3])?;
            let joined = g.reshape(joined, &[batch, tokens, self.width])?;
            let add = Epilogue { residual: Some(x), ..Epilogue::default() };
            let attended = g.matmul_with(joined, parameter("attention.out"), add)?;
            Ok((normed, [q, k, v], attention, attended))
        })?;
        let (hidden, out) = g.scope("feed_forward", |g| -> Result<_> {
            let normed = norm(g, attended, "feed_forward.norm")?;
            let up = parameter("feed_forward.up");
            let hidden = match mode {
                Mode::Infer => {
                    g.matmul_with(normed, up, Epilogue { activation: Activation::Gelu, ..Epilogue::default() })?
                }
                Mode::Train => {
                    let before = g.matmul(normed, up)?;
                    g.activate(Activation::Gelu, before)?
                }
            };
            let add = Epilogue { residual: Some(attended), ..Epilogue::default() };
            Ok((hidden, g.matmul_with(hidden, parameter("feed_forward.down"), add)?))
        })?;
        for (t, name) in [
            (q, "queries"),
            (k, "keys"),
            (v, "values"),
            (attention.scores, "scores"),
            (attention.weights, "weights"),
            (attended, "after attention"),
            (hidden, "hidden"),
            (out, "after the block"),
        ] {
            g.name(t, name);
        }
        let (scores, weights) = (attention.scores, attention.weights);
        Ok(Block { normed, q, k, v, scores, weights, attended, hidden, out })
    }

    /// Attention rollout (Abnar and Zuidema 2020): how much of each input token is in each token after each block, if a block
    /// passed on half of what came in and half of what its heads, on average, looked at.
    ///
    /// `R_l = (A_l / 2 + I / 2) R_(l-1)`, `R_0 = I`, A_l the mean of the block's weights over its heads. Returns R after every
    /// block, each `[batch, tokens, tokens]`; rows sum to 1. An account of where attention pointed, not of what mattered.
    ///
    /// # Errors
    /// Where a forward pass of another configuration is given.
    pub fn rollout(&self, g: &mut Graph, forward: &Forward) -> Result<Vec<Tensor>> {
        let n = self.tokens();
        let batch = g.shape(forward.patches)[0];
        g.scope("rollout", |g| {
            let half = (0..n * n).map(|i| if i % (n + 1) == 0 { 0.5 } else { 0.0 }).collect();
            let half = g.constant(HostTensor::f32(&[1, n, n], half)?)?;
            let half = g.expand(half, &[batch, n, n])?;
            let mut list: Vec<Tensor> = Vec::new();
            for block in &forward.blocks {
                let mean = g.reduce(block.weights, 1, Reduction::Mean)?;
                let mean = g.scale(mean, 0.5)?;
                let step = g.add(mean, half)?;
                let rolled = match list.last() {
                    Some(&before) => g.matmul(step, before)?,
                    None => step,
                };
                list.push(g.name(rolled, "rollout"));
            }
            Ok(list)
        })
    }
}
