#!/usr/bin/env python3
"""One phase of the running controller: returns when the phase is over. Counted with it, some 50 ms of Python a phase.

  holdfast_peer.py create    apply the stack, wait until all of it is in sync
  holdfast_peer.py noop      one sweep at its interval, as a daemon makes them
  holdfast_peer.py look      a look that a person asks for, which also reads what AWS gives one thing a call
  holdfast_peer.py detect    pause, sweep until five drifts are listed
  holdfast_peer.py fix       resume, sweep until none is
  holdfast_peer.py heal      one look at five new drifts, until none is left
"""
import json, os, sys, time, urllib.error, urllib.request

URL = "http://127.0.0.1:5598"
LIMIT = 1800
DRIFTS = 5


def call(method, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    req = urllib.request.Request(URL + path, data, {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(req, timeout=60) as r:
        return json.load(r)


def until(look, every=0.05):
    start = time.monotonic()
    while not look():
        if time.monotonic() - start > LIMIT:
            sys.exit("gave up")
        time.sleep(every)


def up():
    try:
        return call("GET", "/healthz")
    except OSError:
        return False


def swept():
    return [s["sweptAt"] for s in call("GET", "/v1/scopes")["items"]]


def sweep():
    before = swept()
    call("POST", "/v1/stacks/bench/reconcile", {})
    until(lambda: swept() != before)


def phases():
    return call("GET", "/v1/stacks/bench")["status"]["phases"]


def drifts():
    return sum(len(i["fields"]) for i in call("GET", "/v1/drift?stack=bench")["items"])


def main():
    until(up)
    what = sys.argv[1]
    if what == "create":
        with open("stack.json") as f:
            stack = json.load(f)
        total = len(stack["spec"]["resources"])
        call("POST", "/v1/apply", stack)
        until(lambda: phases().get("InSync") == total, 0.1)
    elif what == "noop":
        before = swept()
        until(lambda: swept() != before, 0.5)
    elif what == "look":
        sweep()
    elif what == "detect":
        call("POST", "/v1/stacks/bench/pause", {"reason": "report only"})
        for _ in range(50):
            sweep()
            if drifts() >= DRIFTS:
                return
        sys.exit("some drift is not listed")
    else:
        if what == "fix":
            call("POST", "/v1/stacks/bench/resume", {})
        else:
            sweep()
        until(lambda: drifts() == 0 and set(phases()) == {"InSync"})


if __name__ == "__main__":
    main()
