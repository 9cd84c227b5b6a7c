#!/bin/sh
# Bundles the page scripts and styles into assets/dist, which is committed: a Go toolchain alone builds the program.
#
#   build.sh [DIRECTORY]       somewhere else than assets/dist
#   build.sh --watch           again at every change, for `streamcat dev`; needs a terminal
set -eu
cd "$(dirname "$0")"
[ -d node_modules/@alpinejs/csp ] || npm ci --no-audit --no-fund
out=assets/dist watch=
case ${1-} in
--watch) watch=--watch ;;
?*) out=$1 ;;
esac

rm -rf "$out"
bundle() { go tool esbuild "$@" --bundle --minify --charset=utf8 --log-level=warning; }
bundle src/theme-boot.ts --target=es2022 --outfile="$out/theme.js"
bundle src/css/site.css --outfile="$out/site.css"
bundle src/site.ts src/home.ts src/studio.ts src/watch.ts --splitting --format=esm --target=es2022 --external:/sdk/streamcat.js \
	--chunk-names='chunk-[hash]' --outdir="$out" $watch
