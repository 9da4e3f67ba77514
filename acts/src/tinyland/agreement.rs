//! Sentences whose verb must agree with a subject some words back.

use super::dice::Dice;
use super::words::{self, Noun};
use super::{Split, held_out};

/// A sentence split at its verb: `prefix + right + rest` is correct, `prefix + wrong + rest` is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sentence {
    /// The subject and the gap.
    pub prefix: String,
    /// The verb that agrees, with its leading space.
    pub right: String,
    /// The same verb in the other number.
    pub wrong: String,
    /// What follows the verb, full stop included.
    pub rest: String,
    /// How many words stand between the subject's noun and the verb.
    pub gap: usize,
    /// Whether the subject is plural.
    pub plural: bool,
}

impl Sentence {
    /// A sentence of `split` with the given gap. Both numbers are equally likely. `mislead` is the chance, in percent, that a
    /// noun in the gap has the other number than the subject.
    pub fn draw(dice: &mut Dice, split: Split, gap: usize, mislead: usize) -> Self {
        loop {
            let sentence = Self::draw_any(dice, gap, mislead);
            if gap == 0 || held_out::agreement(&sentence.prefix, gap) == (split == Split::HeldOut) {
                return sentence;
            }
            // No opening with a longer gap belongs to training.
            if gap > held_out::LONGEST_TRAINED_GAP {
                return Self::draw(dice, split, held_out::LONGEST_TRAINED_GAP, mislead);
            }
        }
    }

    /// The whole sentence, as it should be.
    pub fn text(&self) -> String {
        format!("{}{}{}", self.prefix, self.right, self.rest)
    }

    fn draw_any(dice: &mut Dice, gap: usize, mislead: usize) -> Self {
        let plural = dice.chance(50);
        let mut prefix = " the".to_string();
        if dice.chance(30) {
            prefix = prefix + " " + adjective(dice);
        }
        prefix = prefix + " " + form(living(dice), plural);
        let mut left = gap;
        while left > 0 {
            let words = piece_length(dice, left);
            let other = if dice.chance(mislead) { !plural } else { plural };
            prefix += &piece(dice, words, other);
            left -= words;
        }
        let (singular, many, rest) = predicate(dice);
        let (right, wrong) = if plural { (many, singular) } else { (singular, many) };
        Self { prefix, right: format!(" {right}"), wrong: format!(" {wrong}"), rest, gap, plural }
    }
}

/// The length of the next piece of a gap with `left` words to fill.
fn piece_length(dice: &mut Dice, left: usize) -> usize {
    match left {
        1..=4 => left,
        5 => dice.pick(&[2, 3]),
        6 => dice.pick(&[2, 3, 4]),
        _ => dice.pick(&[3, 4]),
    }
}

/// A piece of a gap, `words` long (1 to 4), in which a noun has the given number.
fn piece(dice: &mut Dice, words: usize, plural: bool) -> String {
    let beside = dice.pick(&words::BESIDE).0;
    let past = dice.pick(&words::PAST).0;
    match words {
        1 => dice.pick(&[" here", " outside", " there"]).to_string(),
        2 if dice.chance(40) => format!(" from {}", dice.pick(&words::TOWNS)),
        2 => format!(" {beside} {}", dice.pick(&words::PEOPLE)),
        3 if dice.chance(25) => format!(" that {} {past}", dice.pick(&words::PEOPLE)),
        3 => format!(" {beside} the {}", form(anything(dice), plural)),
        _ => match dice.below(3) {
            0 => format!(" that the {} {past}", form(living(dice), plural)),
            1 => format!(" that {past} the {}", form(living(dice), plural)),
            _ => format!(" {beside} the {} {}", adjective(dice), form(anything(dice), plural)),
        },
    }
}

/// The verb in both numbers and what follows it.
fn predicate(dice: &mut Dice) -> (&'static str, &'static str, String) {
    let state = |dice: &mut Dice| format!(" {}.", dice.pick(&words::STATES).0);
    match dice.weighted(&[5, 3, 2, 3]) {
        0 => ("is", "are", state(dice)),
        1 => ("was", "were", state(dice)),
        2 => {
            let thing = dice.pick(&words::THINGS).0;
            ("has", "have", format!(" a {} {thing}.", dice.pick(&words::SIZES[..2])))
        }
        _ => {
            let verb = dice.pick(&words::VERBS);
            let end = match dice.below(3) {
                0 => ".".to_string(),
                1 => format!(" in the {}.", dice.pick(&words::PLACES).0),
                _ => format!(" with {}.", dice.pick(&words::PEOPLE)),
            };
            (verb.0, verb.1, end)
        }
    }
}

fn form(noun: Noun, plural: bool) -> &'static str {
    if plural { noun.1 } else { noun.0 }
}

fn adjective(dice: &mut Dice) -> &'static str {
    if dice.chance(50) { dice.pick(&words::SIZES) } else { dice.pick(&words::COLOURS).0 }
}

fn living(dice: &mut Dice) -> Noun {
    if dice.chance(65) { dice.pick(&words::ANIMALS) } else { dice.pick(&words::STRANGERS) }
}

fn anything(dice: &mut Dice) -> Noun {
    if dice.chance(50) { living(dice) } else { dice.pick(&words::THINGS) }
}
