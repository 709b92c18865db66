//! Runs the cases.

/// The folders of cases that must not compile, one per rule.
const RULES: [&str; 25] = [
    "clash",
    "dal",
    "duplicate",
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
    "select",
    "set",
    "shape",
    "together",
    "type",
    "unknown-key",
    "wrong-value",
];

#[test]
fn ui() {
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
