//! A listener that bounds the connections open at once, the time in which one must ask something, and the
//! time for which what is sent may stay unread.

use super::limits::{IDLE_SECONDS_MAX, UNREAD_SECONDS_MAX};
use super::visits::Peer;
use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Sleep, sleep, sleep_until};

const IDLE_MAX: Duration = Duration::from_secs(IDLE_SECONDS_MAX);
const UNREAD_MAX: Duration = Duration::from_secs(UNREAD_SECONDS_MAX);

pub struct Bounded {
    listener: TcpListener,
    places: Arc<Semaphore>,
}

impl Bounded {
    pub fn new(listener: TcpListener, connections_max: usize) -> Self {
        Bounded {
            listener,
            places: Arc::new(Semaphore::new(connections_max)),
        }
    }
}

/// A connection with its place.
pub struct Connection {
    stream: TcpStream,
    // Given back when the connection ends.
    _place: Option<OwnedSemaphorePermit>,
    peer: Peer,
    /// When to look whether it has been idle too long.
    look: Pin<Box<Sleep>>,
    /// Until when what waits to be sent must begin to go, where something waits.
    unread: Option<Pin<Box<Sleep>>>,
}

impl Connected<IncomingStream<'_, Bounded>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Bounded>) -> Self {
        stream.io().peer.clone()
    }
}

impl Listener for Bounded {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        // The semaphore is never closed.
        let place = Arc::clone(&self.places).acquire_owned().await.ok();
        let (stream, address) = Listener::accept(&mut self.listener).await;
        // Tokens leave at once; without it only time is lost.
        let _ = stream.set_nodelay(true);
        let connection = Connection {
            stream,
            _place: place,
            peer: Peer::new(),
            look: Box::pin(sleep(IDLE_MAX)),
            unread: None,
        };
        (connection, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

impl Connection {
    /// Ready with an error once nothing was asked for too long, however many bytes may have dripped in.
    fn poll_idle(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        loop {
            let until = match self.peer.idle_since() {
                Some(since) if since.elapsed() >= IDLE_MAX => {
                    return Poll::Ready(io::ErrorKind::TimedOut.into());
                }
                Some(since) => since + IDLE_MAX,
                None => std::time::Instant::now() + IDLE_MAX,
            };
            if self.look.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            self.look = Box::pin(sleep_until(until.into()));
        }
    }

    /// What a write gave, or an error once it has been pending too long.
    fn bounded(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.unread = None;
            return written;
        }
        let until = self
            .unread
            .get_or_insert_with(|| Box::pin(sleep(UNREAD_MAX)));
        until
            .as_mut()
            .poll(context)
            .map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Poll::Ready(error) = self.poll_idle(context) {
            return Poll::Ready(Err(error));
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.bounded(context, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.bounded(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
