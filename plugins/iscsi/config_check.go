package iscsi

import (
	"fmt"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/google/uuid"

	"github.com/mesoncloud/meson/plugins/iscsi/target"
	"github.com/mesoncloud/meson/pricing"
	"github.com/mesoncloud/meson/sdk"
)

// maxRuntimeDir keeps the sockets below it within what their addresses hold.
const maxRuntimeDir = 40

// Validate finds every fault that the settings have together; what each must be
// by itself, its tags say.
func (c *Config) Validate() []sdk.Fault {
	v := &configCheck{config: c}
	v.vaults()
	v.reached()
	v.prices()
	for i, s := range c.ImageSources {
		u, err := url.Parse(s)
		web := err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil && strings.HasSuffix(s, "/")
		if !web && (!filepath.IsAbs(s) || filepath.Clean(s) != s) {
			v.fault(fmt.Sprintf("image_sources[%d]", i), s, "an absolute directory, or an address such as https://images.example.com/", "%.100q is neither a directory nor the beginning of an address that ends in /", s)
		}
	}
	return v.faults
}

type configCheck struct {
	config *Config
	faults []sdk.Fault
}

func (v *configCheck) fault(path, have, want, format string, args ...any) {
	v.faults = append(v.faults, sdk.Fault{Path: path, Have: have, Want: want, Text: fmt.Sprintf(format, args...)})
}

func (v *configCheck) vaults() {
	at := func(i int) string {
		if v.config.Path != "" {
			i--
		}
		if i < 0 {
			return "path"
		}
		return fmt.Sprintf("vaults[%d].path", i)
	}
	names := map[string]bool{}
	all := v.config.all()
	for i, one := range all {
		switch {
		case !filepath.IsAbs(one.Path) || strings.ContainsAny(one.Path, "\"'\\\n\r\x00,"):
			v.fault(at(i), one.Path, "an absolute path without quotes, commas, backslashes and line breaks", "%.100q is no path of a vault", one.Path)
		case one.Path == "/":
			v.fault(at(i), one.Path, "a directory of its own, such as /srv/vault", "the whole server is no vault")
		}
		for j, other := range all[:i] {
			if within(one.Path, other.Path) || within(other.Path, one.Path) {
				v.fault(at(i), one.Path, "a directory that is not in another vault, nor around one", "%s and %s hold each other", at(i), at(j))
			}
		}
		if names[one.Name] {
			v.fault(strings.TrimSuffix(at(i), "path")+"name", one.Name, "a name of its own", "another vault has the name %s too: set name", one.Name)
		}
		names[one.Name] = true
	}
	if dir := v.config.runtimeDir(); !filepath.IsAbs(dir) || len(dir) > maxRuntimeDir || strings.ContainsAny(dir, "\"'\\\n\r\x00,%: ") {
		v.fault("runtime_dir", dir, fmt.Sprintf("an absolute path of at most %d bytes without blanks and signs such as , and :", maxRuntimeDir), "%.100q has no room for sockets", dir)
	}
}

// within reports whether path is dir or lies in it.
func within(path, dir string) bool {
	return path == dir || strings.HasPrefix(path, strings.TrimSuffix(dir, "/")+"/")
}

func (v *configCheck) reached() {
	c := v.config
	if id := c.HostUUID; id != "" && id != "none" {
		if _, err := uuid.Parse(id); err != nil {
			v.fault("host_uuid", id, "a UUID, as `virsh capabilities` prints it, or none", "%.64q is no UUID", id)
		}
	}
	for i, n := range c.Networks {
		if !sdk.ValidLabel(n) {
			v.fault(fmt.Sprintf("networks[%d]", i), n, "1 to 63 of a-z, 0-9 and -", "%.64q is not the name of a network", n)
		}
	}
	if c.Address != "" {
		if a, err := netip.ParseAddr(c.Address); err != nil || a.IsUnspecified() || a.Zone() != "" {
			v.fault("address", c.Address, "an address of this server, such as 10.0.0.7", "%.64q is not an address that initiators could connect to", c.Address)
		}
	}
	if c.LastPort < c.FirstPort {
		v.fault("last_port", fmt.Sprint(c.LastPort), fmt.Sprintf("at least first_port, %d", c.FirstPort), "there are no ports from %d to %d", c.FirstPort, c.LastPort)
	}
	if want := target.CheckAuthority(c.Authority); want != "" {
		v.fault("authority", c.Authority, want, "%.64q is not a naming authority", c.Authority)
	}
	if c.NFSAddress != "" {
		if a, err := netip.ParseAddrPort(c.NFSAddress); err != nil || a.Port() == 0 || a.Addr().IsUnspecified() {
			v.fault("nfs_address", c.NFSAddress, "an address of this server and a port, such as 10.0.0.7:2049", "%.64q is not ADDRESS:PORT", c.NFSAddress)
		}
		if len(c.NFSClients) == 0 {
			v.fault("nfs_clients", "", "the networks of the machines, such as 10.0.0.0/24", "nobody may mount what nfs_address serves")
		}
	}
	for i, text := range c.NFSClients {
		if _, err := prefixOf(text); err != nil {
			v.fault(fmt.Sprintf("nfs_clients[%d]", i), text, "an address or a network, such as 10.0.0.0/24", "%.64q is neither", text)
		}
	}
}

func (v *configCheck) prices() {
	c := v.config
	if c.Currency == "" && !c.Free {
		v.fault("currency", "", "an ISO 4217 code such as EUR, or free: true", "prices without a currency")
	}
	if c.Currency != "" {
		if _, err := pricing.NewMoney("0", c.Currency); err != nil {
			v.fault("currency", c.Currency, "an ISO 4217 code such as EUR", "%.20q is no ISO 4217 code", c.Currency)
			return
		}
	}
	for _, p := range []struct{ path, amount string }{
		{"gib_month", c.GiBMonth},
		{"raw_gib_month", c.RawGiBMonth},
		{"shared_gib_month", c.SharedGiBMonth},
	} {
		if p.amount == "" {
			if p.path == "gib_month" && !c.Free {
				v.fault(p.path, "", "a price such as 0.04, or free: true", "no price: what costs nothing must be declared free")
			}
			continue
		}
		switch m, err := pricing.NewMoney(p.amount, freeCurrency); {
		case err != nil || m.Sign() < 0:
			v.fault(p.path, p.amount, "a decimal number that is not negative, such as 0.04", "%.64q is no price", p.amount)
		case m.Sign() == 0 && !c.Free:
			v.fault(p.path, p.amount, "a price above zero, or free: true", "what costs nothing must be declared free")
		}
	}
}
