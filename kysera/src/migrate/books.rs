//! The table of migrations.

use sqlx::{Database, SqlStr};

use crate::__private::codec;
use crate::backend::{Backend, Books as Texts, Done, Statement};
use crate::error::{Error, Result};
use crate::expr::{AnyValue, Codec, dynamic};

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

/// The texts that work on it.
pub(super) struct Books {
    table: String,
}

type Value<'v> = (&'static Codec, &'v AnyValue);

impl Books {
    pub(super) fn new(table: &str) -> Self {
        Self { table: table.to_owned() }
    }

    pub(super) fn table(&self) -> &str {
        &self.table
    }

    fn text(&self, text: &str) -> SqlStr {
        dynamic(text.replace("{table}", &self.table))
    }

    pub(super) async fn create<DB: Backend>(&self, conn: &mut DB::Connection) -> Result<(), sqlx::Error> {
        DB::raw(conn, self.text(DB::BOOKS.create)).await
    }

    /// What is applied, ordered by version. `None` if the table is not there, which ends a transaction of PostgreSQL.
    pub(super) async fn read<DB: Backend>(&self, conn: &mut DB::Connection) -> Result<Option<Vec<Applied>>> {
        let statement = statement::<DB>(self.text(DB::BOOKS.read), &[])?;
        match rows::<DB>(conn, statement).await {
            Ok(rows) => Ok(Some(rows.iter().map(applied::<DB>).collect::<Result<_, _>>()?)),
            Err(sqlx::Error::Database(error)) if DB::is_missing_table(&*error) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) async fn insert<DB: Backend>(
        &self,
        conn: &mut DB::Connection,
        migration: (i64, &str, &[u8]),
        nanos: i64,
    ) -> Result<()> {
        let (version, description, checksum) = owned(migration);
        let values: [Value<'_>; 4] = [
            (codec!(i64), &version),
            (codec!(String), &description),
            (codec!(Vec<u8>), &checksum),
            (codec!(i64), &nanos),
        ];
        self.run::<DB>(conn, |texts| texts.insert, &values).await.map(drop)
    }

    pub(super) async fn claim<DB: Backend>(
        &self,
        conn: &mut DB::Connection,
        migration: (i64, &str, &[u8]),
    ) -> Result<()> {
        let (version, description, checksum) = owned(migration);
        let values: [Value<'_>; 3] =
            [(codec!(i64), &version), (codec!(String), &description), (codec!(Vec<u8>), &checksum)];
        self.run::<DB>(conn, |texts| texts.claim, &values).await.map(drop)
    }

    /// Whether there was a row.
    pub(super) async fn done<DB: Backend>(
        &self,
        conn: &mut DB::Connection,
        version: i64,
        nanos: i64,
    ) -> Result<bool> {
        let values: [Value<'_>; 2] = [(codec!(i64), &nanos), (codec!(i64), &version)];
        Ok(self.run::<DB>(conn, |texts| texts.done, &values).await?.rows > 0)
    }

    pub(super) async fn undo<DB: Backend>(&self, conn: &mut DB::Connection, version: i64) -> Result<()> {
        self.run::<DB>(conn, |texts| texts.undo, &[(codec!(i64), &version)]).await.map(drop)
    }

    pub(super) async fn accept<DB: Backend>(
        &self,
        conn: &mut DB::Connection,
        version: i64,
        checksum: &[u8],
    ) -> Result<()> {
        let checksum = checksum.to_vec();
        let values: [Value<'_>; 2] = [(codec!(Vec<u8>), &checksum), (codec!(i64), &version)];
        self.run::<DB>(conn, |texts| texts.accept, &values).await.map(drop)
    }

    /// Whether there was a row.
    pub(super) async fn delete<DB: Backend>(&self, conn: &mut DB::Connection, version: i64) -> Result<bool> {
        Ok(self.run::<DB>(conn, |texts| texts.delete, &[(codec!(i64), &version)]).await?.rows > 0)
    }

    async fn run<DB: Backend>(
        &self,
        conn: &mut DB::Connection,
        text: impl FnOnce(&Texts) -> &'static str,
        values: &[Value<'_>],
    ) -> Result<Done> {
        let statement = statement::<DB>(self.text(text(&DB::BOOKS)), values)?;
        Ok(DB::execute(conn, statement).await?)
    }
}

fn owned((version, description, checksum): (i64, &str, &[u8])) -> (i64, String, Vec<u8>) {
    (version, description.to_owned(), checksum.to_vec())
}

fn statement<DB: Backend>(sql: SqlStr, values: &[Value<'_>]) -> Result<Statement<DB>> {
    let mut args = <DB as Database>::Arguments::default();
    for (codec, value) in values {
        DB::bind(codec, *value, &mut args).map_err(|error| Error::from(sqlx::Error::Encode(error)))?;
    }
    Ok(Statement::new(sql, args))
}

async fn rows<DB: Backend>(
    conn: &mut DB::Connection,
    statement: Statement<DB>,
) -> Result<Vec<DB::Row>, sqlx::Error> {
    use futures_util::TryStreamExt;
    DB::fetch(conn, statement).try_collect().await
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
