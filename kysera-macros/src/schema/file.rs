//! Snapshots: what the derive needs of them, read once in a process.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use super::json::Json;

/// The version of the format.
const VERSION: &str = "1";

/// The databases that a snapshot can be of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Backend {
    Postgres,
    MySql,
    Sqlite,
}

impl Backend {
    pub(crate) const ALL: [Self; 3] = [Self::Postgres, Self::MySql, Self::Sqlite];

    /// As it stands in files and in their names.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::MySql => "mysql",
            Self::Sqlite => "sqlite",
        }
    }

    /// As it is called in `backend(..)`.
    pub(crate) fn ident(self) -> &'static str {
        match self {
            Self::Postgres => "Postgres",
            Self::MySql => "MySql",
            Self::Sqlite => "Sqlite",
        }
    }

    /// Whether two names are the same there.
    pub(crate) fn same_name(self, a: &str, b: &str) -> bool {
        a == b || (self != Self::Postgres && a.to_lowercase() == b.to_lowercase())
    }
}

#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) backend: Backend,
    pub(crate) tables: Vec<Table>,
}

#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) name: String,
    pub(crate) is_view: bool,
    pub(crate) columns: Vec<Column>,
    pub(crate) primary_key: Option<Key>,
    pub(crate) unique: Vec<Key>,
    pub(crate) foreign_keys: Vec<Key>,
    pub(crate) checks: Vec<Check>,
}

#[derive(Debug)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) ty: String,
    pub(crate) class: String,
    pub(crate) nullable: bool,
    pub(crate) has_default: bool,
    pub(crate) identity: Option<Identity>,
    pub(crate) generated: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Identity {
    Always,
    ByDefault,
}

/// A primary, unique or foreign key.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: Option<String>,
    pub(crate) columns: Vec<String>,
    /// Whether it has parts that are no columns.
    pub(crate) has_expressions: bool,
    pub(crate) predicate: Option<String>,
}

#[derive(Debug)]
pub(crate) struct Check {
    pub(crate) name: Option<String>,
    pub(crate) expression: String,
}

impl Snapshot {
    fn parse(text: &str) -> Result<Self, String> {
        let json = Json::parse(text).map_err(|mistake| mistake.to_string())?;
        match json.get("kysera") {
            Some(Json::Number(version)) if version == VERSION => {}
            Some(Json::Number(version)) => {
                return Err(format!(
                    "it is in version {version} of the format, and this kysera reads version {VERSION}: use the kysera that wrote it"
                ));
            }
            _ => return Err("there is no `\"kysera\": 1` in it".into()),
        }
        let backend = json.get("backend").and_then(Json::text).unwrap_or_default();
        let Some(backend) = Backend::ALL.into_iter().find(|one| one.key() == backend) else {
            return Err(format!("unknown database `{backend}`"));
        };
        let Some(tables) = json.get("tables").and_then(Json::list) else {
            return Err("there are no `tables`".into());
        };
        let tables = tables.iter().map(Table::read).collect::<Result<_, String>>()?;
        Ok(Self { backend, tables })
    }

    pub(crate) fn table(&self, name: &str) -> Option<usize> {
        let exact = self.tables.iter().position(|table| table.name == name);
        exact.or_else(|| self.tables.iter().position(|table| self.backend.same_name(&table.name, name)))
    }
}

impl Table {
    fn read(json: &Json) -> Result<Self, String> {
        let name = text(json, "name", "a table")?;
        let of = |what: &str| format!("{what} of the table `{name}`");
        let columns = list(json, "columns")
            .iter()
            .map(|column| Column::read(column, &of("a column")))
            .collect::<Result<_, _>>()?;
        let keys = |member: &str| {
            let keys = list(json, member).iter().map(|key| Key::read(key, &of("a key")));
            keys.collect::<Result<Vec<_>, String>>()
        };
        let (unique, foreign_keys) = (keys("unique")?, keys("foreign_keys")?);
        let primary_key = json.get("primary_key").map(|key| Key::read(key, &of("the key"))).transpose()?;
        let checks = list(json, "checks").iter().map(|check| {
            let name = check.get("name").and_then(Json::text).map(String::from);
            Ok(Check { name, expression: text(check, "expression", &of("a check"))? })
        });
        let checks = checks.collect::<Result<_, String>>()?;
        let is_view = json.get("kind").and_then(Json::text) == Some("view");
        Ok(Self { name, is_view, columns, primary_key, unique, foreign_keys, checks })
    }
}

impl Column {
    fn read(json: &Json, of: &str) -> Result<Self, String> {
        Ok(Self {
            name: text(json, "name", of)?,
            ty: text(json, "type", of)?,
            class: text(json, "class", of)?,
            nullable: json
                .get("nullable")
                .and_then(Json::bool)
                .ok_or_else(|| format!("{of} has no `nullable`"))?,
            has_default: json.get("default").is_some(),
            identity: match json.get("identity").and_then(Json::text) {
                Some("always") => Some(Identity::Always),
                Some(_) => Some(Identity::ByDefault),
                None => None,
            },
            generated: json.get("generated").is_some(),
        })
    }

