//! A decoder-only Transformer: pre-norm (RMSNorm), rotary positions, grouped key and value heads, tied embedding.
//!
//! Each block, for x of `[batch, positions, width]`:
//! ```text
//! a = rms_norm(x) Wqkv            queries, keys, values of all heads side by side
//! q, k = rope(a_q), rope(a_k)
//! x = x + softmax(q k^T / sqrt(d), causal) v Wout
//! x = x + gelu(rms_norm(x) Wup) Wdown
//! ```
//! after Vaswani et al. 2017, with the pre-norm of GPT-2 (Radford et al. 2019), RMSNorm of Zhang and Sennrich 2019,
//! rotary positions of Su et al. 2021, grouped heads of Ainslie et al. 2023.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    Error, Graph, HostTensor, Result, Store, Tensor,
    ops::{Activation, AttentionOptions, Epilogue, FLASH_COLUMNS, FlashOptions, Mask},
    rng,
};

/// Sizes of a decoder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// Tokens it knows.
    pub vocabulary: usize,
    /// Positions it was trained on.
    pub context: usize,
    /// Blocks.
    pub layers: usize,
    /// Width of the residual stream.
    pub width: usize,
    /// Query heads of a layer.
    pub heads: usize,
    /// Key and value heads of a layer; divides `heads`.
    pub kv_heads: usize,
    /// Width of the feed-forward layer.
    pub hidden: usize,
    /// Base of the rotary frequencies.
    pub rope_base: f32,
}

/// Added to the mean square before the root, in every norm.
pub const EPSILON: f32 = 1e-5;

impl Config {
    /// Checks that the sizes fit each other and this crate's limits.
    pub fn check(&self) -> Result<()> {
        let wrong = |message: &str| Err(Error::data("configuration", message));
        let sizes = [self.vocabulary, self.context, self.layers, self.width, self.heads, self.kv_heads, self.hidden];
        if sizes.contains(&0) || sizes.iter().any(|&s| s > 1 << 20) {
            return wrong("every size must be at least 1 and at most 2^20");
        }
        if !self.width.is_multiple_of(self.heads) || !self.heads.is_multiple_of(self.kv_heads) {
            return wrong("heads must divide the width, and key-value heads the heads");
        }
        if !self.head_width().is_multiple_of(2) {
            return wrong("rotary positions need an even head width");
        }
        if !(self.rope_base.is_finite() && self.rope_base > 1.0) {
            return wrong("the rotary base must be a number above 1");
        }
        Ok(())
    }

    /// Width of one head.
    pub fn head_width(&self) -> usize {
        self.width / self.heads
    }

    /// Names and shapes of the parameters, in the order of the forward pass.
    pub fn parameters(&self) -> Vec<(String, Vec<usize>)> {
        let (d, h) = (self.width, self.hidden);
        let side_by_side = (self.heads + 2 * self.kv_heads) * self.head_width();
        let mut list = vec![("embedding".to_string(), vec![self.vocabulary, d])];
        for layer in 0..self.layers {
            for (name, shape) in [
                ("attention.norm", vec![d]),
                ("attention.qkv", vec![d, side_by_side]),
                ("attention.out", vec![d, d]),
                ("feed_forward.norm", vec![d]),
                ("feed_forward.up", vec![d, h]),
                ("feed_forward.down", vec![h, d]),
            ] {
                list.push((format!("block{layer}.{name}"), shape));
            }
        }
        list.push(("norm".to_string(), vec![d]));
        list
    }

    /// Numbers to learn.
    pub fn parameter_count(&self) -> usize {
        self.parameters().iter().map(|(_, s)| s.iter().product::<usize>()).sum()
    }

