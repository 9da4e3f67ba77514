//! The live experiments on the page. Adding one is a folder with an [`Exhibit`] and its place in the two lists below.

use leptos::prelude::*;

mod bench;
mod verify;
mod work;

/// The exhibits of Act II, one module a chapter.
pub mod act2 {
    pub mod ch05;
}

/// The exhibits of Act V.
pub mod act5 {
    pub mod ch26;
    pub mod ch27;
}

/// The exhibits of Act VII.
pub mod act7 {
    pub mod ch37;
}

/// A chapter's exhibit: what the page needs to know to place it.
#[derive(Clone, Copy, Debug)]
pub struct Exhibit {
    /// The chapter it belongs to.
    pub chapter: usize,
    /// Its heading.
    pub title: &'static str,
    /// Builds it.
    pub view: fn() -> AnyView,
}

/// Every exhibit there is; navigation, prerendering and the generic browser test derive from this list.
pub static EXHIBITS: &[Exhibit] = &[act2::ch05::EXHIBIT, act5::ch26::EXHIBIT, act5::ch27::EXHIBIT, act7::ch37::EXHIBIT];

/// The exhibit of a chapter, or nothing where there is none yet.
pub fn of(chapter: usize) -> Option<&'static Exhibit> {
    EXHIBITS.iter().find(|e| e.chapter == chapter)
}

/// The book's kernels timed on the reader's device, shown on the page of that name.
pub fn bench() -> AnyView {
    bench::Bench().into_any()
}

/// The comparison of the two executors on the reader's device, shown on the page of that name.
pub fn verify() -> AnyView {
    verify::Verification().into_any()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book;

    #[test]
    fn every_exhibit_has_a_written_chapter_that_places_it() {
        for exhibit in EXHIBITS {
            let chapter = book::chapter(exhibit.chapter).map(|c| c.beats).unwrap_or_default();
            assert!(chapter.iter().any(|b| b.exhibit_after), "chapter {} does not place its exhibit", exhibit.chapter);
        }
    }
}
