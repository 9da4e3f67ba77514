//! `cargo xtask test`: every check, from formatting to the built site in real browsers.
//!
//! A stage that fails does not stop those after it, and none is skipped: what a machine lacks is installed or is a failure.

use crate::{
    build::{Effort, Stage as Site},
    packages,
    serve::Server,
    shell, tools,
    weights::{self, FIRST_LOAD_BUDGET_BYTES, PAGE_BUDGET_BYTES, SEARCH_INDEX_BUDGET_BYTES, Weights},
};
use anyhow::{Context, Result, bail, ensure};
use std::{
    fs,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

#[derive(clap::Args)]
pub struct Args {
    /// Run this stage alone; may be given more than once
    #[arg(long, value_name = "STAGE")]
    only: Vec<String>,
    /// Say what the stages are
    #[arg(long)]
    list: bool,
    /// Of the browser tests, run only the files whose names contain this
    filter: Option<String>,
}

struct Stage {
    name: &'static str,
    what: &'static str,
    run: fn(&mut Checks) -> Result<()>,
}

/// `--workspace` alone would give the page both of its faces at once: `csr` for the browser and `ssr`, which xtask asks
/// for. Without default features it has the one that runs on this machine.
const NATIVE: &[&str] = &["--workspace", "--no-default-features"];

const STAGES: &[Stage] = &[
    Stage {
        name: "system",
        what: "what the other stages need is installed",
        run: |_| packages::ensure().and_then(|()| tools::wasm_target()),
    },
    Stage {
        name: "format",
        what: "rustfmt has nothing to change",
        run: |_| shell::run(&mut shell::cargo(["fmt", "--all", "--check"])),
    },
    Stage {
        name: "clippy",
        what: "clippy is content with the native build",
        run: |_| clippy(NATIVE, &["--all-targets"]),
    },
    Stage {
        name: "clippy-wasm",
        what: "clippy is content with the browser's build",
        run: |_| {
            clippy(
                &["-p", "app", "-p", "acts", "-p", "engine", "-p", "engine-js"],
                &["--target", "wasm32-unknown-unknown"],
            )
        },
    },
    Stage {
        name: "native",
        what: "unit, golden and property tests, on the CPU and on Vulkan",
        run: |_| shell::run(shell::cargo(["test"]).args(NATIVE).args(["--lib", "--bins", "--tests"])),
    },
    Stage {
        name: "doc",
        what: "the examples in the documentation",
        run: |_| shell::run(shell::cargo(["test", "--doc"]).args(NATIVE)),
    },
    Stage {
        name: "build",
        what: "the site builds, and the first load of every page is within budget",
        run: |checks| checks.sites().map(drop),
    },
    Stage {
        name: "chromium",
        what: "the built site in Chromium",
        run: |checks| checks.browse("chromium", packages::chromium()),
    },
    Stage {
        name: "firefox",
        what: "the built site in Firefox",
        run: |checks| checks.browse("firefox", packages::firefox()),
    },
];

pub fn run(args: Args) -> Result<()> {
    if args.list {
        for stage in STAGES {
            println!("{:12} {}", stage.name, stage.what);
        }
        return Ok(());
    }
    if let Some(unknown) = args.only.iter().find(|name| STAGES.iter().all(|stage| stage.name != **name)) {
        bail!("no stage is called `{unknown}`; --list names them");
    }
    let chosen = STAGES.iter().filter(|stage| args.only.is_empty() || args.only.iter().any(|name| name == stage.name));

    let mut checks = Checks { filter: args.filter.unwrap_or_default(), sites: None };
    let start = Instant::now();
    let mut lines = Vec::new();
    let mut failed = 0;
    for stage in chosen {
        println!("\n== {}: {}  [{} so far]", stage.name, stage.what, shell::human(start.elapsed()));
        let begun = Instant::now();
        let outcome = (stage.run)(&mut checks);
        let verdict = match &outcome {
            Ok(()) => "passed",
            Err(error) => {
                failed += 1;
                println!("{}: {error:#}", stage.name);
                "FAILED"
            }
        };
        lines.push(format!("{verdict:7} {:12} {}", stage.name, shell::human(begun.elapsed())));
    }
    println!("\n{}\n\nin {}", lines.join("\n"), shell::human(start.elapsed()));
    println!("{} passed, {failed} failed", lines.len() - failed);
    ensure!(failed == 0, "the checks did not all pass");
    Ok(())
}

fn clippy(packages: &[&str], options: &[&str]) -> Result<()> {
    shell::run(shell::cargo(["clippy", "--quiet"]).args(packages).args(options).args(["--", "-D", "warnings"]))
}

/// What stages share.
struct Checks {
    filter: String,
    /// Built once, by the first stage that asks.
    sites: Option<Sites>,
}

/// The one build, mounted in the two ways that hosts mount sites.
struct Sites {
    root: PathBuf,
    /// Where `root` answers: its pages name their whole addresses, as those of a hosted site do.
    port: u16,
    nested: PathBuf,
}

impl Checks {
    fn sites(&mut self) -> Result<&Sites> {
        if self.sites.is_none() {
            let site = Site::build(Effort::Release)?;
            let folder = |name: &str| shell::target_dir().join(name);
            let sites = Sites { root: folder("site-root"), port: free_port()?, nested: folder("site-nested") };
            let weights = site.finish(&sites.root, &format!("http://127.0.0.1:{}/", sites.port).parse()?)?;
            site.finish(&sites.nested, &"/some/where/".parse()?)?;
            weights.report();
            within_budget(&weights)?;
            let index = weights::search_index(&sites.root)?;
            println!("  search index {index} bytes, of at most {SEARCH_INDEX_BUDGET_BYTES}");
            ensure!(index <= SEARCH_INDEX_BUDGET_BYTES, "the search index is {index} bytes on the wire");
            let (page, bytes) = weights::heaviest_page(&sites.root)?;
            println!("  heaviest page {bytes} bytes, of at most {PAGE_BUDGET_BYTES}: {}", page.display());
            ensure!(bytes <= PAGE_BUDGET_BYTES, "{} is {bytes} bytes on the wire", page.display());
            self.sites = Some(sites);
        }
        self.sites.as_ref().context("the sites were just built")
    }

    /// Runs `e2e/*.test.mjs` in one browser against both sites.
    fn browse(&mut self, name: &str, program: Option<PathBuf>) -> Result<()> {
        let program = program.with_context(|| format!("no {name} on this machine: run the stage `system`"))?;
        let e2e = shell::root().join("e2e");
        install_node_modules(&e2e, "the browser tests' packages")?;
        let files = test_files(&e2e, &self.filter)?;
        let sites = self.sites()?;
        let root = Server::start(&sites.root, sites.port)?;
        let nested = Server::start(&sites.nested, 0)?;
        shell::run(
            shell::command("node")
                .current_dir(&e2e)
                .env("BROWSER", name)
                .env("BROWSER_PATH", program)
                .env("SITE_ROOT", &root.url)
                .env("SITE_NESTED", &nested.url)
                // A page waits as much as it computes; more than two at once would only slow each other down on software
                // WebGPU.
                .args(["--test", "--test-concurrency=2", "--test-reporter=spec"])
                .args(files),
        )
    }
}

/// A port that nobody listens on.
fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("looking for a free port")?;
    Ok(listener.local_addr().context("reading the port")?.port())
}

