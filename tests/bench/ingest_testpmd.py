#!/usr/bin/env python3
"""Goal P1: packets per second of our ingest against dpdk-testpmd rxonly, in one session, interleaved.

Two inputs:
  pcap   a capture replayed without end from memory by net_pcap, inside the measured process
  memif  the measured process is a memif server in one process, a generator is the client in another

Each round runs testpmd, then ours (A B A B), on the same capture; medians are compared. Without --ours only
testpmd is measured. Ours is a command line with placeholders, split like a shell would:

  --ours "build/release/clearbox bench ingest {input} -o json"

  {kind} pcap or memif; {input} "--pcap CAPTURE" or "-C FOLDER" by kind; {capture} the capture file; {folder} where the
  socket is; {socket} where to listen as a memif server; {seconds} how long.

Its last non-empty line of standard output has to be a JSON object with "packets_per_second". It should measure
the same span as testpmd: packets taken from the port and handed on, after a second of warming up. Where the object
has "figures" with "ingest_per_cpu_second" and "ingest_less_mac_per_cpu_second_computed", those are compared too, to
testpmd's packets by the CPU time of its busiest thread: on a machine that others use the wall clock says little.

With --make CAPTURE_COMMAND ("build/release/clearbox bench ingest --pcap {capture}") the capture is made by that command,
so that both sides drink datagrams which our side accepts.

The memif generator is testpmd forwarding a net_pcap infinite replay to a memif client; --generator replaces it for
ours by a command with {socket}, {capture} and {seconds} (for sessions whose sequence numbers may not repeat).
How fast the generator alone can be is bounded by testpmd's own figure: both sides drink from the same tap.
"""
import argparse
import json
import os
import re
import shlex
import shutil
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import time

EAL = ["--no-huge", "--no-pci", "--no-shconf", "--no-telemetry", "--log-level=*:error"]
TESTPMD_MEMORY_MB = 256
PPS = re.compile(r"Rx-pps:\s+(\d+)")


def lcores():
    """Two EAL cores (testpmd wants one beside the main one) that may run on any processor we may."""
    cpus = ",".join(str(c) for c in sorted(os.sched_getaffinity(0)))
    return f"--lcores=0@({cpus}),1@({cpus})"


def testpmd(vdevs, mode, extra=()):
    line = ["dpdk-testpmd", *EAL, "-m", str(TESTPMD_MEMORY_MB), lcores()]
    line += [f"--vdev={v}" for v in vdevs]
    return line + ["--", f"--forward-mode={mode}", "--total-num-mbufs=16384", "--no-lsc-interrupt",
                   "--stats-period=1", *extra]


def rx_line(kind, capture, socket):
    vdev = (f"net_pcap0,rx_pcap={capture},infinite_rx=1" if kind == "pcap"
            else f"net_memif0,role=server,id=0,socket={socket},socket-abstract=no,rsize=10")
    return testpmd([vdev], "rxonly")


def generator_line(capture, socket):
    return testpmd([f"net_pcap0,rx_pcap={capture},infinite_rx=1",
                    f"net_memif0,role=client,id=0,socket={socket},socket-abstract=no,rsize=10"], "io")


def start(line, out):
    return subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)


def stop(process):
    if process is None or process.poll() is not None:
        return
    process.send_signal(signal.SIGINT)
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def wait_for(condition, process, what, seconds=30):
    until = time.monotonic() + seconds
    while not condition():
        if process.poll() is not None or time.monotonic() > until:
            raise RuntimeError(f"{what}: did not come up (exit {process.poll()})")
        time.sleep(0.05)


def tail(path, lines=15):
    with open(path, errors="replace") as file:
        return "".join(file.readlines()[-lines:])


def samples_in(log):
    """testpmd's one-second figures while packets flowed, without the first two, which contain the start."""
    with open(log, errors="replace") as text:
        return [int(x) for x in PPS.findall(text.read()) if int(x) > 0][2:]


def busiest_cpu_seconds(pid):
    """CPU time of the thread of a process that used most: testpmd's forwarding core, which polls without end."""
    most = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        most = max(most, int(fields[11]) + int(fields[12]))
    return most / os.sysconf("SC_CLK_TCK")


def run_testpmd(kind, capture, folder, seconds):
    """Packets per second of testpmd rxonly: the median of `seconds` figures of its own."""
    socket, log = os.path.join(folder, "m.sock"), os.path.join(folder, "testpmd.log")
    generator_log = os.path.join(folder, "generator.log")
    if os.path.exists(socket):
        os.unlink(socket)
    generator = None
    with open(log, "w") as out, open(generator_log, "w") as generator_out:
        receiver = start(rx_line(kind, capture, socket), out)
        try:
            if kind == "memif":
                wait_for(lambda: os.path.exists(socket), receiver, "testpmd rxonly")
                generator = start(generator_line(capture, socket), generator_out)
            wait_for(lambda: len(samples_in(log)) >= 1, receiver, f"testpmd ({kind})", 60)
            began, cpu = time.monotonic(), busiest_cpu_seconds(receiver.pid)
            wait_for(lambda: len(samples_in(log)) >= seconds + 1, receiver, f"testpmd ({kind})", 30 + 4 * seconds)
            share = (busiest_cpu_seconds(receiver.pid) - cpu) / (time.monotonic() - began)
        except RuntimeError as error:
            raise RuntimeError(f"{error}\n{tail(log)}{tail(generator_log)}") from error
        finally:
            stop(generator)
            stop(receiver)
    rate = statistics.median(samples_in(log)[1:seconds + 1])
    return rate, rate / share


