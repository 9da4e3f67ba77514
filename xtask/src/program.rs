//! The page's program: compiled as one WebAssembly module, cut into the parts that a reader loads when needed, bound to
//! JavaScript, and named so that a host may keep it for ever.
//!
//! The cutting follows the linker's relocations: what is reached from one cut alone goes into that part's file, what is
//! reached from several into files that they share, and what is reached without any cut stays in the main file. The
//! cuts themselves are in `app/src/parts.rs`.

use crate::{build::Effort, shell};
use anyhow::{Context, Result, anyhow, ensure};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

const TARGET: &str = "wasm32-unknown-unknown";

/// The kind of section that holds whatever its name says.
const CUSTOM: u8 = 0;

/// The main module's name before it has its hash, and that of the module that fetches parts.
const MAIN: &str = "app";
const PARTS: &str = "parts.js";

/// The files of the built program, by their final names.
pub struct Program {
    /// The JavaScript around the main module.
    pub js: String,
    /// The main module.
    pub wasm: String,
    /// The JavaScript that fetches the parts.
    pub loader: String,
    /// For each part of the program the files that it needs besides the main module.
    pub parts: BTreeMap<String, Vec<String>>,
}

impl Program {
    /// The files of the part of this name; one that is reached from elsewhere too has none of its own.
    pub fn part(&self, name: &str) -> &[String] {
        self.parts.get(name).map_or(&[], Vec::as_slice)
    }
}

/// Compiles the program and writes its files into `dir`.
pub fn build(effort: Effort, wasm_bindgen: &Path, dir: &Path) -> Result<Program> {
    let module = shell::step("compiling the page to WebAssembly", || compile(effort))?;
    shell::step("cutting the program into parts", || {
        let work = shell::target_dir().join("program");
        clear(&work)?;
        let parts = cut(&module, &work)?;
        shell::run(
            shell::command(wasm_bindgen)
                // The parts import by the names that the linker gave.
                .args(["--target", "web", "--no-typescript", "--keep-lld-exports", "--no-demangle"])
                .args(["--remove-name-section", "--remove-producers-section", "--out-name", MAIN, "--out-dir"])
                .arg(&work)
                .arg(work.join("main.wasm")),
        )?;
        fs::remove_file(work.join("main.wasm")).context("removing the unbound module")?;
        name_and_move(&work, dir, parts)
    })
}

/// Cargo, with what the cutting needs kept for this crate alone: the others compile as they do for any module.
fn compile(effort: Effort) -> Result<PathBuf> {
    let profile = match effort {
        Effort::Release => "release",
        Effort::Quick => "quick",
    };
    shell::run(
        shell::cargo(["rustc", "-p", MAIN, "--bin", MAIN, "--no-default-features", "--features", "csr"])
            .args(["--target", TARGET, "--profile", profile, "--"])
            .args(["-C", "link-args=--emit-relocs", "-C", "strip=none"]),
    )?;
    Ok(shell::target_dir().join(TARGET).join(profile).join("app.wasm"))
}

/// Writes `main.wasm`, the parts and their loader into `dir`; gives the files each part needs.
fn cut(module: &Path, dir: &Path) -> Result<BTreeMap<String, Vec<String>>> {
    let wasm = fs::read(module).with_context(|| format!("reading {}", module.display()))?;
    let main = dir.join("main.wasm");
    let main_module = format!("./{MAIN}.js");
    let link = format!("./{PARTS}");
    let mut options = wasm_split_cli_support::Options::new(&wasm);
    options.output_dir = dir;
    options.main_out_path = &main;
    options.main_module = &main_module;
    options.link_name = &link;
    let cut = wasm_split_cli_support::transform(options).map_err(|e| anyhow!("cutting the program: {e:#}"))?;
    let mut pieces = BTreeMap::new();
    for file in &cut.split_modules {
        let bytes = fs::read(file).with_context(|| format!("reading {}", file.display()))?;
        fs::remove_file(file).with_context(|| format!("removing {}", file.display()))?;
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        pieces.insert(name, without_custom_sections(&bytes)?);
    }
    let needs: BTreeMap<String, Vec<String>> = cut.prefetch_map.into_iter().collect();
    pack(&needs, &pieces, dir)
}

