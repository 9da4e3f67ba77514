//! A document that names a file must name one that exists.

use std::path::Path;

/// Documents name paths from the root, wherever they stand.
const FOLDERS: &[&str] = &[".", "e2e"];

/// Made by the commands, so in no checkout.
const MADE: &[&str] = &["dist/", "target/", ".tools/", "e2e/screenshots/"];

/// What stands in backticks and looks like a file in a folder: no spaces, no `<op>` or `*` to be filled in.
fn paths(markdown: &str) -> impl Iterator<Item = &str> {
    markdown
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|text| text.contains('/') && !text.contains("://") && !text.starts_with('/'))
        .filter(|text| !text.contains(|c: char| c.is_whitespace() || "<>*{}$=".contains(c)))
        .filter(|text| text.ends_with('/') || Path::new(text).extension().is_some())
}

#[test]
fn every_path_named_in_a_document_exists() -> std::io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut missing = Vec::new();
    let mut documents = 0;
    for folder in FOLDERS {
        for entry in std::fs::read_dir(root.join(folder))? {
            let document = entry?.path();
            if document.extension() != Some("md".as_ref()) {
                continue;
            }
            documents += 1;
            missing.extend(
                paths(&std::fs::read_to_string(&document)?)
                    .filter(|path| !MADE.iter().any(|made| path.starts_with(made)))
                    .filter(|path| !root.join(path).exists())
                    .map(|path| format!("{path}, named in {}", document.display())),
            );
        }
    }
    assert!(missing.is_empty(), "missing:\n{}", missing.join("\n"));
    assert!(documents >= 3, "README, CONTRIBUTING and the one of e2e at least");
    Ok(())
}

#[test]
fn the_search_finds_paths_and_only_paths() {
    let text = "`cargo xtask test` in `xtask/src/main.rs`, `shaders/kernels/<op>.wgsl`, `e2e/`, `a / b`, `/book/`.";
    assert_eq!(paths(text).collect::<Vec<_>>(), ["xtask/src/main.rs", "e2e/"]);
}
