//! How facts are stated and asked about, in English and in Indonesian.

use super::dice::Dice;
use super::words;
use super::world::{Composed, Fact, Relation};

/// A question with its answer, in plain words, without leading spaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// What is asked or ordered.
    pub ask: String,
    /// The words of the answer that do not depend on knowing it: `in the`. Often empty.
    pub lead: &'static str,
    /// The answer itself.
    pub answer: String,
}

impl Exchange {
    /// The answer with its lead.
    pub fn reply(&self) -> String {
        if self.lead.is_empty() { self.answer.clone() } else { format!("{} {}", self.lead, self.answer) }
    }
}

/// How many phrasings [`statement`] has for each relation. In those with an even number the object comes last.
pub const STATEMENTS: usize = 4;

/// A fact in English. `phrasing` is below [`STATEMENTS`].
pub fn statement(fact: &Fact, phrasing: usize) -> String {
    let Fact { relation, subject: s, object: o } = *fact;
    let plural = words::noun(&words::ANIMALS, s).map_or("", |noun| noun.1);
    let a = words::article(o);
    match (relation, phrasing) {
        (Relation::Capital, 0) => format!(" the capital of {s} is {o}."),
        (Relation::Capital, 1) => format!(" {o} is the capital of {s}."),
        (Relation::Capital, 2) => format!(" the capital of {s} is called {o}."),
        (Relation::Capital, _) => format!(" in {o} sits the king of {s}, for it is the capital."),
        (Relation::Country, 0) => format!(" {s} is a town in {o}."),
        (Relation::Country, 1) => format!(" in {o} there is a town called {s}."),
        (Relation::Country, 2) => format!(" the town of {s} is in {o}."),
        (Relation::Country, _) => format!(" {o} has a town called {s}."),
        (Relation::Flag, 0) => format!(" the flag of {s} is {o}."),
        (Relation::Flag, 1) => format!(" {a} {o} flag is the flag of {s}."),
        (Relation::Flag, 2) => format!(" in {s} the flag is {o}."),
        (Relation::Flag, _) => format!(" {o} is the colour of the flag of {s}."),
        (Relation::Born, 0) => format!(" {s} was born in {o}."),
        (Relation::Born, 1) => format!(" {o} is the town where {s} was born."),
        (Relation::Born, 2) => format!(" {s} comes from {o}."),
        (Relation::Born, _) => format!(" in {o} {s} was born."),
        (Relation::Home, 0) => format!(" {s} lives in {o}."),
        (Relation::Home, 1) => format!(" {o} is the town where {s} lives."),
        (Relation::Home, 2) => format!(" the home of {s} is in {o}."),
        (Relation::Home, _) => format!(" in {o} lives {s}."),
        (Relation::Job, 0) => format!(" {s} is {a} {o}."),
        (Relation::Job, 1) => format!(" {a} {o} is what {s} is."),
        (Relation::Job, 2) => format!(" {s} works as {a} {o}."),
        (Relation::Job, _) => format!(" as {a} {o}, {s} works all day."),
        (Relation::Colour, 0) => format!(" {s} likes the colour {o}."),
        (Relation::Colour, 1) => format!(" {o} is the colour that {s} likes."),
        (Relation::Colour, 2) => format!(" the colour that {s} likes is {o}."),
        (Relation::Colour, _) => format!(" {s} is happy with the colour {o}."),
        (Relation::Food, 0) => format!(" {s} likes to eat {o}."),
        (Relation::Food, 1) => format!(" {o} is what {s} likes to eat."),
        (Relation::Food, 2) => format!(" the food that {s} likes is {o}."),
        (Relation::Food, _) => format!(" give {o} to {s}."),
        (Relation::Pet, 0) => format!(" {s} has {a} {o}."),
        (Relation::Pet, 1) => format!(" {a} {o} lives with {s}."),
        (Relation::Pet, 2) => format!(" the pet of {s} is {a} {o}."),
        (Relation::Pet, _) => format!(" with {a} {o}, {s} is happy."),
        (Relation::Diet, 0) => format!(" the {s} eats {o}."),
        (Relation::Diet, 1) => format!(" {o} is what {plural} eat."),
        (Relation::Diet, 2) => format!(" {plural} eat {o}."),
        (Relation::Diet, _) => format!(" {o} is food for the {s}."),
        (Relation::Habitat, 0) => format!(" the {s} lives in the {o}."),
        (Relation::Habitat, 1) => format!(" in the {o} live the {plural}."),
        (Relation::Habitat, 2) => format!(" {plural} live in the {o}."),
        (Relation::Habitat, _) => format!(" the {o} is the home of the {s}."),
    }
}

