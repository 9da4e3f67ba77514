//! State in the address: read once when a page opens, kept up to date without entries in the history.

use leptos::prelude::*;
use leptos_router::location::Location;
use wasm_bindgen::JsValue;
use web_sys::UrlSearchParams;

/// The longest value that is read or written; more is cut, so that a link stays a link.
const MOST_CHARS: usize = 600;

fn parameters() -> Option<UrlSearchParams> {
    if cfg!(not(target_arch = "wasm32")) {
        return None; // prerendered pages have no address of their own
    }
    let search = on_its_way().map_or_else(|| window().location().search().ok(), Some)?;
    UrlSearchParams::new_with_str(&search).ok()
}

/// The query of the page that is being turned to: it is built before the browser shows its address.
fn on_its_way() -> Option<String> {
    let Location { pathname, search, .. } = use_context()?;
    let shown = window().location().pathname().ok()?;
    (pathname.get_untracked() != shown).then(|| search.get_untracked())
}

/// The value of a parameter, cut to a sensible length.
pub fn parameter(name: &str) -> Option<String> {
    let value = parameters()?.get(name)?;
    Some(value.chars().take(MOST_CHARS).collect())
}

/// The value of a parameter as a number or the like; what does not parse was not given.
pub fn parsed<T: std::str::FromStr>(name: &str) -> Option<T> {
    parameter(name)?.trim().parse().ok()
}

/// Puts parameters into the address, removing those that are `None`, leaving others as they are.
pub fn keep(values: &[(&str, Option<String>)]) {
    if cfg!(target_arch = "wasm32") && on_its_way().is_some() {
        return; // the address that is shown is still that of the page before
    }
    let Some(all) = parameters() else { return };
    for (name, value) in values {
        match value {
            Some(value) => all.set(name, &value.chars().take(MOST_CHARS).collect::<String>()),
            None => all.delete(name),
        }
    }
    let location = window().location();
    let (path, hash) = (location.pathname().unwrap_or_default(), location.hash().unwrap_or_default());
    let query = String::from(all.to_string());
    let address = if query.is_empty() { format!("{path}{hash}") } else { format!("{path}?{query}{hash}") };
    if let Ok(history) = window().history() {
        // The router keeps its own state in the entry; it stays.
        let state = history.state().unwrap_or(JsValue::NULL);
        let _ = history.replace_state_with_url(&state, "", Some(&address));
    }
}

/// The whole address, for sharing.
pub fn address() -> String {
    window().location().href().unwrap_or_default()
}
