//! What the tests of the program stand on.
#![allow(dead_code, unreachable_pub, reason = "not all of them need all of it")]

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// A folder with migrations and a database, removed at the end.
pub struct Project(pub PathBuf);

/// How a call ended.
pub struct End {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Project {
    pub fn new(files: &[(&str, &str)]) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("kysera-cli-{}-{number}", std::process::id()));
        fs::create_dir_all(path.join("migrations")).unwrap();
        let project = Self(path);
        files.iter().for_each(|(name, sql)| project.write(name, sql));
        project
    }

    pub fn write(&self, name: &str, sql: &str) {
        fs::write(self.0.join("migrations").join(name), sql).unwrap();
    }

    pub fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.join("migrations")).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    pub fn kysera(&self, args: &str) -> End {
        let output = Command::new(env!("CARGO_BIN_EXE_kysera"))
            .current_dir(&self.0)
            .env("DATABASE_URL", "sqlite://app.db")
            .args(args.split_whitespace())
            .output()
            .unwrap();
        End {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Done, and what was printed.
    pub fn done(&self, args: &str) -> String {
        let End { code, out, err } = self.kysera(args);
        assert_eq!(code, 0, "{args}: {err}");
        out
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
