#!/usr/bin/env python3
"""A journal of four small segments, filled many times over; and one that is full when the box is killed.

First the snapshotter keeps up and every segment is used again. Then it is stopped, the journal runs full (which the box
says), the box is killed and started again: it waits for room, goes on, and nothing is lost."""
import os
import signal
import subprocess
import sys

import box


def children(pid):
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False).stdout.split()
    return [int(word) for word in found]


def wait_for(what, condition, seconds=60):
    for _ in range(seconds * 10):
        if condition():
            return
        box.pause(0.1)
    raise AssertionError(f"waited {seconds} s for {what}")


def main():
    run = box.Run(config="demo", segments=4, segment_mib=1)
    try:
        run.start()
        wait_for("the snapshotter", lambda: children(run.box.pid))
        box.answered_once(run.finish_world(run.world("--steps", 6000)))
        archived = len(list((run.data / "journal/archive").glob("gen-*.cbj")))
        assert archived > 0, "no segment was used again"
        for child in children(run.box.pid):
            os.kill(child, signal.SIGSTOP)
            stopped_child = child
        told = len(run.errors.read_text())
        world = run.world("--steps", 5000, "--seed", 2)
        wait_for("a full journal", lambda: "CB5004" in run.errors.read_text()[told:])
        run.kill()
        os.kill(stopped_child, signal.SIGKILL)
        run.start()
        summary = run.finish_world(world)
        box.answered_once(summary)
        assert summary["restarts"] == 1, summary
        stopped = run.stop()
        again = run.replay()
        assert again["state_digest"] == stopped["state_digest"], (again, stopped)
        run.command("verify", run.data, check=0)
        print(f"ok: {again['last_seq']} records through four segments of 1 MiB, one restart with a full journal")
    finally:
        run.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