    /// Fresh parameters: normal with deviation 0.02, gains 1, and the two matrices that write into the residual stream
    /// scaled down by the root of twice the depth, so that its variance does not grow with depth (Radford et al. 2019).
    pub fn initial(&self, seed: u32) -> Result<BTreeMap<String, HostTensor>> {
        let mut out = BTreeMap::new();
        for (index, (name, shape)) in self.parameters().into_iter().enumerate() {
            let count = shape.iter().product::<usize>();
            let writes = name.ends_with("attention.out") || name.ends_with("feed_forward.down");
            let deviation = if writes { 0.02 / (2.0 * self.layers as f32).sqrt() } else { 0.02 };
            let data = if name.ends_with("norm") {
                vec![1.0; count]
            } else {
                (0..count).map(|i| deviation * rng::normal([seed, index as u32], i as u32)).collect()
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
}

/// What one block computed.
#[derive(Clone, Debug)]
pub struct Block {
    /// What came in, normalised: what queries, keys and values are made of.
    pub normed: Tensor,
    /// Queries, turned by position: `[batch, heads, positions, d]`.
    pub q: Tensor,
    /// Keys, turned by position: `[batch, kv_heads, positions, d]`.
    pub k: Tensor,
    /// Values: `[batch, kv_heads, positions, d]`.
    pub v: Tensor,
    /// Queries and keys before they are turned: `[batch, heads + kv_heads, positions, d]`.
    pub unturned: Tensor,
    /// Dot products, not yet scaled: `[batch, heads, positions, positions]`.
    pub scores: Tensor,
    /// Attention weights.
    pub weights: Tensor,
    /// Weighted sums of values: `[batch, heads, positions, d]`.
    pub mixed: Tensor,
    /// The residual stream after attention: `[batch, positions, width]`.
    pub attended: Tensor,
    /// The feed-forward layer's activations: `[batch, positions, hidden]`.
    pub hidden: Tensor,
    /// The residual stream after the block.
    pub out: Tensor,
}

/// A forward pass.
#[derive(Clone, Debug)]
pub struct Forward {
    /// Parameters, in the order of [`Config::parameters`].
    pub parameters: Vec<(String, Tensor)>,
    /// Token vectors: `[batch, positions, width]`.
    pub embedded: Tensor,
    /// The blocks.
    pub blocks: Vec<Block>,
    /// The last residual stream, normalised.
    pub normed: Tensor,
    /// `[batch, positions, vocabulary]`
    pub logits: Tensor,
}

/// Whether a pass will be differentiated.
///
/// Either way the scores and weights of a block can be fetched. In `Infer` its output is made of them, step by step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Fuses all but attention, whose steps are what readers look at.
    Infer,
    /// Keeps what the backward pass reads, and fuses attention, whose backward pass needs no weights.
    Train,
}

/// A product of the forward pass with one of the model's matrices.
#[derive(Clone, Copy, Debug)]
pub struct Projection<'a> {
    /// The parameter's name.
    pub name: &'a str,
    /// What is multiplied: `[batch, positions, k]`.
    pub x: Tensor,
    /// The parameter, `[k, n]`; the embedding, which makes the logits, comes transposed.
    pub w: Tensor,
    /// What is done to the product.
    pub epilogue: Epilogue,
}

impl Projection<'_> {
    /// The product as it is: `f(x w) + residual`.
    pub fn plain(&self, g: &mut Graph) -> Result<Tensor> {
        g.matmul_with(self.x, self.w, self.epilogue)
    }
}

/// How a product with a matrix is built: what quantisation, adapters and the like replace.
pub type Project<'a> = dyn FnMut(&mut Graph, &Projection<'_>) -> Result<Tensor> + 'a;

impl Config {
    /// Builds the forward pass over `tokens`, `[batch, positions]`.
    pub fn forward(&self, g: &mut Graph, tokens: Tensor, mode: Mode) -> Result<Forward> {
        self.forward_with(g, tokens, mode, &mut |g, projection| projection.plain(g))
    }

