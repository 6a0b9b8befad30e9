"""Runs a Lambda execution environment as a plain subprocess that polls a Lambda Runtime API served from this process."""
import json, logging, os, queue, signal, subprocess, tempfile, threading, time
from concurrent.futures import Future
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from localstack import config
from localstack.services.lambda_.invocation.lambda_models import InvocationResult
from localstack.services.lambda_.invocation.runtime_executor import RuntimeExecutor, LambdaRuntimeException

LOG = logging.getLogger(__name__)
BOOTSTRAP = str(Path(__file__).parent / "bootstrap.mjs")

class ProcessRuntimeExecutor(RuntimeExecutor):
    def __init__(self, id, function_version):
        super().__init__(id, function_version)
        self.inbox = queue.Queue(); self.pending = {}; self.ready = Future(); self.proc = None; self.server = None
        self.log = tempfile.TemporaryFile(); self.env = {}; self.lock = threading.Lock(); self.stopped = False

    # -- runtime api
    def _serve(self):
        ex = self
        class H(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            def log_message(self, *a): pass
            def _body(self): return self.rfile.read(int(self.headers.get("content-length") or 0))
            def _ok(self, code=202, body=b'{"status":"OK"}', hdr=()):
                self.send_response(code); [self.send_header(k, v) for k, v in hdr]
                self.send_header("content-type", "application/json"); self.send_header("content-length", str(len(body))); self.end_headers(); self.wfile.write(body)
            def do_GET(self):
                if not self.path.endswith("/invocation/next"): return self._ok(404)
                if not ex.ready.done(): ex.ready.set_result(True)
                p = ex.inbox.get()
                if p is None: return self.connection.close()
                body = p["payload"].encode()
                self._ok(200, body, [("Lambda-Runtime-Aws-Request-Id", p["invoke-id"]), ("Lambda-Runtime-Deadline-Ms", str(int((time.time() + ex.function_version.config.timeout) * 1000))),
                                     ("Lambda-Runtime-Invoked-Function-Arn", p["invoked-function-arn"]), ("Lambda-Runtime-Trace-Id", p.get("trace-id") or "")])
            def do_POST(self):
                body = self._body(); parts = self.path.split("/")
                if self.path.endswith("/init/error"):
                    ex.init_error = body
                    if not ex.ready.done(): ex.ready.set_exception(LambdaRuntimeException(body.decode()))
                    return self._ok()
                rid = parts[-2]; self._ok(); ex._finish(rid, body, parts[-1] == "error")
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), H); self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def _finish(self, rid, payload, is_error):
        with self.lock: f = self.pending.pop(rid, None)
        if f: f.set_result(InvocationResult(rid, payload, is_error=is_error, logs=self._tail()))

    def _tail(self):
        try:
            self.log.flush(); size = os.fstat(self.log.fileno()).st_size; n = size - self.mark
            return os.pread(self.log.fileno(), max(0, n), self.mark).decode(errors="replace")
        except Exception: return ""

    def _spawn(self):
        self.ready = Future(); code = self.function_version.config.code.get_unzipped_code_location()
        env = {"PATH": os.environ["PATH"], **{k: str(v) for k, v in self.env.items()}, "LAMBDA_TASK_ROOT": str(code), "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self.server.server_port}"}
        cmd = ["node", BOOTSTRAP]
        self.proc = subprocess.Popen(cmd, cwd=code, env=env, stdout=self.log, stderr=subprocess.STDOUT, start_new_session=True)
        threading.Thread(target=self._watch, args=(self.proc,), daemon=True).start()
        self.ready.result(timeout=10)

    def _watch(self, proc):
        rc = proc.wait()
        if not self.ready.done(): self.ready.set_exception(LambdaRuntimeException(f"runtime exited {rc} during init"))
        for rid in list(self.pending): self._finish(rid, json.dumps({"errorType": "Runtime.ExitError", "errorMessage": f"RequestId: {rid} Error: Runtime exited with error: exit status {rc}"}).encode(), True)

    def _kill(self):
        if self.proc and self.proc.poll() is None:
            os.killpg(self.proc.pid, signal.SIGKILL); self.proc.wait()

    # -- RuntimeExecutor
    def start(self, env_vars):
        self.env = env_vars; self.mark = 0; self._serve(); self._spawn()

    def stop(self):
        self.stopped = True; self._kill()
        if self.server: self.server.shutdown(); self.server.server_close()

    def invoke(self, payload):
        if self.proc.poll() is not None: self._spawn()  # the sandbox is renewed after a crash or a timeout
        rid = payload["invoke-id"]; f = Future(); self.mark = os.fstat(self.log.fileno()).st_size
        with self.lock: self.pending[rid] = f
        self.inbox.put(payload); t = self.function_version.config.timeout
        try: return f.result(timeout=t)
        except TimeoutError:
            with self.lock: self.pending.pop(rid, None)
            self._kill()
            return InvocationResult(rid, json.dumps({"errorType": "Sandbox.Timedout", "errorMessage": f"RequestId: {rid} Error: Task timed out after {t:.2f} seconds"}).encode(), is_error=True, logs=self._tail())

    def get_address(self): return "127.0.0.1"
    def get_endpoint_from_executor(self): return "127.0.0.1"
    def get_runtime_endpoint(self): return f"http://127.0.0.1:{config.GATEWAY_LISTEN[0].port}"
    def get_logs(self): self.mark = 0; return self._tail()
    @classmethod
    def prepare_version(cls, function_version):
        if function_version.config.code: function_version.config.code.prepare_for_execution()
    @classmethod
    def cleanup_version(cls, function_version): pass
