use leptos::prelude::*;

use super::kept::{Choice, Kept, Way};
use super::progress::ProgressView;
use super::theme::Theme;
use super::turning::KeysSwitch;

const SIZES: &[Way] = &[("normal", "Normal"), ("large", "Large"), ("largest", "Largest")];
const WIDTHS: &[Way] = &[("normal", "Normal"), ("narrow", "Narrow"), ("wide", "Wide")];
const WALKS: &[Way] = &[("whole", "Whole chapters"), ("quick", "Quick walk")];

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
    let (theme, reading) = (expect_context::<Theme>(), expect_context::<Reading>());
    view! {
        <details class="device reading" name="bar">
            <summary class="btn" title="Reading"><span aria-hidden="true">"Aa"</span><span class="hidden">"Reading"</span></summary>
            <div class="panel">
                <Choice legend="Theme" kept=theme.choice />
                <Choice legend="Text size" kept=reading.size />
                <Choice legend="Line width" kept=reading.width />
                <Choice legend="Of each chapter" kept=reading.walk />
                <p class="panel-note">"A quick walk shows only the trick and the exhibit."</p>
                <ProgressView />
                <KeysSwitch />
            </div>
        </details>
    }
}
