"""Runs the emulator as its child and outlives whoever started it just long enough to clean up.

Started with: python guard.py <folder>. Ends the emulator with everything it spawned and removes <folder> when
standard input closes, which happens however the starting process ends (kill -9 included), and when the emulator
itself ends: then the end of its log goes to standard output first and the exit status is 1.
"""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time

folder = sys.argv[1]
log_path = os.path.join(folder, "emulator.log")
end = threading.Event()
starter_gone = False


def wait_for_starter():
    global starter_gone
    while os.read(0, 4096):
        pass
    starter_gone = True
    end.set()


def wait_for_emulator():
    emulator.wait()
    end.set()


for name in ("SIGINT", "SIGTERM", "SIGHUP"):
    signal.signal(getattr(signal, name), lambda *_: end.set())

with open(log_path, "ab") as log:
    # A session of its own: one kill reaches the emulator and every function process below it.
    emulator = subprocess.Popen(
        [sys.executable, os.path.join(os.path.dirname(os.path.abspath(__file__)), "serve.py")],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
for wait in (wait_for_starter, wait_for_emulator):
    threading.Thread(target=wait, daemon=True).start()
# A bare wait() would hold back the signal handlers.
while not end.wait(1):
    pass

died = emulator.poll() is not None and not starter_gone
if died:
    with open(log_path, "rb") as log:
        sys.stdout.buffer.write(log.read()[-8192:])
        sys.stdout.flush()
# Nothing in it is worth a graceful end: its state and its temporary files go with the folder.
try:
    os.killpg(emulator.pid, signal.SIGKILL)
except ProcessLookupError:
    pass
emulator.wait()
for _ in range(40):
    shutil.rmtree(folder, ignore_errors=True)
    if not os.path.exists(folder):
        break
    time.sleep(0.05)
# Not sys.exit: at the interpreter's end it would wait for the thread that reads standard input.
os._exit(1 if died else 0)
