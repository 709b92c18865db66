//! Cursors that cannot be forged, or not read either.

use std::fmt;
use std::sync::Arc;

#[cfg(feature = "sealed-cursors")]
use chacha20poly1305::{
    XChaCha20Poly1305, XNonce,
    aead::{Aead, Generate, Payload},
};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::{HEADER, Kind, header};
use crate::error::{CursorError, Error, Result};

/// What cursors are signed or sealed with; see `Db::with_cursor_secret`.
///
/// All instances of a program need the same one. It is replaced by making a new one that [accepts](Self::and_accept) the old
/// one as well, until no cursor of the old one is around.
///
/// ```
/// use kysera::CursorSecret;
///
/// # let (new, old) = ([1; 32], [2; 32]);
/// let secret = CursorSecret::signed(new)?.and_accept(CursorSecret::signed(old)?);
/// # Ok::<(), kysera::Error>(())
/// ```
#[derive(Clone)]
pub struct CursorSecret {
    /// The first one makes cursors, all of them open some.
    keys: Arc<[Key]>,
}

#[derive(Clone)]
struct Key {
    kind: Kind,
    bytes: [u8; KEY],
}

/// The least number of bytes of a secret.
const MIN: usize = 32;
/// Of a key, and of a signature.
const KEY: usize = 32;
#[cfg(feature = "sealed-cursors")]
const NONCE: usize = 24;

impl CursorSecret {
    /// Cursors are signed (HMAC-SHA256): a client can read them and not change them.
    ///
    /// # Errors
    ///
    /// [`Error::BadRequest`] for fewer than 32 bytes. They are meant to be random: a password will not do.
    pub fn signed(secret: impl AsRef<[u8]>) -> Result<Self> {
        Self::new(Kind::Signed, secret.as_ref(), b"kysera cursor, signed, 1")
    }

    /// Cursors are sealed (XChaCha20-Poly1305): a client can neither read nor change them.
    ///
    /// # Errors
    ///
    /// [`Error::BadRequest`] for fewer than 32 bytes. They are meant to be random: a password will not do.
    #[cfg(feature = "sealed-cursors")]
    pub fn sealed(secret: impl AsRef<[u8]>) -> Result<Self> {
        Self::new(Kind::Sealed, secret.as_ref(), b"kysera cursor, sealed, 1")
    }

    /// Takes cursors of another secret as well, and makes none with it: for a time after a secret was replaced.
    #[must_use]
    pub fn and_accept(self, old: CursorSecret) -> Self {
        Self { keys: self.keys.iter().chain(old.keys.iter()).cloned().collect() }
    }

    fn new(kind: Kind, secret: &[u8], purpose: &[u8]) -> Result<Self> {
        if secret.len() < MIN {
            return Err(Error::BadRequest("a cursor secret has at least 32 bytes".into()));
        }
        let mut hmac = Hmac::<Sha256>::new_from_slice(secret)
            .map_err(|_| Error::BadRequest("the cursor secret cannot be used".into()))?;
        hmac.update(purpose);
        Ok(Self { keys: Arc::new([Key { kind, bytes: hmac.finalize().into_bytes().into() }]) })
    }

    /// Packs a content with the first key.
    pub(super) fn pack(&self, content: &[u8]) -> Result<Vec<u8>, CursorError> {
        let Some(key) = self.keys.first() else { return Err(CursorError::Unprotected) };
        match key.kind {
            #[cfg(feature = "sealed-cursors")]
            Kind::Sealed => key.seal(content),
            _ => key.sign(content),
        }
    }

    /// The content of what one of the keys packed.
    pub(super) fn unpack(&self, kind: Kind, bytes: &[u8]) -> Result<Vec<u8>, CursorError> {
        let mut keys = self.keys.iter().filter(|key| key.kind == kind).peekable();
        if keys.peek().is_none() {
            return Err(CursorError::Unprotected);
        }
        keys.find_map(|key| key.open(bytes)).ok_or(CursorError::Forged)
    }
}

impl Key {
    fn hmac(&self, signed: &[u8]) -> Option<Hmac<Sha256>> {
        let mut hmac = Hmac::<Sha256>::new_from_slice(&self.bytes).ok()?; // a key of any length will do
        hmac.update(signed);
        Some(hmac)
    }

    fn sign(&self, content: &[u8]) -> Result<Vec<u8>, CursorError> {
        let mut bytes = header(Kind::Signed, content.len() + KEY)?.to_vec();
        bytes.extend(content);
        let signature = self.hmac(&bytes).ok_or(CursorError::Forged)?.finalize().into_bytes();
        bytes.extend(signature);
        Ok(bytes)
    }

    #[cfg(feature = "sealed-cursors")]
    fn seal(&self, content: &[u8]) -> Result<Vec<u8>, CursorError> {
        const TAG: usize = 16;
        let mut bytes = header(Kind::Sealed, NONCE + content.len() + TAG)?.to_vec();
        let nonce = XNonce::try_generate().map_err(|_| CursorError::NoRandomness)?;
        let payload = Payload { msg: content, aad: &bytes };
        let sealed = self.cipher().encrypt(&nonce, payload).map_err(|_| CursorError::TooLong)?;
        bytes.extend(nonce);
        bytes.extend(sealed);
        Ok(bytes)
    }

    #[cfg(feature = "sealed-cursors")]
    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&self.bytes.into())
    }

    /// The content, if this key packed it. Takes as long for a wrong signature as for another one.
    fn open(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        match self.kind {
            Kind::Plain => None,
            Kind::Signed => {
                let (signed, signature) = bytes.split_last_chunk::<KEY>()?;
                let content = signed.get(HEADER..)?;
                self.hmac(signed)?.verify_slice(signature).ok()?;
                Some(content.into())
            }
            #[cfg(feature = "sealed-cursors")]
            Kind::Sealed => {
                let (header, body) = bytes.split_first_chunk::<HEADER>()?;
                let (nonce, sealed) = body.split_first_chunk::<NONCE>()?;
                self.cipher().decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad: header }).ok()
            }
            #[cfg(not(feature = "sealed-cursors"))]
            Kind::Sealed => None,
        }
    }
}

/// Without what is secret.
impl fmt::Debug for CursorSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = self.keys.iter().map(|key| key.kind);
        f.debug_list().entries(kinds).finish()
    }
}
