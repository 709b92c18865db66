//! Attributes, read by hand: every item is looked at on its own, so that one mistake does not hide the next.

pub(crate) mod container;
pub(crate) mod field;
pub(crate) mod item;
pub(crate) mod plugins;
pub(crate) mod rename;
pub(crate) mod rules;

/// The validation crates that kysera was built with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Features {
    pub(crate) garde: bool,
    pub(crate) validator: bool,
}

impl Features {
    /// Cargo switches these on together with kysera's features of the same names.
    pub(crate) fn of_this_build() -> Self {
        Self { garde: cfg!(feature = "garde"), validator: cfg!(feature = "validator") }
    }
}
