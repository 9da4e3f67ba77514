use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;

use super::kept::{Kept, Way};
use crate::lang::Lang;

const THEMES: &[Way] = &[
    ("auto", Lang::theme_system),
    ("light", Lang::theme_light),
    ("dark", Lang::theme_dark),
    ("contrast", Lang::theme_contrast),
];

/// The theme, for whoever draws where style sheets do not reach.
#[derive(Clone, Copy, Debug)]
pub struct Theme {
    /// What the reader asked for.
    pub choice: Kept,
    system_dark: RwSignal<bool>,
}

impl Theme {
    /// Reads what the document shows now.
    pub fn new() -> Self {
        let theme = Self { choice: Kept::new("theme", THEMES), system_dark: RwSignal::new(false) };
        Effect::new(move |first: Option<()>| {
            if first.is_none() {
                theme.follow_system();
            }
        });
        theme
    }

    /// Whether the page is dark at present.
    pub fn is_dark(&self) -> bool {
        match self.choice.get() {
            "light" => false,
            "dark" => true,
            _ => self.system_dark.get(),
        }
    }

    fn follow_system(self) {
        let Ok(Some(query)) = window().match_media("(prefers-color-scheme: dark)") else {
            return;
        };
        self.system_dark.set(query.matches());
        let changed = {
            let query = query.clone();
            Closure::<dyn Fn()>::new(move || self.system_dark.set(query.matches()))
        };
        query.set_onchange(Some(changed.as_ref().unchecked_ref()));
        // The query and its listener live as long as the page.
        changed.forget();
        std::mem::forget(query);
    }
}

impl Default for Theme {
    fn default() -> Self {
        Self::new()
    }
}
