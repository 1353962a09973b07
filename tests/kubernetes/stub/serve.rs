//! HTTPS, one thread a connection.

use super::rights::Call;
use super::{Answer, Asked, Fault, State};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

const USER: &str = "system:serviceaccount:highwater:highwater";

pub(super) fn serve(listener: TcpListener, tls: Arc<ServerConfig>, state: Arc<Mutex<State>>) {
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let Ok(connection) = connection else { return };
            let (tls, state) = (Arc::clone(&tls), Arc::clone(&state));
            // A client that goes away is what some tests are about.
            std::thread::spawn(move || drop(connected(connection, tls, &state)));
        }
    });
}

fn connected(connection: TcpStream, tls: Arc<ServerConfig>, state: &Mutex<State>) -> io::Result<()> {
    connection.set_nodelay(true)?;
    let mut stream = StreamOwned::new(ServerConnection::new(tls).map_err(io::Error::other)?, connection);
    while let Some(asked) = read(&mut stream)? {
        let (answer, fault) = answered(asked, state);
        let whole = written(&answer);
        match fault {
            None => stream.write_all(&whole)?,
            Some(Fault::Status(status, head, body)) => {
                write!(stream, "HTTP/1.1 {status} -\r\nContent-Length: {}\r\n{head}\r\n{body}", body.len())?;
            }
            Some(Fault::Drop) => return Ok(()),
            Some(Fault::Hang) => return stream.read(&mut [0; 1]).map(drop),
            Some(Fault::Half) => {
                stream.write_all(&whole[..whole.len() / 2])?;
                stream.flush()?;
                return stream.read(&mut [0; 1]).map(drop);
            }
            Some(Fault::Endless) => {
                stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")?;
                loop {
                    stream.write_all(&[b' '; 64 * 1024])?;
                }
            }
        }
        stream.flush()?;
    }
    Ok(())
}

fn answered(mut asked: Asked, state: &Mutex<State>) -> (Answer, Option<Fault>) {
    let mut state = state.lock().unwrap();
    let state = &mut *state;
    let is = |method: &str, path: &str| asked.method == method && asked.path.starts_with(path);
    if let Some(n) = state.before.iter().position(|(method, path, _)| is(method, path)) {
        let (_, _, doing) = state.before.remove(n);
        doing(&mut state.world);
    }
    let fault = state.faults.iter_mut().find(|planned| planned.left > 0 && is(planned.method, &planned.path));
    let fault = fault.map(|planned| {
        planned.left -= 1;
        planned.fault.clone()
    });
    // A call that a fault meets does nothing.
    let answer = match &fault {
        Some(Fault::Status(status, ..)) => Answer { status: *status, body: Value::Null },
        Some(Fault::Hang | Fault::Drop) => Answer { status: 0, body: Value::Null },
        _ => right(&asked, state),
    };
    asked.status = answer.status;
    state.asked.push(asked);
    (answer, fault)
}

fn right(asked: &Asked, state: &mut State) -> Answer {
    if asked.token.as_ref().is_some_and(|token| !state.tokens.contains(token)) {
        return Answer::failure(401, "Unauthorized", "Unauthorized", None);
    }
    let Some(call) = Call::of(&asked.method, &asked.path) else {
        return Answer::failure(404, "NotFound", "the server could not find the requested resource", None);
    };
    if asked.token.is_none() {
        return call.forbidden("system:anonymous");
    }
    if !call.is_allowed(&state.denied) {
        return call.forbidden(USER);
    }
    let mut answer = state.world.answer(&call, asked);
    if call.resource == "selfsubjectaccessreviews" {
        let wanted = &answer.body["spec"]["resourceAttributes"];
        let of = |name: &str| wanted[name].as_str().filter(|word| !word.is_empty()).map(str::to_owned);
        let wanted = Call {
            verb: of("verb").unwrap_or_default(),
            group: of("group").unwrap_or_default(),
            namespace: of("namespace"),
            resource: of("resource").unwrap_or_default(),
            name: of("name"),
        };
        answer.body["status"] = json!({"allowed": wanted.is_allowed(&state.denied)});
    }
    answer
}

fn written(answer: &Answer) -> Vec<u8> {
    let body = answer.body.to_string();
    let (status, length) = (answer.status, body.len());
    format!("HTTP/1.1 {status} -\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}")
        .into_bytes()
}

/// One call, or none where the client has closed.
fn read(stream: &mut impl Read) -> io::Result<Option<Asked>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if stream.read(&mut byte)? == 0 {
            return Ok(None);
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).map_err(io::Error::other)?;
    let header = |name: &str| {
        head.lines().skip(1).find_map(|line| {
            let (known, value) = line.split_once(':')?;
            known.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    };
    let mut body = vec![0; header("content-length").map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body)?;
    let mut first = head.split(' ');
    let method = first.next().unwrap_or_default().to_owned();
    let url = reqwest::Url::parse("https://x").unwrap().join(first.next().unwrap_or_default()).unwrap();
    Ok(Some(Asked {
        method,
        path: url.path().to_owned(),
        query: url.query_pairs().into_owned().collect(),
        content_type: header("content-type"),
        token: header("authorization").and_then(|value| value.strip_prefix("Bearer ").map(str::to_owned)),
        body,
        status: 0,
    }))
}
