//! Bodies of answers that arrive slowly, or incompletely.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http_body::Frame;
use tokio::time::{Sleep, sleep};

/// How long a slow body keeps its reader waiting, each of two times.
const PAUSE: Duration = Duration::from_secs(5);

/// The events that the reader of a body meets, in order.
enum Piece {
    Bytes(Bytes),
    Pause(Pin<Box<Sleep>>),
    Broken,
}

struct Pieces(VecDeque<Piece>);

/// Half of it, and the connection breaks.
pub fn broken(whole: &[u8]) -> SdkBody {
    let half = Bytes::copy_from_slice(&whole[..whole.len() / 2]);
    body([Piece::Bytes(half), Piece::Broken])
}

/// All of it, but slowly.
pub fn slow(whole: &[u8]) -> SdkBody {
    let (one, other) = whole.split_at(whole.len() / 2);
    let bytes = |part: &[u8]| Piece::Bytes(Bytes::copy_from_slice(part));
    let pause = || Piece::Pause(Box::pin(sleep(PAUSE)));
    body([pause(), bytes(one), pause(), bytes(other)])
}

/// The error that the reader of a broken connection gets.
pub fn reset() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionReset, "Recv failure: Connection reset by peer")
}

fn body<const N: usize>(pieces: [Piece; N]) -> SdkBody {
    SdkBody::from_body_1_x(Pieces(pieces.into()))
}

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if let Some(Piece::Pause(pause)) = self.0.front_mut() {
            std::task::ready!(pause.as_mut().poll(context));
            self.0.pop_front();
        }
        Poll::Ready(match self.0.pop_front() {
            Some(Piece::Bytes(bytes)) => Some(Ok(Frame::data(bytes))),
            Some(Piece::Broken) => Some(Err(reset())),
            Some(Piece::Pause(_)) | None => None,
        })
    }
}
