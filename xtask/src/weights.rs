//! What the site weighs on the wire.

use anyhow::{Context, Result};
use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

/// Any page that a reader may enter by, with all its code, its exhibit's too, and the fonts, must fit in this; a model is
/// the reader's choice and comes later.
pub const FIRST_LOAD_BUDGET_BYTES: u64 = 900_000;

/// The index of the search must fit in this; it is fetched when the reader first searches.
pub const SEARCH_INDEX_BUDGET_BYTES: u64 = 250_000;

/// Any page's text must fit in this: it is all that a further page costs.
pub const PAGE_BUDGET_BYTES: u64 = 30_000;

/// What shrinks. The rest (fonts, pictures, weights of models) is compressed by its own format or not at all.
const COMPRESSIBLE: &[&str] = &["html", "js", "wasm", "css", "svg", "json", "txt", "xml", "wgsl", "webmanifest"];

/// The weight of a reader's first visit: of the front page by kind of file, and what pages with parts of the program
/// of their own add to it.
pub struct Weights {
    kinds: Vec<Kind>,
    parts: Vec<Part>,
}

/// A part of the program, on the page that shows it.
struct Part {
    name: String,
    files: usize,
    bytes: u64,
    wire_bytes: u64,
    /// The whole first load of that page.
    page_wire_bytes: u64,
}

struct Kind {
    name: &'static str,
    files: usize,
    bytes: u64,
    wire_bytes: u64,
}

impl Weights {
    /// The front page's bytes on the wire, all together.
    pub fn front_wire_bytes(&self) -> u64 {
        self.kinds.iter().map(|kind| kind.wire_bytes).sum()
    }

    /// The bytes on the wire of the heaviest page, and the part that makes it so.
    pub fn heaviest(&self) -> (&str, u64) {
        let parts = self.parts.iter().map(|part| (part.name.as_str(), part.page_wire_bytes));
        parts.chain([("the front page", self.front_wire_bytes())]).max_by_key(|(_, bytes)| *bytes).unwrap_or_default()
    }

    /// Prints one line a kind.
    pub fn report(&self) {
        println!("\nfirst load       files       size    brotli");
        for kind in &self.kinds {
            println!("  {:14} {:5} {} {}", kind.name, kind.files, kb(kind.bytes), kb(kind.wire_bytes));
        }
        println!(
            "  {:14} {:5} {} {}  of at most {}",
            "total",
            self.kinds.iter().map(|kind| kind.files).sum::<usize>(),
            kb(self.kinds.iter().map(|kind| kind.bytes).sum()),
            kb(self.front_wire_bytes()),
            kb(FIRST_LOAD_BUDGET_BYTES).trim(),
        );
        println!("part             files       size    brotli  first load of its page");
        for part in &self.parts {
            println!(
                "  {:14} {:5} {} {} {}",
                part.name,
                part.files,
                kb(part.bytes),
                kb(part.wire_bytes),
                kb(part.page_wire_bytes)
            );
        }
    }
}

