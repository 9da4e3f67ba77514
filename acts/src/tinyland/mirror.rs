//! Sentences said in both languages. Indonesian has neither articles nor number nor tense: `the cats were hungry` and
//! `the cat is hungry` are both `kucing itu lapar`.

use super::dice::Dice;
use super::words::{self, Noun};
use super::world::World;
use super::{Split, facts, held_out};

/// One sentence in both languages, each with its leading space and full stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirrored {
    /// The English sentence.
    pub english: String,
    /// The same in Indonesian.
    pub indonesian: String,
}

impl Mirrored {
    /// A sentence of `split`: half of them facts of `world`, half of them scenes. What is held out goes by the Indonesian, so
    /// that it is held out in every tense and number.
    pub fn draw(dice: &mut Dice, world: &World, split: Split) -> Self {
        loop {
            let (drawn, english_held_out) = if dice.chance(50) {
                let fact = dice.pick(world.facts());
                let phrasing = 2 * dice.below(2);
                (Self { english: facts::statement(&fact, phrasing), indonesian: facts::indonesian(&fact) }, false)
            } else {
                Self::scene(dice)
            };
            let held = held_out::text(&drawn.indonesian);
            if held == (split == Split::HeldOut) && !(english_held_out && split == Split::Train) {
                return drawn;
            }
        }
    }

    /// ` the cat is hungry. = kucing itu lapar.`
    pub fn pair(&self) -> String {
        format!("{} ={}", self.english, self.indonesian)
    }

    /// A scene, and whether its English opening is one that is held out from agreement.
    fn scene(dice: &mut Dice) -> (Self, bool) {
        let plural = dice.chance(50);
        let (one, many, subject) = noun(dice);
        let english = if plural { many } else { one };
        match dice.below(4) {
            0 => {
                let (state, lapar) = dice.pick(&words::STATES);
                let be = dice.pick(if plural { &["are", "were"] } else { &["is", "was"] });
                (Self::new(format!("the {english} {be} {state}"), format!("{subject} itu {lapar}")), false)
            }
            1 => {
                let verb = dice.pick(&words::VERBS);
                let (place, hutan) = dice.pick(&words::PLACES);
                let does = if plural { verb.1 } else { verb.0 };
                let indonesian = format!("{subject} itu {} di {hutan}", verb.2);
                (Self::new(format!("the {english} {does} in the {place}"), indonesian), false)
            }
            2 => {
                let (past, melihat) = dice.pick(&words::PAST);
                let (colour, merah) = dice.pick(&words::COLOURS);
                let (other, _, object) = noun(dice);
                let indonesian = format!("{subject} itu {melihat} {object} {merah} itu");
                (Self::new(format!("the {english} {past} the {colour} {other}"), indonesian), false)
            }
            _ => {
                let (beside, di_dekat) = dice.pick(&words::BESIDE);
                let (other, others, object) = dice.pick(&words::THINGS);
                let (state, lapar) = dice.pick(&words::STATES);
                let opening = format!("the {english} {beside} the {}", if dice.chance(50) { others } else { other });
                let held = held_out::agreement(&format!(" {opening}"), 3);
                let be = if plural { "are" } else { "is" };
                let indonesian = format!("{subject} {di_dekat} {object} itu {lapar}");
                (Self::new(format!("{opening} {be} {state}"), indonesian), held)
            }
        }
    }

    fn new(english: String, indonesian: String) -> Self {
        Self { english: format!(" {english}."), indonesian: format!(" {indonesian}.") }
    }
}

fn noun(dice: &mut Dice) -> Noun {
    if dice.chance(75) { dice.pick(&words::ANIMALS) } else { dice.pick(&words::STRANGERS) }
}
