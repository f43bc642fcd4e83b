#!/usr/bin/env python3
"""A capture of a run is the run: a second box that reads it comes to the same state, bit for bit, and answers as the
first."""
import re
import sys

import box


def main():
    run = box.Run(config="demo", driver="memif")
    try:
        capture = run.folder / "capture.pcap"
        run.start()
        box.answered_once(run.finish_world(run.world("--steps", 600, "--seed", "1212", "--pcap", capture)))
        stopped = run.stop()
        again = run.folder / "again.yaml"
        again.write_text(re.sub(r"  - driver: memif\n    socket: .*\n    id: 0\n",
                                f"  - driver: pcap\n    read: {capture}\n    write: {run.folder}/answers.pcap\n",
                                run.config.read_text()))
        # No --development: a capture is what the feed clock is for. The box stops at its end.
        done = run.command("run", "-c", again, "-C", run.folder / "again", "-o", "json", check=0, timeout=120)
        second = run.command("replay", run.folder / "again", "-o", "json", check=0)
        assert stopped["state_digest"] in done.stdout and stopped["state_digest"] in second.stdout, (stopped, done.stdout)
        assert (run.folder / "answers.pcap").stat().st_size > 100000
    finally:
        run.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
