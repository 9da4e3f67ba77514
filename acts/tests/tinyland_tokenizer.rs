//! What the tokenizer and the batches of Tinyland promise.

use std::collections::HashSet;

use acts::tinyland::batches::{Batches, IGNORE, reply_row};
use acts::tinyland::dice::Dice;
use acts::tinyland::tokenizer::{self, END, PAD, SPECIALS, TinyTokenizer, USER, VOCAB_SIZE};
use acts::tinyland::{Relation, Split, corpus, probes, words};

/// The tokens per document, its end included, that training may be planned with.
const MEAN_TOKENS: std::ops::RangeInclusive<f64> = 34.0..=44.0;

const HARD: [&str; 12] = [
    "",
    " ",
    "the cat",
    "  two  spaces ",
    "tab\tand\r\nlines\n\n",
    "Kucing itu LAPAR!?",
    "👩‍👩‍👧‍👦 family 🇮🇩 flag",
    "שלום עולם",
    "مرحبا بالعالم 123",
    "e\u{301}tude naïve ﬁ",
    "\u{0}\u{1b}[31m\u{feff}",
    "<|user|> the cat<|end|>< |tiny| >",
];

fn shipped() -> TinyTokenizer {
    tokenizer::shipped().expect("the shipped tokenizer loads")
}

/// Text of random signs: ASCII, and some of every length in bytes.
fn random_text(dice: &mut Dice) -> String {
    let other = ['\n', '\t', 'é', 'ß', 'ب', 'ש', '漢', '𝄞', '🙂', '\u{200d}', '\u{301}'];
    let signs: Vec<char> = (' '..='~').chain(other).collect();
    (0..dice.between(0, 30)).map(|_| if dice.chance(30) { ' ' } else { dice.pick(&signs) }).collect()
}

#[test]
fn the_shipped_tokenizer_is_the_trained_one() {
    let trained = tokenizer::of_tinyland().expect("it trains").to_json().expect("it is written");
    let shipped = include_str!("../../public/models/tiny-tokenizer.json");
    assert!(trained == shipped, "run `cargo run -p acts --example make_tokenizer`");
    assert!(shipped.len() < 60_000, "{} bytes", shipped.len());
}

#[test]
fn the_vocabulary_is_as_promised() {
    let tokenizer = shipped();
    assert_eq!(tokenizer.vocab_size(), VOCAB_SIZE);
    for (id, text) in SPECIALS.into_iter().enumerate() {
        assert_eq!(tokenizer.single(text), Some(id as u32), "{text}");
    }
    for number in ["7", "42", "1024"] {
        assert_eq!(tokenizer.encode(number).len(), number.len(), "digits are tokens of their own");
    }
}

#[test]
fn words_of_tinyland_are_single_tokens() {
    let tokenizer = shipped();
    for document in corpus(Split::Train, 12).take(20_000) {
        for word in document.text.split(|sign: char| !sign.is_ascii_lowercase()).filter(|word| !word.is_empty()) {
            let tokens = tokenizer.encode(&format!(" {word}"));
            assert!(tokens.len() == 1, "{word} is {} tokens", tokens.len());
        }
    }
    let nouns = words::ANIMALS.iter().chain(&words::STRANGERS).chain(&words::THINGS);
    let answers = Relation::ALL.into_iter().flat_map(Relation::objects);
    for word in nouns.flat_map(|noun| [noun.0, noun.1, noun.2]).chain(answers) {
        assert!(tokenizer.single(&format!(" {word}")).is_some(), "{word}");
    }
    for probe in (0..=12).flat_map(|gap| probes::agreement(gap, 50, 1)) {
        assert!(tokenizer.single(&probe.right).is_some() && tokenizer.single(&probe.wrong).is_some(), "{probe:?}");
    }
}

#[test]
fn any_text_comes_back() {
    let tokenizer = shipped();
    let mut dice = Dice::new(&[1]);
    let random: Vec<String> = (0..2000).map(|_| random_text(&mut dice)).collect();
    for text in HARD.into_iter().chain(random.iter().map(String::as_str)) {
        assert_eq!(tokenizer.decode(&tokenizer.encode(text)), text);
    }
}

#[test]
fn the_short_way_is_the_long_way() {
    let tokenizer = shipped();
    let mut dice = Dice::new(&[2]);
    let random: Vec<String> = (0..2000).map(|_| random_text(&mut dice)).collect();
    let documents: Vec<String> = corpus(Split::Train, 5).take(3000).map(|document| document.text).collect();
    for text in HARD.into_iter().chain(random.iter().chain(&documents).map(String::as_str)) {
        assert_eq!(tokenizer.encode(text), tokenizer.encode_fully(text), "{text:?}");
    }
}

#[test]
fn the_parts_do_what_the_whole_library_does() {
    let whole = tokenizers::Tokenizer::from_bytes(include_bytes!("../../public/models/tiny-tokenizer.json"));
    let whole = whole.expect("the library reads the shipped file");
    let tokenizer = shipped();
    let mut dice = Dice::new(&[3]);
    let random: Vec<String> = (0..2000).map(|_| random_text(&mut dice)).collect();
    // Every sign of the first plane, in company, so that its class decides where the text is cut.
    let signs: Vec<String> = ('!'..='\u{ffff}').map(|sign| format!("a{sign}1 {sign}{sign}  .{sign} ")).collect();
    for text in HARD.into_iter().chain(random.iter().chain(&signs).map(String::as_str)) {
        let expected = whole.encode_fast(text, false).expect("any text is encoded");
        assert_eq!(tokenizer.encode_fully(text), expected.get_ids(), "{text:?}");
    }
}

