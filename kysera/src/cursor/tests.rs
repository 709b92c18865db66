//! What is packed comes out as it went in, and nothing else does.

use super::*;

const CONTENT: &[u8] = br#"0123456789abcdef1[1,"two",null]"#;

/// Every text that differs from a cursor's in one character.
fn changed(cursor: &Cursor) -> impl Iterator<Item = Cursor> + '_ {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_!=\0";
    (0..cursor.0.len()).flat_map(move |at| {
        alphabet.iter().filter(move |byte| cursor.0.as_bytes()[at] != **byte).map(move |byte| {
            let mut bytes = cursor.0.clone().into_bytes();
            bytes[at] = *byte;
            Cursor(String::from_utf8(bytes).unwrap())
        })
    })
}

/// Neither a change nor a cut passes.
fn is_tight(cursor: &Cursor, secret: Option<&CursorSecret>) {
    assert_eq!(cursor.unpack(secret).unwrap(), CONTENT);
    for changed in changed(cursor) {
        changed.unpack(secret).unwrap_err();
    }
    for end in 0..cursor.0.len() {
        let cut = Cursor(cursor.0[..end].into());
        assert_eq!(cut.unpack(secret), Err(CursorError::Truncated), "at {end}");
    }
    for more in ["A", "AA", "AAA", "AAAA", "=", "=="] {
        let longer = Cursor(format!("{}{more}", cursor.0));
        assert_eq!(longer.unpack(secret), Err(CursorError::Malformed), "{more}");
    }
}

/// A cursor with other bytes in front.
fn with_header(cursor: &Cursor, version: u8, kind: u8) -> Cursor {
    let mut bytes = BASE64.decode(&cursor.0).unwrap();
    bytes[0] = version;
    bytes[1] = kind;
    Cursor(BASE64.encode(bytes))
}

#[test]
fn plain_cursors() {
    let cursor = Cursor::pack(CONTENT, None).unwrap();
    is_tight(&cursor, None);
    for version in [0, 2, 255] {
        assert_eq!(with_header(&cursor, version, 0).unpack(None), Err(CursorError::Version));
    }
    assert_eq!(with_header(&cursor, 1, 3).unpack(None), Err(CursorError::Malformed));
    assert_eq!(with_header(&cursor, 1, 1).unpack(None), Err(CursorError::NoSecret));
    assert_eq!(Cursor::pack(b"", None).unwrap().unpack(None).unwrap(), b"");
}

#[test]
fn long_cursors_are_neither_made_nor_read() {
    let most = Cursor::MAX_LEN / 4 * 3 - HEADER - CHECKSUM;
    let cursor = Cursor::pack(&vec![7; most], None).unwrap();
    assert_eq!(cursor.0.len(), Cursor::MAX_LEN);
    assert_eq!(cursor.unpack(None).unwrap().len(), most);
    assert_eq!(Cursor::pack(&vec![7; most + 1], None), Err(CursorError::TooLong));
    assert_eq!(Cursor::pack(&vec![7; 100_000], None), Err(CursorError::TooLong));
    let long = "A".repeat(Cursor::MAX_LEN + 1);
    assert_eq!(long.parse::<Cursor>(), Err(CursorError::TooLong));
    assert_eq!(Cursor(long.clone()).unpack(None), Err(CursorError::TooLong));
    assert!(serde_json::from_value::<Cursor>(long.into()).is_err());
}

#[cfg(feature = "sealed-cursors")]
mod secrets {
    use super::*;
    use crate::Error;

    fn signed(byte: u8) -> CursorSecret {
        CursorSecret::signed([byte; 32]).unwrap()
    }

    fn sealed(byte: u8) -> CursorSecret {
        CursorSecret::sealed([byte; 40]).unwrap()
    }

    #[test]
    fn signed_cursors() {
        let secret = signed(1);
        let cursor = Cursor::pack(CONTENT, Some(&secret)).unwrap();
        is_tight(&cursor, Some(&secret));
        assert_eq!(cursor, Cursor::pack(CONTENT, Some(&signed(1))).unwrap());
        // Readable, and meant to be.
        assert!(BASE64.decode(&cursor.0).unwrap().windows(3).any(|part| part == b"two"));
        assert_eq!(cursor.unpack(None), Err(CursorError::NoSecret));
        assert_eq!(cursor.unpack(Some(&signed(2))), Err(CursorError::Forged));
        assert_eq!(cursor.unpack(Some(&sealed(1))), Err(CursorError::Unprotected));
        assert_eq!(with_header(&cursor, 1, 2).unpack(Some(&sealed(1))), Err(CursorError::Forged));
        assert_eq!(with_header(&cursor, 1, 0).unpack(Some(&secret)), Err(CursorError::Unprotected));
        assert_eq!(with_header(&cursor, 2, 1).unpack(Some(&secret)), Err(CursorError::Version));
    }

    #[test]
    fn sealed_cursors() {
        let secret = sealed(1);
        let cursor = Cursor::pack(CONTENT, Some(&secret)).unwrap();
        is_tight(&cursor, Some(&secret));
        // Never the same twice, and nothing to be read in it.
        assert_ne!(cursor, Cursor::pack(CONTENT, Some(&secret)).unwrap());
        assert!(!BASE64.decode(&cursor.0).unwrap().windows(3).any(|part| part == b"two"));
        assert_eq!(cursor.unpack(None), Err(CursorError::NoSecret));
        assert_eq!(cursor.unpack(Some(&sealed(2))), Err(CursorError::Forged));
        assert_eq!(cursor.unpack(Some(&signed(1))), Err(CursorError::Unprotected));
    }

    #[test]
    fn plain_cursors_are_refused_where_there_is_a_secret() {
        let plain = Cursor::pack(CONTENT, None).unwrap();
        for secret in [signed(1), sealed(1), signed(1).and_accept(sealed(2))] {
            assert_eq!(plain.unpack(Some(&secret)), Err(CursorError::Unprotected));
            // A plain body under the name of another kind.
            for kind in [1, 2] {
                with_header(&plain, 1, kind).unpack(Some(&secret)).unwrap_err();
            }
        }
    }

    #[test]
    fn secrets_are_rotated() {
        let both = sealed(2).and_accept(sealed(1)).and_accept(signed(3));
        for old in [sealed(1), sealed(2), signed(3)] {
            let cursor = Cursor::pack(CONTENT, Some(&old)).unwrap();
            assert_eq!(cursor.unpack(Some(&both)).unwrap(), CONTENT);
        }
        let new = Cursor::pack(CONTENT, Some(&both)).unwrap();
        assert_eq!(new.unpack(Some(&sealed(2))).unwrap(), CONTENT);
        assert_eq!(new.unpack(Some(&sealed(1))), Err(CursorError::Forged));
        let strange = Cursor::pack(CONTENT, Some(&signed(4))).unwrap();
        assert_eq!(strange.unpack(Some(&both)), Err(CursorError::Forged));
    }

    #[test]
    fn short_secrets_are_refused_and_none_is_shown() {
        for secret in [CursorSecret::signed([9; 31]), CursorSecret::sealed(b"password")] {
            assert!(matches!(secret, Err(Error::BadRequest(_))));
        }
        let text = format!("{:?}", signed(0x5A).and_accept(sealed(0x5A)));
        assert_eq!(text, "[Signed, Sealed]");
    }
}
