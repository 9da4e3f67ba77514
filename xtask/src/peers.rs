//! `cargo xtask bench --peers`: the engine's JavaScript module beside other engines, in Chromium.
//!
//! The measuring itself is `e2e/peers/run.mjs`; here its inputs are built and installed.

use crate::{build, packages, shell, test, tools};
use anyhow::{Context, Result};
use std::{fs, path::Path};

/// What to measure, and where to write it besides `BENCHMARKS.md`.
pub struct Options<'a> {
    pub filter: Option<&'a str>,
    pub backend: Option<&'a str>,
    pub json: Option<&'a Path>,
}

pub fn run(options: &Options<'_>) -> Result<()> {
    packages::ensure()?;
    let chromium = packages::chromium().context("no Chromium on this machine")?;
    let e2e = shell::root().join("e2e");
    test::install_node_modules(&e2e, "the browser tests' packages")?;
    let peers = e2e.join("peers");
    test::install_node_modules(&peers, "the engines to measure against; some 220 MB, once")?;

    let site = shell::target_dir().join("peers");
    fs::create_dir_all(&site).with_context(|| format!("creating {}", site.display()))?;
    tools::wasm_target()?;
    build::engine_module(&tools::wasm_bindgen()?, &site)?;

    let mut node = shell::command("node");
    node.arg(peers.join("run.mjs"))
        .env("BROWSER", "chromium")
        .env("BROWSER_PATH", chromium)
        .arg("--site")
        .arg(&site)
        .arg("--markdown")
        .arg(shell::root().join("BENCHMARKS.md"));
    if let Some(text) = options.filter {
        node.args(["--filter", text]);
    }
    if let Some(name) = options.backend {
        node.args(["--backend", name]);
    }
    if let Some(path) = options.json {
        node.arg("--json").arg(std::path::absolute(path).context("the path of the JSON file")?);
    }
    shell::run(&mut node)
}
