"""A small object store that speaks as much of S3 as snapshots need."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape, unescape


class SmallS3(ThreadingHTTPServer):
    """The objects, by bucket and key."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), S3Requests)
        self.objects: dict[str, bytes] = {}


class S3Requests(BaseHTTPRequestHandler):
    """One request to a `SmallS3`."""

    protocol_version = "HTTP/1.1"
    server: SmallS3

    def log_message(self, *_: object) -> None:
        """Keep quiet."""

    @property
    def key(self) -> str:
        """Bucket and key that the request names."""
        return unquote(urlsplit(self.path).path).strip("/")

    def body(self) -> bytes:
        """Read what the client sent."""
        return self.rfile.read(int(self.headers["Content-Length"]))

    def answer(self, status: int, body: bytes = b"") -> None:
        """Send an answer."""
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", '"1"')
        self.send_header("Last-Modified", "Sun, 22 Nov 2026 00:00:00 GMT")
        self.end_headers()
        self.wfile.write(body)

    def do_PUT(self) -> None:
        """Write an object."""
        self.server.objects[self.key] = self.body()
        self.answer(200)

    def do_POST(self) -> None:
        """Delete the objects that are listed in the request."""
        keys = re.findall("<Key>(.*?)</Key>", self.body().decode())
        for key in keys:
            self.server.objects.pop(f"{self.key}/{unescape(key)}", None)
        deleted = "".join(f"<Deleted><Key>{key}</Key></Deleted>" for key in keys)
        self.answer(200, f"<DeleteResult>{deleted}</DeleteResult>".encode())

    def do_GET(self) -> None:
        """Read an object, or list a bucket."""
        query = parse_qs(urlsplit(self.path).query)
        if "list-type" in query:
            self.answer(200, self.listing(query.get("prefix", [""])[0]))
        elif self.key in self.server.objects:
            self.answer(200, self.server.objects[self.key])
        else:
            self.answer(404, b"<Error><Code>NoSuchKey</Code></Error>")

    def listing(self, prefix: str) -> bytes:
        """List a bucket's objects below a prefix."""
        entries = "".join(
            f"<Contents><Key>{escape(name.partition('/')[2])}</Key><Size>{len(data)}</Size><ETag>1</ETag>"
            "<LastModified>2026-11-22T00:00:00.000Z</LastModified></Contents>"
            for name, data in sorted(self.server.objects.items())
            if name.startswith(f"{self.key}/{prefix}")
        )
        return f"<ListBucketResult><IsTruncated>false</IsTruncated>{entries}</ListBucketResult>".encode()


@contextmanager
def small_s3() -> Iterator[str]:
    """Serve an empty store on a free port; give its address."""
    with SmallS3() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
