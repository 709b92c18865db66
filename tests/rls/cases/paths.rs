//! Every way to the table.