#[test]
fn offsets_tile_the_text_and_spans_are_slices() {
    let tokenizer = shipped();
    for text in HARD {
        let mut end = 0;
        for (id, range) in tokenizer.encode_with_offsets(text) {
            assert_eq!(range.start, end, "{text:?}");
            assert_eq!(&text.as_bytes()[range.clone()], tokenizer.token_bytes(id), "{text:?}");
            end = range.end;
        }
        assert_eq!(end, text.len(), "{text:?}");
        let slices: Option<Vec<&str>> = tokenizer.spans(text).into_iter().map(|span| text.get(span.range)).collect();
        assert_eq!(slices.map(|slices| slices.concat()).as_deref(), Some(text));
    }
    let smile = tokenizer.spans("a 🙂!");
    assert!(smile.iter().any(|span| span.ids.len() > 1), "an emoji is several tokens and one span");
}

#[test]
fn nonsense_is_refused_or_ignored() {
    assert!(tokenizer::load(b"{}").is_err());
    assert!(tokenizer::load(b"\xff").is_err());
    assert_eq!(shipped().decode(&[9_999_999]), "");
    assert_eq!(shipped().decode(&shipped().encode("é")[..1]), "\u{fffd}");
}

#[test]
fn a_reader_can_train_their_own() {
    let tokenizer = tokenizer::train(["aaab aaab", "aab"].into_iter(), 270).expect("it trains");
    assert!(tokenizer.vocab_size() > 264, "specials, bytes, merges");
    assert_eq!(tokenizer.decode(&tokenizer.encode("banana 🙂")), "banana 🙂");
}

#[test]
fn documents_have_the_planned_length() {
    let tokenizer = shipped();
    let documents = corpus(Split::Train, 9).take(10_000);
    let lengths: Vec<usize> = documents.map(|document| tokenizer.encode(&document.text).len() + 1).collect();
    let mean = lengths.iter().sum::<usize>() as f64 / lengths.len() as f64;
    assert!(MEAN_TOKENS.contains(&mean), "{mean} tokens per document");
    let fitting = lengths.iter().filter(|&&length| length <= 128).count();
    assert!(fitting * 100 >= lengths.len() * 99, "{fitting} of {} documents fit in 128 tokens", lengths.len());
}

#[test]
fn training_uses_a_fair_part_of_the_vocabulary() {
    let tokenizer = shipped();
    let documents = corpus(Split::Train, 10).take(20_000);
    let used: HashSet<u32> = documents.flat_map(|document| tokenizer.encode(&document.text)).collect();
    assert!(used.len() >= 380, "{} tokens used", used.len());
    assert!((0..SPECIALS.len() as u32).all(|id| !used.contains(&id)), "specials are kept for later");
}

#[test]
fn batches_are_shifted_resumable_and_independent() {
    let tokenizer = shipped();
    let new = || Batches::new(&tokenizer, Split::Train, 7, 4, 32);
    let batches: Vec<_> = new().take(5).collect();
    for batch in &batches {
        assert_eq!((batch.inputs.len(), batch.targets.len()), (128, 128));
        for row in 0..4 {
            let (inputs, targets) = (&batch.inputs[row * 32..][..32], &batch.targets[row * 32..][..32]);
            assert_eq!(inputs[0], END);
            assert_eq!(inputs[1..], targets[..31]);
        }
        assert!(batch.inputs.iter().chain(&batch.targets).all(|&id| (id as usize) < VOCAB_SIZE));
    }
    let mut later = new();
    assert_eq!(later.nth(3).as_ref(), Some(&batches[3]));
    assert_eq!(later.state(), 4);
    later.resume(1);
    assert_eq!(later.next().as_ref(), Some(&batches[1]));
    assert_eq!(new().at(4), batches[4]);
    // A row is its own: a wider batch opens with the same rows.
    let wide = Batches::new(&tokenizer, Split::Train, 7, 6, 32).at(2);
    assert_eq!(wide.inputs[..128], batches[2].inputs);
    assert_ne!(batches[0].inputs[..32], batches[0].inputs[32..64]);
}

#[test]
fn only_the_reply_is_learned() {
    let tokenizer = shipped();
    let row = reply_row(&tokenizer, "<|user|> where was mira born?<|tiny|>", " in orla.", 24);
    let learned: Vec<u32> = row.targets.iter().copied().filter(|&id| id != IGNORE).collect();
    assert_eq!(tokenizer.decode(&learned), " in orla.<|end|>");
    assert_eq!((row.inputs[0], row.inputs.last().copied()), (USER, Some(PAD)));
    let cut = reply_row(&tokenizer, "<|user|> where was mira born?<|tiny|>", " in orla.", 3);
    assert_eq!((cut.inputs.len(), cut.targets), (3, vec![IGNORE; 3]));
}
