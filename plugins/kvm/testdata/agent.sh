#!/bin/sh
# As much of a guest agent as libvirt asks which file systems are mounted. The lab's
# tiny guest runs it as its user data; MODULE is virtio_console.ko, gzip and base64.
base64 -d <<'END' | gunzip >/run/console.ko
MODULE
END
insmod /run/console.ko
mke2fs /dev/vdc >/dev/null && mkdir -p /srv && mount -t ext4 /dev/vdc /srv

filesystems() {
	sep=
	while read -r dev dir type _; do
		case $dev in /dev/vd*) ;; *) continue ;; esac
		at=$(readlink -f "/sys/block/${dev#/dev/}/device/..")
		bus=${at##*/} # 0000:03:00.0
		slot=${bus#*:*:}
		bus=${bus#*:}
		printf '%s{"name":"%s","mountpoint":"%s","type":"%s","disk":[{"bus-type":"virtio","bus":0,"target":0,"unit":0,"pci-controller":{"domain":0,"bus":%d,"slot":%d,"function":0}}]}' \
			"$sep" "${dev#/dev/}" "$dir" "$type" "0x${bus%%:*}" "0x${slot%%.*}"
		sep=,
	done </proc/mounts
}

agent() {
	port=
	while [ -z "$port" ]; do
		for p in /sys/class/virtio-ports/*; do
			[ "$(cat "$p/name" 2>/dev/null)" = org.qemu.guest_agent.0 ] && port=/dev/${p##*/}
		done
		sleep 0.1
	done
	exec 3<>"$port"
	while :; do
		read -r line <&3 || { sleep 0.1; continue; }
		id=$(echo "$line" | sed -n 's/.*"id"[: ]*\([0-9]*\).*/\1/p')
		case $line in
		*guest-sync-delimited*) printf '\377{"return": %s}\n' "$id" >&3 ;;
		*guest-sync*) printf '{"return": %s}\n' "$id" >&3 ;;
		*guest-get-fsinfo*) printf '{"return": [%s]}\n' "$(filesystems)" >&3 ;;
		*) printf '{"error": {"class": "CommandNotFound", "desc": "not here"}}\n' >&3 ;;
		esac
	done
}
agent >/dev/null 2>&1 &
echo $! >/run/agent.pid
