#!/bin/sh
# Builds dist/ from src/: the ES module and the classic script with esbuild (a Go tool), the declarations with TypeScript.
set -eu
cd "$(dirname "$0")"
out=${1:-dist}
mkdir -p "$out"

bundle() {
	go tool esbuild src/bundle.ts --bundle --minify --target=es2022 --charset=utf8 --legal-comments=none --log-level=warning "$@"
}
bundle --format=esm --outfile="$out/streamcat.js"
bundle --format=iife --outfile="$out/streamcat.global.js"

[ -d node_modules ] || npm ci
types=$(mktemp -d)
trap 'rm -rf "$types"' EXIT
node_modules/.bin/tsc -p tsconfig.json --noEmit false --emitDeclarationOnly --outDir "$types"
node tools/declarations.mjs "$types" >"$out/streamcat.d.ts"
