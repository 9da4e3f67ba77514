//! What the corpus of Tinyland promises: its shares and balances, that it never changes, and that nothing held out is in training.

use std::collections::{HashMap, HashSet};

use acts::tinyland::agreement::Sentence;
use acts::tinyland::dice::{Dice, fingerprint};
use acts::tinyland::{Document, Kind, Relation, Split, World, corpus, facts, held_out, mirror, probes, prompt, sums};

/// How far a share, in percent, may be from what is stated: several times what chance explains at the sizes used here.
const SHARE_MARGIN: f64 = 1.0;

/// The fingerprint of the first thousand training documents of seed 0. When it changes, so must `tinyland::VERSION`.
const GOLDEN: u64 = 16_335_691_785_401_333_818;

/// Every verb that an agreement sentence may turn on.
const VERBS: [&str; 18] = [
    "is", "are", "was", "were", "has", "have", "sleeps", "sleep", "sits", "sit", "runs", "run", "stays", "stay",
    "falls", "fall", "dances", "dance",
];

/// Everything that the scan looks for, gathered by listing what is held out.
struct Forbidden {
    texts: HashSet<String>,
}

impl Forbidden {
    fn gather() -> Self {
        let world = World::default();
        let mut texts = HashSet::new();
        for fact in world.facts().iter().filter(|fact| held_out::question(fact)) {
            texts.extend(
                (0..facts::QUESTIONS).map(|phrasing| format!(" question: {}", facts::question(fact, phrasing).ask)),
            );
        }
        for composed in world.composed().iter().filter(|composed| held_out::composed(composed)) {
            texts.insert(format!(" question: {}", facts::composed_question(composed).ask));
            texts.insert(facts::composed_statement(composed));
        }
        for gap in 1..=12 {
            for probe in probes::agreement(gap, 4000, 5) {
                assert!(VERBS.contains(&probe.right.trim()) && VERBS.contains(&probe.wrong.trim()), "{probe:?}");
                texts.insert(probe.prefix);
            }
        }
        Self { texts }
    }

    /// The first held-out thing in a document, if there is one.
    fn find(&self, document: &Document) -> Option<String> {
        if document.kind == Kind::Arithmetic {
            return sum_in(&document.text);
        }
        sentences(&document.text)
            .into_iter()
            .find(|sentence| self.is_held_out(document.kind, sentence))
            .map(str::to_string)
    }

    fn is_held_out(&self, kind: Kind, sentence: &str) -> bool {
        let whole = match (kind, sentence.split_once(" -> "), sentence.split_once(" =")) {
            (Kind::Instructions, Some((order, _)), _) => order.contains(':') && held_out::text(order.trim_start()),
            (Kind::Indonesian, _, Some((_, indonesian))) => held_out::text(indonesian),
            (Kind::Indonesian, _, None) => held_out::text(sentence),
            _ => false,
        };
        // An opening runs up to the verb; the same words with more to come before the verb are another one.
        let is_verb = |space: usize| VERBS.contains(&first_word(&sentence[space + 1..]));
        let verb = sentence.match_indices(' ').map(|(space, _)| space).find(|&space| is_verb(space));
        let question = sentence.find('?').map(|end| &sentence[..=end]);
        let found = [Some(sentence), question, verb.map(|space| &sentence[..space])];
        whole || found.into_iter().flatten().any(|part| self.texts.contains(part))
    }
}

fn first_word(text: &str) -> &str {
    text.split([' ', '.']).next().unwrap_or_default()
}

/// A held-out sum of two terms, wherever in the text it stands.
fn sum_in(text: &str) -> Option<String> {
    let words: Vec<&str> = text.split(' ').collect();
    let found = words.windows(4).find(|four| {
        let terms = (four[0].parse(), four[2].trim_end_matches(':').parse());
        let ends = four[2].ends_with(':') || four[3] == "=";
        matches!(terms, (Ok(a), Ok(b)) if four[1] == "+" && ends && held_out::sum(a, b))
    });
    found.map(|four| four.join(" "))
}