fn within_budget(weights: &Weights) -> Result<()> {
    let (what, bytes) = weights.heaviest();
    ensure!(
        bytes <= FIRST_LOAD_BUDGET_BYTES,
        "the first load with {what} is {bytes} bytes on the wire, and may be {FIRST_LOAD_BUDGET_BYTES}"
    );
    Ok(())
}

/// Installs what `package-lock.json` says, unless that was done since it last changed.
pub fn install_node_modules(folder: &Path, what: &str) -> Result<()> {
    let modified = |file: &str| fs::metadata(folder.join(file)).and_then(|data| data.modified()).ok();
    let installed = modified("node_modules/.package-lock.json");
    if installed.is_some() && installed >= modified("package-lock.json") {
        return Ok(());
    }
    let npm = shell::which("npm").context("no npm on this machine: run the stage `system`")?;
    let mut ci = Command::new(npm);
    ci.current_dir(folder).args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
    shell::step(&format!("installing {what}"), || shell::run(&mut ci))
}

fn test_files(e2e: &Path, filter: &str) -> Result<Vec<String>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(e2e).with_context(|| format!("reading {}", e2e.display()))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.ends_with(".test.mjs") && name.contains(filter) {
            files.push(name);
        }
    }
    files.sort();
    ensure!(!files.is_empty(), "no file e2e/*{filter}*.test.mjs");
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_that_matches_nothing_is_an_error() {
        let e2e = shell::root().join("e2e");
        assert!(test_files(&e2e, "site").is_ok_and(|files| files == ["site.test.mjs"]));
        assert!(test_files(&e2e, "no such file").is_err());
    }
}
