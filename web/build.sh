#!/bin/sh
# Bundles the page scripts and styles into assets/dist, which is committed: a Go toolchain alone builds the program.
# Needs Node only for its package manager. With --watch it goes on, for `streamcat dev`.
set -eu
cd "$(dirname "$0")"
[ -d node_modules/@alpinejs/csp ] || npm ci --no-audit --no-fund
rm -rf assets/dist
go tool esbuild src/theme-boot.ts --bundle --minify --target=es2022 --charset=utf8 --log-level=warning --outfile=assets/dist/theme.js
go tool esbuild src/css/site.css --bundle --minify --charset=utf8 --log-level=warning --outfile=assets/dist/site.css
exec go tool esbuild src/site.ts src/home.ts src/studio.ts src/watch.ts --bundle --splitting --format=esm --minify --target=es2022 --charset=utf8 \
	--external:/sdk/streamcat.js --chunk-names=chunk-[hash] --log-level=warning --outdir=assets/dist "$@"
