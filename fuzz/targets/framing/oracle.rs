//! Framing of HTTP/1 against hyper: what hyper takes for whole messages are the same messages here, with the same bodies.

use std::cell::RefCell;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use entries::conversation::{Conversation, tell};
use entries::judge::Message;
use entries::script::Script;
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper::service::service_fn;
use hyper::{Request, Response};
use serde_json::Value;

/// Polls after which a future that goes on is left.
const POLLS: usize = 10_000;

/// A script: which side, how its bytes come; then heads and bodies.
pub fn run(input: &[u8]) {
    let mut script = Script(input);
    match script.byte() % 4 {
        0 | 1 => requests(script.0),
        method => response(["GET", "HEAD"][usize::from(method - 2)], script.0),
    }
}

/// What one message was.
#[derive(PartialEq, Debug)]
struct Seen {
    start: String,
    body: Vec<u8>,
}

fn requests(bytes: &[u8]) {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let service = service_fn(|request: Request<Incoming>| {
        let seen = Rc::clone(&seen);
        async move {
            let start = format!("{} {}", request.method(), request.uri());
            let uri_is_path = request.uri().path_and_query().is_some_and(|path| request.uri() == path.as_str());
            if let Some(body) = collect(request.into_body()).await
                && uri_is_path
            {
                seen.borrow_mut().push(Seen { start, body });
            } else {
                // Nothing is compared after it.
                seen.borrow_mut().push(Seen { start: "?".into(), body: Vec::new() });
            }
            Ok::<_, Infallible>(Response::new(Empty))
        }
    });
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.pipeline_flush(true);
    drive(builder.serve_connection(Wire::new(bytes), service));
    let mut talk = Conversation::new(80);
    talk.say(0, bytes);
    let told = tell(0, &talk.segments(|len| len));
    let ours = told.iter().filter(|message| text(message, "/http/request/method").is_some());
    for (theirs, ours) in seen.borrow().iter().zip(ours) {
        if theirs.start == "?" {
            return;
        }
        let start = format!(
            "{} {}",
            text(ours, "/http/request/method").unwrap_or_default(),
            text(ours, "/http/request/uri").unwrap_or_default()
        );
        assert_eq!(*theirs, Seen { start, body: ours.body.clone() }, "a request: {}", ours.record);
        let integrity = text(ours, "/message/integrity");
        assert_eq!(integrity, Some("complete"), "whole to hyper: {}", ours.record);
    }
    let ours = told.iter().filter(|message| text(message, "/http/request/method").is_some()).count();
    assert!(seen.borrow().len() <= ours, "{:?} of requests that are not told", seen.borrow());
}

fn response(method: &str, bytes: &[u8]) {
    let Some((code, body)) = asked(method, bytes) else { return };
    let mut talk = Conversation::new(80);
    talk.say(0, format!("{method} / HTTP/1.1\r\nHost: a\r\n\r\n"));
    talk.say(1, bytes);
    let told = tell(0, &talk.segments(|len| len));
    let ours = told.iter().find(|message| {
        let code = message.record.pointer("/http/response/code").and_then(Value::as_u64);
        code.is_some_and(|code| code >= 200 || code == 101)
    });
    let ours = ours.unwrap_or_else(|| panic!("no response is told: {}", bytes.escape_ascii()));
    assert_eq!(ours.record.pointer("/http/response/code").and_then(Value::as_u64), Some(code), "{}", ours.record);
    if code == 101 {
        return;
    }
    let integrity = text(ours, "/message/integrity");
    match body {
        Some(body) => {
            assert_eq!(ours.body.escape_ascii().to_string(), body.escape_ascii().to_string(), "{}", ours.record);
            assert_eq!(integrity, Some("complete"), "whole to hyper: {}", ours.record);
        }
        None => assert!(
            integrity != Some("complete") || ours.record.pointer("/message/issues") != Some(&Value::Array(Vec::new())),
            "not whole to hyper: {}",
            ours.record
        ),
    }
}

/// The code of the final response as hyper has it, and its body; none where that does not come to an end.
fn asked(method: &str, bytes: &[u8]) -> Option<(u64, Option<Vec<u8>>)> {
    let told = Rc::new(RefCell::new(None));
    let into = Rc::clone(&told);
    drive(async move {
        let Ok((mut sender, connection)) = hyper::client::conn::http1::handshake(Wire::new(bytes)).await else {
            return;
        };
        let request = Request::builder().method(method).uri("/").header("host", "a").body(Empty).expect("a request");
        let exchange = async move {
            if let Ok(response) = sender.send_request(request).await {
                let code = u64::from(response.status().as_u16());
                *into.borrow_mut() = Some((code, None));
                let body = collect(response.into_body()).await;
                *into.borrow_mut() = Some((code, body));
            }
        };
        let (mut exchange, mut connection) = (pin!(exchange), pin!(connection));
        let (mut asked, mut closed) = (false, false);
        std::future::poll_fn(|cx| {
            closed = closed || connection.as_mut().poll(cx).is_ready();
            asked = asked || exchange.as_mut().poll(cx).is_ready();
            if asked { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    });
    told.take()
}

fn text<'m>(message: &'m Message, at: &str) -> Option<&'m str> {
    message.record.pointer(at).and_then(Value::as_str)
}

/// The body, if it comes to its end.
async fn collect(mut body: Incoming) -> Option<Vec<u8>> {
    let mut all = Vec::new();
    while let Some(frame) = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        if let Some(data) = frame.ok()?.data_ref() {
            all.extend_from_slice(data);
        }
    }
    Some(all)
}

/// Polls a future until it is ready, or does not get there.
fn drive(future: impl Future) {
    let mut future = pin!(future);
    let mut cx = Context::from_waker(Waker::noop());
    for _ in 0..POLLS {
        if future.as_mut().poll(&mut cx).is_ready() {
            return;
        }
    }
}

/// A body of nothing.
struct Empty;

impl Body for Empty {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(None)
    }

    fn is_end_stream(&self) -> bool {
        true
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(0)
    }
}

/// A connection whose peer has sent these bytes and no more, and takes whatever is sent.
struct Wire(Vec<u8>, usize);

impl Wire {
    fn new(bytes: &[u8]) -> Self {
        Self(bytes.to_vec(), 0)
    }
}

impl Read for Wire {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, mut into: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        let Self(bytes, at) = self.get_mut();
        let len = into.remaining().min(bytes.len() - *at);
        into.put_slice(&bytes[*at..*at + len]);
        *at += len;
        Poll::Ready(Ok(()))
    }
}

impl Write for Wire {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
