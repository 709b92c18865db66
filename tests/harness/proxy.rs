//! The proxy counts questions, not packets.

use kysera_tests::proxy::Proxy;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Answers every line with a line.
async fn echo() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                while let Ok(byte) = stream.read_u8().await {
                    if byte == b'\n' {
                        stream.write_all(b"answer\n").await.unwrap();
                    }
                }
            });
        }
    });
    address
}

async fn ask(stream: &mut TcpStream, pieces: &[&str]) {
    for piece in pieces {
        stream.write_all(piece.as_bytes()).await.unwrap();
        stream.flush().await.unwrap();
        // Lets the proxy see the pieces one by one.
        tokio::task::yield_now().await;
    }
    let mut answer = [0; 7];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"answer\n");
}

#[tokio::test]
async fn a_question_in_pieces_is_one_round_trip() {
    let proxy = Proxy::start(echo().await).await;
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    assert_eq!(proxy.count(ask(&mut stream, &["a", "b", "c\n"])).await.1, 1);
    assert_eq!(proxy.count(ask(&mut stream, &["d\n"])).await.1, 1);
    assert_eq!(proxy.round_trips(), 2);
}

#[tokio::test]
async fn connections_are_added_up() {
    let proxy = Proxy::start(echo().await).await;
    let mut first = TcpStream::connect(proxy.address()).await.unwrap();
    let mut second = TcpStream::connect(proxy.address()).await.unwrap();
    let both = async {
        ask(&mut first, &["a\n"]).await;
        ask(&mut second, &["b\n"]).await;
    };
    assert_eq!(proxy.count(both).await.1, 2);
}

#[cfg(feature = "postgres")]
#[tokio::test]
async fn a_prepared_statement_of_postgres_is_one_round_trip() {
    use kysera_tests::{Ddl, Fixture};

    let db = Fixture::<sqlx::Postgres>::new(&Ddl::NONE).await;
    let options = db.options();
    let proxy = Proxy::start(format!("{}:{}", options.get_host(), options.get_port())).await;
    let through = options.host("127.0.0.1").port(proxy.address().port());
    let source = db.connect(through, 1).await;
    let mut conn = source.pool().acquire().await.unwrap();
    let (_, first) = proxy.count(sqlx::query("SELECT 1").fetch_all(&mut *conn)).await;
    let (_, second) = proxy.count(sqlx::query("SELECT 1").fetch_all(&mut *conn)).await;
    assert!(first > 1, "preparing takes a round trip of its own");
    assert_eq!(second, 1);
}
