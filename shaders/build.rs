//! Composes every kernel from its includes, validates it with naga, and writes down what the host must know:
//! workgroup size, bindings in order, where each uniform field lies, and what can be overridden. Nothing is typed twice.

use std::{env, fmt::Write as _, fs, path::Path};

use naga::{
    AddressSpace, Module, Scalar, ScalarKind, StorageAccess, TypeInner,
    valid::{Capabilities, ShaderStages, SubgroupOperationSet, ValidationFlags, Validator},
};

fn main() {
    let root = env::var("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR");
    let root = Path::new(&root);
    println!("cargo::rerun-if-changed=kernels");
    println!("cargo::rerun-if-changed=shared");

    let mut files: Vec<_> = fs::read_dir(root.join("kernels"))
        .expect("shaders/kernels exists")
        .map(|entry| entry.expect("a readable folder entry").path())
        .filter(|path| path.extension().is_some_and(|e| e == "wgsl"))
        .collect();
    files.sort();

    let mut statics = String::new();
    let mut names = Vec::new();
    for path in &files {
        let name = path.file_stem().and_then(|s| s.to_str()).expect("a UTF-8 file name");
        let source = compose(root, path);
        let module = naga::front::wgsl::parse_str(&source)
            .unwrap_or_else(|e| panic!("{}", e.emit_to_string_with_path(&source, &path.display().to_string())));
        // Kernels named for it may use subgroups; the engine takes them only where the device has such.
        let capabilities = if name.ends_with("_subgroup") { Capabilities::SUBGROUP } else { Capabilities::empty() };
        Validator::new(ValidationFlags::all(), capabilities)
            .subgroup_stages(ShaderStages::COMPUTE)
            .subgroup_operations(SubgroupOperationSet::all())
            .validate(&module)
            .unwrap_or_else(|e| panic!("{}", e.emit_to_string_with_path(&source, &path.display().to_string())));
        write_kernel(&mut statics, name, &source, &module);
        names.push(name.to_uppercase());
    }
    let _ = writeln!(
        statics,
        "/// Every kernel, by name.\npub static ALL: &[&Kernel] = &[{}];",
        names.iter().map(|n| format!("&{n}")).collect::<Vec<_>>().join(", ")
    );
    let out = env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    fs::write(Path::new(&out).join("kernels.rs"), statics).expect("OUT_DIR is writable");
}

/// Replaces each line `// include NAME` by the text of `shared/NAME.wgsl`.
fn compose(root: &Path, path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut out = String::new();
    for line in text.lines() {
        match line.strip_prefix("// include ") {
            Some(name) => {
                let shared = root.join("shared").join(format!("{}.wgsl", name.trim()));
                out += &fs::read_to_string(&shared).unwrap_or_else(|e| panic!("{}: {e}", shared.display()));
            }
            None => out += line,
        }
        out.push('\n');
    }
    out
}

fn write_kernel(out: &mut String, name: &str, source: &str, module: &Module) {
    assert_eq!(module.entry_points.len(), 1, "{name}: one kernel file has one entry point");
    let entry = &module.entry_points[0];
    assert_eq!(entry.name, "main", "{name}: the entry point is called main");

    let mut bindings = Vec::new();
    let mut params = String::new();
    let mut params_size = 0;
    for (_, var) in module.global_variables.iter() {
        let Some(slot) = &var.binding else { continue };
        assert_eq!(slot.group, 0, "{name}: all bindings are in group 0");
        let var_name = var.name.clone().unwrap_or_default();
        match var.space {
            AddressSpace::Uniform => {
                assert_eq!(slot.binding, 0, "{name}: the uniform block is binding 0");
                let TypeInner::Struct { members, span } = &module.types[var.ty].inner else {
                    panic!("{name}: the uniform block is a struct")
                };
                params_size = *span;
                for member in members {
                    let kind = param_kind(name, &module.types[member.ty].inner);
                    let member_name = member.name.clone().unwrap_or_default();
                    let _ = write!(
                        params,
                        "Param {{ name: {member_name:?}, offset: {}, kind: ParamKind::{kind} }}, ",
                        member.offset
                    );
                }
            }
            AddressSpace::Storage { access } => {
                let writes = access.contains(StorageAccess::STORE);
                bindings.push((slot.binding, var_name, writes));
            }
            _ => panic!("{name}: {var_name} is neither uniform nor storage"),
        }
    }
    bindings.sort();
    for (i, (binding, ..)) in bindings.iter().enumerate() {
        assert_eq!(*binding as usize, i + 1, "{name}: storage bindings count up from 1");
    }
    assert!(bindings.len() <= 8, "{name}: more than 8 storage buffers are not portable");
    let [x, y, z] = entry.workgroup_size;
    assert!(x * y * z <= 256, "{name}: more than 256 invocations are not portable");

    let bindings: String = bindings
        .iter()
        .map(|(_, binding, writes)| format!("Binding {{ name: {binding:?}, writes: {writes} }}, "))
        .collect();
    let overrides: String = module
        .overrides
        .iter()
        .map(|(_, o)| {
            let named = o.name.as_deref().unwrap_or_default();
            let TypeInner::Scalar(Scalar { kind: ScalarKind::Uint, .. }) = module.types[o.ty].inner else {
                panic!("{name}: the override {named} is not a u32")
            };
            assert!(o.init.is_some(), "{name}: the override {named} has a value of its own");
            format!("{named:?}, ")
        })
        .collect();
    let doc = source
        .lines()
        .take_while(|l| l.starts_with("//"))
        .map(|l| l.trim_start_matches('/').trim())
        .collect::<Vec<_>>()
        .join("\n");
    let _ = writeln!(
        out,
        "#[doc = {doc:?}]\npub static {}: Kernel = Kernel {{ name: {name:?}, doc: {doc:?}, source: {source:?}, \
         workgroup_size: [{x}, {y}, {z}], bindings: &[{bindings}], params: &[{params}], params_size: {params_size}, \
         overrides: &[{overrides}] }};",
        name.to_uppercase()
    );
}

fn param_kind(kernel: &str, inner: &TypeInner) -> &'static str {
    match inner {
        TypeInner::Scalar(s) if s.kind == ScalarKind::Uint => "U32",
        TypeInner::Scalar(s) if s.kind == ScalarKind::Float => "F32",
        TypeInner::Vector { size: naga::VectorSize::Quad, scalar } if scalar.kind == ScalarKind::Uint => "Vec4U32",
        other => panic!("{kernel}: uniform fields are u32, f32 or vec4<u32>, not {other:?}"),
    }
}
