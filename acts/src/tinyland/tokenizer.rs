//! The tokenizer of Tinyland: byte-level byte-pair encoding, trained on the corpus.
//!
//! Text is first cut into pieces: a run of letters with the space before it, one digit, a run of other signs, a run of spaces.
//! Each piece is then merged from its bytes by the learned rules. Any text at all comes back from its tokens byte for byte.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use super::corpus;
use serde::Deserialize;
use tokenizers::models::bpe::{BPE, BpeTrainer};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::{AddedToken, Model, SplitDelimiterBehavior, Tokenizer, Trainer};
use unicode_general_category::{GeneralCategory, get_general_category};

/// The size of the shipped vocabulary, special tokens included.
pub const VOCAB_SIZE: usize = 1024;

/// How many documents the shipped tokenizer is trained on, some two megabytes of text.
const TRAINING_DOCUMENTS: usize = 20_000;

/// Fills rows that are too short; never predicted.
pub const PAD: u32 = 0;
/// Stands before the first document and after every one.
pub const END: u32 = 1;
/// Opens what a reader says. This and all below are kept for later chapters, and are in no document of the corpus.
pub const USER: u32 = 2;
/// Opens what Tiny says.
pub const TINY: u32 = 3;
/// Stands for a hidden word.
pub const MASK: u32 = 4;
/// Opens a call of a tool.
pub const CALL: u32 = 5;
/// Opens what the tool gave back.
pub const RESULT: u32 = 6;
/// Stands for a patch of a picture.
pub const PATCH: u32 = 7;

/// The special tokens as written in text, by id.
pub const SPECIALS: [&str; 8] =
    ["<|pad|>", "<|end|>", "<|user|>", "<|tiny|>", "<|mask|>", "<|call|>", "<|result|>", "<|patch|>"];

const PIECES: &str = r" ?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

/// What can go wrong with a tokenizer.
#[derive(Debug, thiserror::Error)]
pub enum TokenizerError {
    /// Training failed.
    #[error("the tokenizer could not be trained: {0}")]
    Train(String),
    /// The file is not a tokenizer of this kind.
    #[error("the tokenizer could not be read: {0}")]
    Load(String),
    /// The tokenizer could not be written out.
    #[error("the tokenizer could not be written: {0}")]
    Save(String),
}

/// The cutting, merging and joining of text and tokens.
///
/// Of the library only the merging is used, not its `Tokenizer`, which would bring every kind of model and a machine for
/// regular expressions into the page; `acts/tests/tinyland_tokenizer.rs` holds the two against each other.
#[derive(Debug, Clone)]
pub struct TinyTokenizer {
    model: BPE,
    /// The bytes of every token, by id.
    bytes: Vec<Vec<u8>>,
    /// The ids of pieces that occur all the time, so that they need not be merged anew: see [`TinyTokenizer::encode`].
    words: HashMap<String, u32>,
    /// The sign of every byte.
    signs: [char; 256],
}

/// A vocabulary of at most `vocab_size` tokens learned from `texts`: the specials, all 256 bytes, then merges in the order of
/// how often they occur. The same texts give the same tokenizer, in whatever order they come.
pub fn train<T: AsRef<str> + Send>(
    texts: impl Iterator<Item = T> + Send,
    vocab_size: usize,
) -> Result<TinyTokenizer, TokenizerError> {
    let failed = |error: tokenizers::Error| TokenizerError::Train(error.to_string());
    let mut trainer = BpeTrainer::builder()
        .vocab_size(vocab_size)
        .show_progress(false)
        .special_tokens(special_tokens())
        .initial_alphabet(ByteLevel::alphabet().into_iter().collect::<HashSet<char>>())
        .build();
    let signs = chars_of_bytes();
    trainer.feed(texts, |text| Ok(Pieces(text).map(|piece| visible(piece, &signs)).collect())).map_err(failed)?;
    let mut model = BPE::default();
    trainer.train(&mut model).map_err(failed)?;
    TinyTokenizer::new(model)
}

fn special_tokens() -> Vec<AddedToken> {
    SPECIALS.map(|text| AddedToken::from(text, true)).to_vec()
}

/// What a sign counts as when text is cut.
#[derive(PartialEq, Clone, Copy)]
enum Class {
    Letter,
    Digit,
    Space,
    Mark,
}

impl Class {
    /// By Unicode: letters are `\p{L}`, digits `\p{N}`, spaces `\s`.
    fn of(sign: char) -> Self {
        use GeneralCategory::{LowercaseLetter, ModifierLetter, OtherLetter, TitlecaseLetter, UppercaseLetter};
        match get_general_category(sign) {
            LowercaseLetter | ModifierLetter | OtherLetter | TitlecaseLetter | UppercaseLetter => Self::Letter,
            _ if sign.is_numeric() => Self::Digit,
            _ if sign.is_whitespace() => Self::Space,
            _ => Self::Mark,
        }
    }
}

