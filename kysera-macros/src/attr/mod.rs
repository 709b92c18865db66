//! Attributes, read by hand: every item is looked at on its own, so that one mistake does not hide the next.

pub(crate) mod container;
pub(crate) mod field;
pub(crate) mod item;
pub(crate) mod plugins;
pub(crate) mod relation;
pub(crate) mod rename;
pub(crate) mod rules;

/// What kysera was built with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Features {
    pub(crate) audit: bool,
    pub(crate) garde: bool,
    pub(crate) validator: bool,
    pub(crate) postgres: bool,
    pub(crate) mysql: bool,
    pub(crate) sqlite: bool,
}

impl Features {
    /// Cargo switches these on together with kysera's features of the same names.
    pub(crate) fn of_this_build() -> Self {
        Self {
            audit: cfg!(feature = "audit"),
            garde: cfg!(feature = "garde"),
            validator: cfg!(feature = "validator"),
            postgres: cfg!(feature = "postgres"),
            mysql: cfg!(feature = "mysql"),
            sqlite: cfg!(feature = "sqlite"),
        }
    }

    /// How to say that one of them is off.
    pub(crate) fn missing(feature: &str, what: &str) -> String {
        format!(
            "kysera was built without its feature `{feature}`, {what}: switch it on in Cargo.toml, as in \
             `kysera = {{ version = \"..\", features = [\"{feature}\"] }}`"
        )
    }
}
