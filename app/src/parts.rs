//! Parts of the program that are fetched when they are needed.
//!
//! The page's program is compiled as one and then cut (`xtask/src/split.rs`): what only an exhibit reaches goes into a
//! file of its own, what several reach into files that they share, and the rest is what every reader loads. The cuts
//! are made at the functions that [`part!`](crate::part) writes. A [`Part`] holds no reference to what it shows, or
//! there would be nothing to leave out.
//!
//! [`Lazy`] shows a part. Until it has come, the page's prerendered HTML stands in its place, so that nothing moves.

use leptos::prelude::*;

#[cfg(not(feature = "ssr"))]
use futures_util::future::LocalBoxFuture;

#[cfg(not(feature = "ssr"))]
use crate::lang::use_lang;
use crate::page::Page;

/// A file of the program did not come.
pub use leptos::wasm_split::SplitLoaderError as NotLoaded;

/// A part that is on its way: what builds its view, once it is here.
#[cfg(not(feature = "ssr"))]
pub type Loading = LocalBoxFuture<'static, Result<fn() -> AnyView, NotLoaded>>;

/// A part of the program, and the view that it builds once it is here.
#[derive(Clone, Copy)]
pub struct Part {
    /// Names its file and marks its place in the HTML.
    pub name: &'static str,
    /// Fetches it unless it is here.
    #[cfg(not(feature = "ssr"))]
    pub load: fn() -> Loading,
    /// While pages are rendered all of the program is there.
    #[cfg(feature = "ssr")]
    pub view: fn() -> AnyView,
}

impl std::fmt::Debug for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Part").field(&self.name).finish()
    }
}

/// `part!(name, view)`: a [`Part`] of the program with all that only `view`, a `fn() -> AnyView`, reaches.
#[cfg(not(feature = "ssr"))]
#[macro_export]
macro_rules! part {
    ($name:ident, $view:expr) => {
        $crate::parts::Part {
            name: stringify!($name),
            load: {
                // The cut is an imported and an exported symbol, which the language calls unsafe to name.
                #[allow(unsafe_code, reason = "the symbols' names hold a hash of this place")]
                #[::leptos::wasm_split::wasm_split($name, wasm_split_path = ::leptos::wasm_split, fallible)]
                fn $name() -> Result<fn() -> ::leptos::prelude::AnyView, $crate::parts::NotLoaded> {
                    Ok($view)
                }
                || Box::pin($name())
            },
        }
    };
}

/// `part!(name, view)`: a [`Part`] of the program; while pages are rendered all of it is there.
#[cfg(feature = "ssr")]
#[macro_export]
macro_rules! part {
    ($name:ident, $view:expr) => {
        $crate::parts::Part { name: stringify!($name), view: $view }
    };
}

/// How far a part has come.
#[cfg(not(feature = "ssr"))]
#[derive(Clone, Copy)]
enum State {
    OnItsWay,
    Here(fn() -> AnyView),
    Failed,
}

/// The place of a part on a page.
#[component]
pub fn Lazy(
    /// Which part.
    part: Part,
    /// The page it stands on, whose HTML stands in for it until it has come.
    on: Page,
) -> impl IntoView {
    #[cfg(feature = "ssr")]
    {
        let _ = on;
        view! { <div class="part" data-part=part.name>{(part.view)()}</div> }
    }
    #[cfg(not(feature = "ssr"))]
    {
        let t = use_lang();
        let state = RwSignal::new(State::OnItsWay);
        let load = move || {
            state.set(State::OnItsWay);
            leptos::task::spawn_local(async move {
                let loaded = (part.load)().await;
                // The reader may have turned the page meanwhile.
                let _ = state.try_set(loaded.map_or(State::Failed, State::Here));
            });
        };
        load();
        let passages = expect_context::<crate::book::Passages>();
        let still = move || passages.get(on, &crate::book::part_key(part.name)).unwrap_or_default();
        let shown = move || match state.get() {
            State::Here(view) => view(),
            State::OnItsWay => {
                view! { <div class="part" inert=true aria-busy="true" inner_html=still></div> }.into_any()
            }
            State::Failed => view! {
                <section class="exhibit short" lang=t.tag() aria-label=t.part_failed()>
                    <p class="problem" role="alert">{t.part_failed_why()}</p>
                    <p class="actions"><button class="btn primary" on:click=move |_| load()>{t.try_again()}</button></p>
                </section>
            }
            .into_any(),
        };
        view! { <div class="part" data-part=part.name>{shown}</div> }
    }
}
