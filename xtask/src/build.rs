//! `cargo xtask build`: the folder that any static host can serve.

use crate::{
    offline,
    pages::{self, Template},
    public_url::PublicUrl,
    shell, tools,
    weights::{self, Weights},
};
use anyhow::{Context, Result};
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

/// What trunk built: everything but the pages, and the same for every mount point.
pub struct Stage {
    dir: PathBuf,
    template: Template,
    effort: Effort,
}

impl Stage {
    /// Compiles the page, with tools that are found or built first.
    pub fn build(effort: Effort) -> Result<Self> {
        let page = shell::root().join("app/index.html");
        let page = fs::read_to_string(&page).with_context(|| format!("reading {}", page.display()))?;
        let wants_wasm_opt = !page.contains("data-wasm-opt=\"0\"");
        let tools = tools::find_or_install(wants_wasm_opt)?;
        let dir = shell::target_dir().join("site");
        shell::step("compiling the page to WebAssembly", || {
            let mut trunk = shell::command(&tools.trunk);
            trunk
                .env("PATH", &tools.path)
                // Trunk takes a word here, where others take anything.
                .env_remove("NO_COLOR")
                .args(["build", "app/index.html", "--public-url", "./", "--dist"])
                .arg(&dir);
            if effort == Effort::Quick {
                trunk.args(["--cargo-profile", "quick"]);
            } else if tools.has_wasm_opt || !wants_wasm_opt {
                trunk.arg("--release");
            } else {
                // The same profile, but trunk then does not go looking for wasm-opt.
                trunk.args(["--cargo-profile", "release"]);
            }
            shell::run(&mut trunk)
        })?;
        if effort == Effort::Release {
            engine_module(&tools.wasm_bindgen, &dir)?;
        }
        let index = dir.join("index.html");
        let html = fs::read_to_string(&index).with_context(|| format!("reading {}", index.display()))?;
        let template = Template::new(&html, effort == Effort::Release)?;
        // Every page is made from it, the front page too; what stays is the same for all mount points.
        fs::remove_file(&index).with_context(|| format!("removing {}", index.display()))?;
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
