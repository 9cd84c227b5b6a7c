#!/bin/sh
# Checks the page scripts: types, the logic that needs no page, and that the committed bundle is the one these sources make.
set -eu
cd "$(dirname "$0")"
[ -d node_modules/typescript ] || npm ci --no-audit --no-fund
node_modules/.bin/tsc --project tsconfig.json
node_modules/.bin/tsc --project tsconfig.test.json

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
go tool esbuild test/*.test.ts --bundle --platform=node --format=esm --target=node20 --sourcemap=inline \
	--out-extension:.js=.mjs --log-level=warning --outdir="$out/test"
node --test --test-reporter="${REPORTER:-dot}" "$out"/test/*.mjs

./build.sh "$out/dist"
diff -r assets/dist "$out/dist" || {
	echo "assets/dist is not what the sources make: run web/build.sh and commit the result" >&2
	exit 1
}
