#!/usr/bin/env python3
"""The demonstration's market through the whole box, in small: every answer once, replay to the live digest.

Usage: seeded.py [--driver udp|memif] [--lines N] [--steps N] [--clock feed|wall]
[--keep-journal DIR]"""
import argparse
import json
import pathlib
import re
import shutil
import sys

import box


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--driver", default="udp", choices=["udp", "memif"])
    parser.add_argument("--lines", type=int, default=1)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--seed", default="0x5eed")
    parser.add_argument("--clock", default="feed", choices=["feed", "wall"])
    parser.add_argument("--keep-journal", type=pathlib.Path)
    arguments = parser.parse_args()
    run = box.Run(config="demo", driver=arguments.driver, lines=arguments.lines,
                  edit=lambda text: re.sub(r"^clock: \w+", f"clock: {arguments.clock}", text, flags=re.M))
    try:
        run.start()
        summary = run.finish_world(run.world("--steps", arguments.steps, "--seed", arguments.seed))
        box.answered_once(summary)
        stopped = run.stop()
        assert stopped["drops"] == {}, stopped["drops"]
        if arguments.lines == 2:  # what line A brought first is a duplicate on line B, or the other way round
            brought_twice = [name for name, seen in stopped["sessions"].items()
                             if seen.get("duplicates", 0) + seen.get("old", 0) > 0]
            assert len(brought_twice) == len(stopped["sessions"]), stopped["sessions"]
        again = run.replay()
        assert again["state_digest"] == stopped["state_digest"], (again, stopped)
        run.command("verify", run.data, check=0)
        snapshot = run.command("snapshot", run.data, check=0)
        assert "written and read back" in snapshot.stdout, snapshot.stdout
        print(json.dumps({"world": summary, "box": stopped, "replay": again}, indent=1))
        if arguments.keep_journal:
            shutil.copytree(run.data, arguments.keep_journal, dirs_exist_ok=True)
    finally:
        run.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
