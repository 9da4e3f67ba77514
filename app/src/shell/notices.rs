use leptos::prelude::*;

use crate::lang::use_lang;

/// How much a notice matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticeKind {
    /// Good to know.
    Info,
    /// Something failed; the text says what, and what can be done.
    Problem,
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    id: u32,
    /// How much it matters.
    pub kind: NoticeKind,
    /// What it says, in a sentence for the reader.
    pub text: String,
}

/// The one place where errors and news reach the reader: `expect_context::<Notices>().problem("...")`.
#[derive(Clone, Copy, Debug)]
pub struct Notices {
    list: RwSignal<Vec<Notice>>,
    next_id: StoredValue<u32>,
}

impl Notices {
    /// None yet.
    pub fn new() -> Self {
        Self { list: RwSignal::new(Vec::new()), next_id: StoredValue::new(0) }
    }

    /// Says something good to know.
    pub fn info(&self, text: impl Into<String>) {
        self.push(NoticeKind::Info, text.into());
    }

    /// Says what failed and what can be done about it.
    pub fn problem(&self, text: impl Into<String>) {
        self.push(NoticeKind::Problem, text.into());
    }

    /// Takes a message away.
    pub fn dismiss(&self, notice: &Notice) {
        let id = notice.id;
        self.list.update(|list| list.retain(|n| n.id != id));
    }

    /// Adds a message, unless the very same one is already standing there: a failure that repeats every frame is
    /// still one failure.
    fn push(&self, kind: NoticeKind, text: String) {
        if self.list.read_untracked().iter().any(|n| n.kind == kind && n.text == text) {
            return;
        }
        let id = self.next_id.get_value();
        self.next_id.set_value(id.wrapping_add(1));
        self.list.update(|list| list.push(Notice { id, kind, text }));
    }
}

impl Default for Notices {
    fn default() -> Self {
        Self::new()
    }
}

/// The messages, announced politely and dismissed one by one.
#[component]
pub fn NoticesView() -> impl IntoView {
    let (t, notices) = (use_lang(), expect_context::<Notices>());
    let row = move |notice: Notice| {
        let class = match notice.kind {
            NoticeKind::Info => "notice",
            NoticeKind::Problem => "notice problem",
        };
        let label = match notice.kind {
            NoticeKind::Info => t.notice_note(),
            NoticeKind::Problem => t.notice_problem(),
        };
        let text = notice.text.clone();
        view! {
            <li class=class>
                <p><b>{label}</b>" "{text}</p>
                <button class="btn" on:click=move |_| notices.dismiss(&notice)>{t.dismiss()}</button>
            </li>
        }
    };
    view! {
        <div class="notices" role="status" aria-live="polite">
            <ul><For each=move || notices.list.get() key=|n| n.id children=row /></ul>
        </div>
    }
}
