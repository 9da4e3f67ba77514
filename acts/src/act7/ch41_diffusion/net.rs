//! The network: it sees a noisy point, the time and a class, and answers with two numbers.

use std::collections::BTreeMap;

use engine::{
    Graph, HostTensor, Result, Tensor,
    ops::{Activation, Epilogue},
    rng,
};

use super::cloud::CLASSES;

/// The class of points of which none is asked.
pub const NO_CLASS: u32 = CLASSES as u32;

/// Sizes of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Width of the residual stream.
    pub width: usize,
    /// Blocks.
    pub blocks: usize,
    /// Numbers that tell the time.
    pub features: usize,
}

impl Default for Sizes {
    fn default() -> Self {
        Self { width: 96, blocks: 3, features: 32 }
    }
}

/// What it looks at.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// Noisy points: `[rows, 2]`.
    pub x: Tensor,
    /// `[rows, features]`, or `[1, features]` where all rows share a time.
    pub time: Tensor,
    /// Integers `[rows]`: a class, or [`NO_CLASS`].
    pub class: Tensor,
}

impl Sizes {
    /// Names and shapes of the parameters.
    pub fn parameters(&self) -> Vec<(String, Vec<usize>)> {
        let (d, f) = (self.width, self.features);
        let mut list = vec![
            ("point".to_string(), vec![2, d]),
            ("point.bias".into(), vec![d]),
            ("time".into(), vec![f, d]),
            ("class".into(), vec![CLASSES + 1, d]),
        ];
        for block in 0..self.blocks {
            for (name, shape) in
                [("up", vec![d, d]), ("up.bias", vec![d]), ("down", vec![d, d]), ("down.bias", vec![d])]
            {
                list.push((format!("block{block}.{name}"), shape));
            }
        }
        list.extend([("answer".into(), vec![d, 2]), ("answer.bias".into(), vec![2])]);
        list
    }

    /// Fresh parameters: normal, with the deviation that keeps the variance of what is multiplied (He et al. 2015), halved in the
    /// matrices that write into the stream; biases 0, and the last matrix too, so that the first answer is 0.
    pub fn initial(&self, seed: u32) -> Result<BTreeMap<String, HostTensor>> {
        let mut out = BTreeMap::new();
        for (index, (name, shape)) in self.parameters().into_iter().enumerate() {
            let count = shape.iter().product::<usize>();
            let deviation = match name.as_str() {
                "answer" => 0.0,
                "class" => 0.5,
                _ if shape.len() == 1 => 0.0,
                _ if name.ends_with("down") => 0.5 / (shape[0] as f32).sqrt(),
                _ => (2.0 / shape[0] as f32).sqrt(),
            };
            let data =
                (0..count).map(|i| deviation * rng::normal([seed, 0x0041_1000 + index as u32], i as u32)).collect();
            out.insert(name, HostTensor::f32(&shape, data)?);
        }
        Ok(out)
    }

    /// Builds the answer, `[rows, 2]`: `h = point + block(h + time + class)` three times, then one matrix. Also gives the
    /// parameters, in order.
    pub fn forward(&self, g: &mut Graph, seen: Seen) -> Result<(Tensor, Vec<(String, Tensor)>)> {
        let mut parameters = Vec::new();
        for (name, shape) in self.parameters() {
            let t = g.variable(&name, &shape)?;
            parameters.push((name, t));
        }
        let by_name: BTreeMap<String, Tensor> = parameters.iter().cloned().collect();
        let plus = |name: &str, activation: Activation, residual: Option<Tensor>| Epilogue {
            bias: Some(by_name[name]),
            activation,
            residual,
            ..Epilogue::default()
        };
        let mut h = g.matmul_with(seen.x, by_name["point"], plus("point.bias", Activation::Identity, None))?;
        let time = g.matmul(seen.time, by_name["time"])?;
        let class = g.embedding(by_name["class"], seen.class)?;
        let told = g.add(time, class)?;
        for block in 0..self.blocks {
            let name = |part: &str| format!("block{block}.{part}");
            let sum = g.add(h, told)?;
            let up = g.matmul_with(sum, by_name[&name("up")], plus(&name("up.bias"), Activation::Identity, None))?;
            let up = g.activate(Activation::Silu, up)?;
            h = g.matmul_with(up, by_name[&name("down")], plus(&name("down.bias"), Activation::Identity, Some(h)))?;
        }
        let h = g.activate(Activation::Silu, h)?;
        let answer = g.matmul_with(h, by_name["answer"], plus("answer.bias", Activation::Identity, None))?;
        Ok((g.name(answer, "answer"), parameters))
    }
}
