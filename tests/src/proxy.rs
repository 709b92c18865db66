//! A TCP proxy that counts round trips.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

/// Stands between a client and a server and counts how often the client speaks after it has heard something.
///
/// For protocols in which a client is silent until the server has answered in full, as those of PostgreSQL and MySQL
/// are, that is the number of round trips, however the bytes are cut into packets.
pub struct Proxy {
    address: SocketAddr,
    trips: Arc<AtomicU64>,
    listener: AbortHandle,
}

impl Proxy {
    /// Listens on a port of its own and connects to `server` (`host:port`) for each client.
    pub async fn start(server: impl Into<String>) -> Self {
        let server = server.into();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let trips = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&trips);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(&server).await else { continue };
                client.set_nodelay(true).unwrap();
                server.set_nodelay(true).unwrap();
                let heard = Arc::new(AtomicBool::new(true));
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                let (counter, spoke) = (Arc::clone(&counter), Arc::clone(&heard));
                tokio::spawn(pump(from_client, to_server, move || {
                    if heard.swap(false, Ordering::SeqCst) {
                        counter.fetch_add(1, Ordering::SeqCst);
                    }
                }));
                tokio::spawn(pump(from_server, to_client, move || spoke.store(true, Ordering::SeqCst)));
            }
        });
        Proxy { address, trips, listener: task.abort_handle() }
    }

    /// Where to connect instead.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Round trips since the start, connecting included.
    pub fn round_trips(&self) -> u64 {
        self.trips.load(Ordering::SeqCst)
    }

    /// The round trips of a future.
    pub async fn count<F: Future>(&self, future: F) -> (F::Output, u64) {
        let before = self.round_trips();
        let out = future.await;
        (out, self.round_trips() - before)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

/// Copies until either side is gone, and tells of each piece before it is passed on.
async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, passing: impl Fn()) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        passing();
        if to.write_all(&buffer[..read]).await.is_err() {
            break;
        }
    }
    // The other side shall learn that this one has hung up; it may be gone itself.
    let _ = to.shutdown().await;
}