/// A piece that is shared and at least this large is a file of its own; below, one request more would cost a reader
/// more than to fetch the piece again with another part.
const APART_BYTES: usize = 32 << 10;

/// Writes one file a part, with its pieces, and one for each large piece that parts share; and the loader of all.
fn pack(
    needs: &BTreeMap<String, Vec<String>>,
    pieces: &BTreeMap<String, Vec<u8>>,
    dir: &Path,
) -> Result<BTreeMap<String, Vec<String>>> {
    let path = dir.join(PARTS);
    let made = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    // The cutting knows best what the main module has to lend.
    let shared = made
        .split_once("} = initSync(")
        .and_then(|(before, _)| before.rsplit_once("const {"))
        .map(|(_, names)| names.split(',').map(str::trim).filter(|name| !name.is_empty()).collect::<Vec<_>>())
        .context("the loader of the parts is not written as expected")?;

    let mut files = BTreeMap::new();
    let mut parts = serde_json::Map::new();
    let mut exports = String::new();
    for (part, names) in needs {
        let file = format!("part_{part}.wasm");
        let (mut inside, mut apart) = (Vec::new(), Vec::new());
        let mut holder = b"\0asm\x01\0\0\0".to_vec();
        for name in names {
            let piece = pieces.get(name).with_context(|| format!("the part {part} needs {name}, which is no piece"))?;
            if name.starts_with("chunk") && piece.len() >= APART_BYTES {
                let file = format!("{name}.wasm");
                fs::write(dir.join(&file), piece).with_context(|| format!("writing {file}"))?;
                apart.push(file);
            } else {
                custom_section(&mut holder, name, piece);
                inside.push(name.clone());
            }
        }
        fs::write(dir.join(&file), holder).with_context(|| format!("writing {file}"))?;
        let entry = serde_json::json!({
            "file": format!("./{file}"),
            "inside": inside,
            "apart": apart.iter().map(|file| format!("./{file}")).collect::<Vec<_>>(),
        });
        parts.insert(part.clone(), entry);
        exports += &format!("export const __wasm_split_load_{part} = loader(\"{part}\");\n");
        files.insert(part.clone(), apart.into_iter().chain([file]).collect());
    }
    let template = shell::root().join("app").join(PARTS);
    let mut loader = fs::read_to_string(&template).with_context(|| format!("reading {}", template.display()))?;
    for (place, text) in [
        ("/* names */ []", serde_json::to_string(&shared)?),
        ("/* parts */ {}", serde_json::Value::Object(parts).to_string()),
        ("/* exports */", exports),
    ] {
        ensure!(loader.contains(place), "{} has no place `{place}`", template.display());
        loader = loader.replace(place, &text);
    }
    fs::write(&path, loader).with_context(|| format!("writing {}", path.display()))?;
    Ok(files)
}

/// Appends a section that machines pass over.
fn custom_section(module: &mut Vec<u8>, name: &str, content: &[u8]) {
    let mut head = Vec::new();
    leb128(&mut head, name.len());
    head.extend_from_slice(name.as_bytes());
    module.push(CUSTOM);
    leb128(module, head.len() + content.len());
    module.extend_from_slice(&head);
    module.extend_from_slice(content);
}

/// A number in WebAssembly's variable length.
fn leb128(out: &mut Vec<u8>, mut number: usize) {
    loop {
        let low = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            return out.push(low);
        }
        out.push(low | 0x80);
    }
}

