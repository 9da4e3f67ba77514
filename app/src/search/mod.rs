//! Finding things in the book: titles as they come to mind, text by its words. The index is a file of the site, made
//! when the site is built and fetched when the reader first asks for it.

#[cfg(feature = "ssr")]
mod index;

#[cfg(feature = "ssr")]
pub use index::index;

use crate::lang::Lang;
use nucleo_matcher::pattern::{AtomKind, CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};

/// Where the index of a language lies, relative to the `<base>` of its pages.
pub const INDEX_FILE: &str = "search.json";

/// The most results that are shown; a better question is worth more than a longer list.
const MOST_HITS: usize = 24;

/// A fuzzy match scores about this much a letter when nothing is left out, see `nucleo_matcher::score`.
const FULL_MATCH_PER_LETTER: u32 = 16;

// How many characters of the text stand before and after the words that were found.
const BEFORE_CHARS: usize = 40;
const AFTER_CHARS: usize = 130;

/// What a thing in the book is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A chapter.
    Chapter,
    /// An act.
    Act,
    /// One of the ideas.
    Idea,
    /// A work that an idea comes from.
    Paper,
    /// A term of the glossary.
    Term,
    /// A page of another kind.
    Page,
    /// A piece of running text.
    Text,
}

impl Kind {
    /// All of them; the index names them by their place here.
    pub const ALL: [Kind; 7] = [Kind::Chapter, Kind::Act, Kind::Idea, Kind::Paper, Kind::Term, Kind::Page, Kind::Text];

    /// Its name beside a result.
    pub fn label(self, lang: Lang) -> &'static str {
        match self {
            Kind::Chapter => lang.kind_chapter(),
            Kind::Act => lang.kind_act(),
            Kind::Idea => lang.kind_idea(),
            Kind::Paper => lang.kind_paper(),
            Kind::Term => lang.kind_term(),
            Kind::Page => lang.kind_page(),
            Kind::Text => lang.kind_text(),
        }
    }

    /// Between equally good results, which comes first.
    fn weight(self) -> u32 {
        match self {
            Kind::Chapter => 30,
            Kind::Act | Kind::Idea => 20,
            Kind::Term | Kind::Page => 10,
            Kind::Paper => 5,
            Kind::Text => 0,
        }
    }
}

/// A thing that can be found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What it is.
    pub kind: Kind,
    /// Its name.
    pub title: String,
    /// Where it stands, in words: "Chapter 5, the trick".
    pub place: String,
    /// Its address from the site's root, with an anchor where there is one.
    pub address: String,
    /// Its text without any markup.
    pub text: String,
}

/// Everything that can be found, made ready for comparing.
#[derive(Clone, Debug, Default)]
pub struct Index {
    entries: Vec<(Entry, Folded)>,
}

/// Texts with every character in its small form, one for one.
#[derive(Clone, Debug)]
struct Folded {
    title: String,
    place: String,
    text: String,
}

/// A result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// What was found.
    pub entry: Entry,
    /// The words around the first match in the text: before it, the match, after it.
    pub excerpt: Option<[String; 3]>,
}

fn fold(text: &str) -> String {
    text.chars().map(|c| if c == '’' { '\'' } else { c.to_lowercase().next().unwrap_or(c) }).collect()
}

/// Where `word` starts a word of `text`.
fn find_word(text: &str, word: &str) -> Option<usize> {
    text.match_indices(word)
        .map(|(at, _)| at)
        .find(|&at| !text[..at].chars().next_back().is_some_and(char::is_alphanumeric))
}

impl Index {
    /// Makes entries ready.
    pub fn new(entries: Vec<Entry>) -> Self {
        let folded = |entry: Entry| {
            let folded = Folded { title: fold(&entry.title), place: fold(&entry.place), text: fold(&entry.text) };
            (entry, folded)
        };
        Self { entries: entries.into_iter().map(folded).collect() }
    }

    /// What answers a query, best first.
    pub fn find(&self, query: &str) -> Vec<Hit> {
        let query = fold(query.trim());
        let words: Vec<&str> = query.split_whitespace().collect();
        if words.is_empty() {
            return Vec::new();
        }
        let mut fuzzy = Fuzzy::new(&query);
        let mut scored: Vec<(u32, usize)> = Vec::new();
        for (index, (entry, folded)) in self.entries.iter().enumerate() {
            if let Some(score) = score(&query, &words, folded, &mut fuzzy) {
                scored.push((score + entry.kind.weight(), index));
            }
        }
        scored.sort_by_key(|&(score, index)| (std::cmp::Reverse(score), index));
        let hit = |(_, index): (u32, usize)| {
            let (entry, folded) = &self.entries[index];
            Hit { entry: entry.clone(), excerpt: excerpt(&query, &words, entry, folded) }
        };
        scored.into_iter().take(MOST_HITS).map(hit).collect()
    }
}

/// How well an entry answers; `None` if it does not.
fn score(query: &str, words: &[&str], folded: &Folded, fuzzy: &mut Fuzzy) -> Option<u32> {
    let all = |text: &str| words.iter().all(|word| find_word(text, word).is_some());
    let Folded { title, place, text } = folded;
    if title == query {
        return Some(1000);
    }
    if title.starts_with(query) {
        return Some(800);
    }
    if all(title) {
        return Some(650);
    }
    let in_text = || find_word(text, query).map(|_| if words.len() > 1 { 600 } else { 400 });
    let by_name = all(place).then_some(500);
    let by_words = || words.iter().all(|w| [title, place, text].iter().any(|t| find_word(t, w).is_some()));
    let exact = by_name.max(in_text()).or_else(|| by_words().then_some(250));
    exact.max(fuzzy.score(title))
}

