#!/usr/bin/env python3
"""kill -9 of the box at random moments while the world goes on, and restarts: nothing acknowledged may be lost, no action id
may come with other content, every request is answered once. The world checks all that; here the box is killed.

Usage: kill.py [--cycles N] [--seed N] [--driver udp|memif]"""
import argparse
import json
import os
import pathlib
import random
import sys

import box


def snapshotters(data):
    """The processes that still read this journal: a box that is gone leaves none behind."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue  # it ended meanwhile
        if b"snapshot" in words and os.fsencode(data / "journal") in words:
            found.append(int(path.parent.name))
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cycles", type=int, default=20 * max(1, int(os.environ.get("CB_EFFORT", "1")) // 10))
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--driver", default="udp", choices=["udp", "memif"])
    parser.add_argument("--steps", type=int, default=1000000)
    arguments = parser.parse_args()
    seed = arguments.seed if arguments.seed is not None else int.from_bytes(os.urandom(4), "little")
    chance = random.Random(seed)
    print(f"kill.py: {arguments.cycles} cycles, --seed {seed}")
    # Enough segments for the whole drill, and small ones, so that kills fall on segment changes too.
    run = box.Run(config="demo", driver=arguments.driver, segment_mib=1, segments=48)
    killed = 0
    try:
        run.start()
        world = run.world("--steps", arguments.steps, "--seed", seed)
        while killed < arguments.cycles and world.poll() is None:
            box.pause(chance.choice([0.01, 0.05, 0.2, 0.5]) * (0.5 + chance.random()))
            run.kill()
            killed += 1
            run.start()
        assert killed == arguments.cycles, f"the world ended after {killed} kills: {world.communicate()}"
        print(f"{killed} kills", flush=True)
        box.pause(0.5)
        world.send_signal(2)  # no further step: finish what is open
        try:
            summary = run.finish_world(world, timeout=300)
        except AssertionError:
            print(f"the box, of its last life: {json.dumps(run.stop())}")
            raise
        stopped = run.stop()
        box.wait_for("the last snapshotter to end", lambda: not snapshotters(run.data), seconds=30)
        box.answered_once(summary)
        assert summary["restarts"] > 0, summary
        again = run.replay()
        assert again["state_digest"] == stopped["state_digest"], (again, stopped)
        run.command("verify", run.data, check=0)
        print(json.dumps({"killed": killed, "world": summary, "box": stopped, "replay": again}, indent=1))
    finally:
        run.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