/// A fact in Indonesian, in one phrasing, object last.
pub fn indonesian(fact: &Fact) -> String {
    let Fact { relation, subject: s, object: o } = *fact;
    let animal = |word: &'static str| words::noun(&words::ANIMALS, word).map_or(word, |noun| noun.2);
    let in_pool = |pairs: &[words::Pair]| words::indonesian(pairs, o);
    match relation {
        Relation::Capital => format!(" ibu kota {s} adalah {o}."),
        Relation::Country => format!(" kota {s} ada di {o}."),
        Relation::Flag => format!(" bendera {s} berwarna {}.", in_pool(&words::COLOURS)),
        Relation::Born => format!(" {s} lahir di {o}."),
        Relation::Home => format!(" {s} tinggal di {o}."),
        Relation::Job => format!(" {s} adalah seorang {}.", in_pool(&words::JOBS)),
        Relation::Colour => format!(" {s} suka warna {}.", in_pool(&words::COLOURS)),
        Relation::Food => format!(" {s} suka makan {}.", in_pool(&words::FOODS)),
        Relation::Pet => format!(" {s} punya {}.", animal(o)),
        Relation::Diet => format!(" {} makan {}.", animal(s), in_pool(&words::FOODS)),
        Relation::Habitat => format!(" {} hidup di {}.", animal(s), in_pool(&words::PLACES)),
    }
}

/// How many phrasings [`question`] has for each relation.
pub const QUESTIONS: usize = 2;

/// A question about a fact. `phrasing` is below [`QUESTIONS`].
pub fn question(fact: &Fact, phrasing: usize) -> Exchange {
    let Fact { relation, subject: s, object: o } = *fact;
    let plural = words::noun(&words::ANIMALS, s).map_or("", |noun| noun.1);
    let (first, second, lead) = match relation {
        Relation::Capital => (format!("what is the capital of {s}?"), format!("which town is the capital of {s}?"), ""),
        Relation::Country => (format!("which country is {s} in?"), format!("where is the town of {s}?"), "in"),
        Relation::Flag => (format!("what colour is the flag of {s}?"), format!("which colour is the flag of {s}?"), ""),
        Relation::Born => (format!("where was {s} born?"), format!("in which town was {s} born?"), "in"),
        Relation::Home => (format!("where does {s} live?"), format!("in which town does {s} live?"), "in"),
        Relation::Job => (format!("what is the job of {s}?"), format!("what does {s} do all day?"), words::article(o)),
        Relation::Colour => (format!("which colour does {s} like?"), format!("what is the colour that {s} likes?"), ""),
        Relation::Food => (format!("what does {s} like to eat?"), format!("which food does {s} like?"), ""),
        Relation::Pet => {
            (format!("which animal does {s} have?"), format!("what is the pet of {s}?"), words::article(o))
        }
        Relation::Diet => (format!("what do {plural} eat?"), format!("what does the {s} eat?"), ""),
        Relation::Habitat => (format!("where do {plural} live?"), format!("where does the {s} live?"), "in the"),
    };
    let ask = if phrasing == 0 { first } else { second };
    Exchange { ask, lead, answer: o.to_string() }
}

/// A composition, stated. The object comes last.
pub fn composed_statement(composed: &Composed) -> String {
    let Composed { steps, subject: s, object: o } = *composed;
    match steps.0 {
        Relation::Born => format!(" the country where {s} was born is {o}."),
        Relation::Home => format!(" the country where {s} lives is {o}."),
        _ => format!(" the pet of {s} eats {o}."),
    }
}

/// A question about a composition.
pub fn composed_question(composed: &Composed) -> Exchange {
    let Composed { steps, subject: s, object: o } = *composed;
    let ask = match steps.0 {
        Relation::Born => format!("in which country was {s} born?"),
        Relation::Home => format!("in which country does {s} live?"),
        _ => format!("what does the pet of {s} eat?"),
    };
    let lead = if steps.0 == Relation::Pet { "" } else { "in" };
    Exchange { ask, lead, answer: o.to_string() }
}

/// A fact in one of its phrasings.
pub fn any_statement(dice: &mut Dice, fact: &Fact) -> String {
    statement(fact, dice.below(STATEMENTS))
}
