//! The live experiments on the page. Adding one is a folder with an [`Exhibit`] and its place in the two lists below;
//! that it is fetched only by who opens its chapter follows from the second.

use leptos::prelude::*;

use crate::parts::Part;

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
    pub mod ch41;
}

/// A chapter's exhibit, as its module says it.
#[derive(Clone, Copy, Debug)]
pub struct Exhibit {
    /// The chapter it belongs to.
    pub chapter: usize,
    /// Its heading.
    pub title: &'static str,
    /// Builds it.
    pub view: fn() -> AnyView,
}

/// A chapter's exhibit, as the page places it.
#[derive(Clone, Copy, Debug)]
pub struct Placed {
    /// The chapter it belongs to.
    pub chapter: usize,
    /// Its heading.
    pub title: &'static str,
    /// What builds it, once that has come.
    pub part: Part,
}

/// Takes from each module's `EXHIBIT` what can be known without its program, and makes a part of the rest.
macro_rules! exhibits {
    ($($act:ident::$chapter:ident),* $(,)?) => {
        &[$(Placed {
            chapter: $act::$chapter::EXHIBIT.chapter,
            title: $act::$chapter::EXHIBIT.title,
            part: crate::part!($chapter, $act::$chapter::EXHIBIT.view),
        }),*]
    };
}

/// Every exhibit there is; navigation, prerendering and the generic browser test derive from this list.
pub static EXHIBITS: &[Placed] = exhibits![act2::ch05, act5::ch26, act5::ch27, act7::ch41];

/// The exhibit of a chapter, or nothing where there is none yet.
pub fn of(chapter: usize) -> Option<&'static Placed> {
    EXHIBITS.iter().find(|e| e.chapter == chapter)
}

/// The book's kernels timed on the reader's device, shown on the page of that name.
pub static BENCH: Part = crate::part!(bench, || bench::Bench().into_any());

/// The comparison of the two executors on the reader's device, shown on the page of that name.
pub static VERIFY: Part = crate::part!(verify, || verify::Verification().into_any());

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
