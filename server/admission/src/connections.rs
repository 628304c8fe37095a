//! A listener that bounds the connections open at once, the time in which one must ask something, and the
//! time for which what is sent may stay unread.

use crate::Peer;
use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Sleep, sleep, sleep_until};

/// What connections are allowed.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Connections open at once; one more waits until another ends.
    pub connections: usize,
    /// In which a connection must bring the head of a request, counted from its opening or from the end of
    /// the last answer.
    pub idle: Duration,
    /// For which a client may leave what is sent to it unread.
    pub unread: Duration,
}

/// A listener whose connections are within [`Bounds`]. The service must be made with
/// `into_make_service_with_connect_info::<Peer>()` and have the layer [`visit`](crate::visit): else each
/// request looks idle.
pub struct Bounded {
    listener: TcpListener,
    places: Arc<Semaphore>,
    bounds: Bounds,
}

impl Bounded {
    pub fn new(listener: TcpListener, bounds: Bounds) -> Self {
        Bounded {
            listener,
            places: Arc::new(Semaphore::new(bounds.connections)),
            bounds,
        }
    }
}

/// A connection with its place.
pub struct Connection {
    stream: TcpStream,
    // Given back when the connection ends.
    _place: Option<OwnedSemaphorePermit>,
    peer: Peer,
    bounds: Bounds,
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
        // Small answers and tokens leave at once; without it only time is lost.
        let _ = stream.set_nodelay(true);
        let connection = Connection {
            stream,
            _place: place,
            peer: Peer::new(address.ip()),
            bounds: self.bounds,
            look: Box::pin(sleep(self.bounds.idle)),
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
        let idle_max = self.bounds.idle;
        loop {
            let until = match self.peer.idle_since() {
                Some(since) if since.elapsed() >= idle_max => {
                    return Poll::Ready(io::ErrorKind::TimedOut.into());
                }
                Some(since) => since + idle_max,
                None => Instant::now() + idle_max,
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
        let unread_max = self.bounds.unread;
        let until = self
            .unread
            .get_or_insert_with(|| Box::pin(sleep(unread_max)));
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
