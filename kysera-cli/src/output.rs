//! What is printed, and how the program ends.

use std::fmt;
use std::io::{self, Write};

use kysera::ErrorCode;
use serde::Serialize;

/// Why the program did not do what it was asked for.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It went wrong.
    Failed(String),
    /// It was not asked for as it must be.
    Refused(String),
    /// The migrations do not fit the database.
    Unfit(String),
}

impl Failure {
    pub(crate) const fn code(&self) -> u8 {
        match self {
            Self::Failed(_) => 1,
            Self::Refused(_) => 2,
            Self::Unfit(_) => 3,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Failed(text) | Self::Refused(text) | Self::Unfit(text)) = self;
        f.write_str(text)
    }
}

impl From<kysera::Error> for Failure {
    fn from(error: kysera::Error) -> Self {
        let text = in_shell(&error.to_string());
        match error.code() {
            ErrorCode::MigrationChanged
            | ErrorCode::MigrationMissing
            | ErrorCode::MigrationOutOfOrder
            | ErrorCode::MigrationDirty
            | ErrorCode::MigrationInvalid
            | ErrorCode::MigrationDuplicate => Self::Unfit(text),
            ErrorCode::MigrationNotFound => Self::Refused(text),
            _ => Self::Failed(text),
        }
    }
}

/// The library's advice, in the words of the program.
pub(crate) fn in_shell(text: &str) -> String {
    let mut out = String::new();
    let mut parts = text.split('`');
    while let Some(plain) = parts.next() {
        out.push_str(plain);
        let Some(code) = parts.next() else { break };
        let command = match code.split_once('(') {
            Some((name @ ("mark_applied" | "mark_reverted"), version)) => {
                Some(format!("kysera migrate {} {}", name.replace('_', "-"), version.trim_end_matches(')')))
            }
            None if code == "allow_out_of_order" || code == "ignore_missing" => {
                Some(format!("--{}", code.replace('_', "-")))
            }
            None if code == "up" => Some("kysera migrate up".into()),
            _ => None,
        };
        out.push('`');
        out.push_str(command.as_deref().unwrap_or(code));
        out.push('`');
    }
    out.replace("call `--", "give `--").replace("call `kysera", "run `kysera")
}

/// For people, or as JSON for programs.
pub(crate) fn print(what: &(impl fmt::Display + Serialize), json: bool) -> Result<(), Failure> {
    let text = if json {
        serde_json::to_string_pretty(what).map_err(|error| Failure::Failed(error.to_string()))?
    } else {
        what.to_string()
    };
    line(&text)
}

/// A line of the result.
pub(crate) fn line(text: &str) -> Result<(), Failure> {
    match writeln!(io::stdout(), "{text}") {
        // Whoever reads it has seen enough.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::Failed(error.to_string())),
        _ => Ok(()),
    }
}

/// What goes on meanwhile. Who closed that does not want to know.
pub(crate) fn note(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

pub(crate) fn error(failure: &Failure) {
    note(&format!("error: {failure}"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_is_in_the_words_of_the_program() {
        let text = "either finish it and call `mark_applied(7)`, or undo it and call `mark_reverted(7)`; then run `up` again";
        assert_eq!(
            in_shell(text),
            "either finish it and run `kysera migrate mark-applied 7`, or undo it and run `kysera migrate mark-reverted 7`; then \
             run `kysera migrate up` again"
        );
        assert_eq!(in_shell("or call `ignore_missing`"), "or give `--ignore-missing`");
        assert_eq!(in_shell("in `ALTER TABLE (a` and `x"), "in `ALTER TABLE (a` and `x`");
    }
}
