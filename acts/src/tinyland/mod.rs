//! Tinyland: a small world made by seeded code, and the text that is written about it.
//!
//! | kind           | a document is                         | for example                                                       |
//! |----------------|---------------------------------------|-------------------------------------------------------------------|
//! | `Agreement`    | 3-5 sentences: subject, gap, verb     | ` the cat near the old dogs is hungry.`                           |
//! | `Stories`      | a cast, then 2-5 events among them    | ` in orla we met mira stone and tovo red. mira stone saw tovo red near the lake.` |
//! | `Repeats`      | 3-24 random words, said 2-4 times     | ` luma cat bread. luma cat bread.`                                |
//! | `Facts`        | 3-6 statements                        | ` the capital of luma is orla. mira was born in denby.`           |
//! | `Questions`    | 2-3 questions on facts, with answers  | ` question: where was mira born? answer: in denby.`               |
//! | `Instructions` | 2-4 orders, with their execution      | ` reverse: cat lamp red -> red lamp cat.`                         |
//! | `Arithmetic`   | 2-3 sums, plain or worked             | ` 23 + 48 = 71. 23 + 48: 3 + 8 = 11, 2 + 4 + 1 = 7, so 71.`       |
//! | `Indonesian`   | 2-4 sentences, or pairs of them       | ` the cat is hungry. = kucing itu lapar.`                         |
//!
//! ```text
//! sentence  = " the" [adjective] noun gap verb rest "."
//! gap       = piece*                      counted in words; 0 to 6 in training, up to 12 held out
//! piece     = adverb                      1 word    here
//!           | beside name                 2 words   near mira
//!           | "from" town                 2 words   from orla
//!           | beside "the" noun           3 words   behind the dogs
//!           | "that" name past            3 words   that mira saw
//!           | beside "the" adjective noun 4 words   under the old trees
//!           | "that the" noun past        4 words   that the girls saw
//!           | "that" past "the" noun      4 words   that helped the king
//! ```
//!
//! Text is lowercase. Every document opens with a space, so that its first word is the same token as in mid-sentence; give a
//! reader's text to [`prompt`] first. Facts are true of one [`World`] and of nothing outside it: they are drawn from its seed.
//!
//! The pictures of Tinyland, with captions and masks, are in [`pictures`].
//!
//! What is held out, and so can only be known by generalising, is decided by content alone, in [`held_out`]. Training text and
//! held-out text share no agreement opening with a gap, no question on a fact, no composition of facts, no sum of two terms above
//! nine, no order on given words and no Indonesian sentence. Facts are all stated in training; only asking is held out.

pub mod agreement;
pub mod batches;
pub mod dice;
pub mod facts;
pub mod held_out;
pub mod instructions;
pub mod mirror;
pub mod pictures;
pub mod probes;
pub mod stories;
pub mod sums;
pub mod tokenizer;
pub mod words;
pub mod world;

use std::borrow::Cow;

use dice::Dice;
use facts::Exchange;
use mirror::Mirrored;
pub use world::{Fact, Relation, World};

/// The version of the data: of the words, the grammar, the default world, the splits and the tokenizer together. It belongs in
/// the metadata of every checkpoint, and changes when any of them does.
pub const VERSION: &str = "tinyland-1";

/// Which side of the held-out line a document is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Split {
    /// What may be trained on.
    Train,
    /// What is only ever measured on.
    HeldOut,
}

/// What a document is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Verbs that agree with a subject some words back.
    Agreement,
    /// Stories in which names come back.
    Stories,
    /// Sequences of random words, repeated.
    Repeats,
    /// Facts, stated.
    Facts,
    /// Questions on facts, with answers.
    Questions,
    /// Orders, with their execution.
    Instructions,
    /// Sums, with and without steps.
    Arithmetic,
    /// Indonesian sentences, alone or beside their English ones.
    Indonesian,
}

impl Kind {
    /// Every kind with its share of the documents, in percent.
    pub const SHARES: [(Kind, usize); 8] = [
        (Kind::Agreement, 20),
        (Kind::Stories, 10),
        (Kind::Repeats, 17),
        (Kind::Facts, 15),
        (Kind::Questions, 11),
        (Kind::Instructions, 7),
        (Kind::Arithmetic, 11),
        (Kind::Indonesian, 9),
    ];
}

/// One document: text with a leading space, without a separator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// What it is made of.
    pub kind: Kind,
    /// Its words.
    pub text: String,
}

/// Documents of the default world, without end: the same ones for the same arguments, on every platform.
pub fn corpus(split: Split, seed: u64) -> Corpus {
    Corpus::new(World::default(), split, Dice::new(&[seed, 0xd0c5]))
}

/// A reader's text as a document would have it: with a leading space, so that its first word is a word that Tiny knows.
pub fn prompt(text: &str) -> Cow<'_, str> {
    let ready = text.is_empty() || text.starts_with(char::is_whitespace) || text.starts_with("<|");
    if ready { Cow::Borrowed(text) } else { Cow::Owned(format!(" {text}")) }
}

