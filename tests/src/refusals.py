"""A check for schemathesis: whatever is refused is refused in words that help."""
import schemathesis


@schemathesis.check
def refusals_say_why(ctx, response, case):
    if not 400 <= response.status_code < 500:
        return
    assert response.headers["content-type"][0] == "application/problem+json", response.headers["content-type"]
    body = response.json()
    assert body["status"] == response.status_code, body
    assert body["type"].rsplit("/", 1)[-1] and body["title"] and body["detail"], body
    if response.status_code == 422:
        assert body["errors"], body
    for error in body.get("errors", []):
        assert error["pointer"] == "" or error["pointer"].startswith("/"), error
        assert error["code"] and len(error["message"]) > 10, error
