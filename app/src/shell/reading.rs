use leptos::prelude::*;

use super::kept::{Choice, Kept, Way};
use super::languages::Languages;
use super::progress::ProgressView;
use super::theme::Theme;
use super::turning::KeysSwitch;
use crate::lang::{Lang, use_lang};

const SIZES: &[Way] = &[("normal", Lang::size_normal), ("large", Lang::size_large), ("largest", Lang::size_largest)];
const WIDTHS: &[Way] = &[("normal", Lang::width_normal), ("narrow", Lang::width_narrow), ("wide", Lang::width_wide)];
const WALKS: &[Way] = &[("whole", Lang::walk_whole), ("quick", Lang::walk_quick)];

/// How the text is shown.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    size: Kept,
    width: Kept,
    walk: Kept,
}

impl Reading {
    /// As the document shows it now.
    pub fn kept() -> Self {
        Self { size: Kept::new("size", SIZES), width: Kept::new("width", WIDTHS), walk: Kept::new("walk", WALKS) }
    }

    /// Whether of each chapter only the trick and the exhibit are shown.
    pub fn is_quick(self) -> bool {
        self.walk.get() == "quick"
    }

    /// Shows whole chapters again.
    pub fn whole(self) {
        self.walk.choose(0);
    }
}

/// In the bar: how the page looks, how much of a chapter it shows, how far the reader has come.
#[component]
pub fn ReadingPanel() -> impl IntoView {
    let t = use_lang();
    let (theme, reading) = (expect_context::<Theme>(), expect_context::<Reading>());
    view! {
        <details class="device reading" name="bar">
            <summary class="btn" title=t.reading()><span aria-hidden="true">"Aa"</span><span class="hidden">{t.reading()}</span></summary>
            <div class="panel">
                <Choice legend=t.theme() kept=theme.choice />
                <Choice legend=t.text_size() kept=reading.size />
                <Choice legend=t.line_width() kept=reading.width />
                <Choice legend=t.walk() kept=reading.walk />
                <p class="panel-note">{t.walk_note()}</p>
                <Languages />
                <ProgressView />
                <KeysSwitch />
            </div>
        </details>
    }
}
