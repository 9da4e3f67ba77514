//! What the checks need from the system, and how a Debian or Ubuntu machine gets it.

use crate::shell;
use anyhow::{Result, bail};
use std::path::{Path, PathBuf};

/// Something the system must have.
struct Need {
    what: &'static str,
    /// Packages that bring it on Debian.
    packages: &'static [&'static str],
    present: fn() -> bool,
}

const NEEDS: &[Need] = &[
    Need { what: "Chromium", packages: &["chromium"], present: || chromium().is_some() },
    Need { what: "Firefox", packages: &["firefox-esr"], present: || firefox().is_some() },
    Need { what: "a Vulkan loader", packages: &["libvulkan1"], present: || library("libvulkan.so.1") },
    Need { what: "a Vulkan driver", packages: &["mesa-vulkan-drivers"], present: vulkan_driver },
    Need { what: "node", packages: &["nodejs"], present: || shell::which("node").is_some() },
    Need { what: "npm", packages: &["npm"], present: || shell::which("npm").is_some() },
];

/// The Chromium to test in: `CHROMIUM`, or the first of the usual names.
pub fn chromium() -> Option<PathBuf> {
    browser("CHROMIUM", &["chromium", "chromium-browser", "google-chrome"])
}

/// The Firefox to test in: `FIREFOX`, or the first of the usual names.
pub fn firefox() -> Option<PathBuf> {
    browser("FIREFOX", &["firefox-esr", "firefox"])
}

fn browser(variable: &str, names: &[&str]) -> Option<PathBuf> {
    match std::env::var_os(variable) {
        Some(path) => Some(PathBuf::from(path)).filter(|path| path.is_file()),
        None => names.iter().find_map(|name| shell::which(name)),
    }
}

fn library(name: &str) -> bool {
    cfg!(not(target_os = "linux"))
        || ["/usr/lib", "/usr/lib64", "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu"]
            .iter()
            .any(|folder| Path::new(folder).join(name).exists())
}

/// A GPU's own driver or lavapipe, which runs on the processor.
fn vulkan_driver() -> bool {
    cfg!(not(target_os = "linux"))
        || ["VK_DRIVER_FILES", "VK_ICD_FILENAMES"].iter().any(|name| std::env::var_os(name).is_some())
        || ["/usr/share/vulkan/icd.d", "/etc/vulkan/icd.d"]
            .iter()
            .any(|folder| std::fs::read_dir(folder).is_ok_and(|mut files| files.next().is_some()))
}

/// Installs what is missing, or says how and fails: a check that quietly does not run is worse than none.
pub fn ensure() -> Result<()> {
    let missing: Vec<&Need> = NEEDS.iter().filter(|need| !(need.present)()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let what: Vec<_> = missing.iter().map(|need| need.what).collect();
    let packages: Vec<_> = missing.iter().flat_map(|need| need.packages).copied().collect();
    if !can_install() {
        bail!(
            "missing: {}. On Debian or Ubuntu:\n    sudo apt-get install -y --no-install-recommends {}",
            what.join(", "),
            packages.join(" ")
        );
    }
    install(&packages)?;
    let still: Vec<_> = missing.iter().filter(|need| !(need.present)()).map(|need| need.what).collect();
    if !still.is_empty() {
        bail!("the packages are installed, yet still missing: {}", still.join(", "));
    }
    Ok(())
}

/// Whether this is a Debian or Ubuntu and we may install packages on it.
fn can_install() -> bool {
    Path::new("/etc/debian_version").exists()
        && shell::which("apt-get").is_some()
        && shell::output(shell::command("id").arg("-u")).as_deref() == Some("0")
}

/// Installs packages without a question asked.
fn install(packages: &[&str]) -> Result<()> {
    shell::step(&format!("installing {}", packages.join(", ")), || {
        let apt = || {
            let mut apt = shell::command("apt-get");
            apt.env("DEBIAN_FRONTEND", "noninteractive").arg("-qq");
            apt
        };
        shell::run(apt().arg("update"))?;
        shell::run(apt().args(["install", "-y", "--no-install-recommends"]).args(packages))
    })
}
