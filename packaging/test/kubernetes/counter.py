#!/usr/bin/env python3
"""counter.py ADDRESS PORT RATE: an exposition with a counter of TLS sessions that goes up RATE times a second."""

import http.server
import sys
import time

ADDRESS, PORT, RATE = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
BEGAN = time.monotonic()


class Exposition(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        count = int((time.monotonic() - BEGAN) * RATE)
        body = f"# TYPE tls_sessions_total counter\ntls_sessions_total {count}\n".encode()
        self.send_response(200 if self.path == "/metrics" else 404)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer((ADDRESS, PORT), Exposition).serve_forever()