    /// `text NOT NULL`
    pub(crate) fn shown(&self) -> String {
        let null = if self.nullable { "" } else { " NOT NULL" };
        format!("{}{null}", self.ty)
    }

    /// Whether a row can be made without a value for it.
    pub(crate) fn is_optional(&self) -> bool {
        self.nullable || self.is_filled()
    }

    /// Whether the database has something to put there.
    pub(crate) fn is_filled(&self) -> bool {
        self.has_default || self.identity.is_some() || self.generated
    }
}

impl Key {
    fn read(json: &Json, of: &str) -> Result<Self, String> {
        let columns =
            json.get("columns").and_then(Json::list).ok_or_else(|| format!("{of} has no `columns`"))?;
        Ok(Self {
            name: json.get("name").and_then(Json::text).map(String::from),
            columns: columns.iter().filter_map(Json::text).map(String::from).collect(),
            has_expressions: !list(json, "expressions").is_empty(),
            predicate: json.get("predicate").and_then(Json::text).map(String::from),
        })
    }

    /// Whether these are its columns, in any order.
    pub(crate) fn is_over(&self, backend: Backend, columns: &[&str]) -> bool {
        !self.has_expressions
            && self.columns.len() == columns.len()
            && self.columns.iter().all(|own| columns.iter().any(|column| backend.same_name(own, column)))
    }
}

fn text(json: &Json, member: &str, of: &str) -> Result<String, String> {
    json.get(member).and_then(Json::text).map(String::from).ok_or_else(|| format!("{of} has no `{member}`"))
}

fn list<'j>(json: &'j Json, member: &str) -> &'j [Json] {
    json.get(member).and_then(Json::list).unwrap_or_default()
}

/// A file that has been read.
#[derive(Clone)]
pub(crate) enum Read {
    Snapshot(Arc<Snapshot>),
    /// Why it could not be; told to the first who asks, or there would be as many errors as entities.
    Broken(String),
    BrokenAndTold,
}

struct Cached {
    modified: Option<SystemTime>,
    len: u64,
    read: Read,
}

/// Files of this process, by path. A compiler's process reads one or two of them; that of an editor lives long, and sees them
/// change.
static CACHE: Mutex<Option<HashMap<PathBuf, Cached>>> = Mutex::new(None);

/// Reads a file, unless that was done. `None` if there is none.
pub(crate) fn read(path: &Path) -> Option<Read> {
    let meta = fs::metadata(path).ok()?;
    let (modified, len) = (meta.modified().ok(), meta.len());
    let mut cache = CACHE.lock().unwrap_or_else(PoisonError::into_inner);
    let cache = cache.get_or_insert_default();
    if let Some(cached) = cache.get_mut(path)
        && cached.modified == modified
        && cached.len == len
    {
        if matches!(cached.read, Read::Broken(_)) {
            cached.read = Read::BrokenAndTold;
        }
        return Some(cached.read.clone());
    }
    let parsed =
        fs::read_to_string(path).map_err(|error| error.to_string()).and_then(|text| Snapshot::parse(&text));
    let read = match parsed {
        Ok(snapshot) => Read::Snapshot(Arc::new(snapshot)),
        Err(why) => Read::Broken(why),
    };
    cache.insert(path.to_owned(), Cached { modified, len, read: read.clone() });
    Some(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_snapshot_says_why() {
        let why = |text: &str| Snapshot::parse(text).unwrap_err();
        assert_eq!(why("{"), "line 1: expected a name in quotes");
        assert_eq!(why("[]"), "there is no `\"kysera\": 1` in it");
        assert!(why(r#"{"kysera": 2}"#).starts_with("it is in version 2 of the format"));
        assert_eq!(why(r#"{"kysera": 1, "backend": "oracle"}"#), "unknown database `oracle`");
        assert_eq!(why(r#"{"kysera": 1, "backend": "sqlite"}"#), "there are no `tables`");
        let table = |rest: &str| format!(r#"{{"kysera": 1, "backend": "sqlite", "tables": [{{{rest}}}]}}"#);
        assert_eq!(why(&table(r#""kind": "table""#)), "a table has no `name`");
        let column = r#""name": "t", "columns": [{"name": "a", "type": "x", "class": "text"}]"#;
        assert_eq!(why(&table(column)), "a column of the table `t` has no `nullable`");
        assert_eq!(why(&table(r#""name": "t", "unique": [{}]"#)), "a key of the table `t` has no `columns`");
    }

    #[test]
    fn what_is_unknown_is_passed_over() {
        let text = r#"{"kysera": 1, "backend": "mysql", "later": [1], "tables": [{"name": "Users", "new": true, "columns": []}]}"#;
        let snapshot = Snapshot::parse(text).unwrap();
        assert_eq!((snapshot.table("users"), snapshot.table("user")), (Some(0), None));
    }
}
