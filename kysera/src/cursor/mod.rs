//! Cursors: places in an order, as opaque texts that travel through clients.
//!
//! A [`KeysetPage`](crate::KeysetPage) has the cursors of its neighbours, and a [`Keyset`](crate::Keyset) takes one. In between
//! it is a text, which serde reads and writes:
//!
//! ```
//! use kysera::cursor::{Cursor, CursorError};
//! use kysera::{Error, Keyset};
//!
//! /// What a client sends: `?after=..`
//! fn request(after: Option<&str>) -> kysera::Result<Keyset> {
//!     let after: Option<Cursor> = after.map(str::parse).transpose().map_err(Error::Cursor)?;
//!     Ok(Keyset::first(20).after(after))
//! }
//!
//! assert!(request(Some("AQAAAA")).is_ok());
//! let endless = "A".repeat(100_000);
//! assert!(matches!(request(Some(&endless)), Err(Error::Cursor(CursorError::TooLong))));
//! ```
//!
//! | a cursor is | with | its values | a client can |
//! |---|---|---|---|
//! | plain | nothing | can be read | make one of its own, which leads to another place of the same query and nowhere else |
//! | signed | the feature `signed-cursors` and a secret | can be read | neither make nor change one |
//! | sealed | the feature `sealed-cursors` and a secret | cannot be read | neither make nor change one |
//!
//! The secret is given to the database, by `Db::with_cursor_secret`. What is wrong with a cursor says [`CursorError`].
//!
//! # The format
//!
//! What a cursor says is the business of [`page`](crate::page); this is how it is packed.
//!
//! | bytes | what |
//! |---|---|
//! | 1 | version |
//! | 1 | kind: plain, signed or sealed |
//! | 2 | how many bytes follow |
//! | .. | plain: a checksum of 8 bytes and the content; signed: the content and an HMAC-SHA256 of all before it; sealed: a nonce of 24 bytes and the content, encrypted with XChaCha20-Poly1305 |
//!
//! All of it is base64url without padding.

#[cfg(feature = "signed-cursors")]
mod secret;

use std::fmt;
use std::hash::Hasher;
use std::str::FromStr;

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
#[cfg(feature = "signed-cursors")]
pub use secret::CursorSecret;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use crate::error::CursorError;

/// There is none, as the feature for it is off.
#[cfg(not(feature = "signed-cursors"))]
#[derive(Debug, Clone)]
pub(crate) enum CursorSecret {}

/// A place in the order of a query, between two rows: made by a [`KeysetPage`](crate::KeysetPage), given to
/// [`Keyset::after`](crate::Keyset::after) or [`Keyset::before`](crate::Keyset::before).
///
/// It is an opaque text that is fit for URLs. It remembers which entity and which order it belongs to, so that it cannot
/// be taken for a place in another one, and it contains the values that its row has in the columns of the order: without a
/// secret (`Db::with_cursor_secret`) a client can read them.
///
/// It is checked when the query runs, except for its length.
///
/// ```
/// use kysera::Cursor;
///
/// let cursor: Cursor = "AQAAAA".parse()?;
/// assert_eq!(cursor.as_ref(), "AQAAAA");
/// # Ok::<(), kysera::error::CursorError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Cursor(String);

impl Cursor {
    /// The longest text that is taken, in bytes.
    pub const MAX_LEN: usize = 8 * 1024;

    /// A text as it came, which is judged when the query runs.
    pub(crate) fn unchecked(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Without the text, which may tell values.
impl fmt::Debug for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cursor").finish_non_exhaustive()
    }
}

impl AsRef<str> for Cursor {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl FromStr for Cursor {
    type Err = CursorError;

