#!/usr/bin/env bash
# Passes all tests, after installing what they need.
#
#   bash tools/test.sh          everything: what CI runs
#   bash tools/test.sh quick    without browsers, PostgreSQL and fuzzing, for the loop at the desk
#
# Needs Go and, for what is missing, Debian's apt-get (as root or with sudo): Chromium, PostgreSQL, Node and a C compiler
# (the race detector wants one). Where something is missing and cannot be installed it says so and fails: nothing is skipped.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

mode=${1:-all}
case $mode in
all | quick) ;;
*)
	echo "usage: $0 [quick]" >&2
	exit 2
	;;
esac

# The oldest Node that has what the tests use, and the one to take where the machine's is older: Debian 12 has Node 18.
node_needed=20
node_version=20.20.2

step() { printf '\n== %s (%dm%02ds)\n' "$*" $((SECONDS / 60)) $((SECONDS % 60)); }
fail() {
	echo "tools/test.sh: $*" >&2
	exit 1
}
has() { command -v "$1" >/dev/null 2>&1; }
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

# retry runs a command until it succeeds, five times at most: a registry may refuse the first request for something.
retry() {
	local try
	for try in 1 2 3 4 5; do
		"$@" </dev/null && return
		echo "try $try of 5 failed: $*" >&2
		sleep $((try * 2))
	done
	return 1
}

# postgres_bin prints the folder of PostgreSQL's programs; Debian keeps initdb and pg_ctl out of PATH.
postgres_bin() {
	if has pg_ctl && has initdb; then
		dirname "$(command -v pg_ctl)"
		return
	fi
	local dir found=
	for dir in /usr/lib/postgresql/*/bin; do
		[ -x "$dir/pg_ctl" ] && [ -x "$dir/initdb" ] && found=$dir
	done
	[ -n "$found" ] && echo "$found"
}

node_major() {
	local version
	version=$(node --version)
	version=${version#v}
	echo "${version%%.*}"
}

# newer_node puts a newer Node before the machine's own; the npm registry has it as a package.
newer_node() {
	local arch dir=${XDG_CACHE_HOME:-$HOME/.cache}/streamcat/node-$node_version
	case $(uname -m) in
	x86_64) arch=x64 ;;
	aarch64) arch=arm64 ;;
	*) fail "Node $(node --version) is too old: $node_needed is needed" ;;
	esac
	if [ ! -x "$dir/node_modules/node-linux-$arch/bin/node" ]; then
		mkdir -p "$dir"
		retry npm install --no-audit --no-fund --loglevel=error --prefix "$dir" "node-linux-$arch@$node_version" ||
			fail "Node $(node --version) is too old, and a newer one could not be installed"
	fi
	export PATH=$dir/node_modules/node-linux-$arch/bin:$PATH
}

install_needs() {
	local packages=()
	has gcc || packages+=(gcc libc6-dev)
	has node && has npm || packages+=(nodejs npm)
	if [ "$mode" = all ]; then
		has "${STREAMCAT_CHROMIUM:-chromium}" || packages+=(chromium fonts-dejavu-core)
		postgres_bin >/dev/null || packages+=(postgresql)
	fi
	if [ ${#packages[@]} -gt 0 ]; then
		has apt-get || fail "missing, and there is no apt-get to install it with: ${packages[*]}"
		export DEBIAN_FRONTEND=noninteractive
		retry as_root apt-get update -q || fail "apt-get update failed"
		retry as_root apt-get install -q -y --no-install-recommends "${packages[@]}" || fail "could not install ${packages[*]}"
	fi
	has gcc || fail "no C compiler, which the race detector needs"
	has node && has npm || fail "no Node with npm"
	[ "$(node_major)" -ge $node_needed ] || newer_node
	if [ "$mode" = all ]; then
		has "${STREAMCAT_CHROMIUM:-chromium}" || fail "no Chromium"
		postgres_bin >/dev/null || fail "no PostgreSQL server"
	fi
}

# sums prints a checksum of every file that sdk/ and web/ commit, bundles included.
sums() {
	find sdk web \( -name node_modules -o -name .build \) -prune -o -type f -print0 | sort -z | xargs -0 sha256sum
}

# check_bundles builds the bundles anew; a build that changes anything means that somebody forgot to commit one.
check_bundles() {
	local before after
	before=$(sums)
	bash sdk/build.sh
	bash web/build.sh
	after=$(sums)
	if [ "$before" != "$after" ]; then
		diff <(echo "$before") <(echo "$after") || true
		fail "bundles did not match their source; they are rebuilt now, commit them"
	fi
}

postgres_dir=
as_postgres() { if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi; }

# start_postgres runs a server of our own that listens on a Unix socket only and keeps everything in a temporary folder.
start_postgres() {
	local bin
	bin=$(postgres_bin)
	postgres_dir=$(mktemp -d)
	[ "$(id -u)" = 0 ] && chown postgres "$postgres_dir"
	trap stop_postgres EXIT
	as_postgres "$bin/initdb" -D "$postgres_dir/data" -U postgres -E UTF8 --locale=C --auth=trust >"$postgres_dir.log"
	as_postgres "$bin/pg_ctl" -D "$postgres_dir/data" -w -s -l "$postgres_dir/log" \
		-o "-c listen_addresses='' -c unix_socket_directories='$postgres_dir' -c fsync=off" start ||
		fail "PostgreSQL did not start: $(cat "$postgres_dir/log")"
	export STREAMCAT_TEST_POSTGRES="postgres://postgres@/postgres?host=$postgres_dir"
}

stop_postgres() {
	[ -n "$postgres_dir" ] || return 0
	as_postgres "$(postgres_bin)/pg_ctl" -D "$postgres_dir/data" -m immediate -s stop || true
	rm -rf "$postgres_dir" "$postgres_dir.log"
	postgres_dir=
}

# fuzz_smoke gives every fuzz target a few seconds: enough to see that it runs and that its seeds hold.
fuzz_smoke() {
	local package target found=0
	for package in $(go list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}} {{.Dir}}{{end}}' ./... | awk '{print $1}'); do
		for target in $(grep -hos '^func Fuzz[A-Za-z0-9_]*' "$(go list -f '{{.Dir}}' "$package")"/*_test.go | sed 's/^func //'); do
			echo "$package $target"
			go test -run '^$' -fuzz "^$target\$" -fuzztime 3s -parallel 2 "$package"
			found=$((found + 1))
		done
	done
	[ $found -gt 0 ] || fail "no fuzz target found"
}

step "what the tests need"
has go || fail "no Go: install the version that go.mod names"
install_needs
retry go mod download || fail "could not download the Go modules"
for project in sdk web; do
	(cd "$project" && retry npm ci --no-audit --no-fund --loglevel=error) || fail "npm ci in $project failed"
done

step "formatting, vet, staticcheck"
unformatted=$(gofmt -l $(go list -f '{{.Dir}}' ./...))
[ -z "$unformatted" ] || fail "not formatted: $unformatted"
go vet ./...
go tool staticcheck ./...

step "bundles match their source"
check_bundles

step "TypeScript"
bash sdk/test.sh
bash web/test.sh

if [ "$mode" = quick ]; then
	step "Go, with the race detector"
	go test -race $(go list ./... | grep -v '/e2e$')
	step "done"
	exit
fi

step "PostgreSQL"
start_postgres

step "Go, with the race detector"
go test -race $(go list ./... | grep -v '/e2e$')

step "fuzz targets"
fuzz_smoke

step "browsers"
go test -count=1 -v -timeout 15m ./e2e
step "done"
