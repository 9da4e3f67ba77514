//! What the reader has chosen on the map, and what that lights up.

use std::collections::BTreeMap;

use leptos::prelude::*;

use crate::book::{ACTS, IDEAS, chapter, idea_index};
use crate::url;

/// What the reader has chosen. It stands in the address: `?idea=softmax&act=2&why=3&via=grpo:ppo`.
#[derive(Clone, Copy)]
pub struct Chosen {
    /// The idea in the panel.
    pub idea: RwSignal<Option<usize>>,
    /// The act that is shown alone.
    pub act: RwSignal<Option<usize>>,
    /// How many steps of "why does it exist?" have been taken.
    pub why: RwSignal<usize>,
    /// Where the reader follows another answer than the first: parents by their child.
    pub via: RwSignal<BTreeMap<usize, usize>>,
    /// The name that is searched for.
    pub query: RwSignal<String>,
    /// The idea under the pointer.
    pub hovered: RwSignal<Option<usize>>,
    /// The idea that has the keyboard.
    pub focused: RwSignal<Option<usize>>,
}

/// How an idea or a line is drawn; the name is what the style sheet knows it by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// As everything, when nothing is lit.
    #[default]
    Plain,
    /// The one that is asked about.
    Here,
    /// What it goes back to.
    Before,
    /// What came of it.
    After,
    /// A step of "why does it exist?" that has been taken.
    Step,
    /// It has the name that is searched for.
    Found,
    /// None of these, while something is lit.
    Dim,
}

impl Role {
    /// The value of `data-role`.
    pub fn name(self) -> &'static str {
        match self {
            Role::Plain => "plain",
            Role::Here => "here",
            Role::Before => "before",
            Role::After => "after",
            Role::Step => "step",
            Role::Found => "found",
            Role::Dim => "dim",
        }
    }
}

impl Chosen {
    /// As the address says; what makes no sense in it was not said.
    pub fn of_address() -> Self {
        let idea = url::parameter("idea").and_then(|id| idea_index(&id));
        let act = url::parsed::<usize>("act").filter(|act| (1..=ACTS.len()).contains(act));
        let via = url::parameter("via").map(|text| read_via(&text)).unwrap_or_default();
        let most = idea.map_or(0, |idea| chain(idea, &via).len());
        let why = url::parsed::<usize>("why").unwrap_or(0).min(most);
        Self {
            idea: RwSignal::new(idea),
            act: RwSignal::new(act),
            why: RwSignal::new(why),
            via: RwSignal::new(via),
            query: RwSignal::new(String::new()),
            hovered: RwSignal::new(None),
            focused: RwSignal::new(None),
        }
    }

    /// Keeps the address up to date.
    pub fn keep_in_address(self) {
        Effect::new(move |_| {
            let idea = self.idea.get();
            let why = Some(self.why.get()).filter(|why| *why > 0 && idea.is_some());
            let via = Some(write_via(&self.via.read())).filter(|via| !via.is_empty() && idea.is_some());
            url::keep(&[
                ("idea", idea.map(|i| IDEAS[i].id.to_owned())),
                ("act", self.act.get().map(|a| a.to_string())),
                ("why", why.map(|w| w.to_string())),
                ("via", via),
            ]);
        });
    }

    /// Opens an idea, or closes the panel.
    pub fn select(self, idea: Option<usize>) {
        if self.idea.get_untracked() != idea {
            self.why.set(0);
            self.via.set(BTreeMap::new());
            self.idea.set(idea);
        }
        if !self.query.read_untracked().is_empty() {
            self.query.set(String::new());
        }
    }

    /// The idea in the panel and what it goes back to, by the answers that the reader follows.
    pub fn chain(self) -> Vec<usize> {
        self.idea.get().map(|idea| chain(idea, &self.via.read())).unwrap_or_default()
    }

    /// One more step of "why does it exist?"; from its end, back to its beginning.
    pub fn step(self) {
        let steps = untrack(|| self.chain()).len();
        self.why.update(|why| *why = if *why < steps { *why + 1 } else { 0 });
    }

