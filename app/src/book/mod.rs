//! The book: its content as data, and the pages that show it.
//!
//! The data is made by the build script from `content/`, which also proves that it holds together.

mod map;
mod pages;
mod passage;

use crate::lang::Lang;
use crate::page::Page;

pub use map::MapPage;
pub use pages::{
    ActPage, BenchPage, ChapterPage, EmbedPage, GlossaryPage, HomePage, IdeaPage, NotFoundPage, PapersPage, VerifyPage,
};
#[cfg(feature = "ssr")]
pub use passage::table::{FORMS, find as passage};
pub use passage::{Loaded, Passage, Passages, has_text, part_key};

/// One of the seven acts.
#[derive(Debug)]
pub struct Act {
    /// 1 to 7.
    pub number: usize,
    /// The same in Roman figures.
    pub numeral: &'static str,
    /// A short name for code and anchors.
    pub slug: &'static str,
    /// As printed.
    pub title: &'static str,
    /// What the act sets out to answer, in one line.
    pub question: &'static str,
    /// The heading of its opening.
    pub opening: &'static str,
    /// The heading of its closing.
    pub closing: &'static str,
}

/// One of the forty-three chapters.
#[derive(Debug)]
pub struct Chapter {
    /// 1 to 43.
    pub number: usize,
    /// The number of its act.
    pub act: usize,
    /// As printed.
    pub title: &'static str,
    /// What fits in the margin contents.
    pub short: &'static str,
    /// The chapter in one line: what could not be done without it.
    pub question: &'static str,
    /// Its five beats; their text is a [`Passage`] each.
    pub beats: &'static [Beat],
}

/// A fifth of a chapter.
#[derive(Debug)]
pub struct Beat {
    /// Which fifth.
    pub kind: BeatKind,
    /// Its own heading.
    pub heading: &'static str,
    /// Whether the chapter's exhibit stands after it.
    pub exhibit_after: bool,
}

/// The five movements of every chapter, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BeatKind {
    /// What could not be done.
    Puzzle,
    /// What was tried, and how it failed.
    BadAttempt,
    /// The new move, in plain words.
    Trick,
    /// The formula, each sign explained by what it does.
    Maths,
    /// The consequence, pitfall or open question that makes it stick.
    Unmentioned,
}

impl BeatKind {
    /// The label above the beat's heading.
    pub fn label(self, lang: Lang) -> &'static str {
        match self {
            BeatKind::Puzzle => lang.beat_puzzle(),
            BeatKind::BadAttempt => lang.beat_bad_attempt(),
            BeatKind::Trick => lang.beat_trick(),
            BeatKind::Maths => lang.beat_maths(),
            BeatKind::Unmentioned => lang.beat_unmentioned(),
        }
    }

    /// The anchor of the beat on its page.
    pub fn anchor(self) -> &'static str {
        match self {
            BeatKind::Puzzle => "puzzle",
            BeatKind::BadAttempt => "bad-attempt",
            BeatKind::Trick => "trick",
            BeatKind::Maths => "maths",
            BeatKind::Unmentioned => "unmentioned",
        }
    }
}

/// One of the ninety-three ideas.
#[derive(Debug)]
pub struct Idea {
    /// A stable slug.
    pub id: &'static str,
    /// The field's standard name.
    pub name: &'static str,
    /// Where it is introduced.
    pub chapter: usize,
    /// The year of the work it is usually credited to.
    pub year: i32,
    /// Indices into [`IDEAS`] of those whose limits made this one necessary.
    pub answers: &'static [usize],
    /// Indices into [`IDEAS`] of those that this one made necessary.
    pub makes_necessary: &'static [usize],
}

include!(concat!(env!("OUT_DIR"), "/book.rs"));

/// The act with this number.
pub fn act(number: usize) -> Option<&'static Act> {
    number.checked_sub(1).and_then(|index| ACTS.get(index))
}