/// Letters in their order, with gaps.
struct Fuzzy {
    matcher: Matcher,
    pattern: Pattern,
    letters: u32,
    buffer: Vec<char>,
}

impl Fuzzy {
    fn new(query: &str) -> Self {
        let letters = query.chars().filter(|c| !c.is_whitespace()).count() as u32;
        let pattern = Pattern::new(query, CaseMatching::Ignore, Normalization::Smart, AtomKind::Fuzzy);
        Self { matcher: Matcher::new(Config::DEFAULT), pattern, letters, buffer: Vec::new() }
    }

    /// 100 to 350, or nothing where so much is left out that the likeness is chance.
    fn score(&mut self, title: &str) -> Option<u32> {
        let got = self.pattern.score(Utf32Str::new(title, &mut self.buffer), &mut self.matcher)?;
        let full = FULL_MATCH_PER_LETTER * self.letters;
        (self.letters >= 2 && got * 8 >= full * 7).then(|| 100 + (got * 150 / full).min(250))
    }
}

/// The surroundings of what was found, where it stands in the text.
fn excerpt(query: &str, words: &[&str], entry: &Entry, folded: &Folded) -> Option<[String; 3]> {
    let whole = find_word(&folded.text, query).map(|at| (at, query));
    let (at, found) =
        whole.or_else(|| words.iter().find_map(|word| find_word(&folded.text, word).map(|at| (at, *word))))?;
    // Folding keeps the number of characters, though not that of bytes.
    let start = folded.text[..at].chars().count();
    let length = found.chars().count();
    let text: Vec<char> = entry.text.chars().collect();
    let mut from = start.saturating_sub(BEFORE_CHARS);
    while from > 0 && from < start && !text[from - 1].is_whitespace() {
        from += 1;
    }
    let mut to = (start + length + AFTER_CHARS).min(text.len());
    while to < text.len() && to > start + length && !text[to].is_whitespace() {
        to -= 1;
    }
    let part = |range: std::ops::Range<usize>| text[range].iter().collect::<String>();
    let before = if from > 0 { "… " } else { "" };
    let after = if to < text.len() { " …" } else { "" };
    Some([
        format!("{before}{}", part(from..start)),
        part(start..start + length),
        format!("{}{after}", part(start + length..to)),
    ])
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use super::*;

    fn first(query: &str) -> Hit {
        let hits = Index::new(index(Lang::PROSE)).find(query);
        assert!(!hits.is_empty(), "nothing answers '{query}'");
        hits[0].clone()
    }

    #[test]
    fn titles_are_found_by_some_of_their_letters() {
        for (query, address) in [
            ("atten", "chapter/5/"),
            ("flshattn", "chapter/26/"),
            ("spec decod", "chapter/28/"),
            ("Chinchilla corr", "chapter/13/"),
            ("onlsoftmax", "idea/online-softmax/"),
            ("glossary", "glossary/"),
        ] {
            assert_eq!(first(query).entry.address, address, "{query}");
        }
    }

    #[test]
    fn papers_are_found_by_title_and_by_author() {
        assert_eq!(first("attention is all you need").entry.kind, Kind::Paper);
        let hit = first("bridle");
        assert_eq!((hit.entry.kind, hit.entry.address.as_str()), (Kind::Paper, "papers/#paper-softmax"));
    }

    #[test]
    fn a_phrase_of_the_text_is_found_where_it_stands_and_shown() {
        let hit = first("towing tank for a network");
        assert_eq!((hit.entry.kind, hit.entry.address.as_str()), (Kind::Text, "chapter/12/#puzzle"));
        let [before, found, after] = hit.excerpt.expect("an excerpt");
        assert_eq!(found, "towing tank for a network");
        assert!(before.ends_with("What is the ") && after.starts_with("? Small runs"), "{before}|{after}");
    }

    #[test]
    fn words_count_wherever_they_stand_and_nonsense_finds_nothing() {
        assert!(
            Index::new(index(Lang::PROSE))
                .find("hull shipbuilder")
                .iter()
                .any(|h| h.entry.address == "chapter/12/#puzzle")
        );
        for query in ["", "   ", "qqzzxxv", "phlogiston calorimeter"] {
            assert_eq!(Index::new(index(Lang::PROSE)).find(query), Vec::new(), "{query}");
        }
    }

    #[test]
    fn every_entry_leads_to_a_page_and_no_markup_is_left() {
        for entry in index(Lang::PROSE) {
            let path = entry.address.split('#').next().unwrap_or_default().trim_start_matches("./");
            assert!(crate::page::Page::at(&format!("/{path}"), "").is_some(), "{}", entry.address);
            assert!(!entry.title.is_empty() && !entry.text.contains(['<', '\n']), "{entry:?}");
            for entity in ["&amp;", "&quot;", "&lt;", "&gt;", "&#"] {
                assert!(!entry.text.contains(entity) && !entry.title.contains(entity), "{entry:?}");
            }
        }
    }

    #[test]
    fn another_language_has_an_index_of_its_own() {
        let index = Index::new(index(Lang::Id));
        let hit = &index.find("kecocokan kueri")[0];
        assert_eq!((hit.entry.kind, hit.entry.address.as_str()), (Kind::Idea, "idea/attention/"));
        assert_eq!(hit.entry.place, "Bab 5");
        assert_eq!(index.find("peta rima")[0].entry.address, "map/");
    }

    #[test]
    fn definitions_and_the_source_of_formulas_are_not_part_of_a_chapters_text() {
        for entry in index(Lang::PROSE).iter().filter(|e| e.kind == Kind::Text) {
            for source in ["\\frac", "\\mathrm", "\\log", "x-tex"] {
                assert!(!entry.text.contains(source), "{}: {source}", entry.address);
            }
        }
    }
}
