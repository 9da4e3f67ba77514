//! Questions put to a model, each with the answer that is right and those that are not. A model is scored by what it would say
//! next after a prefix; the same arguments give the same probes.

use super::agreement::Sentence;
use super::dice::Dice;
use super::facts::{self, Exchange};
use super::{Fact, Split, World, held_out, stories, sums};

/// Two ways to go on, of which one is right. Both are single tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The text so far.
    pub prefix: String,
    /// What comes next, with its leading space.
    pub right: String,
    /// What must not.
    pub wrong: String,
    /// Whether the subject is plural, where there is one.
    pub plural: bool,
}

/// An answer among all that there could be. Names are single tokens; what has a lead has it in the prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recall {
    /// The text so far.
    pub prefix: String,
    /// What comes next, with its leading space.
    pub answer: String,
    /// What could stand there instead, the answer not among it.
    pub alternatives: Vec<String>,
}

/// A sequence of random words, said twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Induction {
    /// Both copies.
    pub text: String,
    /// The byte of `text` at which the second copy starts. Every word of it but the first can be known.
    pub second_copy: usize,
}

/// A sum and its result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sum {
    /// ` 23 + 48 =`, or ` 23 + 48:` for one to be worked.
    pub prefix: String,
    /// How the text goes on, to its full stop.
    pub rest: String,
    /// The bare result.
    pub result: usize,
}

/// `n` held-out openings with `gap` words between subject and verb, as many singular as plural, all nouns in the gap in the
/// other number. At gap 0 nothing is held out.
pub fn agreement(gap: usize, n: usize, seed: u64) -> Vec<Choice> {
    let mut dice = Dice::new(&[seed, gap as u64, 0xa9]);
    let mut probes = Vec::with_capacity(n);
    while probes.len() < n {
        let Sentence { prefix, right, wrong, plural, .. } = Sentence::draw(&mut dice, Split::HeldOut, gap, 100);
        if plural == (probes.len() % 2 == 1) {
            probes.push(Choice { prefix, right, wrong, plural });
        }
    }
    probes
}

/// `n` stated facts of the default world, to be completed. All are in training as statements.
pub fn facts(n: usize, seed: u64) -> Vec<Recall> {
    let (world, mut dice) = (World::default(), Dice::new(&[seed, 0xfa]));
    let draw = |_| {
        let fact = dice.pick(world.facts());
        let statement = facts::statement(&fact, 2 * dice.below(facts::STATEMENTS / 2));
        let ending = format!(" {}.", fact.object);
        recall(statement.strip_suffix(&ending).unwrap_or(&statement), fact.object, fact.relation.objects())
    };
    (0..n).map(draw).collect()
}

/// `n` questions on facts of the default world, up to the answer. Those of [`Split::HeldOut`] are on facts that training
/// states and never asks about.
pub fn questions(split: Split, n: usize, seed: u64) -> Vec<Recall> {
    let mut dice = Dice::new(&[seed, 0x95]);
    let world = World::default();
    let wanted = |fact: &Fact| held_out::question(fact) == (split == Split::HeldOut);
    let askable: Vec<Fact> = world.facts().iter().copied().filter(wanted).collect();
    let draw = |_| {
        let fact = dice.pick(&askable);
        asked(facts::question(&fact, dice.below(facts::QUESTIONS)), fact.relation.objects())
    };
    (0..n).map(draw).collect()
}

/// `n` questions that take two facts, up to the answer. Those of [`Split::HeldOut`] have never been composed in training,
/// though both of their facts are stated there.
pub fn compositions(split: Split, n: usize, seed: u64) -> Vec<Recall> {
    let mut dice = Dice::new(&[seed, 0xc0]);
    let mut composed = World::default().composed();
    composed.retain(|composed| held_out::composed(composed) == (split == Split::HeldOut));
    let draw = |_| {
        let composed = dice.pick(&composed);
        asked(facts::composed_question(&composed), composed.steps.1.objects())
    };
    (0..n).map(draw).collect()
}

/// `n` sequences of `length` random words, each said twice with nothing between.
pub fn induction(length: usize, n: usize, seed: u64) -> Vec<Induction> {
    let mut dice = Dice::new(&[seed, length as u64, 0x1d]);
    let draw = |_| {
        let sequence = format!(" {}", stories::random_words(&mut dice, length).join(" "));
        Induction { text: sequence.repeat(2), second_copy: sequence.len() }
    };
    (0..n).map(draw).collect()
}

/// `n` stories that stop at a name which is known from before. In even places it is a surname of the story, the wrong answer
/// being another character's; in odd places it is the one of two people who is not doing the giving.
pub fn names(n: usize, seed: u64) -> Vec<Choice> {
    let mut dice = Dice::new(&[seed, 0x4a]);
    let draw = |place: usize| {
        let cast = stories::cast(&mut dice, 2);
        let mut prefix = stories::opening(&mut dice, &cast) + &stories::event(&mut dice, &cast);
        let (a, b) = (cast[0], cast[1]);
        let (right, wrong) = if place.is_multiple_of(2) {
            let (hero, other) = dice.pick(&[(a, b), (b, a)]);
            prefix += &format!(" then {}", hero.name);
            (hero.surname, other.surname)
        } else {
            let (giver, taker) = dice.pick(&[(a, b), (b, a)]);
            prefix += &stories::handover(&mut dice, giver.name, taker.name);
            (taker.name, giver.name)
        };
        Choice { prefix, right: format!(" {right}"), wrong: format!(" {wrong}"), plural: false }
    };
    (0..n).map(draw).collect()
}

/// `n` sums of two terms of `digits` digits each, plain or to be worked.
pub fn sums(split: Split, digits: usize, worked: bool, n: usize, seed: u64) -> Vec<Sum> {
    let mut dice = Dice::new(&[seed, digits as u64, 0x50]);
    let draw = |_| {
        let (a, b) = sums::terms(&mut dice, split, digits);
        let text = if worked { sums::worked(a, b) } else { sums::plain(a, b) };
        let (prefix, rest) = text.split_at(text.find(['=', ':']).map_or(text.len(), |sign| sign + 1));
        Sum { prefix: prefix.to_string(), rest: rest.to_string(), result: a + b }
    };
    (0..n).map(draw).collect()
}

fn asked(exchange: Exchange, objects: Vec<&'static str>) -> Recall {
    let lead = if exchange.lead.is_empty() { String::new() } else { format!(" {}", exchange.lead) };
    recall(&format!(" question: {} answer:{lead}", exchange.ask), &exchange.answer, objects)
}

fn recall(prefix: &str, answer: &str, objects: Vec<&'static str>) -> Recall {
    let others = objects.into_iter().filter(|&object| object != answer).map(|object| format!(" {object}"));
    Recall { prefix: prefix.to_string(), answer: format!(" {answer}"), alternatives: others.collect() }
}
