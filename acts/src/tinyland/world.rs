//! The fixed table of what is true in a world, drawn from one seed.

use super::dice::Dice;
use super::words;

/// What a fact is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Relation {
    /// A country's capital, a town.
    Capital,
    /// The country that a town is in.
    Country,
    /// The colour of a country's flag.
    Flag,
    /// The town where a person was born.
    Born,
    /// The town where a person lives.
    Home,
    /// A person's job.
    Job,
    /// The colour that a person likes.
    Colour,
    /// The food that a person likes.
    Food,
    /// The animal that a person keeps.
    Pet,
    /// What an animal eats.
    Diet,
    /// The place that an animal lives in.
    Habitat,
}

impl Relation {
    /// All relations, in the order in which they are declared.
    pub const ALL: [Relation; 11] = [
        Self::Capital,
        Self::Country,
        Self::Flag,
        Self::Born,
        Self::Home,
        Self::Job,
        Self::Colour,
        Self::Food,
        Self::Pet,
        Self::Diet,
        Self::Habitat,
    ];

    /// Everything that could stand where this relation's object stands: the alternatives of a guess.
    pub fn objects(self) -> Vec<&'static str> {
        let first = |pairs: &[words::Pair]| pairs.iter().map(|pair| pair.0).collect();
        match self {
            Self::Capital | Self::Born | Self::Home => words::TOWNS.to_vec(),
            Self::Country => words::COUNTRIES.to_vec(),
            Self::Flag | Self::Colour => first(&words::COLOURS),
            Self::Job => first(&words::JOBS),
            Self::Food | Self::Diet => first(&words::FOODS),
            Self::Pet => words::ANIMALS.iter().map(|noun| noun.0).collect(),
            Self::Habitat => first(&words::PLACES),
        }
    }

    /// Everything that this relation says something about.
    pub fn subjects(self) -> Vec<&'static str> {
        match self {
            Self::Capital | Self::Flag => words::COUNTRIES.to_vec(),
            Self::Country => words::TOWNS.to_vec(),
            Self::Diet | Self::Habitat => words::ANIMALS.iter().map(|noun| noun.0).collect(),
            _ => words::PEOPLE.to_vec(),
        }
    }
}

/// One truth: `subject` stands in `relation` to `object`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fact {
    /// What kind of truth.
    pub relation: Relation,
    /// Whom or what it is about.
    pub subject: &'static str,
    /// What is true of it.
    pub object: &'static str,
}

/// A world: the facts that its documents agree on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct World {
    seed: u64,
    facts: Vec<Fact>,
}

impl Default for World {
    /// The world that every shipped checkpoint was trained on.
    fn default() -> Self {
        Self::new(1)
    }
}

impl World {
    /// The world of a seed. Other seeds give the same names with other truths.
    pub fn new(seed: u64) -> Self {
        let mut dice = Dice::new(&[seed, 0xfac7]);
        let towns = dice.pick_distinct(&words::TOWNS, words::TOWNS.len());
        let mut facts = Vec::new();
        for relation in Relation::ALL {
            let objects = relation.objects();
            for subject in relation.subjects() {
                let town_rank = towns.iter().position(|&town| town == subject);
                let object = match (relation, town_rank) {
                    (Relation::Capital, _) => {
                        let rank = words::COUNTRIES.iter().position(|&country| country == subject);
                        towns[rank.unwrap_or_default()]
                    }
                    (Relation::Country, Some(rank)) => words::COUNTRIES[rank % words::COUNTRIES.len()],
                    _ => dice.pick(&objects),
                };
                facts.push(Fact { relation, subject, object });
            }
        }
        Self { seed, facts }
    }

    /// The seed that made this world.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Every fact, grouped by relation.
    pub fn facts(&self) -> &[Fact] {
        &self.facts
    }

    /// The object of a fact, if there is such a subject.
    pub fn object(&self, relation: Relation, subject: &str) -> Option<&'static str> {
        self.facts.iter().find(|fact| fact.relation == relation && fact.subject == subject).map(|fact| fact.object)
    }

    /// The facts that follow from two others: whose country, whose pet's diet.
    pub fn composed(&self) -> Vec<Composed> {
        let mut composed = Vec::new();
        for steps in Composed::STEPS {
            for subject in words::PEOPLE {
                let between = self.object(steps.0, subject);
                if let Some(object) = between.and_then(|between| self.object(steps.1, between)) {
                    composed.push(Composed { steps, subject, object });
                }
            }
        }
        composed
    }
}

/// A truth that takes two facts: the `steps.1` of the `steps.0` of `subject` is `object`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Composed {
    /// The two relations to follow, in order.
    pub steps: (Relation, Relation),
    /// The person it starts from.
    pub subject: &'static str,
    /// Where the two steps end.
    pub object: &'static str,
}

impl Composed {
    /// The compositions that are talked about in Tinyland.
    pub const STEPS: [(Relation, Relation); 3] =
        [(Relation::Born, Relation::Country), (Relation::Home, Relation::Country), (Relation::Pet, Relation::Diet)];
}