def run_ours(template, generator_template, kind, capture, folder, seconds):
    socket = os.path.join(folder, "m.sock")
    if os.path.exists(socket):
        os.unlink(socket)
    source = f"--pcap {capture}" if kind == "pcap" else f"-C {folder}"
    words = {"kind": kind, "capture": capture, "socket": socket, "seconds": seconds, "input": source, "folder": folder}
    log, errors = os.path.join(folder, "ours.log"), os.path.join(folder, "ours.err")
    generator = None
    with open(log, "w") as out, open(errors, "w") as error_out, \
            open(os.path.join(folder, "generator.log"), "w") as generator_out:
        ours = subprocess.Popen(shlex.split(template.format(**words)), stdin=subprocess.DEVNULL,
                                stdout=out, stderr=error_out)
        try:
            if kind == "memif":
                wait_for(lambda: os.path.exists(socket), ours, "our side")
                line = ([w.format(**words) for w in shlex.split(generator_template)] if generator_template
                        else generator_line(capture, socket))
                generator = start(line, generator_out)
            code = ours.wait(seconds + 60)
        finally:
            stop(generator)
            stop(ours)
    lines = [line for line in open(log) if line.strip()]
    if code != 0 or not lines:
        raise RuntimeError(f"our side ({kind}) ended with {code}:\n{tail(errors)}{tail(log)}")
    answer = json.loads(lines[-1])
    figures = answer.get("figures", {})
    cpu = figures.get("ingest_per_cpu_second", {}).get("median")
    less_mac = figures.get("ingest_less_mac_per_cpu_second_computed", {}).get("value")
    return float(answer["packets_per_second"]), cpu, less_mac


def write_capture(path, frame_bytes, frames=256):
    """UDP datagrams of one size, for runs without a capture of real sessions."""
    payload = frame_bytes - 42
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 1))
        for i in range(frames):
            frame = bytes.fromhex("020a00000201020a000001010800")
            frame += struct.pack(">BBHHHBBH4s4s", 0x45, 0, 28 + payload, 0, 0x4000, 64, 17, 0, bytes([10, 0, 0, 1]),
                                 bytes([10, 0, 0, 2]))
            frame += struct.pack(">HHHH", 1000, 2000, 8 + payload, 0) + bytes([i % 256]) * payload
            file.write(struct.pack("<IIII", i, 0, len(frame), len(frame)) + frame)


def machine():
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    return {"cpu": model, "cpus": len(os.sched_getaffinity(0)), "load_average": os.getloadavg()}


def measure(kind, arguments, capture, folder):
    """Rows of rounds by name; a figure that our side does not give is left out."""
    rounds = {name: [] for name in ("testpmd", "testpmd_per_cpu_second", "ours", "ours_per_cpu_second",
                                    "ours_less_mac_per_cpu_second_computed")}
    for number in range(arguments.rounds):
        rate, cpu = run_testpmd(kind, capture, folder, arguments.seconds)
        rounds["testpmd"].append(rate)
        rounds["testpmd_per_cpu_second"].append(cpu)
        note = f"{kind} round {number + 1}/{arguments.rounds}: testpmd {rate / 1e6:.2f} M/s ({cpu / 1e6:.2f} by CPU time)"
        if arguments.ours:
            ours = run_ours(arguments.ours, arguments.generator, kind, capture, folder, arguments.seconds)
            for name, value in zip(list(rounds)[2:], ours):
                rounds[name] += [] if value is None else [value]
            note += ", ours " + " ".join(f"{value / 1e6:.2f}" for value in ours if value is not None)
        print(note, file=sys.stderr, flush=True)
    rounds = {name: values for name, values in rounds.items() if values}
    result = dict(rounds) | {f"{name}_median": statistics.median(values) for name, values in rounds.items()}
    for name in rounds:
        if name.startswith("ours"):
            against = "testpmd" if name == "ours" else "testpmd_per_cpu_second"
            result[f"{name}_ratio"] = result[f"{name}_median"] / result[f"{against}_median"]
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ours", help="command template of our side")
    parser.add_argument("--generator", help="command template of the memif generator for our side")
    parser.add_argument("--make", help="command that makes the capture, with {capture}")
    parser.add_argument("--capture", help="capture to replay; without it 256 datagrams of --frame-bytes are made")
    parser.add_argument("--frame-bytes", type=int, default=128)
    parser.add_argument("--inputs", default="pcap,memif")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--json", help="file for the result; it is printed as well")
    arguments = parser.parse_args()
    if shutil.which("dpdk-testpmd") is None:
        print("skipped, because dpdk-testpmd is not installed (package dpdk)", file=sys.stderr)
        return 77
    if arguments.rounds < 1 or arguments.seconds < 1 or not 60 <= arguments.frame_bytes <= 1514:
        parser.error("rounds and seconds at least 1, frames of 60 to 1514 bytes")
    kinds = arguments.inputs.split(",")
    if not set(kinds) <= {"pcap", "memif"}:
        parser.error("inputs: pcap, memif or both")
    with tempfile.TemporaryDirectory(prefix="cb_ingest_") as folder:
        capture = os.path.abspath(arguments.capture) if arguments.capture else os.path.join(folder, "in.pcap")
        if arguments.make:
            subprocess.run(shlex.split(arguments.make.format(capture=capture)), check=True, stdout=subprocess.DEVNULL)
        elif not arguments.capture:
            write_capture(capture, arguments.frame_bytes)
        result = {"goal": "P1", "rounds": arguments.rounds, "seconds": arguments.seconds, "machine": machine()}
        if not arguments.capture and not arguments.make:
            result["frame_bytes"] = arguments.frame_bytes
        for kind in kinds:
            result[kind] = measure(kind, arguments, capture, folder)
        result["load_average_at_end"] = os.getloadavg()
    text = json.dumps(result, indent=1)
    print(text)
    if arguments.json:
        with open(arguments.json, "w") as file:
            file.write(text + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
