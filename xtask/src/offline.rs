//! The service worker that keeps the book for reading without a network: `app/offline.js` under the lists of the files
//! of one edition.

use anyhow::{Context, Result};
use app::lang::Lang;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::{collections::BTreeMap, fs, path::Path};

use crate::{shell, weights};

/// Its name in the built site; it answers for everything beside and below itself.
pub const WORKER: &str = "offline.js";

/// Folders and files that are kept when they are first used, because reading does not need them.
const AS_USED: &[&str] = &["models/", "runs/", "embed/", "engine", "sitemap.xml", "robots.txt"];

/// Writes the worker for the site in `dist`, whose pages and files are all in place.
pub fn write(dist: &Path) -> Result<()> {
    let mut files = BTreeMap::new();
    for file in weights::files_in(dist)? {
        let path = file.strip_prefix(dist).context("a file of the site lies outside it")?;
        let path = path.to_str().context("a file's name is not UTF-8")?.replace('\\', "/");
        if path.ends_with(".br") || path == WORKER {
            continue;
        }
        let bytes = fs::read(&file).with_context(|| format!("reading {}", file.display()))?;
        files.insert(address(&path).to_owned(), hash(&bytes));
    }
    let read = |page: &str| fs::read_to_string(dist.join(page)).with_context(|| format!("reading {page}"));
    let shell_pages = read("index.html")? + &read("map/index.html")?;
    let reading: Vec<&str> =
        files.keys().map(String::as_str).filter(|path| is_for_reading(path, &shell_pages)).collect();
    let program = shell::root().join("app").join(WORKER);
    let program = fs::read_to_string(&program).with_context(|| format!("reading {}", program.display()))?;
    let text = format!("const FILES = {};\nconst READING = {};\n\n{program}", json!(files), json!(reading));
    let target = dist.join(WORKER);
    fs::write(&target, text).with_context(|| format!("writing {}", target.display()))
}

/// A page is asked for by its folder.
fn address(path: &str) -> &str {
    if path == "index.html" || path.ends_with("/index.html") { &path[..path.len() - "index.html".len()] } else { path }
}

/// Pages, and what those ask for that are no chapter's; an exhibit's program is kept when it is first used.
fn is_for_reading(path: &str, shell_pages: &str) -> bool {
    // A reader reads in one language; the pages of the others hold the same text.
    let is_translated = Lang::ALL.iter().any(|lang| *lang != Lang::PROSE && path.starts_with(&lang.folder()));
    if is_translated || AS_USED.iter().any(|start| path.starts_with(start)) {
        return false;
    }
    let is_program = path.ends_with(".js") || path.ends_with(".wasm");
    !is_program || shell_pages.contains(path)
}

/// As many digits as make two files of one name never alike by chance: the worker compares the same.
fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_and_what_they_name_are_for_reading_and_models_are_not() {
        let front = "<script src=\"boot.js\"></script><link href=\"app-1a2b.wasm\">";
        for (path, expected) in [
            ("", true),
            ("chapter/5/", true),
            ("404.html", true),
            ("search.json", true),
            ("fonts/serif.woff2", true),
            ("app-1a2b.wasm", true),
            ("boot.js", true),
            ("chapter5-77.wasm", false),
            ("models/tiny-base.safetensors", false),
            ("engine.js", false),
            ("embed/5/", false),
            ("id/chapter/5/", false),
            ("idea/softmax/", true),
        ] {
            assert_eq!(is_for_reading(path, front), expected, "{path}");
        }
    }

    #[test]
    fn a_page_goes_by_its_folder_and_a_hash_is_that_of_the_command_line() {
        assert_eq!(address("index.html"), "");
        assert_eq!(address("chapter/5/index.html"), "chapter/5/");
        assert_eq!(address("search.json"), "search.json");
        // From `printf abc | sha256sum`.
        assert_eq!(hash(b"abc"), "ba7816bf8f01cfea");
    }
}