/// The pieces of a text, as [`PIECES`] says.
struct Pieces<'a>(&'a str);

impl<'a> Iterator for Pieces<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let text = self.0;
        let first = text.chars().next()?;
        let mut kind = Class::of(first);
        let mut end = first.len_utf8();
        // One space goes with the letters or marks after it.
        if first == ' '
            && let Some(class @ (Class::Letter | Class::Mark)) = text[end..].chars().next().map(Class::of)
        {
            kind = class;
        }
        if kind != Class::Digit {
            let run = text[end..].find(|sign| Class::of(sign) != kind);
            let last = text[..run.map_or(text.len(), |run| end + run)].chars().next_back();
            end = run.map_or(text.len(), |run| end + run);
            // Of several spaces before a word the last is left to the word.
            if kind == Class::Space
                && run.is_some()
                && let Some(last) = last
                && end > last.len_utf8()
            {
                end -= last.len_utf8();
            }
        }
        let (piece, rest) = text.split_at(end);
        self.0 = rest;
        Some(piece)
    }
}

/// A piece as the vocabulary writes it: a sign for each byte.
fn visible(piece: &str, signs: &[char; 256]) -> String {
    piece.bytes().map(|byte| signs[usize::from(byte)]).collect()
}

/// The shipped tokenizer, trained again: on the first documents of the corpus, none of them held out.
pub fn of_tinyland() -> Result<TinyTokenizer, TokenizerError> {
    // Capitals are only ever the answer to an order, and would use up merges that common words need.
    let texts = corpus(super::Split::Train, 0).take(TRAINING_DOCUMENTS).map(|document| document.text.to_lowercase());
    train(texts, VOCAB_SIZE)
}

/// The shipped tokenizer, which is part of the program.
pub fn shipped() -> Result<TinyTokenizer, TokenizerError> {
    load(include_bytes!("../../../public/models/tiny-tokenizer.json"))
}

/// The tokenizer of a JSON file in the common format of the `tokenizers` library.
pub fn load(json: &[u8]) -> Result<TinyTokenizer, TokenizerError> {
    #[derive(Deserialize)]
    struct File {
        model: BPE,
    }
    let file: File = serde_json::from_slice(json).map_err(|error| TokenizerError::Load(error.to_string()))?;
    TinyTokenizer::new(file.model)
}

impl TinyTokenizer {
    fn new(model: BPE) -> Result<Self, TokenizerError> {
        let failed = |error: tokenizers::Error| TokenizerError::Load(error.to_string());
        let of_char = bytes_of_chars();
        let mut bytes = Vec::new();
        let mut words = HashMap::new();
        for id in 0..model.get_vocab_size() as u32 {
            let written =
                model.id_to_token(id).ok_or_else(|| TokenizerError::Load(format!("there is no token {id}")))?;
            if SPECIALS.contains(&written.as_str()) {
                bytes.push(written.into_bytes());
                continue;
            }
            let token: Option<Vec<u8>> = written.chars().map(|sign| of_char.get(&sign).copied()).collect();
            let token = token.ok_or_else(|| TokenizerError::Load(format!("token {id} is not made of bytes")))?;
            let merged = model.tokenize(&written).map_err(failed)?;
            if let (Ok(word), [whole]) = (std::str::from_utf8(&token), merged.as_slice())
                && whole.id == id
            {
                words.insert(word.to_string(), id);
            }
            bytes.push(token);
        }
        Ok(Self { model, bytes, words, signs: chars_of_bytes() })
    }

    /// The tokens of `text`. Special tokens written in it become special tokens.
    ///
    /// Text of the corpus takes a short way, a look-up for each piece; the library does all the rest.
    pub fn encode(&self, text: &str) -> Vec<u32> {
        self.encode_plain(text).unwrap_or_else(|| self.encode_fully(text))
    }

    /// The tokens of `text` by the library alone: the reference for [`TinyTokenizer::encode`].
    pub fn encode_fully(&self, text: &str) -> Vec<u32> {
        let mut ids = Vec::new();
        let mut start = 0;
        // Special tokens stand for themselves, and nothing is merged across them.
        for (at, _) in text.match_indices("<|") {
            if let Some(id) = SPECIALS.iter().position(|special| text[at..].starts_with(special)) {
                self.encode_between(&text[start..at], &mut ids);
                ids.push(id as u32);
                start = at + SPECIALS[id].len();
            }
        }
        self.encode_between(&text[start..], &mut ids);
        ids
    }

    /// Appends the tokens of a text without special ones.
    fn encode_between(&self, text: &str, ids: &mut Vec<u32>) {
        for piece in Pieces(text) {
            // Nothing in the model can refuse a piece: every byte is in the vocabulary.
            if let Ok(tokens) = self.model.tokenize(&visible(piece, &self.signs)) {
                ids.extend(tokens.iter().map(|token| token.id));
            }
        }
    }

