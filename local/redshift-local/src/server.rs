//! The Data API on a loopback port.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::connect_info::Connected;
use axum::extract::{ConnectInfo, DefaultBodyLimit, State};
use axum::http::{HeaderMap, Response, StatusCode, header};
use axum::routing::{get, post};
use axum::serve::{IncomingStream, Listener};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

use crate::engine::{Engine, OpenError};
use crate::options::Options;
use crate::protocol::{ApiError, CONTENT_TYPE, Caller};

/// The largest request, in bytes; statement texts are much smaller.
const REQUEST_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Why a server could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Only loopback addresses are listened on.
    #[error("{0} is not a loopback address; expected one such as 127.0.0.1:0")]
    NotLoopback(SocketAddr),
    /// The address is taken, or not to be had.
    #[error("cannot listen on {address}: {reason}")]
    Listen {
        /// The address that was asked for.
        address: SocketAddr,
        /// The system's reason.
        reason: io::Error,
    },
    /// The warehouse could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
}

/// A running server; dropped, it stops without waiting for what it runs.
pub struct Server {
    address: SocketAddr,
    engine: Engine,
    desk: Desk,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<()>,
}

impl Server {
    /// Opens the warehouse and listens. Must be called on a multi-threaded Tokio runtime.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let address = options.listen;
        if !address.ip().is_loopback() {
            return Err(StartError::NotLoopback(address));
        }
        let listener = TcpListener::bind(address)
            .await
            .map_err(|reason| StartError::Listen { address, reason })?;
        let address =
            listener.local_addr().map_err(|reason| StartError::Listen { address, reason })?;
        let engine = Engine::open(options)?;
        let desk = Desk::new(engine.clone());
        let router = Router::new()
            .route("/", post(answer))
            .route("/health", get(|| async { "ok\n" }))
            .layer(DefaultBodyLimit::max(REQUEST_BYTES_MAX))
            .with_state(desk.clone())
            .into_make_service_with_connect_info::<Peer>();
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(async move {
            let served = axum::serve(Droppable(listener), router)
                .with_graceful_shutdown(async move {
                    let _ = stopped.await;
                })
                .await;
            if let Err(error) = served {
                tracing::error!(%error, "the server ended");
            }
        });
        Ok(Self { address, engine, desk, stop: Some(stop), serving })
    }

    /// The address that was bound.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The endpoint for an AWS client.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The warehouse behind it.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Stops listening, cancels what runs, waits until that has ended, and closes the warehouse: its
    /// file may be opened again. A clone of [`Server::engine`] keeps it open.
    pub async fn stop(mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        self.desk.close();
        self.engine.statements.stop().await;
        self.desk.requests.wait().await;
        // Idle connections of clients would keep the server from ending.
        self.serving.abort();
        let _ = (&mut self.serving).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Where requests are taken in. Connections outlive a server, and must not hold its warehouse.
#[derive(Clone)]
struct Desk {
    engine: Arc<RwLock<Option<Engine>>>,
    requests: TaskTracker,
}

impl Desk {
    fn new(engine: Engine) -> Self {
        Self { engine: Arc::new(RwLock::new(Some(engine))), requests: TaskTracker::new() }
    }

    /// The answer, unless the desk is closed. The work continues when the client hangs up: the
    /// service's does too.
    async fn answer(
        &self,
        caller: Caller,
        operation: String,
        request: Value,
    ) -> Result<Value, ApiError> {
        let work = {
            let engine = self.engine.read().unwrap_or_else(PoisonError::into_inner);
            let engine = engine.clone().ok_or_else(ApiError::internal)?;
            self.requests.spawn(async move { engine.call_as(&caller, &operation, request).await })
        };
        work.await.unwrap_or_else(|_| Err(ApiError::internal()))
    }

    /// Nothing more is taken in.
    fn close(&self) {
        self.engine.write().unwrap_or_else(PoisonError::into_inner).take();
        self.requests.close();
    }
}

async fn answer(
    State(desk): State<Desk>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok());
    let Some(operation) = target.and_then(|target| target.strip_prefix("RedshiftData.")) else {
        return failure(&ApiError::unknown_operation(target.unwrap_or_default()));
    };
    let request =
        if body.is_empty() { Ok(serde_json::json!({})) } else { serde_json::from_slice(&body) };
    let request = match request {
        Ok(request) => request,
        Err(error) => {
            let text = format!("The request is not JSON: {error}");
            return failure(&ApiError::validation(text));
        }
    };
    let signed = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let caller = Caller::of_authorization(signed);
    match desk.answer(caller, operation.to_owned(), request).await {
        Ok(answer) => respond(StatusCode::OK, None, answer.to_string()),
        Err(error) if error.status == 0 => {
            peer.dropped.store(true, Ordering::SeqCst);
            respond(StatusCode::OK, None, String::new())
        }
        Err(error) => failure(&error),
    }
}

fn failure(error: &ApiError) -> Response<Body> {
    let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    respond(status, Some(&error.code), error.body().to_string())
}

fn respond(status: StatusCode, error: Option<&str>, body: String) -> Response<Body> {
    let mut builder = Response::builder().status(status).header(header::CONTENT_TYPE, CONTENT_TYPE);
    if let Some(code) = error {
        builder = builder.header("x-amzn-errortype", code);
    }
    builder.body(Body::from(body)).unwrap_or_default()
}

/// A connection that can be closed in place of an answer.
#[derive(Clone)]
struct Peer {
    dropped: Arc<AtomicBool>,
}

/// Accepts connections that can be dropped.
struct Droppable(TcpListener);

struct Stream {
    inner: TcpStream,
    dropped: Arc<AtomicBool>,
}

impl Listener for Droppable {
    type Io = Stream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Stream, SocketAddr) {
        let (inner, address) = Listener::accept(&mut self.0).await;
        let _ = inner.set_nodelay(true);
        (Stream { inner, dropped: Arc::default() }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

impl Connected<IncomingStream<'_, Droppable>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Droppable>) -> Self {
        Self { dropped: Arc::clone(&stream.io().dropped) }
    }
}

impl Stream {
    fn check(&self) -> io::Result<()> {
        match self.dropped.load(Ordering::SeqCst) {
            true => Err(io::ErrorKind::ConnectionReset.into()),
            false => Ok(()),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(context, buffer)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if let Err(error) = self.check() {
            return Poll::Ready(Err(error));
        }
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}
