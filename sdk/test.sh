#!/bin/sh
# Checks types, runs the tests in Node, and that dist, its size and the public interface are what they should be.
set -eu
cd "$(dirname "$0")"
[ -d node_modules ] || npm ci

budget=25000 # bytes of streamcat.js after gzip
build=.build
rm -rf "$build"
mkdir -p "$build"

echo "types"
node_modules/.bin/tsc -p tsconfig.test.json

echo "tests"
go tool esbuild test/*.test.ts --bundle --platform=node --format=esm --target=node20 --sourcemap=inline --log-level=warning --outdir="$build" --out-extension:.js=.mjs
node --enable-source-maps --test --test-reporter=${REPORTER:-dot} "$build"

echo "dist"
./build.sh "$build/dist"
diff -r "$build/dist" dist >/dev/null || { echo "dist is not what src makes: run sdk/build.sh and commit it" >&2; exit 1; }
# The declarations have to stand alone.
node_modules/.bin/tsc --ignoreConfig --noEmit --strict --target ES2022 --lib ES2022,DOM --types "" --skipLibCheck false dist/streamcat.d.ts
size=$(gzip -9 -c dist/streamcat.js | wc -c)
[ "$size" -lt "$budget" ] || { echo "streamcat.js is $size bytes after gzip, more than $budget" >&2; exit 1; }

echo "public interface"
diff -u api.snapshot.d.ts dist/streamcat.d.ts || { echo "the public interface changed: if that is meant, copy dist/streamcat.d.ts to api.snapshot.d.ts" >&2; exit 1; }
echo "ok: $size bytes after gzip"
