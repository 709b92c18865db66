//! What does not compile, and what the compiler says: `<rule>/<mistake>.rs` beside its `.stderr`; and in `pass/` what
//! does.
//!
//! After a change of words, `TRYBUILD=overwrite cargo test -p kysera-ui-tests` writes the `.stderr` files anew: read
//! the difference as somebody who sees the message for the first time.
