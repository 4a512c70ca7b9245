"""What an ASGI server costs by itself: reads the body, answers how many bytes it had."""


async def app(scope, receive, send):
    assert scope["type"] == "http"
    size_bytes, more = 0, True
    while more:
        message = await receive()
        size_bytes += len(message.get("body", b""))
        more = message.get("more_body", False)
    answer = str(size_bytes).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(answer)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})
