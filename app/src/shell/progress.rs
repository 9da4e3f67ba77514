use leptos::prelude::*;

use super::kept::{forget, store, stored};
use crate::book::{CHAPTERS, QUESTIONS};
use crate::lang::use_lang;

/// How far from the top of a page a reader is who has not merely opened it.
const OPENED_PX: f64 = 120.0;

/// How far a reader has come, kept in this browser.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// The numbers of the chapters read.
    pub read: Marks,
    /// The questions of the self-checks that were answered well.
    pub known: Marks,
    /// Those that were not.
    pub not_yet: Marks,
}

/// A set of numbers under one key.
#[derive(Clone, Copy, Debug)]
pub struct Marks {
    key: &'static str,
    numbers: RwSignal<Vec<usize>>,
}

impl Marks {
    fn new(key: &'static str, known: impl Fn(usize) -> bool + 'static) -> Self {
        let marks = Self { key, numbers: RwSignal::new(Vec::new()) };
        Effect::new(move |first: Option<()>| {
            if first.is_none() {
                let numbers = stored(key).unwrap_or_default();
                let mut numbers: Vec<usize> =
                    numbers.split(',').filter_map(|n| n.parse().ok()).filter(|&n| known(n)).collect();
                numbers.sort_unstable();
                numbers.dedup();
                marks.numbers.set(numbers);
            }
        });
        marks
    }

    /// Whether a number is marked.
    pub fn has(self, number: usize) -> bool {
        self.numbers.read().contains(&number)
    }

    /// How many of these numbers are marked.
    pub fn count(self, among: impl Iterator<Item = usize>) -> usize {
        among.filter(|&n| self.has(n)).count()
    }

    /// Marks a number, or takes its mark away.
    pub fn set(self, number: usize, marked: bool) {
        self.numbers.update(|numbers| match (numbers.binary_search(&number), marked) {
            (Err(place), true) => numbers.insert(place, number),
            (Ok(place), false) => {
                numbers.remove(place);
            }
            _ => (),
        });
        store(self.key, &untrack(|| self.list()));
    }

    fn list(self) -> String {
        self.numbers.read().iter().map(usize::to_string).collect::<Vec<_>>().join(",")
    }

    fn erase(self) {
        self.numbers.update(Vec::clear);
        forget(self.key);
    }
}

impl Progress {
    /// As this browser remembers it.
    pub fn kept() -> Self {
        Self {
            read: Marks::new("chapters-read", |n| crate::book::chapter(n).is_some()),
            known: Marks::new("questions-known", |n| n < QUESTIONS.len()),
            not_yet: Marks::new("questions-not-yet", |n| n < QUESTIONS.len()),
        }
    }

    /// How many chapters have been read.
    pub fn chapters(self) -> usize {
        self.read.count(CHAPTERS.iter().map(|c| c.number))
    }

    /// Says of a question whether its answer was known; saying the same again takes it back.
    pub fn mark(self, question: usize, known: bool) {
        let (to, from) = if known { (self.known, self.not_yet) } else { (self.not_yet, self.known) };
        let again = untrack(|| to.has(question));
        from.set(question, false);
        to.set(question, !again);
    }

    fn json(self) -> String {
        format!(
            "{{\"book\": \"The Field Rhymes\", \"chapters_read\": [{}], \"questions_known\": [{}], \"questions_not_yet\": [{}]}}",
            self.read.list(),
            self.known.list(),
            self.not_yet.list()
        )
    }
}

/// How far the reader has come, to take along or to erase.
#[component]
pub fn ProgressView() -> impl IntoView {
    let (t, progress) = (use_lang(), expect_context::<Progress>());
    let [before, after] = t.chapters_read(CHAPTERS.len());
    let sure = RwSignal::new(false);
    let file = move || {
        let text = String::from(js_sys::encode_uri_component(&progress.json()));
        format!("data:application/json;charset=utf-8,{text}")
    };
    let erase = move |_| {
        if sure.get_untracked() {
            progress.read.erase();
            progress.known.erase();
            progress.not_yet.erase();
        }
        sure.update(|sure| *sure = !*sure);
    };
    view! {
        <div class="progress-view">
            <p>
                {before}<b id="chapters-read">{move || progress.chapters()}</b>{after}
            </p>
            <p class="actions">
                <a class="btn" download="the-field-rhymes-progress.json" href=move || cfg!(feature = "csr").then(file)>{t.download()}</a>
                <button class="btn" id="erase-progress" on:click=erase on:blur=move |_| sure.set(false)>
                    {move || if sure.get() { t.erase_sure() } else { t.erase() }}
                </button>
            </p>
        </div>
    }
}

/// Where a chapter ends: reaching it marks the chapter as read, and the reader may think otherwise.
#[component]
pub fn ChapterEnd(
    /// Which chapter.
    number: usize,
) -> impl IntoView {
    let (t, progress) = (use_lang(), expect_context::<Progress>());
    let end = NodeRef::<leptos::html::P>::new();
    // Someone who takes the mark away does not want it back by moving the page.
    let decided = StoredValue::new(false);
    let reached = move || {
        let Some(end) = end.get_untracked() else { return };
        let window = window();
        let height = window.inner_height().ok().and_then(|h| h.as_f64()).unwrap_or_default();
        let has_moved = window.scroll_y().is_ok_and(|y| y > OPENED_PX);
        if has_moved && end.get_bounding_client_rect().top() < height && crate::book::has_text() {
            decided.set_value(true);
            progress.read.set(number, true);
        }
    };
    Effect::new(move |_| {
        let listener = window_event_listener(leptos::ev::scroll, move |_| {
            if !decided.get_value() && !progress.read.numbers.read_untracked().contains(&number) {
                reached();
            }
        });
        on_cleanup(move || listener.remove());
    });
    let change = move |ev| {
        decided.set_value(true);
        progress.read.set(number, event_target_checked(&ev));
    };
    view! {
        <p class="chapter-end" node_ref=end>
            <label class="toggle">
                <input type="checkbox" id="chapter-read" prop:checked=move || progress.read.has(number) on:change=change />
                <span>{t.have_read(number)}</span>
            </label>
        </p>
    }
}

/// Whether a chapter has been read, for a list of them: a tick, and the word for those who do not see it.
#[component]
pub fn ReadMark(
    /// Which chapter.
    number: usize,
) -> impl IntoView {
    let (t, progress) = (use_lang(), expect_context::<Progress>());
    view! {
        <span class="read-mark">
            {move || progress.read.has(number).then(|| view! { <span class="tick"></span><span class="hidden">{t.read_mark()}</span> })}
        </span>
    }
}
