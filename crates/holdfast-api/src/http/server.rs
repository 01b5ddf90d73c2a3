//! The server: an accept loop of our own, because `axum::serve` sets no header-read timer.

use super::stall::StallGuard;
use crate::state::{ApiState, ServerOptions};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

/// How long the accept loop rests when the system has no more descriptors to give.
const OUT_OF_DESCRIPTORS: Duration = Duration::from_millis(200);

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The listener is reachable from other machines, and there is no token.
    #[error(
        "refusing to listen on {0} without a token: anybody who reaches it could change AWS. \
         Configure one under [auth] tokens, or listen on 127.0.0.1"
    )]
    NeedsToken(SocketAddr),
    /// The listener has no address.
    #[error("the listener has no address")]
    Listener(#[source] std::io::Error),
}

/// Checks that an address may be served as configured; [`serve`] does it too.
///
/// # Errors
/// [`ServeError::NeedsToken`] beyond loopback without a token.
pub fn check_address(address: SocketAddr, options: &ServerOptions) -> Result<(), ServeError> {
    // An IPv4 address in IPv6 clothes is still loopback.
    let loopback = address.ip().to_canonical().is_loopback();
    if loopback || !options.tokens.is_empty() { Ok(()) } else { Err(ServeError::NeedsToken(address)) }
}

/// Serves until `shutdown` is ready, then lets what is under way finish for as long as the options allow.
///
/// # Errors
/// [`ServeError`] before the first connection; afterwards a bad connection ends only itself.
pub async fn serve(
    listener: TcpListener,
    state: ApiState,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    check_address(listener.local_addr().map_err(ServeError::Listener)?, state.options())?;
    let service = TowerToHyperService::new(crate::router(state.clone()));
    // Also where nobody asks whether the server is ready. What fails here fails again for whoever asks, who is told.
    let cold = state.clone();
    tokio::task::spawn_blocking(move || cold.warm_up().and_then(|()| cold.warm_up_claims()));
    let slots = Arc::new(Semaphore::new(state.options().max_connections));
    let graceful = GracefulShutdown::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        // A slot is taken before a connection is accepted: beyond the limit, clients wait in the kernel's queue.
        let accepted = async {
            let slot = slots.clone().acquire_owned().await;
            (slot, listener.accept().await)
        };
        let (slot, connection) = tokio::select! {
            () = &mut shutdown => break,
            accepted = accepted => accepted,
        };
        let stream = match connection {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(OUT_OF_DESCRIPTORS).await;
                continue;
            }
        };
        let connection = graceful.watch(talk(stream, service.clone(), state.options()));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
            drop(slot);
        });
    }
    drop(listener);
    state.close();
    let drain = state.options().drain_timeout;
    if tokio::time::timeout(drain, graceful.shutdown()).await.is_err() {
        tracing::warn!(?drain, "some connections did not end in time and are cut");
    }
    Ok(())
}

type Service = TowerToHyperService<axum::Router>;

fn talk(
    stream: TcpStream,
    service: Service,
    options: &ServerOptions,
) -> hyper::server::conn::http1::Connection<TokioIo<StallGuard<TcpStream>>, Service> {
    // Without it small answers wait for the acknowledgement of the one before; if it cannot be set they just do.
    let _ = stream.set_nodelay(true);
    hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(options.header_timeout)
        .max_buf_size(64 * 1024)
        .serve_connection(TokioIo::new(StallGuard::new(stream, options.write_timeout)), service)
}