    /// # Errors
    ///
    /// [`CursorError::TooLong`]; all else is found when the query runs.
    fn from_str(text: &str) -> Result<Self, CursorError> {
        if text.len() > Self::MAX_LEN {
            return Err(CursorError::TooLong);
        }
        Ok(Self(text.into()))
    }
}

impl Serialize for Cursor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

const VERSION: u8 = 1;
const HEADER: usize = 4;
const CHECKSUM: usize = 8;

/// How a cursor is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plain = 0,
    Signed = 1,
    Sealed = 2,
}

/// Reads leftover bits as well, so that a text that was cut is told from one that was changed.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true),
);

/// Version, kind and length.
fn header(kind: Kind, body: usize) -> Result<[u8; HEADER], CursorError> {
    let len = u16::try_from(body).map_err(|_| CursorError::TooLong)?;
    let [high, low] = len.to_be_bytes();
    Ok([VERSION, kind as u8, high, low])
}

impl Cursor {
    /// Packs a content, protected by the secret if there is one.
    pub(crate) fn pack(content: &[u8], secret: Option<&CursorSecret>) -> Result<Self, CursorError> {
        let bytes = match secret {
            None => {
                let mut bytes = header(Kind::Plain, CHECKSUM + content.len())?.to_vec();
                bytes.extend(fnv(content).to_be_bytes());
                bytes.extend(content);
                bytes
            }
            #[cfg(feature = "signed-cursors")]
            Some(secret) => secret.pack(content)?,
            #[cfg(not(feature = "signed-cursors"))]
            Some(secret) => match *secret {},
        };
        let text = BASE64.encode(bytes);
        if text.len() > Self::MAX_LEN { Err(CursorError::TooLong) } else { Ok(Self(text)) }
    }

    /// The content, if it is intact and protected as the secret asks for.
    pub(crate) fn unpack(&self, secret: Option<&CursorSecret>) -> Result<Vec<u8>, CursorError> {
        let text = self.0.as_str();
        if text.len() > Self::MAX_LEN {
            return Err(CursorError::TooLong);
        }
        if !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')) {
            return Err(CursorError::Malformed);
        }
        // No text has that length, but a text that was cut may.
        let odd = usize::from(text.len() % 4 == 1);
        let whole = text.get(..text.len() - odd).ok_or(CursorError::Malformed)?;
        let bytes = BASE64.decode(whole).map_err(|_| CursorError::Malformed)?;
        let Some((&[version, kind, high, low], body)) = bytes.split_first_chunk::<HEADER>() else {
            return Err(CursorError::Truncated);
        };
        if version != VERSION {
            return Err(CursorError::Version);
        }
        let len = usize::from(u16::from_be_bytes([high, low]));
        if body.len() < len {
            return Err(CursorError::Truncated);
        }
        // Each cursor has one text.
        if body.len() > len || BASE64.encode(&bytes) != text {
            return Err(CursorError::Malformed);
        }
        let kind = match kind {
            0 => Kind::Plain,
            1 => Kind::Signed,
            2 => Kind::Sealed,
            _ => return Err(CursorError::Malformed),
        };
        match (kind, secret) {
            (Kind::Plain, None) => {
                let (sum, content) = body.split_first_chunk::<CHECKSUM>().ok_or(CursorError::Damaged)?;
                if *sum != fnv(content).to_be_bytes() {
                    return Err(CursorError::Damaged);
                }
                Ok(content.into())
            }
            (Kind::Signed | Kind::Sealed, None) => Err(CursorError::NoSecret),
            #[cfg(feature = "signed-cursors")]
            (kind, Some(secret)) => secret.unpack(kind, &bytes),
            #[cfg(not(feature = "signed-cursors"))]
            (_, Some(secret)) => match *secret {},
        }
    }
}

/// FNV-1a, which is the same everywhere and for ever. It finds what was damaged, and stops nobody.
pub(crate) fn fnv(bytes: &[u8]) -> u64 {
    let mut hasher = Fnv::default();
    hasher.write(bytes);
    hasher.finish()
}

/// FNV-1a, piece by piece.
pub(crate) struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests;
