//! Snapshots in files.

use std::fs;
use std::path::PathBuf;

use kysera::schema::{self, Schema, SchemaBackend, SchemaFileError};
use kysera_tests::Fixture;

use super::shop::SHOP;
use crate::{DB, NAME};

/// A folder of a test's own.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("kysera-schema-{NAME}-{test}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("kysera.schema.json")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[tokio::test]
async fn what_is_written_is_read() {
    let db = Fixture::<DB>::new(&SHOP).await;
    let folder = Folder::new("round");
    let schema = schema::capture(db.source()).await.unwrap();
    schema.write(folder.file()).unwrap();
    assert_eq!(Schema::read(folder.file()).unwrap(), schema);
    let names: Vec<_> = fs::read_dir(&folder.0).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["kysera.schema.json"], "nothing is left beside it");

    let text = fs::read_to_string(folder.file()).unwrap();
    let users = text.lines().position(|line| line.contains("\"name\": \"users\"")).unwrap();
    let email = text.lines().skip(users).find(|line| line.contains("\"email\"")).unwrap();
    assert!(
        email.contains("\"type\": ") && email.contains("\"nullable\": false"),
        "a column is a line: {email}"
    );
}

/// The derive's tracking goes by the time of the file.
#[test]
fn a_file_that_says_the_same_is_left_alone() {
    let folder = Folder::new("same");
    let schema = Schema::new(SchemaBackend::Sqlite);
    schema.write(folder.file()).unwrap();
    let mut permissions = fs::metadata(folder.file()).unwrap().permissions();
    let before = fs::metadata(folder.file()).unwrap().modified().unwrap();
    permissions.set_readonly(true);
    fs::set_permissions(folder.file(), permissions).unwrap();
    schema.write(folder.file()).unwrap();
    assert_eq!(fs::metadata(folder.file()).unwrap().modified().unwrap(), before);
}

#[test]
fn what_is_no_snapshot() {
    let folder = Folder::new("wrong");
    let error = |text: &str| {
        fs::write(folder.file(), text).unwrap();
        Schema::read(folder.file()).unwrap_err()
    };
    assert!(matches!(error(r#"{"kysera": 7, "what": []}"#), SchemaFileError::Version { found: 7, .. }));
    for text in [
        "",
        "{}",
        "[1, 2",
        r#"{"kysera": 1, "backend": "oracle", "tables": []}"#,
        r#"{"kysera": 1, "backend": "sqlite", "tables": [{"name": "t"}]}"#,
        r#"{"kysera": 1, "backend": "sqlite", "tables": [{"name": "t", "kind": "table",
            "columns": [{"name": "a", "type": "x", "class": "array:array:text", "nullable": true}]}]}"#,
    ] {
        let error = error(text);
        assert!(matches!(error, SchemaFileError::Format { .. }), "{text}");
        assert!(error.to_string().contains("kysera.schema.json: this is no snapshot"), "{error}");
    }
    let missing = Schema::read(folder.0.join("nowhere")).unwrap_err();
    assert!(matches!(missing, SchemaFileError::Io { .. }));
    assert!(matches!(
        Schema::new(SchemaBackend::Sqlite).write(folder.0.join("no/folder")),
        Err(SchemaFileError::Io { .. })
    ));
}
