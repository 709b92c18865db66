/// A cursor of a keyset page does not fit the query that it is given to. Nothing was sent.
///
/// Cursors travel through clients, so each of these is the client's doing until shown otherwise. No message contains
/// what the cursor says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CursorError {
    /// It is longer than any cursor of kysera's.
    #[error("the cursor is too long")]
    TooLong,
    /// It is no cursor: not base64url, or with something behind its end.
    #[error("this is no cursor")]
    Malformed,
    /// Its end is missing.
    #[error("the cursor is cut off")]
    Truncated,
    /// It was made by another version of kysera.
    #[error("the cursor is of another version: start from the first page")]
    Version,
    /// It was changed on its way.
    #[error("the cursor is damaged")]
    Damaged,
    /// The source has a secret, and the cursor is not signed or sealed as the secret asks for.
    #[error("the cursor is not protected as this source asks for")]
    Unprotected,
    /// It is signed or sealed, and the source has no secret.
    #[error("the cursor is signed or sealed, and this source has no secret: see `Db::with_cursor_secret`")]
    NoSecret,
    /// Its signature or seal is not that of any secret of the source: it was changed on its way, forged, or made with a
    /// secret that is no longer accepted.
    #[error("the cursor was not made with a secret of this source, or changed since")]
    Forged,
    /// The system has no random numbers to seal a cursor with.
    #[error("no cursor can be sealed: the system has no random numbers")]
    NoRandomness,
    /// It belongs to a query of another table.
    #[error("the cursor belongs to another entity than {entity}")]
    OtherEntity {
        /// The Rust name of the entity that the query is about.
        entity: &'static str,
    },
    /// It belongs to a query with another order.
    #[error("the cursor belongs to another order of {entity}")]
    OtherOrder {
        /// The Rust name of the entity.
        entity: &'static str,
    },
    /// Its values are not of the types of the columns that the query is ordered by.
    #[error("the cursor has no value that fits the column `{column}` of {entity}")]
    Value {
        /// The Rust name of the entity.
        entity: &'static str,
        /// The column's name in the database.
        column: &'static str,
    },
}