/// The sentences of a text, each with its leading space and full stop; a pair of languages is one.
fn sentences(text: &str) -> Vec<&str> {
    let mut sentences = Vec::new();
    let mut start = 0;
    for (stop, _) in text.match_indices('.') {
        if !text[stop + 1..].starts_with(" =") {
            sentences.push(&text[start..=stop]);
            start = stop + 1;
        }
    }
    sentences
}

#[test]
fn nothing_held_out_is_in_training() {
    let forbidden = Forbidden::gather();
    let mut scanned = 0;
    for document in corpus(Split::Train, 11) {
        assert_eq!(forbidden.find(&document), None, "held out, yet in training: {}", document.text);
        scanned += sentences(&document.text).len();
        if scanned >= 200_000 {
            break;
        }
    }
}

#[test]
fn the_scan_finds_what_is_held_out() {
    let forbidden = Forbidden::gather();
    for kind in [Kind::Questions, Kind::Arithmetic, Kind::Indonesian, Kind::Instructions, Kind::Agreement] {
        let documents = corpus(Split::HeldOut, 11).filter(|document| document.kind == kind).take(300);
        let found = documents.filter(|document| forbidden.find(document).is_some()).count();
        assert!(found > 30, "{kind:?}: the scan saw {found} of 300 held-out documents");
    }
}

#[test]
fn training_and_held_out_documents_never_coincide() {
    let held: HashSet<String> = corpus(Split::HeldOut, 1).take(20_000).map(|document| document.text).collect();
    let shared = corpus(Split::Train, 2).take(100_000).find(|document| held.contains(&document.text));
    assert_eq!(shared, None);
}

#[test]
fn documents_never_change() {
    let documents = corpus(Split::Train, 0).take(1000);
    let print = documents.fold(0u64, |print, document| print.rotate_left(5) ^ fingerprint(&document.text));
    assert_eq!(print, GOLDEN, "the corpus changed: give tinyland::VERSION a new name, and this its new fingerprint");
    assert_ne!(corpus(Split::Train, 0).next(), corpus(Split::Train, 1).next());
}

#[test]
fn kinds_have_their_shares() {
    for split in [Split::Train, Split::HeldOut] {
        let mut counts: HashMap<Kind, usize> = HashMap::new();
        for document in corpus(split, 3).take(20_000) {
            *counts.entry(document.kind).or_default() += 1;
        }
        for (kind, share) in Kind::SHARES {
            let measured = 100.0 * counts.get(&kind).copied().unwrap_or_default() as f64 / 20_000.0;
            assert!(
                (measured - share as f64).abs() <= SHARE_MARGIN,
                "{kind:?} of {split:?}: {measured} %, not {share} %"
            );
        }
    }
    assert_eq!(Kind::SHARES.iter().map(|(_, share)| share).sum::<usize>(), 100);
}

#[test]
fn documents_are_written_as_promised() {
    for document in corpus(Split::Train, 4).take(20_000) {
        let text = &document.text;
        assert!(text.starts_with(' ') && text.ends_with('.'), "{text}");
        assert!(!text.contains("  ") && !text.contains("<|") && text.is_ascii(), "{text}");
        let shouts = text.contains(char::is_uppercase);
        assert!(!shouts || document.kind == Kind::Instructions, "{text}");
    }
}

#[test]
fn agreement_is_balanced() {
    let mut dice = Dice::new(&[1]);
    for gap in 0..=12 {
        let split = if gap > held_out::LONGEST_TRAINED_GAP { Split::HeldOut } else { Split::Train };
        let drawn: Vec<Sentence> = (0..10_000).map(|_| Sentence::draw(&mut dice, split, gap, 60)).collect();
        let plural = drawn.iter().filter(|sentence| sentence.plural).count() as f64 / 100.0;
        assert!((plural - 50.0).abs() <= 2.0, "gap {gap}: {plural} % plural");
        for sentence in drawn {
            assert_eq!(sentence.gap, gap);
            // The opening is `the`, perhaps one adjective, the noun, and the gap.
            let words = sentence.prefix.split_whitespace().count();
            assert!(words == gap + 2 || words == gap + 3, "gap {gap}: {}", sentence.prefix);
            assert_ne!(sentence.right, sentence.wrong);
        }
    }
}

