//! The programs that turn the page's crate into a site: trunk, wasm-bindgen, wasm-opt.
//!
//! Trunk would download releases of the other two; here they are found, or built from source by cargo, and put first
//! on trunk's PATH, so that a machine that can reach only the package registry builds the site all the same.

use crate::shell;
use anyhow::{Context, Result, ensure};
use std::{ffi::OsString, path::PathBuf};

const TRUNK: &str = "0.21.14";
/// Up to 108, which Debian 12 and Ubuntu 24.04 have, it exports the wrong table of two, and the page dies as it starts.
const WASM_OPT_AT_LEAST: u32 = 110;
const BINARYEN: &str = "132.0.0";

/// What a build needs, found on this machine.
pub struct Tools {
    /// The trunk program.
    pub trunk: PathBuf,
    /// The wasm-bindgen program.
    pub wasm_bindgen: PathBuf,
    /// The PATH to run it with.
    pub path: OsString,
    /// Whether wasm-opt is on that PATH.
    pub has_wasm_opt: bool,
}

/// Finds every tool, building those that are missing.
///
/// wasm-opt only where the page asks for it: after rustc's own size optimisation it saves one per cent on the wire.
pub fn find_or_install(with_wasm_opt: bool) -> Result<Tools> {
    wasm_target()?;
    let trunk = match find("trunk", |version| version.starts_with("0.21.")) {
        Some(trunk) => trunk,
        None => install(
            "trunk",
            TRUNK,
            // Trunk only conducts: unoptimised it is built in half the time and no slower to the eye.
            &["--locked", "--debug"],
            "some minutes",
        )?,
    };
    let wasm_bindgen = wasm_bindgen()?;
    let wasm_opt = if with_wasm_opt { wasm_opt()? } else { None };

    let mut folders: Vec<PathBuf> = Vec::new();
    for tool in [Some(&trunk), Some(&wasm_bindgen), wasm_opt.as_ref()].into_iter().flatten() {
        folders.extend(tool.parent().map(PathBuf::from));
    }
    folders.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    Ok(Tools {
        trunk,
        wasm_bindgen,
        path: std::env::join_paths(folders).context("a folder on PATH has a separator in its name")?,
        has_wasm_opt: wasm_opt.is_some(),
    })
}

/// The wasm-bindgen of the version that the library has.
pub fn wasm_bindgen() -> Result<PathBuf> {
    let version = locked_version("wasm-bindgen")?;
    match find("wasm-bindgen", |found| found == version) {
        Some(wasm_bindgen) => Ok(wasm_bindgen),
        None => install("wasm-bindgen-cli", &version, &[], "some two minutes"),
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

/// Binaryen is C++, but npm has it compiled to WebAssembly: seconds where there is node, and minutes of C++ where not.
fn wasm_opt() -> Result<Option<PathBuf>> {
    let recent = |version: &str| version.parse().is_ok_and(|version: u32| version >= WASM_OPT_AT_LEAST);
    if let Some(found) = find("wasm-opt", recent) {
        return Ok(Some(found));
    }
    if let (Some(npm), Some(_)) = (shell::which("npm"), shell::which("node")) {
        let installed = shell::step("installing wasm-opt from npm into .tools", || {
            shell::run(
                shell::command(npm)
                    .args(["install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", ".tools"])
                    .arg(format!("binaryen@{BINARYEN}")),
            )
        });
        match installed {
            Ok(()) => return Ok(find("wasm-opt", recent)),
            Err(error) => println!("   {error:#}"),
        }
    }
    let compilers = ["c++", "g++", "clang++"];
    if compilers.iter().any(|name| shell::which(name).is_some()) {
        // The crate's last release holds binaryen 116.
        return install("wasm-opt", "0.116.1", &["--locked"], "many minutes").map(Some);
    }
    println!(
        "-> no wasm-opt {WASM_OPT_AT_LEAST} or later, and neither node to install nor a C++ compiler to build one:\n   \
         building without it. The site works the same, and its program is about a tenth larger."
    );
    Ok(None)
}

/// The tool on PATH or in `.tools`, if its version will do.
fn find(name: &str, accept: impl Fn(&str) -> bool) -> Option<PathBuf> {
    [shell::which(name), Some(installed(name))].into_iter().flatten().find(|program| {
        shell::output(shell::command(program).arg("--version"))
            .and_then(|text| version_in(&text))
            .is_some_and(|version| accept(&version))
    })
}

/// `trunk 0.21.14`, `wasm-opt version 108`, `wasm-opt version 116 (version_116)`: the first word that is a number.
fn version_in(text: &str) -> Option<String> {
    text.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit())).map(str::to_owned)
}

fn install(krate: &str, version: &str, options: &[&str], how_long: &str) -> Result<PathBuf> {
    let folder = shell::root().join(".tools");
    shell::step(
        &format!("building {krate} {version} from source into .tools; once, and {how_long} on two cores"),
        || {
            shell::run(
                shell::cargo(["install", "--quiet", "--force", "--root"])
                    .arg(&folder)
                    .args(options)
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
        assert_eq!(version_in("trunk 0.21.14").as_deref(), Some("0.21.14"));
        assert_eq!(version_in("wasm-opt version 116 (version_116)").as_deref(), Some("116"));
        assert_eq!(version_in("no such tool"), None);
    }

    #[test]
    fn the_lock_file_names_wasm_bindgen() -> Result<()> {
        assert!(locked_version("wasm-bindgen")?.starts_with("0.2."));
        assert!(locked_version("no-such-crate").is_err());
        Ok(())
    }
}
