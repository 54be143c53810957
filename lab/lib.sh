# lab/lib.sh: what the lab's scripts share. Sourced by bash, never run.
#
# Contract: sets STATE (the directory all state lives under, ${MESON_LAB_DIR:-/var/tmp/meson-lab}), LAB (this directory) and
# PREFIX (begins the name of every namespace and cgroup the lab makes: "meson" for the default STATE, else one per directory, so
# that two labs on one machine do not meet). Defines say, die, retry, emit and close_fds. Has no other effect.
# shellcheck shell=bash disable=SC2034

LAB=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
STATE=${MESON_LAB_DIR:-/var/tmp/meson-lab}
PREFIX=meson
if [[ $STATE != /var/tmp/meson-lab ]]; then
	PREFIX=meson-$(printf %s "$STATE" | cksum | { read -r sum _ && printf '%04x' $((sum & 0xffff)); })
fi
export PATH=$PATH:/usr/sbin:/sbin LC_ALL=C.UTF-8

say() { echo "lab/${0##*/}: $*" >&2; }
die() { say "$*"; exit 1; }

# retry SECONDS CMD...: run CMD every 50 ms until it succeeds; false after SECONDS.
retry() {
	local end=$((${EPOCHREALTIME/./} + $1 * 1000000))
	shift
	until "$@"; do
		((${EPOCHREALTIME/./} < end)) || return 1
		sleep 0.05
	done
}

# emit KEY VALUE: one KEY=VALUE line for `eval`, `source` or a parser; quoted only where a shell needs it.
emit() {
	if [[ $2 =~ ^[A-Za-z0-9_./:=?,@%+-]*$ ]]; then echo "$1=$2"; else echo "$1=\"$2\""; fi
}

# close_fds: stdio to /dev/null, everything above closed, so that what is started next holds neither a caller's pipe nor a lock.
close_fds() {
	local fd
	exec </dev/null >/dev/null 2>&1
	for fd in /proc/self/fd/*; do
		fd=${fd##*/}
		((fd > 2)) && eval "exec $fd>&-"
	done
	return 0
}
