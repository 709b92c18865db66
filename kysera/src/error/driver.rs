use std::fmt;

/// The driver's error, kept out of `Display` and `Debug` because its words may contain values of rows.
///
/// What is printed is the kind of the error alone.
pub struct Driver(pub(crate) sqlx::Error);

impl Driver {
    /// The error as sqlx reported it. Its text may contain values.
    pub fn as_sqlx(&self) -> &sqlx::Error {
        &self.0
    }

    /// Gives the error away. Its text may contain values.
    pub fn into_sqlx(self) -> sqlx::Error {
        self.0
    }
}

impl fmt::Display for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // TODO: a safe description by kind
        write!(f, "driver error {:?}", self.0)
    }
}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Driver({self})")
    }
}
