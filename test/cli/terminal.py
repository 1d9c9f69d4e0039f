"""Runs a program in a pseudo-terminal and types at it.

Reads one JSON document from standard input:
  argv     the program and its arguments
  cwd, env
  columns  of the terminal
  steps    [{ "expect": text, "send": keys }]: when the text has appeared behind that of the step before, the keys are typed
  stderr   a file that descriptor 2 goes to; null: the terminal
  seconds  after which the program is killed
Writes one: { "code": exit code, or null where a signal ended it, "signal", "text": all that the terminal was sent, "waiting": the step that never came }.
"""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time

ORDERS = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|\x1b[()][A-Z0-9]|\x1b[=>]")


def main():
    asked = json.load(sys.stdin)
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(asked["cwd"])
        if asked["stderr"] is not None:
            os.dup2(os.open(asked["stderr"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), 2)
        os.execvpe(asked["argv"][0], asked["argv"], asked["env"])
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, asked["columns"], 0, 0))
    deadline = time.monotonic() + asked["seconds"]
    steps = list(asked["steps"])
    sent, seen = b"", 0
    while time.monotonic() < deadline:
        if select.select([terminal], [], [], 0.05)[0]:
            try:
                piece = os.read(terminal, 65536)
            except OSError:
                break
            if not piece:
                break
            sent += piece
            continue
        # quiet for a moment: what stands there now is what somebody would read
        text = ORDERS.sub("", sent.decode("utf-8", "replace"))
        if steps and steps[0]["expect"] in text[seen:]:
            seen = text.rindex(steps[0]["expect"]) + len(steps[0]["expect"])
            os.write(terminal, steps.pop(0)["send"].encode())
    else:
        os.kill(process, signal.SIGKILL)
    _, status = os.waitpid(process, 0)
    ended = os.WIFEXITED(status)
    json.dump(
        {
            "code": os.WEXITSTATUS(status) if ended else None,
            "signal": None if ended else os.WTERMSIG(status),
            "text": sent.decode("utf-8", "replace"),
            "waiting": steps[0]["expect"] if steps else None,
        },
        sys.stdout,
    )


main()
