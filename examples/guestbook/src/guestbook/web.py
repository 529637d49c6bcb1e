"""The ASGI application: POST an entry to /entries, GET them all, and /health for whoever watches."""

import json

_entries = []


async def app(scope, receive, send):
    """Answer one request."""
    if scope["type"] == "lifespan":
        await _live(receive, send)
        return
    status, content = await _answer(scope["method"], scope["path"], receive)
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": json.dumps(content).encode()})


async def _live(receive, send):
    while True:
        message = await receive()
        await send({"type": message["type"] + ".complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def _answer(method, path, receive):
    if path == "/health":
        return 200, {"status": "ok"}
    if path == "/entries" and method == "POST":
        _entries.append(await _body(receive))
        return 201, {"number": len(_entries)}
    if path == "/entries":
        return 200, _entries
    return 404, {"error": "there is nothing here"}


async def _body(receive):
    content, more = b"", True
    while more:
        message = await receive()
        content += message.get("body", b"")
        more = message.get("more_body", False)
    return json.loads(content)
