//! What a client cannot do to a server behind [`Bounded`]: keep a place without asking, or leave unread.

use admission::{Bounded, Bounds, Peer, Visits, visit};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::ConnectInfo;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_stream::StreamExt;

const IDLE: Duration = Duration::from_millis(300);
const DRIP: Duration = Duration::from_millis(50);
/// More than enough for anything that ends.
const LONG: Duration = Duration::from_secs(20);

/// A server with one place, and the requests under way at it.
async fn server() -> (SocketAddr, Visits) {
    let slow = || async {
        let pieces = tokio_stream::iter(0..20).throttle(DRIP);
        Body::from_stream(pieces.map(|piece| Ok::<_, Infallible>(format!("{piece}\n"))))
    };
    let endless = || async {
        let zeros = Bytes::from(vec![0; 1 << 16]);
        Body::from_stream(tokio_stream::iter(
            std::iter::repeat(zeros).map(Ok::<_, Infallible>),
        ))
    };
    let who =
        |ConnectInfo(peer): ConnectInfo<Peer>| async move { format!("you are {}", peer.address) };
    let visits = Visits::default();
    let service = Router::new()
        .route("/", get(who))
        .route("/slow", get(slow))
        .route("/endless", get(endless))
        .layer(from_fn_with_state(visits.clone(), visit))
        .into_make_service_with_connect_info::<Peer>();
    let listener = TcpListener::bind((IpAddr::from([127, 0, 0, 1]), 0))
        .await
        .expect("a port");
    let address = listener.local_addr().expect("its address");
    let bounds = Bounds {
        connections: 1,
        idle: IDLE,
        unread: IDLE,
    };
    tokio::spawn(async move { axum::serve(Bounded::new(listener, bounds), service).await });
    (address, visits)
}

async fn connect(address: SocketAddr) -> TcpStream {
    TcpStream::connect(address).await.expect("a connection")
}

/// All that comes until the server closes, or breaks off.
async fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let read = timeout(LONG, stream.read_to_end(&mut bytes)).await;
    let _ = read.expect("the server must close the connection");
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What is answered at an address, over a connection of its own.
async fn answered(address: SocketAddr, path: &str) -> String {
    let mut stream = connect(address).await;
    let head = format!("GET {path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.expect("sent");
    rest(&mut stream).await
}

#[tokio::test]
async fn who_asks_nothing_gives_his_place_to_the_next() {
    let (address, visits) = server().await;
    let mut silent = connect(address).await;
    let next = tokio::spawn(async move { answered(address, "/").await });
    assert_eq!(rest(&mut silent).await, "");
    let answer = next.await.expect("an answer");
    assert!(answer.ends_with("you are 127.0.0.1"), "{answer}");
    timeout(LONG, visits.none()).await.expect("none under way");
}

#[tokio::test]
async fn a_head_that_drips_in_is_not_waited_for() {
    let (address, _) = server().await;
    let mut slow = connect(address).await;
    let dripping = async {
        loop {
            if slow.write_all(b"G").await.is_err() {
                return;
            }
            sleep(DRIP).await;
        }
    };
    timeout(LONG, dripping).await.expect("broken off");
    let answer = answered(address, "/").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn an_answer_may_take_longer_than_nothing_asked() {
    let (address, visits) = server().await;
    let answer = answered(address, "/slow").await;
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.contains("19\n"),
        "{answer}"
    );
    timeout(LONG, visits.none()).await.expect("none under way");
}

#[tokio::test]
async fn what_stays_unread_is_broken_off() {
    let (address, visits) = server().await;
    let mut stream = connect(address).await;
    stream
        .write_all(b"GET /endless HTTP/1.1\r\nHost: here\r\n\r\n")
        .await
        .expect("sent");
    let answer = answered(address, "/").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    timeout(LONG, visits.none()).await.expect("none under way");
}
