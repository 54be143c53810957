package inventory

import (
	"regexp"
	"strconv"
	"strings"
)

type sysinfoXML struct {
	XMLName    struct{}       `xml:"sysinfo"`
	Processors []sysinfoEntry `xml:"processor"`
}

type sysinfoEntry struct {
	Entries []struct {
		Name  string `xml:"name,attr"`
		Value string `xml:",chardata"`
	} `xml:"entry"`
}

func (e sysinfoEntry) get(name string) string {
	for _, x := range e.Entries {
		if x.Name == name {
			return strings.TrimSpace(x.Value)
		}
	}
	return ""
}

// sysinfo reads clocks and the processor's name.
func (b *builder) sysinfo() {
	h := b.host
	var info sysinfoXML
	if strings.TrimSpace(b.src.Sysinfo) != "" {
		if err := read(b.src.Sysinfo, &info); err != nil {
			b.warn("sysinfo: %v", err)
		}
	}
	for i, p := range info.Processors {
		if v := p.get("version"); v != "" && i == 0 {
			h.CPUModel = strings.Join(strings.Fields(v), " ")
		}
		h.BaseMHz = lowest(h.BaseMHz, namedClock(p.get("version")))
		h.MaxMHz = lowest(h.MaxMHz, megahertz(p.get("max_speed")))
	}
	if h.BaseMHz == 0 {
		h.BaseMHz = b.counterMHz()
	}
	if b.src.BaseMHz > 0 {
		h.BaseMHz = b.src.BaseMHz
	}
	if b.src.MaxMHz > 0 {
		h.MaxMHz = b.src.MaxMHz
	}
	if h.MaxMHz < h.BaseMHz {
		h.MaxMHz = 0
	}
}

// counterMHz is the rate of the time stamp counter, which on x86 is that of the
// base clock.
func (b *builder) counterMHz() int {
	cpu := b.caps.Host.CPU
	if !b.x86() || cpu == nil || cpu.Counter == nil || cpu.Counter.Name != "tsc" {
		return 0
	}
	return int((uint64(cpu.Counter.Frequency) + 500_000) / 1_000_000)
}

// lowest is the smaller of two clocks of which 0 is unknown.
func lowest(a, b int) int {
	if a == 0 || b == 0 {
		return max(a, b)
	}
	return min(a, b)
}

// namedClock reads the base clock that Intel writes into its processors' names,
// such as "… CPU E5-2620 v4 @ 2.10GHz".
func namedClock(name string) int {
	m := regexp.MustCompile(`@ (\d{1,2}\.\d{1,3})\s?GHz`).FindStringSubmatch(name)
	if m == nil {
		return 0
	}
	ghz, mhz, _ := strings.Cut(m[1], ".")
	whole, _ := strconv.Atoi(ghz)
	part, _ := strconv.Atoi((mhz + "000")[:3])
	return whole*1000 + part
}

// megahertz reads SMBIOS's "4000 MHz".
func megahertz(s string) int {
	number, unit, _ := strings.Cut(s, " ")
	n, err := strconv.ParseUint(number, 10, 20)
	if err != nil || unit != "MHz" {
		return 0
	}
	return int(n)
}
