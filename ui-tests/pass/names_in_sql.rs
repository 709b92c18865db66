//! Names of tables and columns that must be escaped.
#![deny(warnings)]

use kysera::prelude::*;

#[derive(Repository)]
#[kysera(table = "a \"b\" `c`; --", schema = "my schema", rename_all = "SCREAMING-KEBAB-CASE")]
pub struct Escaped {
    #[kysera(id)]
    pub id: i64,
    pub first_name: String,
    #[kysera(rename = "a\"b`c")]
    pub last: String,
}

#[derive(Repository)]
pub struct HTTPServerLog {
    #[kysera(id)]
    pub id: i64,
}

fn main() {
    let texts = <Escaped as Entity>::TEXTS;
    assert_eq!(
        texts.postgres.select,
        r#"SELECT "ID", "FIRST-NAME", "a""b`c" FROM "my schema"."a ""b"" `c`; --""#
    );
    assert_eq!(
        texts.mysql.select,
        "SELECT `ID`, `FIRST-NAME`, `a\"b``c` FROM `my schema`.`a \"b\" ``c``; --`"
    );
    assert_eq!(Escaped::LAST.name(), "a\"b`c");
    assert_eq!(<HTTPServerLog as Entity>::META.table, "http_server_log");
}
