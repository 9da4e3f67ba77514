//! Names that come back, and sequences that repeat: what induction heads are made of.

use super::dice::Dice;
use super::words;

/// A person of one story, with a surname that holds only there: `mira stone`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Character {
    /// The given name.
    pub name: &'static str,
    /// The surname, a thing or a colour, drawn anew for every story.
    pub surname: &'static str,
}

/// Words that serve as surnames.
pub fn surnames() -> Vec<&'static str> {
    words::THINGS.iter().map(|noun| noun.0).chain(words::COLOURS.iter().map(|pair| pair.0)).collect()
}

/// `count` characters, no two sharing a name or a surname.
pub fn cast(dice: &mut Dice, count: usize) -> Vec<Character> {
    let names = dice.pick_distinct(&words::PEOPLE, count);
    let surnames = dice.pick_distinct(&surnames(), count);
    names.into_iter().zip(surnames).map(|(name, surname)| Character { name, surname }).collect()
}

/// The opening of a story, in which every character is named in full.
pub fn opening(dice: &mut Dice, cast: &[Character]) -> String {
    let town = dice.pick(&words::TOWNS);
    let mut text = match dice.below(3) {
        0 => format!(" once in {town} there lived"),
        1 => format!(" this is a story from {town} about"),
        _ => format!(" in {town} we met"),
    };
    for (place, person) in cast.iter().enumerate() {
        let joint = if place == 0 { "" } else { " and" };
        text += &format!("{joint} {} {}", person.name, person.surname);
    }
    text + "."
}

/// One event between the characters, in which names come back with their surnames, or one of two people who were named
/// does something for the other.
pub fn event(dice: &mut Dice, cast: &[Character]) -> String {
    let pair = dice.pick_distinct(cast, 2);
    let (Character { name: a, surname: x }, Character { name: b, surname: y }) = (pair[0], pair[1]);
    let place = dice.pick(&words::PLACES).0;
    let past = dice.pick(&words::PAST).0;
    match dice.below(5) {
        0 => format!(" {a} {x} {past} {b} {y} near the {place}."),
        1 => handover(dice, a, b) + &format!(" {b}."),
        2 => {
            let (lamp, colour) = (dice.pick(&words::THINGS).0, dice.pick(&words::COLOURS).0);
            format!(" {a} {x} told {b} {y} about the {colour} {lamp}. {b} {y} found the {colour} {lamp}.")
        }
        3 => {
            let animal = dice.pick(&words::ANIMALS).0;
            format!(" then {a} {x} {past} {} {animal}.", words::article(animal))
        }
        _ => format!(" in the {place} {a} {x} was {}.", dice.pick(&words::STATES).0),
    }
}

/// `when mira and tovo went to the river, mira gave a fish to`: the next word is the other one's name.
pub fn handover(dice: &mut Dice, giver: &str, taker: &str) -> String {
    let place = dice.pick(&words::PLACES).0;
    let (first, second) = if dice.chance(50) { (giver, taker) } else { (taker, giver) };
    let verb = dice.pick(&["went to the", "met near the", "were in the"]);
    let gift = dice.pick(&["gave the cake to", "gave the book to", "told a story to"]);
    format!(" when {first} and {second} {verb} {place}, {giver} {gift}")
}

/// A short story with two or three characters.
pub fn story(dice: &mut Dice) -> String {
    let count = dice.between(2, 3);
    let cast = cast(dice, count);
    let mut text = opening(dice, &cast);
    for _ in 0..dice.between(2, 5) {
        text += &event(dice, &cast);
    }
    text
}

/// `length` random words, a word seldom twice.
pub fn random_words(dice: &mut Dice, length: usize) -> Vec<&'static str> {
    let words = words::listable();
    (0..length).map(|_| dice.pick(&words)).collect()
}

/// A sequence of random words, said two or more times. Its length changes, so that only looking back helps.
pub fn repetition(dice: &mut Dice) -> String {
    let length = dice.between(3, 24);
    let times = if length <= 8 { dice.between(2, 4) } else { 2 };
    let sequence = random_words(dice, length).join(" ");
    let joint = dice.pick(&[" ", ". ", ", ", " and "]);
    format!(" {}.", vec![sequence; times].join(joint))
}
