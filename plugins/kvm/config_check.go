package kvm

import (
	"cmp"
	"fmt"
	"maps"
	"net"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/mesoncloud/meson/plugins/kvm/link"
	"github.com/mesoncloud/meson/sdk"
)

// Validate finds every fault that the settings have together; what each must be
// by itself, its tags say.
func (c *Config) Validate() []sdk.Fault {
	v := &configCheck{config: c, paths: map[string]bool{}}
	v.hosts()
	v.prices()
	for i, im := range c.Images {
		v.image(fmt.Sprintf("images[%d]", i), im, c.Images[:i])
	}
	return v.faults
}

type configCheck struct {
	config *Config
	faults []sdk.Fault
	paths  map[string]bool // each is reported once
}

func (v *configCheck) fault(path, have, want, format string, args ...any) {
	if v.paths[path] {
		return
	}
	v.paths[path] = true
	v.faults = append(v.faults, sdk.Fault{Path: path, Have: have, Want: want, Text: fmt.Sprintf(format, args...)})
}

// each walks over all hosts with the paths of their groups and their own; for
// the host of the top both are empty.
func (v *configCheck) each(visit func(group, host string, g *Group, h *HostConfig)) {
	groups := v.config.allGroups()
	top := len(groups) - len(v.config.Groups)
	for i := range groups {
		for j := range groups[i].Hosts {
			if i < top {
				visit("", "", &groups[i], &groups[i].Hosts[j])
				continue
			}
			group := fmt.Sprintf("groups[%d].", i-top)
			visit(group, fmt.Sprintf("%shosts[%d].", group, j), &groups[i], &groups[i].Hosts[j])
		}
	}
}

// private refuses an address that the whole world might reach.
func (v *configCheck) private(path, address string) {
	if address == "" {
		return
	}
	ip := net.ParseIP(address)
	if ip == nil || !ip.IsLoopback() && !ip.IsPrivate() && !ip.IsLinkLocalUnicast() {
		v.fault(path, address, "a loopback or private address such as 127.0.0.1 or 10.0.0.11", "consoles would listen on %q", address)
	}
}

// networks holds the names of networks for storage against what any provider may
// call them.
func (v *configCheck) networks(path string, names []string) {
	for i, name := range names {
		if !sdk.ValidLabel(name) || slices.Contains(names[:i], name) {
			v.fault(fmt.Sprintf("%s[%d]", path, i), name, "1 to 63 of a-z, 0-9 and -, each once", "%.70q cannot be a network for storage, or is named twice", name)
		}
	}
}

// dirs refuses directories that no file could be seen to be below, and the root,
// which every file is below.
func (v *configCheck) dirs(path string, dirs []string) {
	for i, dir := range dirs {
		if !link.ValidPath(dir) || slices.Contains(dirs[:i], dir) {
			v.fault(fmt.Sprintf("%s[%d]", path, i), dir, "an absolute path other than /, without .. and / at its end, each once", "%.100q cannot be a directory for volumes, or is named twice", dir)
		}
	}
}

