use std::fmt;

use serde::Serialize;

/// Values that break rules, found before any SQL ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[non_exhaustive]
pub struct Invalid {
    /// The Rust name of the entity; filled in by the repository.
    pub entity: Option<&'static str>,
    /// One entry per broken rule, ordered by path; with several rows, by their position first.
    pub errors: Vec<FieldError>,
}

/// One broken rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[non_exhaustive]
pub struct FieldError {
    /// Where: `email`, `address.street`, `tags[1]`, and with several rows `[3].email`.
    pub path: String,
    /// Which rule, where the validator names it.
    pub code: Option<String>,
    /// What is wrong, for people.
    pub message: String,
}

impl FieldError {
    /// A broken rule of one field.
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), code: None, message: message.into() }
    }

    /// Names the rule.
    #[must_use]
    pub fn code(mut self, code: impl Into<String>) -> Self {
        self.code = Some(code.into());
        self
    }
}

impl Invalid {
    /// Several broken rules.
    pub fn new(errors: impl IntoIterator<Item = FieldError>) -> Self {
        let mut errors: Vec<_> = errors.into_iter().collect();
        errors.sort();
        Self { entity: None, errors }
    }

    /// One broken rule.
    pub fn field(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new([FieldError::new(path, message)])
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is not valid", self.entity.unwrap_or("the input"))?;
        for (i, error) in self.errors.iter().enumerate() {
            write!(f, "{} {}: {}", if i == 0 { ":" } else { ";" }, error.path, error.message)?;
        }
        Ok(())
    }
}

impl Invalid {
    /// The same for a row of several: paths start with its position.
    pub(crate) fn at(mut self, position: usize) -> Self {
        for error in &mut self.errors {
            error.path = format!("[{position}].{}", error.path);
        }
        self
    }
}
