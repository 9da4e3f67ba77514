use leptos::children::ViewFnOnce;
use leptos::prelude::*;

use crate::shell::Share;

/// Where the numbers of an exhibit come from; shown beside its title, because a picture should say so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RunsOn {
    /// Nothing has run yet.
    #[default]
    Nothing,
    /// Computed now on the reader's graphics processor.
    Gpu,
    /// Computed now on the reader's processor.
    Cpu,
    /// Replayed from a run made earlier by the same code.
    Recording,
}

impl RunsOn {
    fn label(self) -> &'static str {
        match self {
            RunsOn::Nothing => "not running yet",
            RunsOn::Gpu => "live on your GPU",
            RunsOn::Cpu => "live on your CPU",
            RunsOn::Recording => "a recorded run",
        }
    }

    fn dot(self) -> &'static str {
        match self {
            RunsOn::Nothing => "dot",
            RunsOn::Gpu => "dot live",
            RunsOn::Cpu => "dot cpu",
            RunsOn::Recording => "dot recorded",
        }
    }
}

/// How much height is kept free before anything is drawn, so that the text below stays where it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FrameSize {
    /// A line chart or a row of controls.
    Short,
    /// Most exhibits.
    #[default]
    Standard,
    /// A matrix with its labels.
    Tall,
}

/// The one anatomy of every exhibit: a header with what it is, where it runs and what it can do; the view; its
/// controls beside it, or below on a phone; a strip of readouts at the foot.
#[component]
pub fn ExhibitFrame(
    /// Its heading.
    #[prop(into)]
    title: String,
    /// Where its numbers come from.
    #[prop(optional, into)]
    runs_on: Signal<RunsOn>,
    /// The height kept free.
    #[prop(optional)]
    size: FrameSize,
    /// True while the view is being worked out; announced, and shown as quiet text by the view itself.
    #[prop(optional, into)]
    busy: Signal<bool>,
    /// Buttons of the header: step, run, share, inspect.
    #[prop(optional, into)]
    actions: Option<ViewFnOnce>,
    /// The controls, and the opened cell.
    #[prop(optional, into)]
    side: Option<ViewFnOnce>,
    /// The [`Readouts`](super::Readouts).
    #[prop(optional, into)]
    strip: Option<ViewFnOnce>,
    /// The view.
    children: Children,
) -> impl IntoView {
    let size = match size {
        FrameSize::Short => "short",
        FrameSize::Standard => "standard",
        FrameSize::Tall => "tall",
    };
    let (heading, shared) = (title.clone(), title.clone());
    let stage = if side.is_some() { "stage with-side" } else { "stage" };
    view! {
        <section class=format!("exhibit {size}") aria-label=title>
            <header>
                <h3>{heading}</h3>
                <span class="chip" role="status"><span class=move || runs_on.get().dot()></span>{move || runs_on.get().label()}</span>
                <span class="grow"></span>
                {actions.map(|actions| view! { <div class="actions">{actions.run()}</div> })}
                <Share title=shared />
            </header>
            <div class=stage>
                <div class="view" aria-busy=move || busy.get().to_string()>{children()}</div>
                {side.map(|side| view! { <div class="side">{side.run()}</div> })}
            </div>
            {strip.map(|strip| strip.run())}
        </section>
    }
}
