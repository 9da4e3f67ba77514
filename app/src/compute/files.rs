//! Files of this site: fetched with progress, checked for length, never from anywhere else.

use engine::Error;
use js_sys::{Reflect, Uint8Array};
use leptos::prelude::*;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{ReadableStreamDefaultReader, Response};

/// How far a file has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Transfer {
    /// Bytes that are here.
    pub received: u64,
    /// Bytes in all, where the host says.
    pub total: Option<u64>,
}

/// The bytes of a file of this site, `path` being relative to its root. Whatever the page fetches goes through here or
/// [`fetch_page`].
pub async fn fetch(path: &str, progress: impl Fn(Transfer)) -> Result<Vec<u8>, Error> {
    fetch_at(&format!("{}{path}", root()), progress).await
}

/// The way from the page's `<base>` to the site's root, where its files are.
fn root() -> String {
    document().document_element().and_then(|html| html.get_attribute("data-root")).unwrap_or_default()
}

/// The text of a page, or of what goes with the pages of this language; `path` is what a link has.
pub async fn fetch_page(path: &str) -> Result<String, Error> {
    text(path, fetch_at(path, |_| {}).await?)
}

async fn fetch_at(path: &str, progress: impl Fn(Transfer)) -> Result<Vec<u8>, Error> {
    let failed = |what: String| Error::data(path.to_owned(), what);
    let js = |e: JsValue| failed(format!("could not be fetched: {}", message(&e)));
    let response: Response = JsFuture::from(window().fetch_with_str(path)).await.map_err(js)?.dyn_into().map_err(js)?;
    if !response.ok() {
        return Err(failed(format!("could not be fetched: the host answered {}", response.status())));
    }
    // With a content coding the length is that of the coded bytes, which nobody sees here.
    let coded = response.headers().get("content-encoding").ok().flatten().is_some();
    let length = response.headers().get("content-length").ok().flatten().and_then(|n| n.parse::<u64>().ok());
    let total = length.filter(|_| !coded);
    let Some(body) = response.body() else { return Err(failed("came without content".into())) };
    let reader: ReadableStreamDefaultReader = body.get_reader().unchecked_into();
    let mut bytes = Vec::new();
    loop {
        let chunk = JsFuture::from(reader.read()).await.map_err(js)?;
        if Reflect::get(&chunk, &"done".into()).map_err(js)?.is_truthy() {
            break;
        }
        let part: Uint8Array = Reflect::get(&chunk, &"value".into()).map_err(js)?.unchecked_into();
        let start = bytes.len();
        bytes.resize(start + part.length() as usize, 0);
        part.copy_to(&mut bytes[start..]);
        progress(Transfer { received: bytes.len() as u64, total });
    }
    match total {
        Some(total) if total != bytes.len() as u64 => {
            Err(failed(format!("broke off: {} of {total} bytes came. Reload to try again", bytes.len())))
        }
        _ => Ok(bytes),
    }
}

/// The text of a file of this site.
pub async fn fetch_text(path: &str) -> Result<String, Error> {
    text(path, fetch(path, |_| {}).await?)
}

fn text(path: &str, bytes: Vec<u8>) -> Result<String, Error> {
    String::from_utf8(bytes).map_err(|_| Error::data(path, "is not text"))
}

fn message(error: &JsValue) -> String {
    let text = Reflect::get(error, &"message".into()).ok().and_then(|m| m.as_string());
    text.unwrap_or_else(|| "the network failed".into())
}
