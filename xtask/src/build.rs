//! `cargo xtask build`: the folder that any static host can serve.

use crate::{
    offline,
    pages::{self, Template},
    program::{self, Program},
    public_url::PublicUrl,
    shell, tools,
    weights::{self, Weights},
};
use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};
use std::{
    fs,
    path::{Path, PathBuf},
};

#[derive(clap::Args)]
pub struct Args {
    /// Where the site will live: a path such as /book/, or a whole address, which canonical links and the sitemap need
    #[arg(long, default_value = "/")]
    public_url: PublicUrl,
    /// Compile sooner and run slower, for looking at a change; not for hosting
    #[arg(long)]
    quick: bool,
}

pub fn run(args: Args) -> Result<()> {
    let effort = if args.quick { Effort::Quick } else { Effort::Release };
    site(&args.public_url, effort)?.report();
    if !args.public_url.has_host() {
        println!("\nThe sitemap and the canonical links name no host: pass --public-url https://host/path/ for those.");
    }
    println!("\nbuilt {}", shell::root().join("dist").display());
    Ok(())
}

/// How much work goes into a build.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// Small and fast to load: what is hosted and tested.
    Release,
    /// Compiled piece by piece and left uncompressed.
    Quick,
}

/// Builds the site into `dist/`.
pub fn site(url: &PublicUrl, effort: Effort) -> Result<Weights> {
    Stage::build(effort)?.finish(&shell::root().join("dist"), url)
}

/// Everything but the pages, and the same for every mount point.
pub struct Stage {
    dir: PathBuf,
    template: Template,
    effort: Effort,
}

impl Stage {
    /// Compiles the program, with tools that are found or built first, and gathers what goes with it.
    pub fn build(effort: Effort) -> Result<Self> {
        tools::wasm_target()?;
        let wasm_bindgen = tools::wasm_bindgen()?;
        let dir = shell::target_dir().join("site");
        if dir.exists() {
            fs::remove_dir_all(&dir).with_context(|| format!("clearing {}", dir.display()))?;
        }
        fs::create_dir_all(&dir).with_context(|| format!("creating {}", dir.display()))?;
        let program = program::build(effort, &wasm_bindgen, &dir)?;
        if effort == Effort::Release {
            engine_module(&wasm_bindgen, &dir)?;
        }
        let template = assets(&dir, program, effort == Effort::Release)?;
        let stage = Self { dir, template, effort };
        stage.compress(&stage.dir)?;
        Ok(stage)
    }

    /// Writes the whole site for one mount point into `dist`, replacing what was there.
    pub fn finish(&self, dist: &Path, url: &PublicUrl) -> Result<Weights> {
        shell::step(&format!("writing the pages for {}", url.address("")), || {
            if dist.exists() {
                fs::remove_dir_all(dist).with_context(|| format!("clearing {}", dist.display()))?;
            }
            copy_tree(&self.dir, dist)?;
            let count = pages::write(&self.template, dist, url)?;
            println!("   {count} pages");
            // Who looks at a change wants to see it, and not what an earlier build left in the browser.
            if self.effort == Effort::Release {
                offline::write(dist)?;
            }
            self.compress(dist)?;
            weights::first_load(dist)
        })
    }

    fn compress(&self, dir: &Path) -> Result<()> {
        match self.effort {
            Effort::Release => shell::step("compressing", || weights::precompress(dir)),
            Effort::Quick => Ok(()),
        }
    }
}

/// Copies styles, scripts, fonts, pictures and models into `dir`, and makes the template of all pages.
fn assets(dir: &Path, program: Program, is_kept: bool) -> Result<Template> {
    let app = shell::root().join("app");
    let page = app.join("index.html");
    let mut html = fs::read_to_string(&page).with_context(|| format!("reading {}", page.display()))?;
    let styles = app.join("style");
    for entry in fs::read_dir(&styles).with_context(|| format!("reading {}", styles.display()))? {
        let file = entry?.path();
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = fs::read(&file).with_context(|| format!("reading {}", file.display()))?;
        let hash: String = Sha256::digest(&text).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let hashed = format!("{}-{hash}.css", name.trim_end_matches(".css"));
        let link = format!("href=\"style/{name}\"");
        ensure!(html.contains(&link), "app/index.html does not link to style/{name}");
        html = html.replace(&link, &format!("href=\"{hashed}\""));
        fs::write(dir.join(&hashed), text).with_context(|| format!("writing {hashed}"))?;
    }
    for script in ["theme.js", "boot.js"] {
        fs::copy(app.join(script), dir.join(script)).with_context(|| format!("copying {script}"))?;
    }
    copy_tree(&shell::root().join("public"), dir)?;
    Template::new(&html, program, is_kept)
}

/// The engine as a JavaScript module of its own, beside the page and no part of it.
pub fn engine_module(wasm_bindgen: &Path, dir: &Path) -> Result<()> {
    const TARGET: &str = "wasm32-unknown-unknown";
    shell::step("compiling the engine's JavaScript module", || {
        shell::run(&mut shell::cargo(["build", "--quiet", "--release", "-p", "engine-js", "--target", TARGET]))?;
        let module = shell::target_dir().join(TARGET).join("release/engine_js.wasm");
        shell::run(
            shell::command(wasm_bindgen)
                .args(["--target", "web", "--no-typescript", "--out-name", "engine-core", "--out-dir"])
                .args([dir, module.as_path()]),
        )?;
        for entry in fs::read_dir(shell::root().join("engine-js")).context("reading engine-js")? {
            let file = entry?.path();
            let name = file.file_name().unwrap_or_default();
            if file.is_file() && name.to_string_lossy().starts_with("engine") {
                fs::copy(&file, dir.join(name)).with_context(|| format!("copying {}", file.display()))?;
            }
        }
        Ok(())
    })
}

fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("creating {}", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("reading {}", from.display()))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_tree(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target).with_context(|| format!("writing {}", target.display()))?;
        }
    }
    Ok(())
}
