//! Runs the cases.

/// The folders of cases that must not compile, one per rule.
const RULES: [&str; 28] = [
    "clash",
    "dal",
    "duplicate",
    "factory",
    "filter",
    "incompatible",
    "key",
    "lock",
    "new",
    "outside",
    "own-plugin",
    "patch",
    "plugin",
    "projection",
    "relation",
    "replica",
    "repository",
    "rls",
    "rules",
    "schema",
    "select",
    "set",
    "shape",
    "testing",
    "together",
    "type",
    "unknown-key",
    "wrong-value",
];

/// The programs are compiled in a crate that trybuild makes, and look for snapshots beside its Cargo.toml.
fn copy_snapshots() -> std::io::Result<()> {
    let from = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("schema");
    let target = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("..");
    let to = target.join("tests/trybuild").join(env!("CARGO_PKG_NAME")).join("schema");
    std::fs::create_dir_all(&to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        if entry.path().extension().is_some_and(|extension| extension == "json") {
            std::fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

#[test]
fn ui() {
    copy_snapshots().unwrap();
    let cases = trybuild::TestCases::new();
    cases.pass("pass/*.rs");
    for rule in RULES {
        cases.compile_fail(format!("{rule}/*.rs"));
    }
}

#[test]
fn every_folder_runs() {
    let mut folders: Vec<String> = std::fs::read_dir(env!("CARGO_MANIFEST_DIR"))
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_type().unwrap().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .filter(|name| !["src", "tests", "pass", "target", "wip"].contains(&name.as_str()))
        .collect();
    folders.sort();
    assert_eq!(folders, RULES);
}