func (v *configCheck) hosts() {
	c := v.config
	if c.URI == "" && len(c.Groups) == 0 {
		v.fault("uri", "", "a libvirt URI such as qemu:///system, or groups with hosts", "no host: set uri, or groups")
	}
	v.private("vnc_listen", c.VNCListen)
	v.each(func(_, path string, _ *Group, h *HostConfig) { v.private(path+"vnc_listen", h.VNCListen) })
	v.networks("storage_networks", c.StorageNetworks)
	v.dirs("volume_dirs", c.VolumeDirs)
	v.each(func(_, path string, _ *Group, h *HostConfig) {
		if path != "" {
			v.networks(path+"storage_networks", h.StorageNetworks)
			v.dirs(path+"volume_dirs", h.VolumeDirs)
		}
	})
	if c.InitiatorIQN != "" && c.URI == "" {
		v.fault("initiator_iqn", c.InitiatorIQN, "uri beside it", "the name is that of the host of uri, which is not set")
	}
	if c.Name != "" && c.URI == "" {
		v.fault("name", c.Name, "uri beside it", "the name is that of the host of uri, which is not set")
	}
	names := map[string]bool{}
	for i, g := range c.Groups {
		path := fmt.Sprintf("groups[%d].", i)
		if names[g.Name] || (g.Name == defaultGroup && c.URI != "") {
			v.fault(path+"name", g.Name, "a name of its own", "another group has the name %s", g.Name)
		}
		names[g.Name] = true
		v.networks(path+"storage_networks", g.StorageNetworks)
		v.dirs(path+"volume_dirs", g.VolumeDirs)
		if len(g.Hosts) == 0 {
			v.fault(path+"hosts", "", "at least one host", "the group has no host")
		}
		for _, key := range slices.Sorted(maps.Keys(g.Labels)) {
			value := g.Labels[key]
			if !sdk.ValidLabel(key) || !sdk.ValidLabel(value) {
				v.fault(path+"labels", key+"="+value, "1 to 63 of a-z, 0-9 and - on both sides", "label %.70q", key+"="+value)
			}
		}
	}
	zones, uris, initiators := map[string]string{}, map[string]string{}, map[string]string{}
	v.each(func(_, host string, _ *Group, h *HostConfig) {
		shown := hidden(h.URI)
		if want := wrongURI(h.URI); want != "" {
			v.fault(host+"uri", shown, want, "%.100q is no URI that this plugin connects to: want %s", shown, want)
			return
		}
		if by, twice := uris[h.URI]; twice {
			v.fault(host+"uri", shown, "another host", "%s is the same host", cmp.Or(by, "uri"))
		}
		uris[h.URI] = host + "uri"
		zone := h.zone()
		if !zoneName(zone) {
			v.fault(host+"name", zone, "a name of a-z, 0-9, - and .", "the hostname %.64q in the uri cannot be the host's name: set name", zone)
		}
		if by, twice := zones[zone]; twice {
			v.fault(host+"name", zone, "a name of its own", "%s has the name %s too: set name", cmp.Or(strings.TrimSuffix(by, "."), "the host of uri"), zone)
		}
		zones[zone] = host
		if by, twice := initiators[h.InitiatorIQN]; twice && h.InitiatorIQN != "" {
			v.fault(host+"initiator_iqn", h.InitiatorIQN, "a name of its own", "%s has this name too: what one host may reach, the other could", cmp.Or(strings.TrimSuffix(by, "."), "the host of uri"))
		}
		initiators[h.InitiatorIQN] = host
	})
	for i, name := range c.RemovedHosts {
		path := fmt.Sprintf("removed_hosts[%d]", i)
		by, still := zones[name]
		switch {
		case !zoneName(name):
			v.fault(path, name, "a name of a-z, 0-9, - and .", "%.64q cannot be a host's name", name)
		case still:
			v.fault(path, name, "a host that is not in the settings", "%s has the name %s: its machines are still there", cmp.Or(strings.TrimSuffix(by, "."), "the host of uri"), name)
		}
	}
}

// wrongURI is what a URI would have to be, or nothing where it is right.
func wrongURI(s string) string {
	const want = "qemu:///system, qemu:///session, qemu+ssh://HOST/system, qemu+tls://HOST/system, qemu+tcp://HOST/system or test:///default"
	u, err := url.Parse(s)
	if err != nil || u.Opaque != "" || u.Fragment != "" || len(s) > 1024 {
		return want
	}
	if _, has := u.User.Password(); has {
		return "no password in the URI"
	}
	switch u.Scheme {
	case "test":
		if u.Host != "" || u.Path == "" || u.Path == "/" {
			return want
		}
		return ""
	case "qemu", "qemu+unix":
		if u.Host != "" {
			return want
		}
	case "qemu+ssh", "qemu+tls", "qemu+tcp":
		if u.Hostname() == "" {
			return want
		}
	default:
		return want
	}
	if u.Path != "/system" && u.Path != "/session" {
		return want
	}
	return ""
}

// hidden is a URI without the password that it should not have.
func hidden(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return ""
	}
	return u.Redacted()
}

func zoneName(s string) bool {
	return regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$`).MatchString(s)
}

func (v *configCheck) image(path string, im Image, before []Image) {
	switch {
	case im.File == "" && im.URL == "":
		v.fault(path+".file", "", "a file or a url", "where is the image? set file or url")
	case im.File != "" && im.URL != "":
		v.fault(path+".url", im.URL, "file or url", "both file and url are set")
	case im.File != "" && !filepath.IsAbs(im.File):
		v.fault(path+".file", im.File, "an absolute path", "%.100q is not an absolute path", im.File)
	case im.URL != "":
		u, err := url.Parse(im.URL)
		if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" {
			v.fault(path+".url", im.URL, "an http or https URL", "%.100q is no http or https URL", im.URL)
		}
	}
	same := slices.ContainsFunc(before, func(o Image) bool {
		return o.OSFamily == im.OSFamily && o.OSFlavour == im.OSFlavour && o.Arch == im.Arch
	})
	if same {
		v.fault(path+".os_flavour", im.OSFlavour, "a flavour of its own", "another image is %s", im.Label())
	}
}
