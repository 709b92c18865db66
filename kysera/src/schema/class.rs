//! Kinds of types.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What kind of type a column has: what the types of Rust can be held against, whatever the database calls it.
///
/// In files and as text: the variant in lower case, `enum:mood`, `array:int64`.
///
/// ```
/// use kysera::schema::TypeClass;
///
/// let class: TypeClass = "array:enum:mood".parse().unwrap();
/// assert_eq!(class, TypeClass::Array(Box::new(TypeClass::Enum("mood".into()))));
/// assert_eq!(class.to_string(), "array:enum:mood");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "their names say it")]
pub enum TypeClass {
    /// MySQL: `tinyint(1)`.
    Bool,
    /// MySQL: `tinyint`; PostgreSQL: `"char"`.
    Int8,
    Int16,
    Int32,
    /// Also every integer of SQLite.
    Int64,
    UInt8,
    UInt16,
    UInt32,
    UInt64,
    Float32,
    Float64,
    Decimal,
    Text,
    Bytes,
    Uuid,
    Date,
    Time,
    /// Time with a zone.
    TimeTz,
    /// Without a zone. MySQL: `datetime`.
    Timestamp,
    /// A moment. MySQL: `timestamp`.
    TimestampTz,
    Interval,
    Json,
    /// Strings of bits.
    Bits,
    /// `inet` and `cidr`.
    Inet,
    MacAddr,
    /// One of a few names: the [enum](super::EnumType) of that name.
    Enum(String),
    /// PostgreSQL: an array of this.
    Array(Box<TypeClass>),
    /// A type that kysera does not know: nothing is held against it.
    Other,
}

const PLAIN: [(&str, TypeClass); 26] = [
    ("bool", TypeClass::Bool),
    ("int8", TypeClass::Int8),
    ("int16", TypeClass::Int16),
    ("int32", TypeClass::Int32),
    ("int64", TypeClass::Int64),
    ("uint8", TypeClass::UInt8),
    ("uint16", TypeClass::UInt16),
    ("uint32", TypeClass::UInt32),
    ("uint64", TypeClass::UInt64),
    ("float32", TypeClass::Float32),
    ("float64", TypeClass::Float64),
    ("decimal", TypeClass::Decimal),
    ("text", TypeClass::Text),
    ("bytes", TypeClass::Bytes),
    ("uuid", TypeClass::Uuid),
    ("date", TypeClass::Date),
    ("time", TypeClass::Time),
    ("timetz", TypeClass::TimeTz),
    ("timestamp", TypeClass::Timestamp),
    ("timestamptz", TypeClass::TimestampTz),
    ("interval", TypeClass::Interval),
    ("json", TypeClass::Json),
    ("bits", TypeClass::Bits),
    ("inet", TypeClass::Inet),
    ("macaddr", TypeClass::MacAddr),
    ("other", TypeClass::Other),
];

impl fmt::Display for TypeClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Enum(name) => write!(f, "enum:{name}"),
            Self::Array(of) => write!(f, "array:{of}"),
            plain => {
                f.write_str(PLAIN.iter().find(|(_, class)| class == plain).map_or("other", |(name, _)| name))
            }
        }
    }
}

/// No [`TypeClass`] is called that.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no class of types `{0}`")]
pub struct UnknownTypeClass(String);

impl FromStr for TypeClass {
    type Err = UnknownTypeClass;

    fn from_str(text: &str) -> Result<Self, UnknownTypeClass> {
        if let Some(name) = text.strip_prefix("enum:") {
            return Ok(Self::Enum(name.into()));
        }
        if let Some(of) = text.strip_prefix("array:") {
            // Arrays of arrays are one type in PostgreSQL; a file that nests them is wrong.
            return match of.parse()? {
                Self::Array(_) => Err(UnknownTypeClass(text.into())),
                of => Ok(Self::Array(Box::new(of))),
            };
        }
        let plain = PLAIN.iter().find(|(name, _)| *name == text);
        plain.map(|(_, class)| class.clone()).ok_or_else(|| UnknownTypeClass(text.into()))
    }
}

impl Serialize for TypeClass {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TypeClass {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
