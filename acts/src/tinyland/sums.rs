//! Sums, with and without their steps.

use super::dice::Dice;
use super::{Split, held_out};

/// The most digits that a term has in training.
pub const MOST_TRAINED_DIGITS: usize = 3;

/// Two terms of `split` with `digits` digits each. Sums of single digits are all in training, so for those the split does
/// not matter.
pub fn terms(dice: &mut Dice, split: Split, digits: usize) -> (usize, usize) {
    let low = if digits == 1 { 0 } else { 10usize.pow(digits as u32 - 1) };
    let high = 10usize.pow(digits as u32) - 1;
    loop {
        let (a, b) = (dice.between(low, high), dice.between(low, high));
        if digits == 1 || held_out::sum(a, b) == (split == Split::HeldOut) {
            return (a, b);
        }
    }
}

/// ` 23 + 48 = 71.`
pub fn plain(a: usize, b: usize) -> String {
    format!(" {a} + {b} = {}.", a + b)
}

/// The sum worked out digit by digit from the right, each step with its carry: ` 23 + 48: 3 + 8 = 11, 2 + 4 + 1 = 7, so 71.`
pub fn worked(a: usize, b: usize) -> String {
    let mut text = format!(" {a} + {b}:");
    let (mut x, mut y, mut carry) = (a, b, 0);
    while x > 0 || y > 0 {
        let (p, q) = (x % 10, y % 10);
        let carried = if carry > 0 { " + 1" } else { "" };
        text += &format!(" {p} + {q}{carried} = {},", p + q + carry);
        carry = (p + q + carry) / 10;
        (x, y) = (x / 10, y / 10);
    }
    format!("{text} so {}.", a + b)
}

/// A chain of additions and subtractions of single digits, which never falls below 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    /// Where it starts.
    pub start: i32,
    /// What is added, in order; negative for what is taken away.
    pub steps: Vec<i32>,
}

impl Chain {
    /// A chain of `split` with `steps` steps.
    pub fn draw(dice: &mut Dice, split: Split, steps: usize) -> Self {
        loop {
            let start = dice.between(1, 9) as i32;
            let mut chain = Self { start, steps: Vec::with_capacity(steps) };
            for _ in 0..steps {
                let step = dice.between(1, 9) as i32;
                chain.steps.push(if chain.result() >= step && dice.chance(50) { -step } else { step });
            }
            // A chain of one step is a sum of digits, and those are all in training.
            if steps < 2 || held_out::text(&chain.expression()) == (split == Split::HeldOut) {
                return chain;
            }
        }
    }

    /// What it comes to.
    pub fn result(&self) -> i32 {
        self.start + self.steps.iter().sum::<i32>()
    }

    /// ` 4 + 7 - 3`
    pub fn expression(&self) -> String {
        self.steps.iter().fold(format!(" {}", self.start), |text, &step| text + &signed(step))
    }

    /// ` 4 + 7 - 3 = 8.`
    pub fn plain(&self) -> String {
        format!("{} = {}.", self.expression(), self.result())
    }

    /// ` 4 + 7 - 3: 4 + 7 = 11, 11 - 3 = 8, so 8.`
    pub fn worked(&self) -> String {
        let mut text = self.expression() + ":";
        let mut at = self.start;
        for &step in &self.steps {
            text += &format!(" {at}{} = {},", signed(step), at + step);
            at += step;
        }
        format!("{text} so {at}.")
    }
}

fn signed(step: i32) -> String {
    format!(" {} {}", if step < 0 { '-' } else { '+' }, step.abs())
}

/// One line of arithmetic of the corpus.
pub fn line(dice: &mut Dice, split: Split) -> String {
    if dice.chance(30) {
        let steps = dice.between(2, 4);
        let chain = Chain::draw(dice, split, steps);
        return if dice.chance(40) { chain.plain() } else { chain.worked() };
    }
    let digits = match split {
        Split::Train => 1 + dice.weighted(&[15, 55, 30]),
        Split::HeldOut => dice.between(2, MOST_TRAINED_DIGITS),
    };
    let (a, b) = terms(dice, split, digits);
    if digits == 1 || dice.chance(60) { plain(a, b) } else { worked(a, b) }
}
