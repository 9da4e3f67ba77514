//! Tiny's report card: what it has learnt, measured on what it has not been trained on.

use engine::{Device, Result, Store, models::gpt};
use serde::{Deserialize, Serialize};

use super::Runner;
use crate::tinyland::{
    Split,
    batches::Batches,
    probes,
    tokenizer::{END, TinyTokenizer},
};

/// How much of its attention one head gives to a place.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeadScore {
    /// Block, from 0.
    pub layer: usize,
    /// Head, from 0.
    pub head: usize,
    /// Mean attention weight, 0 to 1.
    pub score: f32,
}

/// The measurements.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Mean surprise on held-out documents, in nats a token.
    pub held_out_loss: f32,
    /// Share of verbs agreed with their subject, by words between the two.
    pub agreement: Vec<(usize, f32)>,
    /// Share of stated facts completed rightly, against all other objects of the relation.
    pub facts: f32,
    /// The same for questions on facts that were stated but never asked about.
    pub questions_held_out: f32,
    /// The same for stories in which a name returns, against the other name.
    pub names: f32,
    /// Share of words of a second copy of random words that come out on top of the whole vocabulary.
    pub copying: f32,
    /// Attention from each token to the one before, by head, the strongest first.
    pub previous_token: Vec<HeadScore>,
    /// Attention from a token of a second copy to what followed its first, by head, the strongest first.
    pub induction: Vec<HeadScore>,
}

const BATCH: usize = 16;
const PROBES: usize = 256;

/// Measures a model.
pub async fn evaluate(
    device: &Device,
    store: &Store,
    config: &gpt::Config,
    tokenizer: &TinyTokenizer,
) -> Result<Report> {
    let context = config.context;
    let mut full = Runner::new(device, store, config, [BATCH, context], |f| {
        let mut list = vec![f.logits];
        list.extend(f.blocks.iter().map(|b| b.weights));
        list
    })
    .await?;

    let mut batches = Batches::new(tokenizer, Split::HeldOut, 99, BATCH, context);
    let mut previous = Scores::new(config);
    let (mut surprise, mut count) = (0.0f64, 0usize);
    for step in 0..8 {
        let batch = batches.at(step);
        let rows: Vec<Vec<u32>> = batch.inputs.chunks(context).map(<[u32]>::to_vec).collect();
        let mut read = vec![full.forward.logits];
        read.extend(full.forward.blocks.iter().map(|b| b.weights));
        let out = full.run(&rows, &read).await?;
        for (row, &target) in out[0].as_f32()?.chunks(config.vocabulary).zip(&batch.targets) {
            surprise += log_sum_exp(row) - f64::from(row[target as usize]);
            count += 1;
        }
        for (layer, weights) in out[1..].iter().enumerate() {
            for (i, map) in weights.as_f32()?.chunks(context * context).enumerate() {
                for at in 1..context {
                    previous.add(layer, i % config.heads, map[at * context + at - 1]);
                }
            }
        }
    }

    let mut agreement = Vec::new();
    for gap in 0..=12 {
        let list = probes::agreement(gap, PROBES, 7);
        let choices = list.iter().map(|p| (p.prefix.clone(), p.right.clone(), vec![p.wrong.clone()])).collect();
        agreement.push((gap, ranked_first(&mut full, tokenizer, choices).await?));
    }
    let recall = |list: Vec<probes::Recall>| list.into_iter().map(|p| (p.prefix, p.answer, p.alternatives)).collect();
    let facts = ranked_first(&mut full, tokenizer, recall(probes::facts(PROBES, 7))).await?;
    let questions = probes::questions(Split::HeldOut, PROBES, 7);
    let questions_held_out = ranked_first(&mut full, tokenizer, recall(questions)).await?;
    let stories = probes::names(PROBES, 7).into_iter().map(|p| (p.prefix, p.right, vec![p.wrong])).collect();
    let names = ranked_first(&mut full, tokenizer, stories).await?;

    let mut induction = Scores::new(config);
    let (mut copied, mut asked) = (0usize, 0usize);
    for chunk in probes::induction(12, 64, 7).chunks(BATCH) {
        let mut rows = Vec::new();
        let mut seconds = Vec::new();
        for probe in chunk {
            let mut row = vec![END];
            row.extend(tokenizer.encode(&probe.text[..probe.second_copy]));
            seconds.push(row.len());
            row.extend(tokenizer.encode(&probe.text[probe.second_copy..]));
            rows.push(row);
        }
        let mut read = vec![full.forward.logits];
        read.extend(full.forward.blocks.iter().map(|b| b.weights));
        let out = full.run(&rows, &read).await?;
        let logits = out[0].as_f32()?;
        for (r, (row, &second)) in rows.iter().zip(&seconds).enumerate() {
            let length = second - 1;
            for at in second..row.len() - 1 {
                let base = (r * context + at) * config.vocabulary;
                let best = top(&logits[base..base + config.vocabulary]);
                copied += usize::from(best == row[at + 1] as usize);
                asked += 1;
                for (layer, weights) in out[1..].iter().enumerate() {
                    for head in 0..config.heads {
                        let map = (r * config.heads + head) * context * context;
                        // The token after this one's first copy.
                        induction.add(layer, head, weights.as_f32()?[map + at * context + at - length + 1]);
                    }
                }
            }
        }
    }
    Ok(Report {
        held_out_loss: (surprise / count as f64) as f32,
        agreement,
        facts,
        questions_held_out,
        names,
        copying: copied as f32 / asked as f32,
        previous_token: previous.sorted(),
        induction: induction.sorted(),
    })
}

