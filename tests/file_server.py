"""A real server on this machine that drops, lies and misbehaves on demand."""

import contextlib
import http.server
import threading
from dataclasses import dataclass, field

BODY = bytes(range(256)) * 2000  # 512,000 bytes


@dataclass
class Behaviour:
    """What the server does at one path, and which ranges it was asked for."""

    body: bytes = BODY
    status: int = 200
    statuses: list = field(default_factory=list)  # of the first requests, before `status`
    headers: dict = field(default_factory=dict)
    drops_after: list = field(default_factory=list)  # bytes, of the first requests
    is_stalling: bool = False  # after half of it, at the first request only
    pause_s: float = 0.0  # before each twentieth of the body
    knows_ranges: bool = True
    asked: list = field(default_factory=list)


class FileServer(http.server.ThreadingHTTPServer):
    """Answers 404 except at the paths that it was made to `offer`."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.behaviours, self.released = {}, threading.Event()

    def offer(self, path, **behaviour):
        """Makes the server answer at a path; returns its URL."""
        self.behaviours[path] = Behaviour(**behaviour)
        return f"http://127.0.0.1:{self.server_port}{path}"

    @contextlib.contextmanager
    def running(self):
        """Serves in a thread."""
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        with self:
            yield self
            self.released.set()
            self.shutdown()


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        behaviour = self.server.behaviours.get(self.path, Behaviour(status=404, body=b"nothing here"))
        wanted = self.headers.get("Range")
        behaviour.asked.append(wanted)
        offset = int(wanted[6:-1]) if wanted and behaviour.knows_ranges else 0
        body, size = behaviour.body[offset:], len(behaviour.body)
        status = behaviour.statuses.pop(0) if behaviour.statuses else behaviour.status
        headers = {"Content-Length": str(len(body))}
        if offset:
            headers["Content-Range"] = f"bytes {offset}-{size - 1}/{size}"
        self.send_response(206 if offset else status)
        for name, value in (headers | behaviour.headers).items():
            if value is not None:
                self.send_header(name, value)
        self.end_headers()
        self._send(behaviour, body, is_first=len(behaviour.asked) == 1)

    def _send(self, behaviour, body, *, is_first):
        body = body[: behaviour.drops_after.pop(0)] if behaviour.drops_after else body
        if is_first and behaviour.is_stalling:
            self.wfile.write(body[: len(body) // 2])
            self.server.released.wait(20)
            return
        step = max(1, len(body) // 20) if behaviour.pause_s else len(body)
        for start in range(0, len(body), step or 1):
            self.server.released.wait(behaviour.pause_s)
            self.wfile.write(body[start : start + step])

    def handle(self):
        with contextlib.suppress(ConnectionError):  # of a killed process
            super().handle()

    def log_message(self, *arguments):
        pass
