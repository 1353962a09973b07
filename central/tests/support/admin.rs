//! The administration's client.

use super::{Client, Reply, Server};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{Method, Request};
use serde_json::Value;

/// Someone with a token of the administration.
pub struct Admin {
    client: Client,
    pub token: String,
}

impl Admin {
    /// The one whose token the first start tells.
    pub async fn first(server: &Server) -> Self {
        let token = server.told["admin_token"].as_str().unwrap().to_owned();
        Admin { client: server.client().await, token }
    }

    pub async fn ask(&mut self, method: Method, path: &str, body: Option<&Value>) -> Reply {
        let body = body.map(Value::to_string);
        self.raw(method, path, &[("content-type", "application/json")], body.unwrap_or_default()).await
    }

    /// A request with headers of its own.
    pub async fn raw(&mut self, method: Method, path: &str, more: &[(&str, &str)], body: String) -> Reply {
        let mut request = Request::builder().method(method).uri(path).header("host", "localhost");
        if !self.token.is_empty() {
            request = request.header("authorization", format!("Bearer {}", self.token));
        }
        for (name, value) in more {
            request = request.header(*name, *value);
        }
        self.client.send(request.body(Full::new(Bytes::from(body))).unwrap()).await.unwrap()
    }

    /// What there is, which has to be there.
    pub async fn get(&mut self, path: &str) -> Value {
        let reply = self.ask(Method::GET, path, None).await;
        assert_eq!(reply.status, 200, "{path}: {}", String::from_utf8_lossy(&reply.body));
        serde_json::from_slice(&reply.body).unwrap()
    }

    /// A change, which has to be made.
    pub async fn post(&mut self, path: &str, body: Option<&Value>) -> Value {
        let reply = self.ask(Method::POST, path, body).await;
        assert!(reply.status.is_success(), "{path}: {}", String::from_utf8_lossy(&reply.body));
        serde_json::from_slice(&reply.body).unwrap()
    }

    /// A request that is refused: its status and its word.
    pub async fn refused(&mut self, method: Method, path: &str, body: Option<&Value>) -> (u16, String) {
        let reply = self.ask(method, path, body).await;
        assert_eq!(reply.headers["content-type"], "application/problem+json", "{path}");
        let told: Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!(told["status"], reply.status.as_u16(), "{told}");
        assert!(told["title"].is_string() && told["detail"].is_string(), "{told}");
        (reply.status.as_u16(), reply.error())
    }
}
