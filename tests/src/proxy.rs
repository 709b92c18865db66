//! A TCP proxy that counts round trips, and that stands for a network that is slow or breaks.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use futures_util::future::{Either, select};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};

/// Stands between a client and a server and counts how often the client speaks after it has heard something.
///
/// For protocols in which a client is silent until the server has answered in full, as those of PostgreSQL and MySQL
/// are, that is the number of round trips, however the bytes are cut into packets.
pub struct Proxy {
    address: SocketAddr,
    state: Arc<State>,
    listener: AbortHandle,
}

struct State {
    trips: AtomicU64,
    /// Answers are kept back.
    held: watch::Sender<bool>,
    /// A client that says this is hung up on as soon as the server has heard it.
    fatal: Mutex<Option<&'static [u8]>>,
    connections: Mutex<JoinSet<()>>,
}

impl Proxy {
    /// Listens on a port of its own and connects to `server` (`host:port`) for each client.
    pub async fn start(server: impl Into<String>) -> Self {
        let server = server.into();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            trips: AtomicU64::new(0),
            held: watch::Sender::new(false),
            fatal: Mutex::new(None),
            connections: Mutex::new(JoinSet::new()),
        });
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(&server).await else { continue };
                client.set_nodelay(true).unwrap();
                server.set_nodelay(true).unwrap();
                let state = Arc::clone(&shared);
                shared.connections.lock().unwrap().spawn(connection(state, client, server));
            }
        });
        Proxy { address, state, listener: task.abort_handle() }
    }

    /// Where to connect instead.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Round trips since the start, connecting included.
    pub fn round_trips(&self) -> u64 {
        self.state.trips.load(Ordering::SeqCst)
    }

    /// The round trips of a future.
    pub async fn count<F: Future>(&self, future: F) -> (F::Output, u64) {
        let before = self.round_trips();
        let out = future.await;
        (out, self.round_trips() - before)
    }

    /// The server's answers do not arrive until [`release`](Self::release).
    pub fn hold(&self) {
        self.state.held.send_replace(true);
    }

    /// Answers arrive again, those that were held first.
    pub fn release(&self) {
        self.state.held.send_replace(false);
    }

    /// Breaks a connection as soon as its client has said this; the server has heard it, and its answer is lost. Once.
    pub fn cut_after(&self, words: &'static [u8]) {
        *self.state.fatal.lock().unwrap() = Some(words);
    }

    /// Breaks all connections, and refuses new ones.
    pub fn cut(&self) {
        self.listener.abort();
        self.state.connections.lock().unwrap().abort_all();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.cut();
    }
}

/// Until both sides are gone, or the connection is cut.
async fn connection(state: Arc<State>, client: TcpStream, server: TcpStream) {
    let heard = AtomicBool::new(true);
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let there = pin!(ask(&state, &heard, from_client, to_server));
    let back = pin!(answer(&state, &heard, from_server, to_client));
    match select(there, back).await {
        Either::Left((End::Cut, _)) => {}
        Either::Left((End::Gone, back)) => back.await,
        Either::Right(((), there)) => {
            there.await;
        }
    }
}

enum End {
    Gone,
    Cut,
}

/// What the client says.
async fn ask(state: &State, heard: &AtomicBool, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) -> End {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        let said = &buffer[..read];
        if heard.swap(false, Ordering::SeqCst) {
            state.trips.fetch_add(1, Ordering::SeqCst);
        }
        if to.write_all(said).await.is_err() {
            break;
        }
        let mut fatal = state.fatal.lock().unwrap();
        if fatal.is_some_and(|words| said.windows(words.len()).any(|part| part == words)) {
            *fatal = None;
            return End::Cut;
        }
    }
    // The other side shall learn that this one has hung up; it may be gone itself.
    let _ = to.shutdown().await;
    End::Gone
}

/// What the server says.
async fn answer(state: &State, heard: &AtomicBool, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        // The sender is in `state`, so it is there.
        let _ = state.held.subscribe().wait_for(|held| !held).await;
        heard.store(true, Ordering::SeqCst);
        if to.write_all(&buffer[..read]).await.is_err() {
            break;
        }
    }
    let _ = to.shutdown().await;
}
