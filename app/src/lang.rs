//! What the interface says, and in which language. The messages are `content/messages/*.ftl`; the build script makes each
//! a function of [`Lang`], so one that is missing does not compile.
//!
//! The language of the prose lives at the site's root, every other one below its tag (`id/chapter/5/`), with its own
//! `<base href>`: so a page's links are the same in all of them.

use leptos::prelude::*;

use crate::page::Page;

include!(concat!(env!("OUT_DIR"), "/lang.rs"));

impl Lang {
    /// The language of the prose.
    pub const PROSE: Lang = Lang::En;

    /// Where its pages lie below the site's root: nowhere special, or `id/`.
    pub fn folder(self) -> String {
        if self == Self::PROSE { String::new() } else { format!("{}/", self.tag()) }
    }

    /// The way from its pages' `<base>` to the site's root.
    pub fn to_root(self) -> &'static str {
        if self == Self::PROSE { "" } else { "../" }
    }

    /// A path from the site's root as a language and the path of its page.
    pub fn of_path(path: &str) -> (Self, &str) {
        let own = Self::ALL.iter().find_map(|lang| {
            let rest = path.strip_prefix('/')?.strip_prefix(lang.tag())?;
            (*lang != Self::PROSE && rest.starts_with('/')).then_some((*lang, rest))
        });
        own.unwrap_or((Self::PROSE, path))
    }

    /// The language of the document.
    #[cfg(feature = "csr")]
    pub fn of_document() -> Self {
        let tag = document().document_element().and_then(|root| root.get_attribute("lang")).unwrap_or_default();
        Self::ALL.iter().copied().find(|lang| lang.tag() == tag).unwrap_or_default()
    }

    /// The value of `lang` on an element with the book's own text: nothing where the page is in that language anyway.
    pub fn prose(self) -> Option<&'static str> {
        (self != Self::PROSE).then_some(Self::PROSE.tag())
    }

    /// The link from a page in this language to one in another, relative to `<base>`.
    pub fn link(self, to: Lang, page: Page) -> String {
        let link = format!("{}{}{}", self.to_root(), to.folder(), page.path().trim_start_matches('/'));
        if link.is_empty() { "./".to_owned() } else { link }
    }
}

/// The language of this page.
pub fn use_lang() -> Lang {
    use_context().unwrap_or_default()
}

/// A sentence in which text between backticks is a key of the keyboard.
pub fn with_keys(sentence: &'static str) -> impl IntoView {
    let part = |(index, text): (usize, &'static str)| {
        if index % 2 == 1 { view! { <kbd>{text}</kbd> }.into_any() } else { text.into_any() }
    };
    sentence.split('`').enumerate().map(part).collect_view()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_is_told_by_the_first_part_of_a_path() {
        for (path, lang, rest) in [
            ("/", Lang::En, "/"),
            ("/id/", Lang::Id, "/"),
            ("/id/chapter/5/", Lang::Id, "/chapter/5/"),
            ("/idea/softmax/", Lang::En, "/idea/softmax/"),
            ("/id", Lang::En, "/id"),
            ("/chapter/5/", Lang::En, "/chapter/5/"),
        ] {
            assert_eq!(Lang::of_path(path), (lang, rest), "{path}");
        }
    }

    #[test]
    fn links_between_languages_lead_through_the_root() {
        assert_eq!(Lang::En.link(Lang::Id, Page::Chapter(5)), "id/chapter/5/");
        assert_eq!(Lang::Id.link(Lang::En, Page::Chapter(5)), "../chapter/5/");
        assert_eq!(Lang::En.link(Lang::Id, Page::Home), "id/");
        assert_eq!(Lang::Id.link(Lang::En, Page::Home), "../");
    }

    #[test]
    fn counts_choose_their_sentence() {
        assert_eq!(Lang::En.search_found(1), "1 result");
        assert_eq!(Lang::En.search_found(12), "12 results");
        assert_eq!(Lang::Id.search_found(1), "1 hasil");
        assert!(Lang::Id.search_found(0).starts_with("Tidak ada"));
    }

    #[test]
    fn an_element_stands_where_each_language_wants_it() {
        assert_eq!(Lang::En.toc_note()[0], "A chapter marked ");
        assert_eq!(
            Lang::Id.chapters_read(43),
            ["".to_owned(), " dari 43 bab sudah dibaca. Hanya disimpan di peramban ini.".to_owned()]
        );
    }
}
