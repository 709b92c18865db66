//! Telling a migration that runs from one whose program died, where the database has no locks that could tell.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// A locked file. The system lets go of it when the program dies, however it does.
pub(super) struct Alive {
    path: PathBuf,
    /// Closed after the file's name is gone.
    _file: File,
}

impl Alive {
    /// `None` if somebody else has it.
    pub(super) fn take(path: PathBuf) -> io::Result<Option<Self>> {
        loop {
            let Some(file) = lock(&path, true)? else { return Ok(None) };
            // Whoever had it may have removed the name between the two steps, and the next one made a new file. Then the
            // lock of this one says nothing.
            if is_taken(&path)? {
                return Ok(Some(Self { path, _file: file }));
            }
        }
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        // If it stays, it is empty and not locked.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Whether somebody has it.
pub(super) fn is_taken(path: &Path) -> io::Result<bool> {
    match lock(path, false) {
        Ok(file) => Ok(file.is_none()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn lock(path: &Path, create: bool) -> io::Result<Option<File>> {
    let file = OpenOptions::new().read(true).write(true).create(create).truncate(false).open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn one_has_it_at_a_time_and_nothing_stays() {
        let path = std::env::temp_dir().join(format!("kysera-alive-{}", std::process::id()));
        assert!(!is_taken(&path).unwrap());
        let first = Alive::take(path.clone()).unwrap().unwrap();
        assert!(is_taken(&path).unwrap());
        assert!(Alive::take(path.clone()).unwrap().is_none());
        drop(first);
        assert!(!path.exists());
        drop(Alive::take(path.clone()).unwrap().unwrap());
        // What a program that died has left.
        File::create(&path).unwrap();
        assert!(!is_taken(&path).unwrap());
        drop(Alive::take(path.clone()).unwrap().unwrap());
        assert!(!path.exists());
    }
}
