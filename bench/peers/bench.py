#!/usr/bin/env python3
"""Run the peers side by side against one freshly started emulator each, and print a table.

  bench.py --peers floor,terraform,ansible [--sgs 50 --tgs 20] [--latency-ms 0] [--throttle]
           [--phases create,noop,look,detect,fix,heal] [--repeat 1] [--out results.jsonl] [--work DIR]

A further peer (Holdfast) is added with --peer-file FILE: JSON
  {"name": {"prepare": "sh line", "create": "...", "noop": "...", "detect": "...", "fix": "..."}}
Each line runs in its own directory with AWS_ENDPOINT_URL, BENCH_DIR, BENCH_SGS and BENCH_TGS set.
A peer that is a long-running service adds "daemon": "sh line": it is started after "prepare", its CPU
and memory are added to every phase, and it is ended at the end. A phase line should return when the
phase is over (converged, sweep finished, drift reported).
"""
import argparse, json, os, shutil, subprocess, sys, time, urllib.request
import measure

HERE = os.path.dirname(os.path.abspath(__file__))
PY = sys.executable
BIN = os.path.dirname(PY)


def tfrc(work):
    """A CLI configuration for a provider found on this machine; nothing is downloaded."""
    mirror = os.environ.get("BENCH_TF_MIRROR")
    if not mirror:
        for root in ("/opt", "/usr/share", "/usr/local/share", os.path.expanduser("~")):
            for d, sub, _ in os.walk(root):
                if d.endswith("/hashicorp/aws"):  # MIRROR/<host>/hashicorp/aws
                    mirror = os.path.dirname(os.path.dirname(os.path.dirname(d)))
                    break
                if d.count("/") > 6:
                    sub[:] = []
            if mirror:
                break
    if not mirror:
        return None
    p = os.path.join(work, "terraformrc")
    with open(p, "w") as f:
        f.write('provider_installation {\n  filesystem_mirror {\n    path = "%s"\n  }\n}\n'
                "disable_checkpoint = true\n" % mirror)
    return p


