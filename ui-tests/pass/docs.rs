//! Docs with everything in them.
#![deny(warnings, missing_docs)]

use kysera::prelude::*;

/// A "quoted" \ `thing` with {braces} and #[attributes].
///
/// ```
/// let x = "code";
/// ```
#[derive(Repository)]
#[kysera(table = "things")]
pub struct Thing {
    /// The "key" \ `id` {0} #hash
    #[kysera(id)]
    pub id: i64,
    /** Several
    lines */
    pub name: String,
    #[doc = concat!("made ", "of parts")]
    #[doc(alias = "other")]
    pub made: Option<String>,
    #[deprecated = "use `name`"]
    #[doc(hidden)]
    pub old: i32,
    #[allow(missing_docs)]
    #[kysera(default)]
    pub none: i32,
}

fn main() {
    let _ = NewThing { name: "x".into(), made: None, old: 1, none: None };
    let _ = ThingPatch::new().old(1);
}
