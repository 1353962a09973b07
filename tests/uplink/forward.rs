//! A forward proxy that knows CONNECT, and asks for a password where it was given one.

use super::server::read_request;
use std::io::{self, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

pub(crate) struct Forward {
    pub(crate) port: u16,
    /// The heads of what it was asked, in small letters.
    pub(crate) asked: Arc<Mutex<Vec<String>>>,
}

impl Forward {
    /// `login` is what `proxy-authorization` must say; `answer` is sent in place of a connection.
    pub(crate) fn start(login: Option<&str>, answer: Option<&'static str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (log, login) = (Arc::clone(&asked), login.map(str::to_lowercase));
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let (log, login) = (Arc::clone(&log), login.clone());
                std::thread::spawn(move || forward(connection, &log, login.as_deref(), answer));
            }
        });
        Forward { port, asked }
    }
}

fn forward(
    mut client: TcpStream,
    log: &Mutex<Vec<String>>,
    login: Option<&str>,
    answer: Option<&str>,
) -> io::Result<()> {
    let Some(request) = read_request(&mut client)? else { return Ok(()) };
    log.lock().unwrap().push(request.head.clone());
    if let Some(answer) = answer {
        return client.write_all(answer.as_bytes());
    }
    let given = request.head.lines().find_map(|line| line.strip_prefix("proxy-authorization: "));
    if login.is_some() && given != login {
        return client
            .write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic\r\n\r\n");
    }
    let target = request.head.strip_prefix("connect ").and_then(|rest| rest.split(' ').next());
    let Some(target) = target else { return client.write_all(b"HTTP/1.1 405 No\r\n\r\n") };
    let Ok(mut central) = TcpStream::connect(target) else {
        return client.write_all(b"HTTP/1.1 502 Bad Gateway\r\n\r\n");
    };
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
    let (mut from_client, mut to_central) = (client.try_clone()?, central.try_clone()?);
    let up = std::thread::spawn(move || {
        let _ = io::copy(&mut from_client, &mut to_central);
        to_central.shutdown(std::net::Shutdown::Write)
    });
    io::copy(&mut central, &mut client)?;
    client.shutdown(std::net::Shutdown::Both)?;
    let _ = up.join();
    Ok(())
}
