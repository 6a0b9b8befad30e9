"""Runs the emulator and keeps its memory to what the stack stores.

Without this it keeps every transaction it was sent for ten minutes, and what functions logged and measured for ever: over the
70,000 payments in data/ that is more than all their rows. The names below belong to the version pinned in requirements.txt;
test/targets/emulator-memory.test.ts fails when they no longer do.
"""

import hashlib
import json
import os
import sys
import threading
import time
import traceback

EVERY_SECONDS = 5
# Each invocation logs to a stream of its own.
LOG_STREAMS_PER_GROUP = 1_000
POINTS_PER_METRIC = 10_000


class Digest:
    """Stands for a request: equal to one that says the same."""

    def __init__(self, request):
        self.value = self.of(request)

    def __eq__(self, request):
        return self.value == self.of(request)

    __hash__ = None

    @staticmethod
    def of(request):
        return hashlib.sha256(json.dumps(request, sort_keys=True).encode()).digest()


def forget_requests(dynamodb):
    """A token is to be told from one used for another request, for which the request itself need not be kept."""
    for _, used in dynamodb._txn_idempotency.all_items():
        if not isinstance(used["signature"], Digest):
            used["signature"] = Digest(used["signature"])


def forget_old_logs(logs):
    for _, group in logs._log_groups.all_items():
        streams = group["streams"]
        for name in list(streams)[:-LOG_STREAMS_PER_GROUP]:
            streams.pop(name, None)


def forget_old_points(cloudwatch):
    for _, points in cloudwatch._metrics.all_items():
        del points[:-POINTS_PER_METRIC]


def forget():
    # Services are imported when first called.
    for service, clean in (
        ("dynamodb", forget_requests),
        ("cloudwatch_logs", forget_old_logs),
        ("cloudwatch", forget_old_points),
    ):
        module = sys.modules.get(f"ministack.services.{service}")
        # One that is still being imported lacks its last names.
        if module is not None and not getattr(module.__spec__, "_initializing", False):
            clean(module)


def forget_for_ever():
    while True:
        time.sleep(EVERY_SECONDS)
        try:
            forget()
        except Exception:
            # Memory grows and nothing else is wrong: no reason to end a run.
            traceback.print_exc()


threading.Thread(target=forget_for_ever, daemon=True).start()
from ministack.app import main  # noqa: E402

main()
