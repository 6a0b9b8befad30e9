#!/bin/bash
# Installs LocalStack's free edition (localstack-core, Apache-2.0) into the folder ROOT, to run without Docker and without a token.
# Needs python3.13 (or PY=path), a C compiler, Maven, a JDK of 17 or later, node: 1 to 3 minutes, 700 MB. DynamoDB Local comes from Maven
# under its own licence, which asks for an AWS account in good standing and forbids handing it on: whoever runs this accepts it.
# usage: bash install.sh ROOT        then   ROOT/run.sh PORT
set -e
ROOT=$(mkdir -p "$1" && cd "$1" && pwd); HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
PY=${PY:-python3.13}
JDK=${JDK:-$(dirname "$(dirname "$(readlink -f "$(which java)")")")}; V=${V:-4.14.0}
export SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
cd "$ROOT"
[ -x uvv/bin/uv ] || { $PY -m venv uvv; uvv/bin/pip install -q uv; }
[ -x venv/bin/python ] || uvv/bin/uv venv -q --python "$PY" venv
# Without a date limit: cbor2 6, pyOpenSSL 26 and a newer localstack-twisted come, and LocalStack does not start.
uvv/bin/uv pip install -q --python venv/bin/python --exclude-newer 2026-04-10 "localstack-core[runtime]==$V" setuptools
# From a copy: what pip builds of it stays out of this folder.
rm -rf lsproc && cp -r "$HERE/lsproc" lsproc
uvv/bin/uv pip install -q --python venv/bin/python --no-build-isolation --reinstall-package lsproc "$ROOT/lsproc"
L=$ROOT/fs/var/lib/localstack/lib; mkdir -p "$L/java" "$L/dynamodb-local/2"; ln -sfn "$JDK" "$L/java/21"
mvn -q -B -f "$HERE/../dynamodb-local/pom.xml" -Dmaven.repo.local="$ROOT/m2" dependency:copy-dependencies -DoutputDirectory="$L/dynamodb-local/2/DynamoDBLocal_lib"
cd "$L/dynamodb-local/2"
$PY - <<'P'
import os, zipfile
libs = sorted(x for x in os.listdir('DynamoDBLocal_lib') if x.endswith('.jar')); out = ''
for k, v in [('Manifest-Version', '1.0'), ('Main-Class', 'software.amazon.dynamodb.services.local.main.ServerRunner'), ('Class-Path', ' '.join('DynamoDBLocal_lib/' + x for x in libs))]:
    l = f'{k}: {v}'; out += l[:70] + '\r\n'; l = l[70:]
    while l: out += ' ' + l[:69] + '\r\n'; l = l[69:]
with zipfile.ZipFile('DynamoDBLocal.jar', 'w') as z: z.writestr('META-INF/MANIFEST.MF', out + '\r\n')
P
mkdir -p ag; echo 'public class A { public static void premain(String a) {} }' > ag/A.java; printf 'Premain-Class: A\n' > ag/m
"$JDK/bin/javac" -d ag ag/A.java; "$JDK/bin/jar" cfm ddb-local-loader-0.1.jar ag/m -C ag A.class   # stands in for LocalStack's >20 GSI patch agent
cc -shared -fPIC -O1 -o "$ROOT/loopback.so" "$HERE/loopback.c" -ldl
cat > "$ROOT/run.sh" <<R
#!/bin/bash
# usage: run.sh PORT      health: http://127.0.0.1:PORT/_localstack/health
export FILESYSTEM_ROOT=$ROOT/fs GATEWAY_LISTEN=127.0.0.1:\$1 OVERRIDE_IN_DOCKER=0 DNS_ADDRESS=0 DISABLE_EVENTS=1 SKIP_SSL_CERT_DOWNLOAD=1
export LAMBDA_RUNTIME_EXECUTOR=process PROVIDER_OVERRIDE_DYNAMODB=v2 PROVIDER_OVERRIDE_DYNAMODBSTREAMS=v2 DYNAMODB_IN_MEMORY=1
export XDG_CACHE_HOME=$ROOT/cache HOME=$ROOT/home TMPDIR=$ROOT/tmp; mkdir -p \$XDG_CACHE_HOME \$HOME \$TMPDIR
export PATH=\${NODE_BIN:+\$NODE_BIN:}\$PATH
export LD_PRELOAD=$ROOT/loopback.so   # everything that would listen on all interfaces listens on 127.0.0.1
exec $ROOT/venv/bin/python -m localstack.runtime.main
R
chmod +x "$ROOT/run.sh"; echo "installed localstack-core $V in $ROOT"
