"""Running the real program in tests: a box and a world, over UDP on the loopback or over memif, in a folder of its own."""
import json
import os
import pathlib
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]


def program():
    path = os.environ.get("CLEARBOX", str(ROOT / "build/release/clearbox"))
    if not os.access(path, os.X_OK):
        sys.exit(f"no program at {path}: build it, or name it in CLEARBOX")
    return path


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def replace_section(text, key, lines):
    """Puts `lines` in place of a top-level section of a YAML text."""
    pattern = re.compile(rf"^{key}:.*\n(?:[ #\t-].*\n|\n)*", re.M)
    if len(pattern.findall(text)) != 1:
        raise ValueError(f"{key} is not there once")
    return pattern.sub(lambda _: "\n".join(lines) + "\n", text)


class Run:
    """A folder with a configuration made from one of config/*.yaml."""

    def __init__(self, config="daily", driver="udp", lines=1, segment_mib=1, segments=16, edit=None):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="clearbox-e2e-"))
        self.data = self.folder / "data"
        self.config = self.folder / "box.yaml"
        text = (ROOT / f"config/{config}.yaml").read_text()
        nics = ["nics:"]
        for line in range(lines):
            if driver == "udp":
                nics += ["  - driver: udp", f"    address: 127.0.0.1:{free_port()}"]
            else:
                nics += ["  - driver: memif", f"    socket: {self.folder}/memif{line}.sock", f"    id: {line}"]
        text = replace_section(text, "nics", nics)
        if driver == "udp":
            port = re.search(r"address: 127\.0\.0\.1:(\d+)", text).group(1)
            text = re.sub(r"^listen:.*$", f"listen: 127.0.0.1:{port}", text, flags=re.M)
        text = re.sub(r"^(  segment_mib:).*$", rf"\1 {segment_mib}", text, flags=re.M)
        text = re.sub(r"^(  segments:).*$", rf"\1 {segments}", text, flags=re.M)
        self.config.write_text(edit(text) if edit else text)
        self.box = None
        self.errors = self.folder / "box.err"

    def command(self, *words, check=None, timeout=600):
        done = subprocess.run([program(), *map(str, words)], cwd=ROOT, capture_output=True, text=True, timeout=timeout)
        if check is not None and done.returncode != check:
            raise AssertionError(f"clearbox {' '.join(map(str, words))}: exit {done.returncode}, not {check}\n"
                                 f"{done.stdout}\n{done.stderr}")
        return done

    def start(self, wait=60):
        """Starts the box and waits until it says that it is ready."""
        self.box = subprocess.Popen(
            [program(), "run", "-c", str(self.config), "-C", str(self.data), "--development", "-o", "json"],
            cwd=ROOT, stdout=subprocess.PIPE, stderr=open(self.errors, "a"), text=True, bufsize=1)
        readable, _, _ = select.select([self.box.stdout], [], [], wait)
        line = self.box.stdout.readline() if readable else ""
        if not line.startswith("ready"):
            self.box.kill()
            self.box.wait()
            raise AssertionError(f"the box did not start: {line!r}\n{self.errors.read_text()}")
        return line

    def stop(self):
        """Asks the box to stop. Returns what it printed, as data."""
        self.box.send_signal(signal.SIGTERM)
        out, _ = self.box.communicate(timeout=120)
        if self.box.returncode != 0:
            raise AssertionError(f"the box ended with {self.box.returncode}\n{out}\n{self.errors.read_text()}")
        return json.loads(out.strip().splitlines()[-1])

    def kill(self):
        self.box.send_signal(signal.SIGKILL)
        self.box.wait()
        self.box.stdout.close()

    def world(self, *words):
        """Starts the world; the caller waits for it."""
        return subprocess.Popen([program(), "gen", "-c", str(self.config), "-o", "json", *map(str, words)], cwd=ROOT,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def finish_world(self, world, timeout=900):
        out, errors = world.communicate(timeout=timeout)
        if world.returncode != 0:
            raise AssertionError(f"gen ended with {world.returncode}\n{out}\n{errors}\n{self.errors.read_text()}")
        return json.loads(out)

    def replay(self, *words):
        return json.loads(self.command("replay", self.data, "-o", "json", *words, check=0).stdout)

    def close(self):
        if self.box is not None and self.box.poll() is None:
            self.kill()
        if os.environ.get("CB_KEEP") is None:
            shutil.rmtree(self.folder, ignore_errors=True)
        else:
            print(f"kept {self.folder}")


def answered_once(summary):
    """Every margin check and withdrawal of a world's summary was answered, with one content; nothing was contradicted."""
    s = summary
    assert s["result"] == "ok", s
    assert s["checks_asked"] > 0 and s["checks_approved"] > 0 and s["checks_refused"], s
    assert s["checks_asked"] == s["checks_answered"], s
    assert s["checks_answered"] == s["checks_approved"] + sum(s["checks_refused"].values()), s
    for name in ("checks_unanswered", "checks_contradicted", "withdrawals_unanswered", "withdrawals_contradicted",
                 "actions_contradicted", "promises_broken", "forged", "malformed"):
        assert s[name] == 0, (name, s)


def recorded(name):
    """A recorded price file, or None with the reason printed."""
    folder = pathlib.Path(os.environ.get("CLEARBOX_DATA", ROOT.parent / "shared/data"))
    path = folder / "prices" / name
    if not path.exists():
        print(f"skipped, because {name} is not in CLEARBOX_DATA (default ../shared/data)")
        return None
    return path


def pause(seconds):
    time.sleep(seconds)


def wait_for(what, condition, seconds=60):
    for _ in range(seconds * 10):
        if condition():
            return
        pause(0.1)
    raise AssertionError(f"waited {seconds} s for {what}")
