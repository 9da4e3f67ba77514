//! Orders and their execution: `reverse: cat lamp red -> red lamp cat`.

use super::dice::Dice;
use super::facts::Exchange;
use super::{stories, words};

/// An order to do something to a few words, or to list some of a kind.
pub fn draw(dice: &mut Dice) -> Exchange {
    let count = dice.between(2, 5);
    let given = stories::random_words(dice, count);
    let order = |name: &str| format!("{name}: {}", given.join(" "));
    let (ask, answer) = match dice.weighted(&[4, 4, 2, 2, 2, 1, 4]) {
        0 => (order("repeat"), given.join(" ")),
        1 => (order("reverse"), given.iter().rev().copied().collect::<Vec<_>>().join(" ")),
        2 => (order("first"), given[0].to_string()),
        3 => (order("last"), given[count - 1].to_string()),
        4 => (order("count"), count.to_string()),
        5 => (format!("upper: {}", given[0]), given[0].to_uppercase()),
        _ => list(dice),
    };
    Exchange { ask, lead: "", answer }
}

fn list(dice: &mut Dice) -> (String, String) {
    let (kind, members) = match dice.below(5) {
        0 => ("animals", words::ANIMALS.iter().map(|noun| noun.0).collect()),
        1 => ("towns", words::TOWNS.to_vec()),
        2 => ("countries", words::COUNTRIES.to_vec()),
        3 => ("jobs", words::JOBS.iter().map(|pair| pair.0).collect()),
        _ => ("colours", words::COLOURS.iter().map(|pair| pair.0).collect()),
    };
    let (count, number) = dice.pick(&[(2, "two"), (3, "three"), (4, "four"), (5, "five")]);
    (format!("list {number} {kind}"), dice.pick_distinct(&members, count).join(", "))
}