def peers(a):
    n = f"--sgs {a.sgs} --tgs {a.tgs}"
    w, fl = f"{PY} {HERE}/workload.py", f"{PY} {HERE}/floor.py"
    # -parallelism=10 is Terraform's default
    tf = "terraform {} -no-color -input=false"
    an = f"{BIN}/ansible-playbook -i localhost, -e ansible_python_interpreter={PY} site.yml"
    t = lambda split: {
        "prepare": f"{w} terraform . {n} {split} && terraform init -no-color -input=false",
        "create": tf.format("apply -auto-approve"), "noop": tf.format("plan -detailed-exitcode"),
        "detect": tf.format("plan -detailed-exitcode"), "fix": tf.format("apply -auto-approve")}
    return {
        "floor": {"prepare": "true", "create": f"{fl} create {n}", "noop": f"{fl} sweep {n}",
                  "detect": f"{fl} sweep {n}", "fix": f"{fl} fix {n} --attrs"},
        "floor-pace": {"prepare": "true", "create": f"{fl} create {n} --pace", "noop": f"{fl} sweep {n} --pace",
                       "detect": f"{fl} sweep {n} --attrs --pace", "fix": f"{fl} fix {n} --attrs --pace"},
        "floor-attrs": {"prepare": "true", "create": f"{fl} create {n}", "noop": f"{fl} sweep {n} --attrs",
                        "detect": f"{fl} sweep {n} --attrs", "fix": f"{fl} fix {n} --attrs"},
        "terraform": t(""), "terraform-split": t("--split-rules"),
        "terraform-refresh-only": dict(t(""), noop=tf.format("plan -refresh-only -detailed-exitcode"),
                                       detect=tf.format("plan -refresh-only -detailed-exitcode")),
        "ansible": {"prepare": f"{w} ansible . {n}", "create": an, "noop": an + " --check --diff",
                    "noop_apply": an, "detect": an + " --check --diff", "fix": an},
        # HOLDFAST names the binary; without it this peer fails in "prepare"
        "holdfast": {"prepare": f"{w} holdfast . {n} && test -x \"$HOLDFAST\"",
                     "daemon": '"$HOLDFAST" serve --listen 127.0.0.1:5598 --store sqlite://$BENCH_DIR/holdfast.db '
                               "--sweep-interval 20s --log warn",
                     **{ph: f"{PY} {HERE}/holdfast_peer.py {ph}" for ph in ("create", "noop", "look", "detect", "fix", "heal")}},
    }


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--peers", default="floor,terraform,ansible")
    p.add_argument("--peer-file")
    p.add_argument("--phases", default="create,noop,look,noop_apply,detect,fix,heal")
    p.add_argument("--sgs", type=int, default=50)
    p.add_argument("--tgs", type=int, default=20)
    p.add_argument("--latency-ms", type=float, default=0)
    p.add_argument("--throttle", action="store_true")
    p.add_argument("--repeat", type=int, default=1)
    p.add_argument("--port", type=int, default=5599)
    p.add_argument("--work", default=os.path.join(os.environ.get("TMPDIR", "/tmp"), "bench-peers"))
    p.add_argument("--out", default=None)
    a = p.parse_args()
    os.makedirs(a.work, exist_ok=True)
    all_peers = peers(a)
    # Another five drifts, found and put back by one command.
    for peer in all_peers.values():
        if "fix" in peer:
            peer.setdefault("heal", peer["fix"])
    if a.peer_file:
        with open(a.peer_file) as f:
            all_peers.update(json.load(f))
    url = f"http://127.0.0.1:{a.port}"
    env = dict(os.environ, AWS_ENDPOINT_URL=url, AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test",
               AWS_REGION="us-east-1", AWS_DEFAULT_REGION="us-east-1", AWS_EC2_METADATA_DISABLED="true",
               AWS_RETRY_MODE="standard", AWS_MAX_ATTEMPTS="25",
               BENCH_SGS=str(a.sgs), BENCH_TGS=str(a.tgs), ANSIBLE_NOCOLOR="1", PYTHONUNBUFFERED="1",
               ANSIBLE_LOCALHOST_WARNING="False", ANSIBLE_DEPRECATION_WARNINGS="False")
    os.environ["AWS_ENDPOINT_URL"] = url
    rc = tfrc(a.work)
    if rc:
        env["TF_CLI_CONFIG_FILE"] = rc
    rows = []
    for rep in range(a.repeat):
        for name in a.peers.split(","):
            peer = all_peers[name]
            daemon = None
            mock = subprocess.Popen([PY, f"{HERE}/awsmock.py", "--port", str(a.port)], stdout=subprocess.DEVNULL)
            try:
                for _ in range(200):
                    try:
                        urllib.request.urlopen(url + "/__bench/counts", timeout=2).read()
                        break
                    except OSError:
                        time.sleep(0.1)
                d = os.path.join(a.work, name)
                shutil.rmtree(d, ignore_errors=True)
                os.makedirs(d)
                e = dict(env, BENCH_DIR=d)
                sh = lambda line: subprocess.run(["sh", "-c", line], env=e, cwd=d, stdout=subprocess.PIPE,
                                                 stderr=subprocess.STDOUT, text=True)
                sh(f"{PY} {HERE}/workload.py setup")
                r = sh(peer["prepare"])
                if r.returncode:
                    print(name, "prepare failed:", r.stdout[-2000:])
                    continue
                measure.bench(url, f"set?latency_ms={a.latency_ms}&throttle={int(a.throttle)}")
                if "daemon" in peer:
                    daemon = subprocess.Popen(["sh", "-c", "exec " + peer["daemon"]], env=e, cwd=d,
                                              stdout=open(os.path.join(d, "daemon.log"), "wb"), stderr=subprocess.STDOUT)
                for ph in a.phases.split(","):
                    if ph not in peer:
                        continue
                    if ph in ("detect", "heal"):
                        measure.bench(url, "set?latency_ms=0&throttle=0")
                        print(sh(f"{PY} {HERE}/workload.py drift").stdout, end="")
                        measure.bench(url, f"set?latency_ms={a.latency_ms}&throttle={int(a.throttle)}")
                    res = measure.run(["sh", "-c", "exec " + peer[ph]], f"{name}/{ph}", url, env=e, cwd=d,
                                      log=os.path.join(d, ph + ".log"), attach=[daemon.pid] if daemon else [])
                    measure.bench(url, "set?latency_ms=0&throttle=0")
                    v = sh(f"{PY} {HERE}/workload.py verify --sgs {a.sgs} --tgs {a.tgs}")
                    measure.bench(url, f"set?latency_ms={a.latency_ms}&throttle={int(a.throttle)}")
                    res.update(peer=name, phase=ph, sgs=a.sgs, tgs=a.tgs, latency_ms=a.latency_ms,
                               throttle=a.throttle, rep=rep, ecs=not os.environ.get("BENCH_NO_ECS"),
                               load1=os.getloadavg()[0], live_problems=0 if v.returncode == 0 else
                               len(v.stdout.strip().splitlines()))
                    rows.append(res)
                    print("{peer:22} {phase:10} rc={rc} wall={wall_s:8.2f}s cpu={cpu_s:7.2f}s pss={peak_pss_mb:7.1f}MB "
                          "calls={api_calls} throttled={throttled} inflight={max_inflight} "
                          "live_problems={live_problems}".format(**res), flush=True)
                    if a.out:
                        with open(a.out, "a") as f:
                            f.write(json.dumps(res) + "\n")
            finally:
                for proc in (daemon, mock):
                    if proc:
                        proc.terminate()
                        proc.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
