//! A TCP proxy that counts round trips, and that stands for a network that is slow or breaks.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use futures_util::future::{Either, pending, select};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};

/// Stands between a client and a server and counts how often the client speaks after it has heard something.
///
/// For protocols in which a client is silent until the server has answered in full, as those of PostgreSQL and MySQL
/// are, that is the number of round trips, however the bytes are cut into packets.
pub struct Proxy {
    address: SocketAddr,
    server: String,
    state: Arc<State>,
    listener: Mutex<AbortHandle>,
}

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Client,
    Server,
}

struct State {
    trips: AtomicU64,
    /// Bytes that were passed on, of clients and of servers.
    passed: [AtomicU64; 2],
    trickle: AtomicBool,
    /// Whose bytes are kept back.
    held: watch::Sender<[bool; 2]>,
    /// A client that says this is hung up on as soon as the server has heard it.
    fatal: Mutex<Option<&'static [u8]>>,
    limit: Mutex<Option<Limit>>,
    /// How often all connections were broken.
    broken: watch::Sender<u64>,
    /// Connections so far, and how many of them nothing arrives through any more.
    made: AtomicU64,
    dead: AtomicU64,
    connections: Mutex<JoinSet<()>>,
}

/// What happens when so many more bytes of one side have been passed on.
struct Limit {
    side: Side,
    left: usize,
    then: Then,
}

#[derive(Clone, Copy)]
enum Then {
    Cut,
    Hold,
}

impl Proxy {
    /// Listens on a port of its own and connects to `server` (`host:port`) for each client.
    pub async fn start(server: impl Into<String>) -> Self {
        let server = server.into();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            trips: AtomicU64::new(0),
            passed: Default::default(),
            trickle: AtomicBool::new(false),
            held: watch::Sender::new([false; 2]),
            fatal: Mutex::new(None),
            limit: Mutex::new(None),
            broken: watch::Sender::new(0),
            made: AtomicU64::new(0),
            dead: AtomicU64::new(0),
            connections: Mutex::new(JoinSet::new()),
        });
        let listener = Mutex::new(serve(listener, server.clone(), Arc::clone(&state)));
        Proxy { address, server, state, listener }
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

    /// Bytes of one side that were passed on since the start.
    pub fn bytes(&self, side: Side) -> usize {
        self.state.passed[side as usize].load(Ordering::SeqCst) as usize
    }

    /// The server's answers do not arrive until [`release`](Self::release).
    pub fn hold(&self) {
        self.state.held.send_replace([false, true]);
    }

    /// The same after so many more bytes of one side, and for that side.
    pub fn hold_at(&self, side: Side, bytes: usize) {
        *self.state.limit.lock().unwrap() = Some(Limit { side, left: bytes, then: Then::Hold });
    }

    /// Waits until [`hold_at`](Self::hold_at) holds.
    pub async fn is_held(&self) {
        let _ = self.state.held.subscribe().wait_for(|held| held.contains(&true)).await;
    }

    /// Nothing arrives on either side until [`release`](Self::release), not even that the other one has gone.
    pub fn black_hole(&self) {
        self.state.held.send_replace([true, true]);
    }

    /// The same for the connections that there are, and for ever: the other end has lost power. New ones work.
    pub fn forget(&self) {
        self.state.dead.store(self.state.made.load(Ordering::SeqCst), Ordering::SeqCst);
    }

    /// Everything arrives again, what was held first. What was yet to come of [`hold_at`](Self::hold_at) and
    /// [`cut_at`](Self::cut_at) is forgotten.
    pub fn release(&self) {
        *self.state.limit.lock().unwrap() = None;
        self.state.held.send_replace([false; 2]);
    }

    /// From now on each byte is a packet of its own.
    pub fn trickle(&self) {
        self.state.trickle.store(true, Ordering::SeqCst);
    }

    /// Breaks a connection as soon as its client has said this; the server has heard it, and its answer is lost. Once.
    pub fn cut_after(&self, words: &'static [u8]) {
        *self.state.fatal.lock().unwrap() = Some(words);
    }

    /// Breaks a connection when so many more bytes of one side have been passed on and there is another one. Once.
    pub fn cut_at(&self, side: Side, bytes: usize) {
        *self.state.limit.lock().unwrap() = Some(Limit { side, left: bytes, then: Then::Cut });
    }

    /// Breaks all connections, and takes new ones.
    pub fn break_all(&self) {
        self.state.broken.send_modify(|times| *times += 1);
    }

    /// Refuses new connections.
    pub fn refuse(&self) {
        self.listener.lock().unwrap().abort();
    }

    /// Takes new connections again after [`refuse`](Self::refuse).
    pub fn accept(&self) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind(self.address).unwrap();
        let listener = socket.listen(1024).unwrap();
        *self.listener.lock().unwrap() = serve(listener, self.server.clone(), Arc::clone(&self.state));
    }

    /// Breaks all connections, and refuses new ones.
    pub fn cut(&self) {
        self.refuse();
        self.state.connections.lock().unwrap().abort_all();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.cut();
    }
}