    /// Follows another answer at the step of `child`: what came after that step is no longer taken.
    pub fn follow(self, child: usize, parent: usize) {
        let step = untrack(|| self.chain()).iter().position(|&i| i == child).unwrap_or(0);
        self.via.update(|via| {
            if IDEAS[child].answers.first() == Some(&parent) {
                via.remove(&child);
            } else {
                via.insert(child, parent);
            }
        });
        self.why.set(step + 1);
    }

    /// The ideas whose names contain what is searched for.
    pub fn found(self) -> Vec<usize> {
        let query = self.query.read().trim().to_lowercase();
        if query.is_empty() {
            return Vec::new();
        }
        (0..IDEAS.len()).filter(|&i| IDEAS[i].name.to_lowercase().contains(&query)).collect()
    }

    /// What is lit now.
    pub fn lighting(self) -> Lighting {
        let idea = self.idea.get();
        let pointed = self.hovered.get().or(self.focused.get()).filter(|p| Some(*p) != idea);
        let why = self.why.get();
        match (pointed, idea) {
            (Some(pointed), _) => Lighting::kin(pointed),
            (None, _) if !self.query.read().trim().is_empty() => Lighting::only(&self.found(), Role::Found),
            (None, Some(_)) if why > 0 => Lighting::steps(&self.chain(), why),
            (None, Some(idea)) => Lighting::kin(idea),
            (None, None) => match self.act.get() {
                Some(act) => {
                    let of_act: Vec<usize> = (0..IDEAS.len()).filter(|&i| act_of(i) == act).collect();
                    Lighting::only(&of_act, Role::Plain)
                }
                None => Lighting::default(),
            },
        }
    }
}

/// The number of the act of an idea.
pub fn act_of(idea: usize) -> usize {
    chapter(IDEAS[idea].chapter).map_or(0, |c| c.act)
}

/// An idea and what it goes back to: at each step the answer that was chosen, else the first.
pub fn chain(idea: usize, via: &BTreeMap<usize, usize>) -> Vec<usize> {
    let mut chain = vec![idea];
    let mut at = idea;
    while let Some(&first) = IDEAS[at].answers.first() {
        at = via.get(&at).copied().unwrap_or(first);
        chain.push(at);
    }
    chain
}

/// `child:parent,child:parent`, by id; pairs that are not on the map are left out.
fn read_via(text: &str) -> BTreeMap<usize, usize> {
    let pair = |pair: &str| {
        let (child, parent) = pair.split_once(':')?;
        let (child, parent) = (idea_index(child)?, idea_index(parent)?);
        IDEAS[child].answers.contains(&parent).then_some((child, parent))
    };
    text.split(',').filter_map(pair).collect()
}

fn write_via(via: &BTreeMap<usize, usize>) -> String {
    let pairs: Vec<String> = via.iter().map(|(&c, &p)| format!("{}:{}", IDEAS[c].id, IDEAS[p].id)).collect();
    pairs.join(",")
}

/// The role of every idea, and of every line by its two ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lighting {
    ideas: BTreeMap<usize, Role>,
    lines: BTreeMap<(usize, usize), Role>,
    others: Role,
}

impl Lighting {
    /// The role of an idea.
    pub fn idea(&self, idea: usize) -> Role {
        self.ideas.get(&idea).copied().unwrap_or(self.others)
    }

    /// The role of a line.
    pub fn line(&self, from: usize, to: usize) -> Role {
        self.lines.get(&(from, to)).copied().unwrap_or(self.others)
    }

    /// An idea, all that it goes back to, and all that came of it.
    fn kin(idea: usize) -> Self {
        let mut lit = Self { others: Role::Dim, ..Self::default() };
        lit.spread(idea, Role::Before);
        lit.spread(idea, Role::After);
        lit.ideas.insert(idea, Role::Here);
        lit
    }

    fn spread(&mut self, idea: usize, role: Role) {
        let mut open = vec![idea];
        while let Some(at) = open.pop() {
            let next = if role == Role::Before { IDEAS[at].answers } else { IDEAS[at].makes_necessary };
            for &next in next {
                let ends = if role == Role::Before { (next, at) } else { (at, next) };
                self.lines.insert(ends, role);
                if self.ideas.insert(next, role).is_none() {
                    open.push(next);
                }
            }
        }
    }

