//! The programs that turn the page's crate into a site, besides cargo: wasm-bindgen.
//!
//! It is found, or built from source by cargo, so that a machine that can reach only the package registry builds the
//! site all the same. There is no wasm-opt: after rustc's own size optimisation it saves one per cent on the wire.

use crate::shell;
use anyhow::{Context, Result, ensure};
use std::path::PathBuf;

/// The wasm-bindgen of the version that the library has.
pub fn wasm_bindgen() -> Result<PathBuf> {
    let version = locked_version("wasm-bindgen")?;
    match find("wasm-bindgen", |found| found == version) {
        Some(wasm_bindgen) => Ok(wasm_bindgen),
        None => install("wasm-bindgen-cli", &version, "some two minutes"),
    }
}

/// `targets` in the toolchain file installs nothing where the toolchain was there first, so ask for it.
pub fn wasm_target() -> Result<()> {
    let sysroot = shell::output(shell::command("rustc").args(["--print", "sysroot"]))
        .context("`rustc --print sysroot` failed; install Rust from https://rustup.rs")?;
    if PathBuf::from(sysroot).join("lib/rustlib/wasm32-unknown-unknown").is_dir() {
        return Ok(());
    }
    shell::step("adding Rust's WebAssembly target", || {
        shell::run(shell::command("rustup").args(["target", "add", "wasm32-unknown-unknown"]))
    })
}

/// The tool on PATH or in `.tools`, if its version will do.
fn find(name: &str, accept: impl Fn(&str) -> bool) -> Option<PathBuf> {
    [shell::which(name), Some(installed(name))].into_iter().flatten().find(|program| {
        shell::output(shell::command(program).arg("--version"))
            .and_then(|text| version_in(&text))
            .is_some_and(|version| accept(&version))
    })
}

/// `wasm-bindgen 0.2.130`: the first word that is a number.
fn version_in(text: &str) -> Option<String> {
    text.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit())).map(str::to_owned)
}

fn install(krate: &str, version: &str, how_long: &str) -> Result<PathBuf> {
    let folder = shell::root().join(".tools");
    shell::step(
        &format!("building {krate} {version} from source into .tools; once, and {how_long} on two cores"),
        || {
            shell::run(
                shell::cargo(["install", "--quiet", "--force", "--root"])
                    .arg(&folder)
                    .arg(format!("{krate}@{version}")),
            )
        },
    )?;
    let program = installed(krate.trim_end_matches("-cli"));
    ensure!(program.is_file(), "`cargo install {krate}` left no {}", program.display());
    Ok(program)
}

fn installed(name: &str) -> PathBuf {
    shell::root().join(".tools/bin").join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}

/// The command and the library it serves must have one version to the digit: the one in Cargo.lock.
fn locked_version(krate: &str) -> Result<String> {
    let path = shell::root().join("Cargo.lock");
    let text = std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let lock: toml::Table = text.parse().context("Cargo.lock is not TOML")?;
    lock.get("package")
        .and_then(toml::Value::as_array)
        .into_iter()
        .flatten()
        .find(|package| package.get("name").and_then(toml::Value::as_str) == Some(krate))
        .and_then(|package| package.get("version")?.as_str().map(str::to_owned))
        .with_context(|| format!("Cargo.lock has no {krate}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_what_tools_print() {
        assert_eq!(version_in("wasm-bindgen 0.2.130").as_deref(), Some("0.2.130"));
        assert_eq!(version_in("wasm-bindgen 0.2.130 (abc 2026-01-01)").as_deref(), Some("0.2.130"));
        assert_eq!(version_in("no such tool"), None);
    }

    #[test]
    fn the_lock_file_names_wasm_bindgen() -> Result<()> {
        assert!(locked_version("wasm-bindgen")?.starts_with("0.2."));
        assert!(locked_version("no-such-crate").is_err());
        Ok(())
    }
}
