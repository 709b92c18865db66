//! Stopping what runs on a connection, from outside of it.

use std::sync::atomic::{AtomicUsize, Ordering};

use sqlx::Connection;
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::cache::{Held, PING, Shared};
use crate::backend::{Backend, Interrupt};

/// The connection from which servers are told to stop sessions. It is not one of the pool's, all of which may be busy with
/// what is to be stopped; and it is one at most, made when it is needed and closed when nobody waits for it.
pub(super) struct Side<DB: Backend> {
    conn: Mutex<Option<DB::Connection>>,
    users: AtomicUsize,
}

impl<DB: Backend> Side<DB> {
    pub(super) fn new() -> Self {
        Self { conn: Mutex::new(None), users: AtomicUsize::new(0) }
    }

    fn enter(&self) -> User<'_, DB> {
        self.users.fetch_add(1, Ordering::SeqCst);
        User(self)
    }
}

/// Whoever leaves last closes the connection.
struct User<'a, DB: Backend>(&'a Side<DB>);

impl<DB: Backend> Drop for User<'_, DB> {
    fn drop(&mut self) {
        if self.0.users.fetch_sub(1, Ordering::SeqCst) == 1
            && let Ok(mut conn) = self.0.conn.try_lock()
        {
            drop(conn.take());
        }
    }
}

impl<DB: Backend> Shared<DB> {
    /// Stops what runs on a connection, and answers whether it is certain that nothing of it can hit what comes next.
    pub(super) async fn stop_statement(&self, held: &mut Held<DB>) -> bool {
        match held.interrupt.clone() {
            None => true,
            Some(Interrupt::Session(session)) => self.stop_session(session).await,
            Some(Interrupt::Flag(flag)) => {
                flag.store(true, Ordering::Relaxed);
                let behind = DB::resync(&mut held.conn);
                let quiet = match self.recover {
                    Some(bound) => matches!(timeout(bound, behind).await, Ok(Ok(()))),
                    None => behind.await.is_ok(),
                };
                if quiet {
                    flag.store(false, Ordering::Relaxed);
                    self.stopped.fetch_add(1, Ordering::Relaxed);
                }
                quiet
            }
        }
    }

    /// The same where the server keeps sessions.
    pub(super) async fn stop_session(&self, session: i64) -> bool {
        let user = self.side.enter();
        let work = async {
            let mut side = self.side.conn.lock().await;
            // Taken, so that one that is cut is not used again.
            let mut conn = match side.take() {
                Some(conn) => conn,
                None => DB::Connection::connect_with(&self.pool.connect_options()).await?,
            };
            DB::stop(&mut conn, session).await?;
            if self.side.users.load(Ordering::SeqCst) > 1 {
                *side = Some(conn);
            } else {
                conn.close().await?;
            }
            Ok::<_, sqlx::Error>(())
        };
        let told = matches!(timeout(self.recover.unwrap_or(PING), work).await, Ok(Ok(())));
        drop(user);
        if told {
            self.stopped.fetch_add(1, Ordering::Relaxed);
        }
        told
    }
}
