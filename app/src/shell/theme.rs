use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;

/// What the reader asked for. `theme.js` applies it before the first paint, under the same key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThemeChoice {
    /// As the system does.
    Auto,
    /// Ink on paper.
    Light,
    /// Paper on ink.
    Dark,
}

const STORAGE_KEY: &str = "theme";

impl ThemeChoice {
    fn name(self) -> &'static str {
        match self {
            ThemeChoice::Auto => "auto",
            ThemeChoice::Light => "light",
            ThemeChoice::Dark => "dark",
        }
    }

    fn next(self) -> Self {
        match self {
            ThemeChoice::Auto => ThemeChoice::Light,
            ThemeChoice::Light => ThemeChoice::Dark,
            ThemeChoice::Dark => ThemeChoice::Auto,
        }
    }
}

/// The theme, for whoever draws where style sheets do not reach.
#[derive(Clone, Copy, Debug)]
pub struct Theme {
    choice: RwSignal<ThemeChoice>,
    system_dark: RwSignal<bool>,
}

impl Theme {
    /// Reads what the document shows now.
    pub fn new() -> Self {
        let theme = Self { choice: RwSignal::new(ThemeChoice::Auto), system_dark: RwSignal::new(false) };
        Effect::new(move |first: Option<()>| {
            if first.is_none() {
                theme.read_document();
            }
        });
        theme
    }

    /// Whether the page is dark at present.
    pub fn is_dark(&self) -> bool {
        match self.choice.get() {
            ThemeChoice::Auto => self.system_dark.get(),
            choice => choice == ThemeChoice::Dark,
        }
    }

    fn read_document(self) {
        let shown = document().document_element().and_then(|root| root.get_attribute("data-theme"));
        self.choice.set(match shown.as_deref() {
            Some("light") => ThemeChoice::Light,
            Some("dark") => ThemeChoice::Dark,
            _ => ThemeChoice::Auto,
        });
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

    fn choose(self, choice: ThemeChoice) {
        self.choice.set(choice);
        if let Some(root) = document().document_element() {
            let _ = root.set_attribute("data-theme", choice.name());
        }
        // A browser that refuses storage still gets the theme, until the page is closed.
        if let Ok(Some(storage)) = window().local_storage() {
            let _ = storage.set_item(STORAGE_KEY, choice.name());
        }
    }
}

impl Default for Theme {
    fn default() -> Self {
        Self::new()
    }
}

/// Goes round automatic, light and dark.
#[component]
pub fn ThemeControl() -> impl IntoView {
    let theme = expect_context::<Theme>();
    let icon = move || match theme.choice.get() {
        ThemeChoice::Auto => "◐",
        ThemeChoice::Light => "○",
        ThemeChoice::Dark => "●",
    };
    let label = move || {
        let choice = theme.choice.get();
        format!("Theme: {}. Change to {}.", choice.name(), choice.next().name())
    };
    view! {
        <button class="btn theme" aria-label=label title=label on:click=move |_| theme.choose(theme.choice.get_untracked().next())>
            <span aria-hidden="true">{icon}</span>
        </button>
    }
}
