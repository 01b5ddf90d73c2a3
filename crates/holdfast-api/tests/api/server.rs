//! The server itself, over real sockets.

use crate::support::{Api, api_with, house};
use holdfast_api::{ServerOptions, serve};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

struct Running {
    api: Api,
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

async fn running(options: ServerOptions) -> Running {
    let api = api_with(options);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let state = api.state.clone();
    let task = tokio::spawn(async move {
        let stopped = async move { drop(stopped.await) };
        serve(listener, state, stopped).await.unwrap();
    });
    Running { api, address, stop, task }
}

impl Running {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }
    async fn request(&self, head: &str) -> TcpStream {
        let mut stream = self.connect().await;
        stream.write_all(format!("{head}\r\nhost: localhost\r\n\r\n").as_bytes()).await.unwrap();
        stream
    }
}

/// What comes until `until` does, or the connection ends.
async fn read(stream: &mut TcpStream, until: &str) -> String {
    let mut text = String::new();
    let mut buffer = [0; 4096];
    while !text.contains(until) {
        let n = tokio::time::timeout(Duration::from_secs(10), stream.read(&mut buffer))
            .await
            .expect("nothing came")
            .unwrap_or(0);
        if n == 0 {
            break;
        }
        text.push_str(&String::from_utf8_lossy(&buffer[..n]));
    }
    text
}

#[tokio::test]
async fn a_client_that_never_finishes_its_head_is_let_go_and_hinders_nobody() {
    let options = ServerOptions { header_timeout: Duration::from_millis(300), ..ServerOptions::default() };
    let server = running(options).await;
    let mut silent = server.connect().await;
    let mut slow = server.connect().await;
    slow.write_all(b"GET /healthz HTTP/1.1\r\nhost: loc").await.unwrap();
    let mut quick = server.request("GET /healthz HTTP/1.1").await;
    assert!(read(&mut quick, "ok").await.starts_with("HTTP/1.1 200"));
    let began = Instant::now();
    // A byte now and then does not buy more time.
    for _ in 0..5 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let _ = slow.write_all(b"a").await;
    }
    for stream in [&mut silent, &mut slow] {
        assert!(!read(stream, "HTTP/1.1 200").await.contains("200"));
    }
    assert!(began.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn more_connections_than_allowed_wait_their_turn() {
    let options = ServerOptions { max_connections: 2, ..ServerOptions::default() };
    let server = running(options).await;
    let first = server.connect().await;
    let _second = server.connect().await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    let mut third = server.request("GET /healthz HTTP/1.1").await;
    let waited = tokio::time::timeout(Duration::from_millis(200), third.readable()).await;
    assert!(waited.is_err(), "the third was served beside two others");
    drop(first);
    assert!(read(&mut third, "ok").await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_shutdown_ends_streams_finishes_answers_and_takes_nobody_new() {
    let server = running(ServerOptions::default()).await;
    let mut stream = server.request("GET /v1/watch HTTP/1.1").await;
    assert!(read(&mut stream, "connected").await.contains("connected"));
    server.api.apply(&house()).await;
    assert!(read(&mut stream, "toys").await.contains("\"toys\""));
    let mut idle = server.request("GET /healthz HTTP/1.1").await;
    read(&mut idle, "ok").await;
    let began = Instant::now();
    server.stop.send(()).unwrap();
    tokio::time::timeout(Duration::from_secs(5), server.task).await.expect("it did not end").unwrap();
    assert!(began.elapsed() < Duration::from_secs(2));
    // The stream ended as it should: with its last chunk.
    assert!(read(&mut stream, "0\r\n\r\n").await.ends_with("0\r\n\r\n"));
    assert!(TcpStream::connect(server.address).await.is_err());
}

#[tokio::test]
async fn a_watcher_that_does_not_read_is_dropped_while_others_go_on() {
    let options = ServerOptions { write_timeout: Duration::from_millis(300), ..ServerOptions::default() };
    let server = running(options).await;
    let event = holdfast_store::Event::new(
        crate::support::start(),
        holdfast_store::EventType::Service,
        "Large",
        "x".repeat(50_000),
    );
    server.api.store.log(&vec![event; 800]).unwrap();
    // Forty megabytes do not fit into the buffers between the two.
    let mut lazy = server.request("GET /v1/watch?after=0 HTTP/1.1").await;
    tokio::time::timeout(Duration::from_secs(60), async {
        // Until the server has let it go; the first look may come before the stream is open.
        tokio::time::sleep(Duration::from_millis(300)).await;
        while !String::from_utf8_lossy(&server.api.get("/metrics").await.bytes).contains("holdfast_watchers 0") {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    })
    .await
    .expect("it was not dropped");
    let mut total = 0;
    let mut buffer = vec![0; 1 << 20];
    loop {
        match tokio::time::timeout(Duration::from_secs(5), lazy.read(&mut buffer))
            .await
            .unwrap_or_else(|_| panic!("it was not dropped after {total} bytes"))
        {
            Ok(0) | Err(_) => break,
            Ok(n) => total += n,
        }
    }
    assert!(total < 40_000_000, "{total} bytes came, so it was not dropped");
    let mut quick = server.request("GET /healthz HTTP/1.1").await;
    assert!(read(&mut quick, "ok").await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_body_of_fifty_megabytes_is_answered_with_413() {
    let server = running(ServerOptions::default()).await;
    let mut stream = server.connect().await;
    let size = 50_000_000;
    let head = format!(
        "POST /v1/apply HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {size}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let chunk = vec![b' '; 1_000_000];
    for _ in 0..size / chunk.len() {
        stream.write_all(&chunk).await.unwrap();
    }
    assert!(read(&mut stream, "too-large").await.starts_with("HTTP/1.1 413"));
}

/// Lets this process have as many descriptors as the test needs, where a laptop allows it a thousand by default.
fn many_descriptors(wanted: u32) {
    let pid = std::process::id().to_string();
    let raised = std::process::Command::new("prlimit").args(["--pid", &pid, &format!("--nofile={wanted}:")]).status();
    assert!(raised.is_ok_and(|status| status.success()), "{wanted} descriptors are not to be had");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_idle_sockets_and_a_thousand_watchers_hinder_nobody() {
    many_descriptors(16_384);
    let server = running(ServerOptions::default()).await;
    let mut idle = Vec::new();
    for _ in 0..2_000 {
        idle.push(server.connect().await);
    }
    let mut watchers = Vec::new();
    for _ in 0..1_000 {
        watchers.push(server.request("GET /v1/watch HTTP/1.1").await);
    }
    for watcher in &mut watchers {
        assert!(read(watcher, "connected").await.contains("connected"));
    }
    server.api.apply(&house()).await;
    for watcher in &mut watchers {
        assert!(read(watcher, "toys").await.contains("\"toys\""), "each is told of what happens");
    }
    let mut quick = server.request("GET /v1/stacks HTTP/1.1").await;
    assert!(read(&mut quick, "house").await.contains("house"));
    drop(watchers);
    assert_eq!(idle.len(), 2_000);
}
