//! Up and down, as often as it takes.

use super::hooks::Progress;
use super::plan::{self, Depth, Rules, Target, row};
use super::report::{Ran, Report, Skipped};
use super::session::Session;
use super::set::{Entry, Set};
use crate::backend::Backend;
use crate::error::{Direction, MigrationError, Result};

/// The database has no lock that spans several transactions where its `lock` does nothing: what is applied is read again
/// before each migration, in the transaction that it runs in.
impl<DB: Backend> Session<'_, DB> {
    pub(super) async fn up(
        &mut self,
        set: &Set<DB>,
        rules: Rules,
        target: Target,
        steps: usize,
        report: &mut Report,
    ) -> Result<()> {
        let mut planned = false;
        let enough = report.done.len().saturating_add(steps);
        while report.done.len() < enough {
            let applied = self.enter().await?;
            let mut pending = plan::pending(set, &applied, rules, target)?;
            pending.truncate(steps);
            if !planned {
                pending.iter().try_for_each(|entry| entry.check(true))?;
                self.watchers.tell(&Progress::Planned { migrations: pending.len() });
                planned = true;
            }
            let Some(entry) = pending.first() else {
                self.rollback().await?;
                break;
            };
            if self.has_to_show(entry, Direction::Up).await? {
                continue;
            }
            let took = self.run(entry, Direction::Up).await?;
            self.hide();
            report.done.push(ran(entry, Direction::Up, took));
        }
        self.hide();
        Ok(())
    }

    pub(super) async fn down(
        &mut self,
        set: &Set<DB>,
        rules: Rules,
        depth: Depth,
        report: &mut Report,
    ) -> Result<()> {
        let applied = self.enter().await?;
        let versions = plan::to_undo(set, &applied, rules, depth)?;
        self.rollback().await?;
        versions.iter().filter_map(|version| set.get(*version)).try_for_each(|entry| entry.check(false))?;
        self.watchers.tell(&Progress::Planned { migrations: versions.len() });
        for version in versions {
            loop {
                let applied = self.enter().await?;
                let Some(row) = row(&applied, version) else {
                    self.rollback().await?; // another runner was here
                    break;
                };
                if !row.success {
                    return Err(plan::dirty(row).into());
                }
                let why = match set.get(version) {
                    None => "it is not in the set",
                    Some(entry) if !entry.is_reversible() => "nothing says how to undo it",
                    Some(entry) => {
                        if self.has_to_show(entry, Direction::Down).await? {
                            continue;
                        }
                        let took = self.run(entry, Direction::Down).await?;
                        self.hide();
                        report.done.push(ran(entry, Direction::Down, took));
                        break;
                    }
                };
                self.rollback().await?;
                tracing::warn!(target: "kysera::migrate", version, why, "skipped");
                self.watchers.tell(&Progress::Skipped { version, why: why.into() });
                report.skipped.push(Skipped { version, description: row.description.clone(), why });
                break;
            }
        }
        self.hide();
        Ok(())
    }

    /// Whether others had to be shown first that this program is alive. The transaction is over then: what is applied has to be
    /// read again.
    async fn has_to_show(&mut self, entry: &Entry<DB>, direction: Direction) -> Result<bool> {
        if entry.is_in_transaction(direction == Direction::Up) || !self.is_unseen() {
            return Ok(false);
        }
        self.rollback().await?;
        self.show_alive().await?;
        Ok(true)
    }

    /// Writes down that a migration is applied, as it is now, whatever the table says.
    pub(super) async fn mark_applied(&mut self, entry: &Entry<DB>) -> Result<()> {
        let applied = self.enter().await?;
        if row(&applied, entry.version).is_some() {
            self.books.accept::<DB>(&mut self.conn, entry.version, &entry.checksum).await?;
        } else {
            self.books.insert::<DB>(&mut self.conn, entry.entered(), -1).await?;
        }
        self.commit().await
    }

    /// Writes down that a migration is not applied.
    pub(super) async fn mark_reverted(&mut self, version: i64) -> Result<()> {
        let applied = self.enter().await?;
        if row(&applied, version).is_none() {
            return Err(MigrationError::NotFound { version }.into());
        }
        self.books.delete::<DB>(&mut self.conn, version).await?;
        self.commit().await
    }
}

fn ran<DB: Backend>(entry: &Entry<DB>, direction: Direction, took: std::time::Duration) -> Ran {
    Ran { version: entry.version, description: entry.description.clone(), direction, took }
}