    /// The first steps of a chain, the line each leads along, and what the last leads to.
    fn steps(chain: &[usize], taken: usize) -> Self {
        let mut lit = Self { others: Role::Dim, ..Self::default() };
        for (place, pair) in chain.windows(2).enumerate().take(taken) {
            lit.lines.insert((pair[1], pair[0]), Role::Step);
            lit.ideas.insert(pair[1], if place + 1 == taken { Role::Before } else { Role::Step });
        }
        for &idea in &chain[..taken.min(chain.len())] {
            lit.ideas.insert(idea, Role::Step);
        }
        if let Some(&here) = taken.checked_sub(1).and_then(|last| chain.get(last)) {
            lit.ideas.insert(here, Role::Here);
        }
        lit
    }

    /// Some ideas and the lines at them.
    fn only(ideas: &[usize], role: Role) -> Self {
        let mut lit = Self { others: Role::Dim, ..Self::default() };
        for &idea in ideas {
            lit.ideas.insert(idea, role);
            if role == Role::Plain {
                lit.lines.extend(IDEAS[idea].answers.iter().map(|&from| ((from, idea), role)));
                lit.lines.extend(IDEAS[idea].makes_necessary.iter().map(|&to| ((idea, to), role)));
            }
        }
        lit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(id: &str) -> usize {
        idea_index(id).unwrap_or_else(|| panic!("there is no idea {id}"))
    }

    #[test]
    fn an_idea_lights_exactly_its_ancestry_and_its_offspring() {
        for idea in 0..IDEAS.len() {
            let lit = Lighting::kin(idea);
            // Written anew, by reachability from every other idea.
            let goes_back_to = |from: usize, to: usize| {
                let mut seen = vec![from];
                let mut next = 0;
                while next < seen.len() {
                    let fresh: Vec<usize> =
                        IDEAS[seen[next]].answers.iter().copied().filter(|a| !seen.contains(a)).collect();
                    seen.extend(fresh);
                    next += 1;
                }
                seen.contains(&to)
            };
            for other in 0..IDEAS.len() {
                let wanted = if other == idea {
                    Role::Here
                } else if goes_back_to(idea, other) {
                    Role::Before
                } else if goes_back_to(other, idea) {
                    Role::After
                } else {
                    Role::Dim
                };
                assert_eq!(lit.idea(other), wanted, "{} seen from {}", IDEAS[other].id, IDEAS[idea].id);
            }
        }
    }

    #[test]
    fn a_chain_follows_the_first_answer_or_the_one_chosen_and_ends_at_a_root() {
        let grpo = index("grpo");
        for via in [BTreeMap::new(), read_via("grpo:ppo")] {
            let chain = chain(grpo, &via);
            assert!(chain.windows(2).all(|pair| IDEAS[pair[0]].answers.contains(&pair[1])));
            assert!(chain.last().is_some_and(|&root| IDEAS[root].answers.is_empty()));
        }
        assert_eq!(chain(grpo, &BTreeMap::new())[1], IDEAS[grpo].answers[0]);
        assert_eq!(chain(grpo, &read_via("grpo:ppo"))[1], index("ppo"));
    }

    #[test]
    fn what_makes_no_sense_in_an_address_is_not_said() {
        for text in ["", ":", "grpo", "grpo:softmax", "softmax:grpo", "nobody:ppo", ",,:,grpo::ppo", "grpo:ppo:dpo"] {
            assert!(read_via(text).is_empty(), "'{text}'");
        }
        let text = "grpo:ppo";
        assert_eq!(write_via(&read_via(text)), text);
    }

    #[test]
    fn steps_light_what_was_walked_and_the_line_to_come() {
        let chain = chain(index("grpo"), &BTreeMap::new());
        let lit = Lighting::steps(&chain, 2);
        assert_eq!(lit.idea(chain[0]), Role::Step);
        assert_eq!(lit.idea(chain[1]), Role::Here);
        assert_eq!(lit.idea(chain[2]), Role::Before);
        assert_eq!(lit.line(chain[1], chain[0]), Role::Step);
        assert_eq!(lit.line(chain[2], chain[1]), Role::Step);
        assert_eq!(lit.idea(chain[3]), Role::Dim);
        assert_eq!(Lighting::steps(&chain, chain.len()).idea(chain[chain.len() - 1]), Role::Here);
    }
}