#[test]
fn training_gaps_are_even_and_end_in_time() {
    let mut dice = Dice::new(&[2]);
    let longest = held_out::LONGEST_TRAINED_GAP;
    assert!((0..1000).all(|_| Sentence::draw(&mut dice, Split::Train, longest + 4, 60).gap == longest));
    // By words before a verb of being: only those sentences, but all gaps alike.
    let mut counts = vec![0usize; longest + 3];
    for document in corpus(Split::Train, 6).filter(|document| document.kind == Kind::Agreement).take(5000) {
        for sentence in sentences(&document.text) {
            if let Some(verb) =
                sentence.split_whitespace().position(|word| ["is", "are", "was", "were"].contains(&word))
            {
                counts[verb - 2] += 1;
            }
        }
    }
    let total: usize = counts.iter().sum();
    // An adjective before the subject, in three of ten, shows as one word more.
    for (gap, count) in counts.into_iter().enumerate() {
        let expected = match gap {
            0 => 70.0 / 7.0,
            gap if gap <= longest => 100.0 / 7.0,
            gap if gap == longest + 1 => 30.0 / 7.0,
            _ => 0.0,
        };
        let measured = 100.0 * count as f64 / total as f64;
        assert!((measured - expected).abs() <= SHARE_MARGIN, "{gap} words: {measured} %, not {expected} %");
    }
}

#[test]
fn the_world_is_whole() {
    let world = World::default();
    assert_eq!(world, World::new(world.seed()));
    assert_ne!(world.facts(), World::new(2).facts());
    let capitals = world.facts().iter().filter(|fact| fact.relation == Relation::Capital).map(|fact| fact.object);
    assert_eq!(capitals.collect::<HashSet<_>>().len(), 16, "no two countries share a capital");
    for fact in world.facts() {
        assert!(fact.relation.objects().contains(&fact.object));
        assert_eq!(world.object(fact.relation, fact.subject), Some(fact.object), "{fact:?} is there twice");
        if fact.relation == Relation::Capital {
            assert_eq!(world.object(Relation::Country, fact.object), Some(fact.subject), "a capital is in its country");
        }
        for phrasing in (0..facts::STATEMENTS).step_by(2) {
            let statement = facts::statement(fact, phrasing);
            assert!(statement.ends_with(&format!(" {}.", fact.object)), "{statement}");
        }
    }
    let held = world.facts().iter().filter(|fact| held_out::question(fact)).count();
    assert!(held * 20 > world.facts().len() && held * 5 < world.facts().len(), "{held} facts held out from questions");
    let composed = world.composed();
    let held = composed.iter().filter(|composed| held_out::composed(composed)).count();
    assert!(
        held * 10 > composed.len() && held * 3 < composed.len(),
        "{held} of {} compositions held out",
        composed.len()
    );
}

#[test]
fn every_fact_is_stated_in_training() {
    let documents = corpus(Split::Train, 7).filter(|document| document.kind == Kind::Facts).take(10_000);
    let mut stated = HashSet::new();
    for document in documents {
        stated.extend(sentences(&document.text).into_iter().map(str::to_string));
    }
    for fact in World::default().facts() {
        assert!((0..facts::STATEMENTS).any(|phrasing| stated.contains(&facts::statement(fact, phrasing))), "{fact:?}");
    }
}

