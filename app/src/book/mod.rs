//! The book: its content as data, and the pages that show it.
//!
//! The data is made by the build script from `content/`, which also proves that it holds together.

mod pages;

pub use pages::{ActPage, ChapterPage, HomePage, NotFoundPage, VerifyPage};

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
    /// Its text; empty while it is not written.
    pub beats: &'static [Beat],
}

/// A fifth of a chapter.
#[derive(Debug)]
pub struct Beat {
    /// Which fifth.
    pub kind: BeatKind,
    /// Its own heading.
    pub heading: &'static str,
    /// Its text as HTML.
    pub html: &'static str,
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
    pub fn label(self) -> &'static str {
        match self {
            BeatKind::Puzzle => "The puzzle",
            BeatKind::BadAttempt => "The bad attempt",
            BeatKind::Trick => "The trick",
            BeatKind::Maths => "The maths as sanity check",
            BeatKind::Unmentioned => "The thing nobody mentions",
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

impl Act {
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
    fn written_chapters_have_the_five_beats_and_at_most_one_exhibit() {
        for chapter in CHAPTERS.iter().filter(|c| !c.beats.is_empty()) {
            let kinds: Vec<BeatKind> = chapter.beats.iter().map(|b| b.kind).collect();
            let five =
                [BeatKind::Puzzle, BeatKind::BadAttempt, BeatKind::Trick, BeatKind::Maths, BeatKind::Unmentioned];
            assert_eq!(kinds, five, "chapter {}", chapter.number);
            assert!(chapter.beats.iter().filter(|b| b.exhibit_after).count() <= 1, "chapter {}", chapter.number);
        }
        assert!(CHAPTERS.iter().any(|c| !c.beats.is_empty()));
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
