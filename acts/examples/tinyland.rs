//! Prints documents of every kind and figures about the corpus: shares, lengths, words that are not single tokens, speed.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::error::Error;
use std::time::Instant;

use acts::tinyland::batches::Batches;
use acts::tinyland::{Kind, Split, corpus, tokenizer};

const DOCUMENTS: usize = 50_000;
const BATCHES: usize = 200;

fn main() -> Result<(), Box<dyn Error>> {
    let tokenizer = tokenizer::shipped()?;
    for (kind, _) in Kind::SHARES {
        println!("\n{kind:?}");
        for document in corpus(Split::Train, 1).filter(|document| document.kind == kind).take(4) {
            println!("  {}", document.text);
        }
    }

    let mut tokens_by_kind: HashMap<Kind, (usize, usize)> = HashMap::new();
    let mut used = HashSet::new();
    let mut words: BTreeMap<String, usize> = BTreeMap::new();
    for document in corpus(Split::Train, 2).take(DOCUMENTS) {
        let ids = tokenizer.encode(&document.text);
        let (documents, tokens) = tokens_by_kind.entry(document.kind).or_default();
        *documents += 1;
        *tokens += ids.len() + 1;
        used.extend(ids);
        for word in document.text.split(|sign: char| !sign.is_alphabetic()).filter(|word| !word.is_empty()) {
            *words.entry(word.to_string()).or_default() += 1;
        }
    }
    let total: usize = tokens_by_kind.values().map(|(_, tokens)| tokens).sum();
    println!("\n{:14} {:>8} {:>8} {:>8}", "kind", "docs %", "tokens %", "mean");
    for (kind, _) in Kind::SHARES {
        let (documents, tokens) = tokens_by_kind.get(&kind).copied().unwrap_or_default();
        let percent = |part: usize, whole: usize| 100.0 * part as f64 / whole as f64;
        let mean = tokens as f64 / documents.max(1) as f64;
        println!(
            "{:14} {:8.1} {:8.1} {mean:8.1}",
            format!("{kind:?}"),
            percent(documents, DOCUMENTS),
            percent(tokens, total)
        );
    }
    println!("mean tokens per document, its end included: {:.1}", total as f64 / DOCUMENTS as f64);
    println!("tokens used: {} of {}", used.len(), tokenizer.vocab_size());
    let cut: Vec<_> = words.iter().filter(|(word, _)| tokenizer.single(&format!(" {word}")).is_none()).collect();
    let lower = cut.iter().filter(|(word, _)| word.chars().all(char::is_lowercase)).collect::<Vec<_>>();
    println!("words: {}; of several tokens: {}, of which in lowercase: {lower:?}", words.len(), cut.len());

    let start = Instant::now();
    let made: usize =
        Batches::new(&tokenizer, Split::Train, 3, 32, 128).take(BATCHES).map(|batch| batch.inputs.len()).sum();
    println!("tokens per second, generated, encoded and packed: {:.0}", made as f64 / start.elapsed().as_secs_f64());
    Ok(())
}