    /// The same, with every product with a matrix built by `project`.
    pub fn forward_with(
        &self,
        g: &mut Graph,
        tokens: Tensor,
        mode: Mode,
        project: &mut Project<'_>,
    ) -> Result<Forward> {
        self.check()?;
        let [batch, positions] = **g.shape(tokens) else {
            return Err(g.shape_error("gpt", "tokens are [batch, positions]", &[tokens]));
        };
        let mut parameters = Vec::new();
        for (name, shape) in self.parameters() {
            let t = g.variable(&name, &shape)?;
            parameters.push((name, t));
        }
        let by_name: BTreeMap<&str, Tensor> = parameters.iter().map(|(n, t)| (n.as_str(), *t)).collect();
        let table = by_name["embedding"];
        let embedded = g.scope("embedding", |g| g.embedding(table, tokens))?;
        g.name(embedded, "token vectors");
        let mut x = embedded;
        let mut blocks = Vec::new();
        for layer in 0..self.layers {
            let parameter = |name: &str| by_name[format!("block{layer}.{name}").as_str()];
            let mut product = |g: &mut Graph, name: &str, x: Tensor, epilogue: Epilogue| {
                let full = format!("block{layer}.{name}");
                project(g, &Projection { name: &full, x, w: parameter(name), epilogue })
            };
            let block = g.scope(format!("block{layer}"), |g| {
                self.block(g, x, [batch, positions], &parameter, &mut product, mode)
            })?;
            x = block.out;
            blocks.push(block);
        }
        let (normed, logits) = g.scope("logits", |g| -> Result<_> {
            let normed = g.rms_norm(x, by_name["norm"], EPSILON)?;
            let back = g.transpose(table)?;
            let head = Projection { name: "embedding", x: normed, w: back, epilogue: Epilogue::default() };
            Ok((normed, project(g, &head)?))
        })?;
        g.name(logits, "logits");
        Ok(Forward { parameters, embedded, blocks, normed, logits })
    }

    fn block(
        &self,
        g: &mut Graph,
        x: Tensor,
        [batch, positions]: [usize; 2],
        parameter: &dyn Fn(&str) -> Tensor,
        product: &mut dyn FnMut(&mut Graph, &str, Tensor, Epilogue) -> Result<Tensor>,
        mode: Mode,
    ) -> Result<Block> {
        let (d, heads, kv) = (self.head_width(), self.heads, self.kv_heads);
        let (normed, unturned, q, k, v, attention, attended) = g.scope("attention", |g| -> Result<_> {
            let normed = g.rms_norm(x, parameter("attention.norm"), EPSILON)?;
            let all = product(g, "attention.qkv", normed, Epilogue::default())?;
            let all = g.reshape(all, &[batch, positions, heads + 2 * kv, d])?;
            let all = g.permute(all, &[0, 2, 1, 3])?;
            // Queries and keys are turned together: they lie side by side.
            let unturned = g.slice(all, 1, 0, heads + kv)?;
            let turned = g.rope(unturned, None, self.rope_base)?;
            let q = g.slice(turned, 1, 0, heads)?;
            let k = g.slice(turned, 1, heads, kv)?;
            let v = g.slice(all, 1, heads + kv, kv)?;
            let options = AttentionOptions { scale: None, mask: Mask::Causal };
            let mut attention = g.attention(q, k, v, options)?;
            if mode == Mode::Train && d <= FLASH_COLUMNS {
                // Scores and weights are tensors still, for who asks, but the pass does without them.
                let options = FlashOptions { mask: Mask::Causal, ..FlashOptions::default() };
                attention.output = g.flash_attention(q, k, v, options)?.output;
            }
            let joined = g.permute(attention.output, &[0, 2, 1, 3])?;
            let joined = g.reshape(joined, &[batch, positions, heads * d])?;
            let add = Epilogue { residual: Some(x), ..Epilogue::default() };
            let attended = product(g, "attention.out", joined, add)?;
            Ok((normed, unturned, q, k, v, attention, attended))
        })?;
        let (hidden, out) = g.scope("feed_forward", |g| -> Result<_> {
            let normed = g.rms_norm(attended, parameter("feed_forward.norm"), EPSILON)?;
            let up = "feed_forward.up";
            let hidden = match mode {
                Mode::Infer => {
                    product(g, up, normed, Epilogue { activation: Activation::Gelu, ..Epilogue::default() })?
                }
                Mode::Train => {
                    let before = product(g, up, normed, Epilogue::default())?;
                    g.activate(Activation::Gelu, before)?
                }
            };
            let add = Epilogue { residual: Some(attended), ..Epilogue::default() };
            Ok((hidden, product(g, "feed_forward.down", hidden, add)?))
        })?;
        for (t, name) in [
            (q, "queries"),
            (k, "keys"),
            (v, "values"),
            (attention.scores, "scores"),
            (attention.weights, "weights"),
            (attention.output, "weighted sums"),
            (attended, "after attention"),
            (hidden, "hidden"),
            (out, "after the block"),
        ] {
            g.name(t, name);
        }
        Ok(Block {
            normed,
            q,
            k,
            v,
            unturned,
            scores: attention.scores,
            weights: attention.weights,
            mixed: attention.output,
            attended,
            hidden,
            out,
        })
    }
}