/// The share of prefixes after which the right token is likelier than every other that is offered.
async fn ranked_first(
    runner: &mut Runner,
    tokenizer: &TinyTokenizer,
    list: Vec<(String, String, Vec<String>)>,
) -> Result<f32> {
    let logits = runner.forward.logits;
    let mut right = 0;
    for chunk in list.chunks(BATCH) {
        let rows: Vec<Vec<u32>> = chunk
            .iter()
            .map(|(prefix, ..)| {
                let mut row = vec![END];
                row.extend(tokenizer.encode(prefix));
                row
            })
            .collect();
        let out = runner.run(&rows, &[logits]).await?.remove(0);
        let (positions, vocabulary) = (out.shape[1], out.shape[2]);
        for (r, (row, (_, answer, others))) in rows.iter().zip(chunk).enumerate() {
            let base = (r * positions + row.len() - 1) * vocabulary;
            let scores = &out.as_f32()?[base..base + vocabulary];
            // Names and verbs are single tokens; what is not is judged by its first.
            let score = |text: &str| tokenizer.encode(text).first().map_or(f32::MIN, |&id| scores[id as usize]);
            right += usize::from(others.iter().all(|other| score(answer) > score(other)));
        }
    }
    Ok(right as f32 / list.len() as f32)
}

fn log_sum_exp(row: &[f32]) -> f64 {
    let most = row.iter().copied().fold(f32::MIN, f32::max);
    f64::from(most) + row.iter().map(|&x| f64::from(x - most).exp()).sum::<f64>().ln()
}

fn top(row: &[f32]) -> usize {
    (0..row.len()).max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap_or(0)
}

/// Mean weights by head.
struct Scores {
    heads: usize,
    sums: Vec<(f64, usize)>,
}

impl Scores {
    fn new(config: &gpt::Config) -> Self {
        Self { heads: config.heads, sums: vec![(0.0, 0); config.layers * config.heads] }
    }

    fn add(&mut self, layer: usize, head: usize, weight: f32) {
        let (sum, count) = &mut self.sums[layer * self.heads + head];
        *sum += f64::from(weight);
        *count += 1;
    }

    fn sorted(&self) -> Vec<HeadScore> {
        let mut list: Vec<HeadScore> = self
            .sums
            .iter()
            .enumerate()
            .map(|(i, (sum, count))| HeadScore {
                layer: i / self.heads,
                head: i % self.heads,
                score: (sum / (*count).max(1) as f64) as f32,
            })
            .collect();
        list.sort_by(|a, b| b.score.total_cmp(&a.score));
        list
    }
}