/// Weighs the front page and everything it may load before the reader does anything; of fonts, every face there is.
pub fn first_load(dist: &Path) -> Result<Weights> {
    let files = files_in(dist)?;
    let kind = |name, pick: &dyn Fn(&Path) -> bool| -> Result<Kind> {
        let mut kind = Kind { name, files: 0, bytes: 0, wire_bytes: 0 };
        for file in files.iter().filter(|file| pick(file)) {
            kind.files += 1;
            kind.bytes += size(file)?;
            kind.wire_bytes += wire_size(file)?;
        }
        Ok(kind)
    };
    let front = dist.join("index.html");
    let html = fs::read_to_string(&front).with_context(|| format!("reading {}", front.display()))?;
    // What the page does not name is not loaded with it: the engine's module for other pages is such.
    let named = |file: &Path| named_in(&html, file);
    let mut parts: Vec<Part> = Vec::new();
    for page in files.iter().filter(|file| file.ends_with("index.html") && **file != front) {
        let text = fs::read_to_string(page).with_context(|| format!("reading {}", page.display()))?;
        let Some(name) = text.split("data-part=\"").nth(1).and_then(|rest| rest.split('"').next()) else { continue };
        let mut part = Part { name: name.to_owned(), files: 0, bytes: 0, wire_bytes: 0, page_wire_bytes: 0 };
        for file in &files {
            let is_font = has_extension(file, &["woff2"]);
            let is_program = has_extension(file, &["js", "wasm", "css"]) && named_in(&text, file);
            if is_program && !named(file) {
                part.files += 1;
                part.bytes += size(file)?;
                part.wire_bytes += wire_size(file)?;
            }
            if file == page || is_font || is_program {
                part.page_wire_bytes += wire_size(file)?;
            }
        }
        parts.push(part);
    }
    Ok(Weights {
        parts,
        kinds: vec![
            kind("html", &|file| file == front)?,
            kind("js", &|file| named(file) && has_extension(file, &["js"]))?,
            kind("wasm", &|file| named(file) && has_extension(file, &["wasm"]))?,
            kind("css", &|file| named(file) && has_extension(file, &["css"]))?,
            kind("fonts", &|file| has_extension(file, &["woff2"]))?,
        ],
    })
}

/// Whether a page names this file.
fn named_in(html: &str, file: &Path) -> bool {
    file.file_name().is_some_and(|name| html.contains(&*name.to_string_lossy()))
}

/// The index of the search on the wire; compressed here where the build was in a hurry.
pub fn search_index(dist: &Path) -> Result<u64> {
    let file = dist.join(app::search::INDEX_FILE);
    let bytes = fs::read(&file).with_context(|| format!("reading {}", file.display()))?;
    Ok(brotli(&bytes)?.len() as u64)
}

/// The heaviest page but the front page, by path, and its bytes on the wire.
pub fn heaviest_page(dist: &Path) -> Result<(PathBuf, u64)> {
    let front = dist.join("index.html");
    let mut heaviest = (PathBuf::new(), 0);
    for file in files_in(dist)?.into_iter().filter(|file| has_extension(file, &["html"]) && *file != front) {
        let compressed = beside(&file);
        let bytes = size(if compressed.exists() { &compressed } else { &file })?;
        if bytes > heaviest.1 {
            heaviest = (file, bytes);
        }
    }
    Ok(heaviest)
}

/// Writes a `.br` beside every file that gains by it and has none, for hosts that serve such.
pub fn precompress(dir: &Path) -> Result<()> {
    for file in files_in(dir)? {
        let target = beside(&file);
        if !has_extension(&file, COMPRESSIBLE) || target.exists() {
            continue;
        }
        let bytes = fs::read(&file).with_context(|| format!("reading {}", file.display()))?;
        let compressed = brotli(&bytes)?;
        if compressed.len() < bytes.len() {
            fs::write(&target, compressed).with_context(|| format!("writing {}", target.display()))?;
        }
    }
    Ok(())
}

fn brotli(bytes: &[u8]) -> Result<Vec<u8>> {
    let (quality, window_bits) = (11, 24);
    let mut writer = brotli::CompressorWriter::new(Vec::new(), 1 << 16, quality, window_bits);
    writer.write_all(bytes).context("compressing")?;
    Ok(writer.into_inner())
}

fn beside(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".br");
    PathBuf::from(name)
}

fn has_extension(file: &Path, extensions: &[&str]) -> bool {
    file.extension().and_then(|extension| extension.to_str()).is_some_and(|extension| extensions.contains(&extension))
}

/// Every file below a folder, in the order of their paths.
pub fn files_in(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).with_context(|| format!("reading {}", dir.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(files_in(&path)?);
        } else {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn wire_size(file: &Path) -> Result<u64> {
    let compressed = beside(file);
    size(if compressed.exists() { &compressed } else { file })
}

fn size(file: &Path) -> Result<u64> {
    Ok(fs::metadata(file).with_context(|| format!("reading {}", file.display()))?.len())
}

fn kb(bytes: u64) -> String {
    format!("{:7.1} kB", bytes as f64 / 1000.0)
}