/// The chapter with this number.
pub fn chapter(number: usize) -> Option<&'static Chapter> {
    number.checked_sub(1).and_then(|index| CHAPTERS.get(index))
}

/// The index of the idea with this id.
pub fn idea_index(id: &str) -> Option<usize> {
    IDEAS.iter().position(|idea| idea.id == id)
}

impl Idea {
    /// Its own page.
    pub fn page(&self) -> Page {
        Page::Idea(idea_index(self.id).unwrap_or_default())
    }

    /// Why it exists: itself, the idea whose limit it answers first, and so on back to the start of the thread.
    pub fn chain(&self) -> Vec<&'static Idea> {
        let mut chain = Vec::new();
        let mut at = idea_index(self.id);
        while let Some(index) = at {
            chain.push(&IDEAS[index]);
            at = IDEAS[index].answers.first().copied();
        }
        chain
    }
}

impl Act {
    /// The questions of its self-check: their numbers in [`QUESTIONS`].
    pub fn questions(&self) -> impl Iterator<Item = usize> + use<> {
        let act = self.number;
        (0..QUESTIONS.len()).filter(move |&i| chapter(QUESTIONS[i]).is_some_and(|c| c.act == act))
    }

    /// Its chapters in order.
    pub fn chapters(&self) -> impl Iterator<Item = &'static Chapter> + use<> {
        let number = self.number;
        CHAPTERS.iter().filter(move |c| c.act == number)
    }
}

impl Chapter {
    /// The ideas it introduces.
    pub fn ideas(&self) -> impl Iterator<Item = &'static Idea> + use<> {
        let number = self.number;
        IDEAS.iter().filter(move |i| i.chapter == number)
    }

    /// The ideas of other chapters that this one answers, each once, in reading order.
    pub fn answers(&self) -> Vec<&'static Idea> {
        self.elsewhere(|idea| idea.answers)
    }

    /// The ideas of other chapters that this one made necessary, each once, in reading order.
    pub fn makes_necessary(&self) -> Vec<&'static Idea> {
        self.elsewhere(|idea| idea.makes_necessary)
    }

    fn elsewhere(&self, neighbours: impl Fn(&Idea) -> &'static [usize]) -> Vec<&'static Idea> {
        let mut found: Vec<usize> = self
            .ideas()
            .flat_map(|idea| neighbours(idea).iter().copied())
            .filter(|&i| IDEAS[i].chapter != self.number)
            .collect();
        found.sort_unstable();
        found.dedup();
        found.into_iter().map(|i| &IDEAS[i]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_book_has_its_seven_acts_forty_three_chapters_and_ninety_three_ideas() {
        assert_eq!((ACTS.len(), CHAPTERS.len(), IDEAS.len()), (7, 43, 93));
    }

    #[test]
    fn every_chapter_has_the_five_beats_and_a_place_for_its_exhibit() {
        for chapter in CHAPTERS {
            let kinds: Vec<BeatKind> = chapter.beats.iter().map(|b| b.kind).collect();
            let five =
                [BeatKind::Puzzle, BeatKind::BadAttempt, BeatKind::Trick, BeatKind::Maths, BeatKind::Unmentioned];
            assert_eq!(kinds, five, "chapter {}", chapter.number);
            assert_eq!(chapter.beats.iter().filter(|b| b.exhibit_after).count(), 1, "chapter {}", chapter.number);
        }
    }

    #[test]
    fn every_chain_ends_where_a_thread_starts() {
        for idea in IDEAS {
            let chain = idea.chain();
            assert_eq!(chain[0].id, idea.id);
            assert!(chain.last().is_some_and(|root| root.answers.is_empty()), "{}", idea.id);
        }
    }

    #[test]
    fn answers_and_makes_necessary_are_the_same_edges_read_both_ways() {
        for (index, idea) in IDEAS.iter().enumerate() {
            for &answered in idea.answers {
                assert!(IDEAS[answered].makes_necessary.contains(&index), "{} answers {}", idea.id, IDEAS[answered].id);
            }
        }
    }
}
