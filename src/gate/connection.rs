//! One connection at the socket: requests in, answers out.

use super::http::{self, Answer, CONTROL_LIMIT, REQUEST_LIMIT, Request};
use super::seats::Seat;
use super::stream::{Stream, Unserved};
use super::{Control, Published};
use crate::clock;
use highwater_rules::dead_man::Standing;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;

/// After so many requests a connection ends: nobody holds one for ever.
const REQUESTS_MAX: usize = 100;

/// What the agent's own user and root may ask for.
const ORDERS: [&str; 5] = ["/v1/push", "/v1/wake", "/v1/report", http::IMPORT_PATH, "/v1/prune"];
const NOT_YOURS: &str = "only the agent's own user and root may ask for this";

/// What a connection answers from.
#[derive(Clone)]
pub(super) struct Desk {
    pub(super) published: watch::Receiver<Published>,
    pub(super) controls: mpsc::Sender<Control>,
}

/// Answers the requests of a peer, who may give orders where it is `trusted`. The seat tells whether it waits for the peer.
pub(super) async fn serve(stream: Stream, is_trusted: bool, desk: Desk, seat: Seat) {
    let mut buffer = Vec::new();
    for _ in 0..REQUESTS_MAX {
        seat.waits();
        let received = timeout(REQUEST_LIMIT, stream.receive(&mut buffer)).await;
        seat.is_busy();
        let request = match received {
            Ok(Ok(request)) => request,
            Ok(Err(Unserved::Gone)) => return,
            Ok(Err(Unserved::Refused(answer))) => {
                stream.send(&answer.bytes(false, true)).await;
                return;
            }
            Err(_) => {
                let late = Answer::wrong(408, "the request did not arrive in time");
                stream.send(&late.bytes(false, true)).await;
                return;
            }
        };
        if request.body_bytes > 0 && !is_trusted {
            // What a stranger sends is not even read.
            stream.send(&Answer::wrong(403, NOT_YOURS).bytes(false, true)).await;
            return;
        }
        let body = stream.receive_body(&mut buffer, request.body_bytes);
        let Ok(Ok(body)) = timeout(REQUEST_LIMIT, body).await else { return };
        let answer = desk.answer(&request, body, is_trusted).await;
        let bytes = answer.bytes(request.keep_alive, request.method != "HEAD");
        if !stream.send(&bytes).await || !request.keep_alive {
            return;
        }
    }
}

/// Tells a peer for whom there is no room.
pub(super) async fn turn_away(stream: Stream) {
    let busy = Answer::wrong(503, "too many connections: try again");
    stream.send(&busy.bytes(false, true)).await;
}

impl Desk {
    async fn answer(&self, request: &Request, body: Vec<u8>, is_trusted: bool) -> Answer {
        let method = if request.method == "HEAD" { "GET" } else { request.method.as_str() };
        match (method, request.path.as_str()) {
            ("GET", "/v1/gate") => self.gate(),
            ("GET", "/healthz") => Answer::new(200, "{\"ok\":true}\n"),
            ("POST", path) if ORDERS.contains(&path) && !is_trusted => Answer::wrong(403, NOT_YOURS),
            ("POST", "/v1/push") => match http::switches(&request.query, ["open_day", "retry_parked"]) {
                Ok([open_day, retry_parked]) => {
                    self.ask(|reply| Control::Push { open_day, retry_parked, reply }).await
                }
                Err(answer) => answer,
            },
            ("POST", "/v1/report") => match http::switches(&request.query, ["open_day", "retry_parked"]) {
                Ok([open_day, retry_parked]) => {
                    self.ask(|reply| Control::Report { open_day, retry_parked, reply }).await
                }
                Err(answer) => answer,
            },
            ("POST", http::IMPORT_PATH) => self.ask(|reply| Control::Import { bundle: body, reply }).await,
            ("POST", "/v1/prune") => match http::pruning(&request.query) {
                Ok((keep_days, dry_run)) => {
                    self.ask(|reply| Control::Prune { keep_days, dry_run, reply }).await
                }
                Err(answer) => answer,
            },
            ("POST", "/v1/wake") => self.ask(|reply| Control::Wake { reply }).await,
            (_, "/v1/gate" | "/healthz") => Answer::wrong_method("GET"),
            (_, path) if ORDERS.contains(&path) => Answer::wrong_method("POST"),
            _ => Answer::wrong(404, &format!("there are /v1/gate, /healthz, {}", ORDERS.join(", "))),
        }
    }

    /// What was told last, as long as it holds. A reader who looks at nothing but the status goes the right way too.
    fn gate(&self) -> Answer {
        match &*self.published.borrow() {
            Some((stage, term, text)) if term.standing(clock::unix_s()) == Standing::Fresh => {
                Answer::new(if stage.may_run() { 200 } else { 403 }, text.clone())
            }
            Some(_) => Answer::wrong(503, "unknown: the agent is stuck, and what it told last has expired"),
            None => Answer::wrong(503, "unknown: the agent has only just begun"),
        }
    }

    async fn ask(&self, control: impl FnOnce(oneshot::Sender<serde_json::Value>) -> Control) -> Answer {
        let (reply, answer) = oneshot::channel();
        let asked = async {
            self.controls.send(control(reply)).await.ok()?;
            answer.await.ok()
        };
        match timeout(CONTROL_LIMIT, asked).await {
            Ok(Some(value)) => Answer::new(200, format!("{value}\n")),
            Ok(None) => {
                Answer::wrong(503, "the agent did not take this on: it is ending, or busy with the same")
            }
            Err(_) => Answer::wrong(504, "the agent has not answered in time; it may yet do it"),
        }
    }
}