/// Gives every file the hash of all of them, because they fit each other and no others, and moves them to `dir`.
fn name_and_move(work: &Path, dir: &Path, parts: BTreeMap<String, Vec<String>>) -> Result<Program> {
    let mut files: Vec<String> = Vec::new();
    for entry in fs::read_dir(work).with_context(|| format!("reading {}", work.display()))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        ensure!(entry.file_type()?.is_file(), "the program has a folder {name}, and nothing here knows what it is for");
        files.push(name);
    }
    files.sort();
    let mut all = Sha256::new();
    for name in &files {
        all.update(name.as_bytes());
        all.update(fs::read(work.join(name)).with_context(|| format!("reading {name}"))?);
    }
    let hash: String = all.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let named = |name: &str| match name.rsplit_once('.') {
        Some((stem, extension)) => format!("{stem}-{hash}.{extension}"),
        None => format!("{name}-{hash}"),
    };

    for name in &files {
        let from = work.join(name);
        let to = dir.join(named(name));
        if name.ends_with(".js") {
            let mut text = fs::read_to_string(&from).with_context(|| format!("reading {name}"))?;
            for other in &files {
                // Addresses stand in strings of their own. The main module imports its loader by a name that is also a
                // key of the imports object, and that key is in the module, so only the import itself is changed.
                let (old, new) = if other == PARTS {
                    (format!("from \"./{other}\""), format!("from \"./{}\"", named(other)))
                } else if other.starts_with("app_bg") {
                    (other.clone(), named(other))
                } else {
                    (format!("\"./{other}\""), format!("\"./{}\"", named(other)))
                };
                text = text.replace(&old, &new);
            }
            fs::write(&to, text).with_context(|| format!("writing {}", to.display()))?;
        } else {
            fs::copy(&from, &to).with_context(|| format!("writing {}", to.display()))?;
        }
    }
    let main_js = fs::read_to_string(dir.join(named("app.js"))).context("reading the main module's JavaScript")?;
    ensure!(main_js.contains(&named(PARTS)), "the main module does not import the loader of its parts");
    Ok(Program {
        js: named("app.js"),
        wasm: named("app_bg.wasm"),
        loader: named(PARTS),
        parts: parts.into_iter().map(|(part, files)| (part, files.iter().map(|file| named(file)).collect())).collect(),
    })
}

/// A module without names and other remarks, which no reader's machine looks at.
fn without_custom_sections(wasm: &[u8]) -> Result<Vec<u8>> {
    const HEADER: usize = 8;
    ensure!(wasm.starts_with(b"\0asm") && wasm.len() >= HEADER, "a part is no WebAssembly module");
    let mut kept = wasm[..HEADER].to_vec();
    let mut at = HEADER;
    while at < wasm.len() {
        let start = at;
        let id = wasm[at];
        at += 1;
        let mut size = 0_usize;
        for shift in (0..35).step_by(7) {
            let byte = *wasm.get(at).context("a part of the program ends in mid-section")?;
            at += 1;
            size |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        at += size;
        let section = wasm.get(start..at).context("a part of the program ends in mid-section")?;
        if id != CUSTOM {
            kept.extend_from_slice(section);
        }
    }
    Ok(kept)
}

fn clear(dir: &Path) -> Result<()> {
    if dir.exists() {
        fs::remove_dir_all(dir).with_context(|| format!("clearing {}", dir.display()))?;
    }
    fs::create_dir_all(dir).with_context(|| format!("creating {}", dir.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_remarks_are_left_out_of_a_module() -> Result<()> {
        let code: &[u8] = &[10, 2, 7, 7];
        let remark: &[u8] = &[0, 4, 1, b'x', 9, 9];
        let header: &[u8] = b"\0asm\x01\0\0\0";
        let whole = [header, remark, code, remark].concat();
        assert_eq!(without_custom_sections(&whole)?, [header, code].concat());
        assert!(without_custom_sections(&whole[..whole.len() - 1]).is_err());
        assert!(without_custom_sections(b"text, and more of it").is_err());
        Ok(())
    }

    #[test]
    fn a_section_of_any_size_can_be_left_out_again() -> Result<()> {
        let header: &[u8] = b"\0asm\x01\0\0\0";
        for size in [0, 1, 120, 127, 128, 20_000] {
            let mut module = header.to_vec();
            custom_section(&mut module, "piece", &vec![7; size]);
            assert!(module.len() > header.len() + size);
            assert_eq!(without_custom_sections(&module)?, header, "{size} bytes");
        }
        Ok(())
    }
}