    /// The tokens of a text in which every piece is a token and no sign is other than an ASCII letter, digit, single space or
    /// mark; `None` for any other text.
    fn encode_plain(&self, text: &str) -> Option<Vec<u32>> {
        let class = |byte: u8| match byte {
            b' ' => Some(Class::Space),
            b'0'..=b'9' => Some(Class::Digit),
            b'a'..=b'z' | b'A'..=b'Z' => Some(Class::Letter),
            b'!'..=b'~' if byte != b'<' => Some(Class::Mark),
            _ => None,
        };
        let bytes = text.as_bytes();
        let mut ids = Vec::with_capacity(text.len() / 4);
        let mut start = 0;
        while start < bytes.len() {
            let mut end = start + 1;
            let mut kind = class(bytes[start])?;
            if kind == Class::Space
                && let Some(&next) = bytes.get(end)
            {
                match class(next)? {
                    Class::Space => return None,
                    Class::Digit => {}
                    other => (kind, end) = (other, end + 1),
                }
            }
            if matches!(kind, Class::Letter | Class::Mark) {
                while end < bytes.len() && class(bytes[end])? == kind {
                    end += 1;
                }
            }
            ids.push(*self.words.get(&text[start..end])?);
            start = end;
        }
        Some(ids)
    }

    /// The tokens of `text`, each with its bytes in `text`. The ranges follow one another without gap or overlap. A sign of
    /// several bytes, such as an emoji, may be cut across tokens: see [`TinyTokenizer::spans`] for ranges that can be shown.
    pub fn encode_with_offsets(&self, text: &str) -> Vec<(u32, Range<usize>)> {
        let mut start = 0;
        let range = |id: u32| {
            let end = start + self.token_bytes(id).len();
            (id, std::mem::replace(&mut start, end)..end)
        };
        self.encode(text).into_iter().map(range).collect()
    }

    /// The tokens of `text`, gathered where they share a sign, so that every range is a slice of `text`.
    pub fn spans(&self, text: &str) -> Vec<Span> {
        let mut spans: Vec<Span> = Vec::new();
        for (id, range) in self.encode_with_offsets(text) {
            match spans.last_mut() {
                Some(last) if !text.is_char_boundary(last.range.end) => {
                    last.ids.push(id);
                    last.range.end = range.end;
                }
                _ => spans.push(Span { ids: vec![id], range }),
            }
        }
        spans
    }

    /// The text of `ids`. Bytes that are no text become `U+FFFD`, as when a sign is cut in two; ids outside the vocabulary are
    /// left out.
    pub fn decode(&self, ids: &[u32]) -> String {
        let bytes: Vec<u8> = ids.iter().flat_map(|&id| self.token_bytes(id)).copied().collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// One token as text, its leading space included.
    pub fn token_text(&self, id: u32) -> String {
        self.decode(&[id])
    }

    /// The bytes of one token; none for an id outside the vocabulary.
    pub fn token_bytes(&self, id: u32) -> &[u8] {
        self.bytes.get(id as usize).map_or(&[], Vec::as_slice)
    }

    /// The one token that `text` is, if it is one.
    pub fn single(&self, text: &str) -> Option<u32> {
        match self.encode(text)[..] {
            [id] => Some(id),
            _ => None,
        }
    }

    /// How many tokens there are, special ones included.
    pub fn vocab_size(&self) -> usize {
        self.bytes.len()
    }

    /// The tokenizer as JSON, which [`load`] and the library's own `Tokenizer` read.
    pub fn to_json(&self) -> Result<String, TokenizerError> {
        let failed = |error: tokenizers::Error| TokenizerError::Save(error.to_string());
        let pieces = Split::new(SplitPattern::Regex(PIECES.into()), SplitDelimiterBehavior::Isolated, false);
        let visible_bytes = ByteLevel::new(false, false, false);
        let mut whole = Tokenizer::new(self.model.clone());
        whole.with_pre_tokenizer(Some(Sequence::new(vec![pieces.map_err(failed)?.into(), visible_bytes.into()])));
        whole.with_decoder(Some(visible_bytes));
        whole.add_special_tokens(&special_tokens());
        whole.to_string(false).map_err(failed)
    }
}

/// Tokens that make up whole signs of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// The tokens, one in all but rare signs.
    pub ids: Vec<u32>,
    /// Their bytes in the text, whole signs always.
    pub range: Range<usize>,
}

/// The sign that stands for each byte in a byte-level vocabulary: visible bytes stand for themselves, and the others, in
/// order, are written with the signs from `U+0100` on.
fn chars_of_bytes() -> [char; 256] {
    let mut hidden = '\u{100}'..;
    std::array::from_fn(|byte| {
        let byte = byte as u8;
        let itself = matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
        if itself { char::from(byte) } else { hidden.next().unwrap_or_default() }
    })
}

/// The byte that each sign of a byte-level vocabulary stands for.
fn bytes_of_chars() -> HashMap<char, u8> {
    chars_of_bytes().into_iter().zip(0..=u8::MAX).collect()
}