fn serve(listener: TcpListener, server: String, state: Arc<State>) -> AbortHandle {
    let task = tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            // Dropped with this: a server that is away hangs up.
            let Ok(server) = TcpStream::connect(&server).await else { continue };
            client.set_nodelay(true).unwrap();
            server.set_nodelay(true).unwrap();
            let mut connections = state.connections.lock().unwrap();
            while connections.try_join_next().is_some() {}
            connections.spawn(connection(Arc::clone(&state), client, server));
        }
    });
    task.abort_handle()
}

struct Line {
    number: u64,
    /// The client has heard something since it spoke.
    heard: AtomicBool,
}

#[derive(Clone, Copy, PartialEq)]
enum End {
    Gone,
    Cut,
}

/// Until both sides are gone, or the connection is cut.
async fn connection(state: Arc<State>, mut client: TcpStream, mut server: TcpStream) {
    let mut broken = state.broken.subscribe();
    let line = Line { number: state.made.fetch_add(1, Ordering::SeqCst), heard: AtomicBool::new(true) };
    let end = {
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        let there = pin!(pass(&state, Side::Client, &line, from_client, to_server));
        let back = pin!(pass(&state, Side::Server, &line, from_server, to_client));
        let both = async {
            match select(there, back).await {
                Either::Left((End::Gone, back)) => back.await,
                Either::Right((End::Gone, there)) => there.await,
                Either::Left((End::Cut, _)) | Either::Right((End::Cut, _)) => End::Cut,
            }
        };
        match select(pin!(broken.changed()), pin!(both)).await {
            Either::Left(_) => End::Cut,
            Either::Right((end, _)) => end,
        }
    };
    if end == End::Cut {
        // A reset instead of an orderly end.
        let _ = client.set_zero_linger();
    }
}

/// What one side says.
async fn pass(state: &State, side: Side, line: &Line, mut from: ReadHalf<'_>, mut to: WriteHalf<'_>) -> End {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        let said = &buffer[..read];
        if side == Side::Client && line.heard.swap(false, Ordering::SeqCst) {
            state.trips.fetch_add(1, Ordering::SeqCst);
        }
        let mut rest = said;
        while !rest.is_empty() {
            state.is_open(side, line).await;
            if side == Side::Server {
                line.heard.store(true, Ordering::SeqCst);
            }
            let (length, then) = state.admit(side, rest.len());
            let (now, later) = rest.split_at(length);
            if to.write_all(now).await.is_err() {
                return End::Gone;
            }
            state.passed[side as usize].fetch_add(now.len() as u64, Ordering::SeqCst);
            rest = later;
            match then {
                Some(Then::Cut) => return End::Cut,
                Some(Then::Hold) => state.held.send_modify(|held| held[side as usize] = true),
                None if state.trickle.load(Ordering::SeqCst) => tokio::task::yield_now().await,
                None => {}
            }
        }
        if side == Side::Client {
            let mut fatal = state.fatal.lock().unwrap();
            if fatal.is_some_and(|words| said.windows(words.len()).any(|part| part == words)) {
                *fatal = None;
                return End::Cut;
            }
        }
    }
    // The other side shall learn that this one has hung up; it may be gone itself.
    state.is_open(side, line).await;
    let _ = to.shutdown().await;
    End::Gone
}

impl State {
    async fn is_open(&self, side: Side, line: &Line) {
        // The sender is here, so it is there.
        let _ = self.held.subscribe().wait_for(|held| !held[side as usize]).await;
        if line.number < self.dead.load(Ordering::SeqCst) {
            pending().await
        }
    }

    /// How many of so many bytes may pass, and what happens then. A cut waits for a byte that it keeps back: the client
    /// knows of all that came before.
    fn admit(&self, side: Side, length: usize) -> (usize, Option<Then>) {
        let length = if self.trickle.load(Ordering::SeqCst) { 1 } else { length };
        let mut limit = self.limit.lock().unwrap();
        match limit.as_mut().filter(|limit| limit.side == side) {
            Some(limit) if limit.left >= length => {
                limit.left -= length;
                (length, None)
            }
            Some(&mut Limit { left, then, .. }) => {
                *limit = None;
                (left, Some(then))
            }
            None => (length, None),
        }
    }
}
