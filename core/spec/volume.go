package spec

import (
	"github.com/mesoncloud/meson/core"
)

// maxVolumes is how many volumes, and maxNetworks how many networks, a machine
// may have.
const (
	maxVolumes  = 64
	maxNetworks = 32
)

// volumeID tells volumes apart: {"vid": …} by id, those to be made by name.
func volumeID(v core.VolumeRequest) string {
	if v.VID != "" {
		return "volume " + v.VID
	}
	return "the new volume " + v.Name
}

// volumesFile is a volumes file that is an object.
func volumesFile() []field[[]core.VolumeRequest] {
	set := func(into *[]core.VolumeRequest, v []core.VolumeRequest) { *into = v }
	return []field[[]core.VolumeRequest]{bind("volumes", "volumes", form[[]core.VolumeRequest](volumeList()), set)}
}

// volumeList is of volumes that exist, {"vid": …}, and of ones to be made.
func volumeList() list[core.VolumeRequest] {
	const step, most = 128, 65536 << 10
	size := number{scale: 1024, step: step, min: step, max: most, want: "GiB from 0.125 to 65536, a multiple of 0.125"}
	flag := func(key string, set func(v *core.VolumeRequest, on bool)) field[core.VolumeRequest] {
		return bind("", key, form[bool](boolean{}), set)
	}
	entry := object[core.VolumeRequest]{
		want: `an object such as {"vid": "…"} or {"name": "data", "size_gib": 10}`,
		fields: []field[core.VolumeRequest]{
			bind("", "vid", form[string](opaque("an id")), func(v *core.VolumeRequest, s string) { v.VID = s }),
			bind("", "name", form[string](name()), func(v *core.VolumeRequest, s string) { v.Name = s }),
			bind("", "size_gib", form[int64](size), func(v *core.VolumeRequest, n int64) { v.SizeMiB = n }),
			flag("bootable", func(v *core.VolumeRequest, on bool) { v.Bootable = on }),
			flag("shareable", func(v *core.VolumeRequest, on bool) { v.Shareable = on }),
			flag("readonly", func(v *core.VolumeRequest, on bool) { v.ReadOnly = on }),
			flag("volatile", func(v *core.VolumeRequest, on bool) { v.Volatile = on }),
			flag("private", func(v *core.VolumeRequest, on bool) { v.Private = on }),
			bind("", "format", form[string](word("raw", "qcow2")), func(v *core.VolumeRequest, s string) { v.Format = s }),
		},
		check: func(r *reader, v value, volume *core.VolumeRequest) bool { return checkVolume(r, v, volume, size.want) },
		rules: map[string]any{"oneOf": []any{
			map[string]any{"required": []string{"vid"}, "properties": map[string]any{
				"name": false, "size_gib": false, "bootable": false, "shareable": false, "volatile": false, "private": false, "format": false,
			}},
			map[string]any{"required": []string{"name", "size_gib"}, "properties": map[string]any{"vid": false}},
		}},
		short: func(text string) *node { return keyed("vid", text) },
	}
	return list[core.VolumeRequest]{item: entry, most: maxVolumes, want: `a list such as [{"vid": "…"}]`, id: volumeID}
}

// checkVolume sees to it that a volume either exists or is to be made.
func checkVolume(r *reader, v value, volume *core.VolumeRequest, size string) bool {
	if v.member("vid") != nil {
		good := true
		for _, key := range []string{"name", "size_gib", "bootable", "shareable", "volatile", "private", "format"} {
			if n := v.member(key); n != nil {
				r.reject(v.at(key, n), "", "is for volumes to be made, and this one has a vid", "vid alone, or with readonly")
				good = false
			}
		}
		return good
	}
	whole := true
	if v.member("name") == nil && v.member("size_gib") == nil {
		r.missing(v, "vid", `"vid" of a volume that exists, or "name" and "size_gib" of one to be made`)
		return false
	}
	if v.member("name") == nil {
		r.missing(v, "name", name().want)
		whole = false
	}
	if v.member("size_gib") == nil {
		r.missing(v, "size_gib", size)
		whole = false
	}
	if volume.Bootable && volume.Shareable {
		r.reject(v.at("shareable", v.member("shareable")), "true", "cannot be where bootable is true too", "one of the two")
		whole = false
	}
	if volume.Format != "" && volume.Shareable {
		r.reject(v.at("format", v.member("format")), volume.Format, "cannot be where shareable is true, which makes it a directory", "one of the two")
		whole = false
	}
	return whole
}

// networkList is [{"network_uid": …}].
func networkList() list[core.NetworkRequest] {
	entry := object[core.NetworkRequest]{
		want: `an object such as {"network_uid": "…"}`,
		fields: []field[core.NetworkRequest]{
			bind("", "network_uid", form[string](opaque("an id")), func(n *core.NetworkRequest, s string) { n.UID = s }),
		},
		check: func(r *reader, v value, _ *core.NetworkRequest) bool {
			if v.member("network_uid") == nil {
				r.missing(v, "network_uid", opaque("an id").want)
				return false
			}
			return true
		},
		rules: map[string]any{"required": []string{"network_uid"}},
		short: func(text string) *node { return keyed("network_uid", text) },
	}
	return list[core.NetworkRequest]{
		item: entry, most: maxNetworks, want: `a list such as [{"network_uid": "…"}]`, id: func(n core.NetworkRequest) string { return n.UID },
	}
}