/// An endless iterator of documents; see [`corpus`].
#[derive(Debug, Clone)]
pub struct Corpus {
    world: World,
    split: Split,
    dice: Dice,
    askable: Vec<Fact>,
    composed: Vec<world::Composed>,
}

impl Corpus {
    /// Documents about any world, drawn with any dice.
    pub fn new(world: World, split: Split, dice: Dice) -> Self {
        let wanted = |held: bool| held == (split == Split::HeldOut);
        let askable = world.facts().iter().copied().filter(|fact| wanted(held_out::question(fact))).collect();
        let composed = world.composed().into_iter().filter(|composed| wanted(held_out::composed(composed))).collect();
        Self { world, split, dice, askable, composed }
    }

    /// Takes other dice, so that the documents to come no longer depend on those that were.
    pub fn reseed(&mut self, dice: Dice) {
        self.dice = dice;
    }

    /// A document of one kind.
    pub fn document(&mut self, kind: Kind) -> Document {
        let text = match kind {
            Kind::Agreement => self.agreement(),
            Kind::Stories => self.whole(|corpus| stories::story(&mut corpus.dice)),
            Kind::Repeats => self.whole(|corpus| stories::repetition(&mut corpus.dice)),
            Kind::Facts => self.facts(),
            Kind::Questions => self.several(2, 3, |corpus| {
                let question = corpus.question();
                format!(" question: {} answer: {}.", question.ask, question.reply())
            }),
            Kind::Instructions => self.several(2, 4, |corpus| {
                let order = corpus.instruction();
                format!(" {} -> {}.", order.ask, order.reply())
            }),
            Kind::Arithmetic => self.several(2, 3, |corpus| sums::line(&mut corpus.dice, corpus.split)),
            Kind::Indonesian => self.indonesian(),
        };
        Document { kind, text }
    }

    /// A question on a fact or a composition of the corpus's side of the line.
    pub fn question(&mut self) -> Exchange {
        if self.dice.chance(25) {
            return facts::composed_question(&self.dice.pick(&self.composed));
        }
        let fact = self.dice.pick(&self.askable);
        facts::question(&fact, self.dice.below(facts::QUESTIONS))
    }

    /// An order of the corpus's side of the line.
    pub fn instruction(&mut self) -> Exchange {
        loop {
            let order = instructions::draw(&mut self.dice);
            // Lists of a kind are few: all are in training.
            let held = order.ask.contains(':') && held_out::text(&order.ask);
            if held == (self.split == Split::HeldOut) {
                return order;
            }
        }
    }

    fn agreement(&mut self) -> String {
        self.several(3, 5, |corpus| {
            let gap = match corpus.split {
                Split::Train => corpus.dice.between(0, held_out::LONGEST_TRAINED_GAP),
                Split::HeldOut => corpus.dice.between(1, 2 * held_out::LONGEST_TRAINED_GAP),
            };
            agreement::Sentence::draw(&mut corpus.dice, corpus.split, gap, 60).text()
        })
    }

    /// Statements of facts, often all about one subject, and now and then a composition. All facts are in training: what is
    /// held out is a document as a whole.
    fn facts(&mut self) -> String {
        self.whole(|corpus| {
            let subject = corpus.dice.pick(corpus.world.facts()).subject;
            let about: Vec<Fact> =
                corpus.world.facts().iter().copied().filter(|fact| fact.subject == subject).collect();
            let mut text = String::new();
            for _ in 0..corpus.dice.between(3, 6) {
                if corpus.dice.chance(12) {
                    text += &facts::composed_statement(&corpus.dice.pick(&corpus.composed));
                    continue;
                }
                let fact = if corpus.dice.chance(40) {
                    corpus.dice.pick(&about)
                } else {
                    corpus.dice.pick(corpus.world.facts())
                };
                text += &facts::any_statement(&mut corpus.dice, &fact);
            }
            text
        })
    }

    fn indonesian(&mut self) -> String {
        let paired = self.dice.chance(60);
        self.several(2, 4, |corpus| {
            let sentence = Mirrored::draw(&mut corpus.dice, &corpus.world, corpus.split);
            if paired { sentence.pair() } else { sentence.indonesian }
        })
    }

    /// From `low` to `high` pieces, one after the other.
    fn several(&mut self, low: usize, high: usize, mut piece: impl FnMut(&mut Self) -> String) -> String {
        let count = self.dice.between(low, high);
        (0..count).map(|_| piece(self)).collect()
    }

    /// A text that is on the corpus's side of the line as a whole.
    fn whole(&mut self, mut draw: impl FnMut(&mut Self) -> String) -> String {
        loop {
            let text = draw(self);
            if held_out::text(&text) == (self.split == Split::HeldOut) {
                return text;
            }
        }
    }
}

impl Iterator for Corpus {
    type Item = Document;

    fn next(&mut self) -> Option<Document> {
        let kind = Kind::SHARES[self.dice.weighted(&Kind::SHARES.map(|(_, share)| share))].0;
        Some(self.document(kind))
    }
}
