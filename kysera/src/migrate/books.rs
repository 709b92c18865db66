//! The table of migrations.

use std::fmt::Write;

use crate::backend::Backend;
use crate::error::Result;
use crate::expr::dynamic;

/// A row of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Applied {
    pub(super) version: i64,
    pub(super) description: String,
    /// Whether it came to its end.
    pub(super) success: bool,
    pub(super) checksum: Vec<u8>,
    pub(super) nanos: i64,
}

/// What is written down of a migration.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entered<'e> {
    pub(super) version: i64,
    pub(super) description: &'e str,
    pub(super) checksum: &'e [u8],
}

/// Where it is. The values in its statements are numbers and hexadecimal digits.
pub(super) struct Books {
    table: String,
    /// Schemas that are made before it.
    schemas: Vec<String>,
}

impl Books {
    pub(super) fn new(table: &str) -> Self {
        Self { table: table.to_owned(), schemas: Vec::new() }
    }

    pub(super) fn with_schemas(self, schemas: Vec<String>) -> Self {
        Self { schemas, ..self }
    }

    pub(super) fn table(&self) -> &str {
        &self.table
    }

    pub(super) async fn create<DB: Backend>(&self, conn: &mut DB::Connection) -> Result<()> {
        if let Some(create) = DB::BOOKS.schema {
            for schema in &self.schemas {
                DB::raw(conn, dynamic(format!("{create} {schema}"))).await?;
            }
        }
        run::<DB>(conn, DB::BOOKS.create.replace("{table}", &self.table)).await
    }

    /// What is applied, ordered by version. `None` if the table is not there, which ends a transaction of PostgreSQL.
    pub(super) async fn read<DB: Backend>(&self, conn: &mut DB::Connection) -> Result<Option<Vec<Applied>>> {
        let sql = DB::BOOKS.read.replace("{table}", &self.table);
        match DB::rows(conn, dynamic(sql)).await {
            Ok(rows) => Ok(Some(rows.iter().map(applied::<DB>).collect::<Result<_, _>>()?)),
            Err(sqlx::Error::Database(error)) if DB::is_missing_table(&*error) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// It is applied.
    pub(super) async fn insert<DB: Backend>(
        &self,
        conn: &mut DB::Connection,
        entered: Entered<'_>,
        nanos: i64,
    ) -> Result<()> {
        run::<DB>(conn, self.insert_text::<DB>(entered, true, nanos)).await
    }

    /// It has begun.
    pub(super) async fn claim<DB: Backend>(
        &self,
        conn: &mut DB::Connection,
        entered: Entered<'_>,
    ) -> Result<()> {
        run::<DB>(conn, self.insert_text::<DB>(entered, false, -1)).await
    }

    fn insert_text<DB: Backend>(&self, entered: Entered<'_>, success: bool, nanos: i64) -> String {
        let Entered { version, description, checksum } = entered;
        let description = literal(DB::BOOKS.text, description.as_bytes());
        let checksum = literal(DB::BOOKS.bytes, checksum);
        format!(
            "INSERT INTO {} (version, description, success, checksum, execution_time) \
             VALUES ({version}, {description}, {success}, {checksum}, {nanos})",
            self.table
        )
    }

    /// It has begun, and came to its end.
    pub(super) async fn done<DB: Backend>(
        &self,
        conn: &mut DB::Connection,
        version: i64,
        nanos: i64,
    ) -> Result<()> {
        let table = &self.table;
        let sql =
            format!("UPDATE {table} SET success = TRUE, execution_time = {nanos} WHERE version = {version}");
        run::<DB>(conn, sql).await
    }

    /// It is about to be undone.
    pub(super) async fn undo<DB: Backend>(&self, conn: &mut DB::Connection, version: i64) -> Result<()> {
        run::<DB>(conn, format!("UPDATE {} SET success = FALSE WHERE version = {version}", self.table)).await
    }

    /// What is there is right.
    pub(super) async fn accept<DB: Backend>(
        &self,
        conn: &mut DB::Connection,
        version: i64,
        checksum: &[u8],
    ) -> Result<()> {
        let (table, checksum) = (&self.table, literal(DB::BOOKS.bytes, checksum));
        let sql =
            format!("UPDATE {table} SET success = TRUE, checksum = {checksum} WHERE version = {version}");
        run::<DB>(conn, sql).await
    }

    pub(super) async fn delete<DB: Backend>(&self, conn: &mut DB::Connection, version: i64) -> Result<()> {
        run::<DB>(conn, format!("DELETE FROM {} WHERE version = {version}", self.table)).await
    }
}

async fn run<DB: Backend>(conn: &mut DB::Connection, sql: String) -> Result<()> {
    Ok(DB::raw(conn, dynamic(sql)).await?)
}

fn applied<DB: Backend>(row: &DB::Row) -> Result<Applied, sqlx::Error> {
    Ok(Applied {
        version: DB::integer(row, 0)?,
        description: DB::text(row, 1)?.unwrap_or_default(),
        success: DB::integer(row, 2)? != 0,
        checksum: unhex(&DB::text(row, 3)?.unwrap_or_default()),
        nanos: DB::integer(row, 4)?,
    })
}

fn literal([before, behind]: [&str; 2], bytes: &[u8]) -> String {
    let mut sql = String::from(before);
    for byte in bytes {
        let _ = write!(sql, "{byte:02x}"); // a String takes everything
    }
    sql + behind
}

/// What is no hexadecimal number fits no checksum, which is what there is to say of it.
fn unhex(text: &str) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    text.as_bytes()
        .chunks(2)
        .map_while(|pair| match pair {
            [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_read_as_they_are_written() {
        let bytes: Vec<u8> = (0..=255).collect();
        let text = literal(["", ""], &bytes);
        assert_eq!(unhex(&text), bytes);
        assert_eq!(unhex(&text.to_uppercase()), bytes);
        assert_eq!(unhex("ff0"), [255]);
        assert_eq!(unhex("xx"), [0_u8; 0]);
    }
}
