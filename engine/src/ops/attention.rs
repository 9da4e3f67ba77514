//! Attention (Vaswani et al., 2017), step by step, each step a tensor that can be looked at.
//!
//! `scores = q k^T`, `weights = softmax(scale scores)` over the keys that the mask shows, `output = weights v`.
//!
//! q: `[b, h, tq, d]`; k: `[b, kv, tk, d]`; v: `[b, kv, tk, dv]`; scores, weights: `[b, h, tq, tk]`; output:
//! `[b, h, tq, dv]`. The heads of queries are a multiple of those of keys; neighbours share one: query head i reads
//! key head `i / (h / kv)` (Ainslie et al., *GQA*, 2023).

use super::{Case, Entry, Make, Mask, Tolerance, attr};
use crate::{Graph, Result, Tensor};

/// What attention does besides its products.
#[derive(Debug, Clone, Copy, Default)]
pub struct AttentionOptions {
    /// Factor of the scores; `None` is `1 / sqrt(d)`.
    pub scale: Option<f32>,
    /// Which keys a query sees.
    pub mask: Mask,
}

/// The tensors of one attention.
#[derive(Debug, Clone, Copy)]
pub struct Attention {
    /// `q k^T`, not yet scaled or masked: `[b, h, tq, tk]`.
    pub scores: Tensor,
    /// How much each query takes of each key; rows sum to 1: `[b, h, tq, tk]`.
    pub weights: Tensor,
    /// `[b, h, tq, dv]`
    pub output: Tensor,
}

impl Graph {
    /// Attention of q `[b, h, tq, d]` to k `[b, kv, tk, d]` and v `[b, kv, tk, dv]`, h a multiple of kv.
    ///
    /// # Errors
    /// Where the shapes are not those, or the mask does not fit them.
    pub fn attention(&mut self, q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions) -> Result<Attention> {
        let shapes = [q, k, v].map(|t| self.shape(t).to_vec());
        let [[b, h, tq, d], [kb, kv, tk, kd], [vb, vh, vt, dv]] =
            match shapes.each_ref().map(|s| <[usize; 4]>::try_from(&s[..])) {
                [Ok(q), Ok(k), Ok(v)] => [q, k, v],
                _ => return Err(self.shape_error("attention", "q, k and v need four axes each", &[q, k, v])),
            };
        if [kb, kd] != [b, d] || [vb, vh, vt] != [kb, kv, tk] || h % kv != 0 {
            let message = "q [b, h, tq, d], k [b, kv, tk, d] and v [b, kv, tk, dv] are wanted, h a multiple of kv";
            return Err(self.shape_error("attention", message, &[q, k, v]));
        }
        // The queries that share a key head are rows of one product, so keys and values are never repeated.
        let rows = h / kv * tq;
        let grouped = self.reshape(q, &[b, kv, rows, d])?;
        let kt = self.transpose(k)?;
        let scores = self.matmul(grouped, kt)?;
        // Back to a head each: a causal mask counts queries along the axis before the last.
        let scores = self.reshape(scores, &[b, h, tq, tk])?;
        self.name(scores, "scores");
        let scale = options.scale.unwrap_or(1.0 / (d as f32).sqrt());
        let weights = self.softmax(scores, scale, options.mask)?;
        self.name(weights, "weights");
        let grouped = self.reshape(weights, &[b, kv, rows, tk])?;
        let output = self.matmul(grouped, v)?;
        let output = self.reshape(output, &[b, h, tq, dv])?;
        self.name(output, "output");
        Ok(Attention { scores, weights, output })
    }
}

pub(super) fn entries() -> Vec<Entry> {
    vec![Entry {
        name: "attention",
        summary: "scores = q k^T; weights = softmax(scale scores + mask); output = weights v",
        inputs: &[
            ("q", "[b, h, tq, d]"),
            ("k", "[b, kv, tk, d], h a multiple of kv"),
            ("v", "[b, kv, tk, dv]"),
            ("mask", "[tq, tk], not 0 where visible; optional"),
        ],
        attrs: &[("causal", "true or false (default false)"), ("scale", "factor of the scores (default 1 / sqrt(d))")],
        build: |g, inputs, attrs| {
            let mask = match inputs.optional("mask") {
                Some(t) => Mask::Given(t),
                None if attr(attrs, "causal", false)? => Mask::Causal,
                None => Mask::None,
            };
            let scale = if attrs.contains_key("scale") { Some(attr(attrs, "scale", 1.0)?) } else { None };
            let (q, k, v) = (inputs.get("q")?, inputs.get("k")?, inputs.get("v")?);
            let a = g.attention(q, k, v, AttentionOptions { scale, mask })?;
            Ok(vec![("scores", a.scores), ("weights", a.weights), ("output", a.output)])
        },
        cases: || {
            let mut make = Make::new(1200);
            let mut cases = Vec::new();
            for (label, b, h, kv, tq, tk, d, dv) in [
                ("size 1", 1, 1, 1, 1, 1, 1, 1),
                ("ragged", 2, 3, 3, 5, 7, 11, 13),
                ("grouped", 2, 6, 2, 3, 5, 4, 7),
                ("one key head", 1, 4, 1, 7, 7, 8, 8),
                ("one query of many keys", 1, 4, 2, 1, 37, 8, 8),
            ] {
                let inputs = vec![
                    ("q", make.normal(&[b, h, tq, d])),
                    ("k", make.normal(&[b, kv, tk, d])),
                    ("v", make.normal(&[b, kv, tk, dv])),
                ];
                for causal in [false, true] {
                    let label = if causal { format!("{label}, causal") } else { label.to_string() };
                    cases.push(
                        Case::new(label, inputs.clone())
                            .attr("causal", causal)
                            .tolerance(Tolerance::SUM)
                            .gradients(&["q", "k", "v"]),
                    );
                }
            }
            let mut mask = make.constant(&[3, 5], 1.0);
            if let crate::Data::F32(m) = &mut mask.data {
                m[..5].fill(0.0); // the first query sees nothing
                m[7] = 0.0;
            }
            let inputs = |make: &mut Make, scale: f32| {
                vec![
                    ("q", make.floats(&[1, 2, 3, 4], scale, 0.0)),
                    ("k", make.floats(&[1, 1, 5, 4], scale, 0.0)),
                    ("v", make.normal(&[1, 1, 5, 6])),
                ]
            };
            let mut masked = inputs(&mut make, 1.0);
            masked.push(("mask", mask));
            cases.push(
                Case::new("masked, one row fully", masked)
                    .attr("scale", 0.3)
                    .tolerance(Tolerance::SUM)
                    .gradients(&["q", "k", "v"]),
            );
            // Scores of 1e6, whose last digits decide nothing where one key wins.
            cases.push(Case::new("large", inputs(&mut make, 1e3)).tolerance(Tolerance::COMPOSED));
            let equal = vec![
                ("q", make.constant(&[1, 1, 3, 2], 1.0)),
                ("k", make.constant(&[1, 1, 3, 2], 1.0)),
                ("v", make.normal(&[1, 1, 3, 2])),
            ];
            cases.push(Case::new("all keys equal", equal).attr("causal", true).gradients(&["v"]));
            cases
        },
    }]
}