#[test]
fn sums_are_right() {
    assert_eq!(sums::worked(23, 48), " 23 + 48: 3 + 8 = 11, 2 + 4 + 1 = 7, so 71.");
    assert_eq!(sums::worked(95, 7), " 95 + 7: 5 + 7 = 12, 9 + 0 + 1 = 10, so 102.");
    let chain = sums::Chain { start: 4, steps: vec![7, -3] };
    assert_eq!(chain.plain(), " 4 + 7 - 3 = 8.");
    assert_eq!(chain.worked(), " 4 + 7 - 3: 4 + 7 = 11, 11 - 3 = 8, so 8.");
    assert!((0..100).all(|a| (0..10).all(|b| !held_out::sum(a, b))));
    assert!((10..200).all(|a| (10..200).all(|b| held_out::sum(a, b) == held_out::sum(b, a))));
}

#[test]
fn indonesian_mirrors_english() {
    let mut dice = Dice::new(&[3]);
    let world = World::default();
    let drawn: Vec<_> = (0..5000).map(|_| mirror::Mirrored::draw(&mut dice, &world, Split::Train)).collect();
    for (english, indonesian) in [("cat", "kucing"), ("dog", "anjing"), ("king", "raja")] {
        let numbers = [format!(" the {english} is"), format!(" the {english}s are")];
        let both = numbers.iter().all(|opening| {
            let mirrored = |drawn: &&mirror::Mirrored| drawn.english.starts_with(opening.as_str());
            drawn
                .iter()
                .find(mirrored)
                .is_some_and(|drawn| drawn.indonesian.starts_with(&format!(" {indonesian} itu ")))
        });
        assert!(both, "{english} and {english}s are both {indonesian}");
    }
    for drawn in &drawn {
        let words: Vec<&str> = drawn.indonesian.trim_matches(['.', ' ']).split(' ').collect();
        assert!(!words.iter().any(|word| ["the", "is", "of", "in"].contains(word)), "{}", drawn.indonesian);
    }
    let documents = corpus(Split::Train, 8).filter(|document| document.kind == Kind::Indonesian).take(1000);
    let paired = documents.filter(|document| document.text.contains(" =")).count();
    assert!((550..650).contains(&paired), "{paired} of 1000 documents are pairs");
}

#[test]
fn probes_are_fair() {
    for gap in [0, 1, 3, 6, 9, 12] {
        let probes = probes::agreement(gap, 200, 1);
        assert_eq!(probes.iter().filter(|probe| probe.plural).count(), 100);
        assert!(gap == 0 || probes.iter().all(|probe| held_out::agreement(&probe.prefix, gap)));
        assert_eq!(probes, probes::agreement(gap, 200, 1));
    }
    for recall in probes::facts(500, 1) {
        assert!(!recall.alternatives.contains(&recall.answer) && recall.alternatives.len() >= 5, "{recall:?}");
        assert!(!recall.prefix.ends_with(&recall.answer), "{recall:?}");
    }
    for split in [Split::Train, Split::HeldOut] {
        assert!(probes::questions(split, 100, 1).iter().all(|recall| recall.prefix.starts_with(" question: ")));
        assert_eq!(probes::compositions(split, 100, 1).len(), 100);
    }
    for probe in probes::induction(12, 100, 1) {
        let (first, second) = probe.text.split_at(probe.second_copy);
        assert_eq!(first, second);
    }
    for probe in probes::names(200, 1) {
        assert!(probe.prefix.contains(&probe.right) && probe.prefix.contains(&probe.wrong), "{probe:?}");
    }
    for sum in probes::sums(Split::HeldOut, 2, true, 100, 1) {
        assert!(sum.prefix.ends_with(':') && sum.rest.ends_with(&format!("so {}.", sum.result)), "{sum:?}");
    }
}

#[test]
fn prompts_open_as_documents_do() {
    assert_eq!(prompt("the cat"), " the cat");
    assert_eq!(prompt(" the cat"), " the cat");
    assert_eq!(prompt("<|user|> hello"), "<|user|> hello");
    assert_eq!(prompt(""), "");
}
