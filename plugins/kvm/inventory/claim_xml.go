package inventory

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// maxClaimBytes bounds the metadata of a domain that are looked through.
const maxClaimBytes = 1 << 20

// maxVolumes bounds the volumes of one claim.
const maxVolumes = 64

// claimXML is a claim as it is read: all in attributes, so that libvirt's moving
// of the elements between namespaces changes nothing. Every attribute is text, so
// that all faults are found.
type claimXML struct {
	Broker        string      `xml:"broker,attr"`
	Allocation    string      `xml:"allocation,attr"`
	Key           string      `xml:"key,attr"`
	Request       string      `xml:"request,attr"`
	Name          string      `xml:"name,attr,omitempty"`
	Zone          string      `xml:"zone,attr,omitempty"`
	Shape         string      `xml:"shape,attr,omitempty"`
	State         string      `xml:"state,attr"`
	Created       string      `xml:"created,attr"`
	Overprovision string      `xml:"overprovision,attr"`
	Counts        string      `xml:"counts,attr"`
	Units         string      `xml:"units,attr"`
	Image         string      `xml:"image,attr,omitempty"`
	Pool          string      `xml:"pool,attr,omitempty"`
	DiskMiB       string      `xml:"disk-mib,attr,omitempty"`
	Volumes       []volumeXML `xml:"volume"`
}

type volumeXML struct {
	Name string `xml:"name,attr"`
}

// What a claim counts, on the wire.
const (
	countsCores   = "cores"
	countsThreads = "threads"
)

// Element is the claim as virDomainSetMetadata wants it, with Prefix and
// Namespace beside it: an element in no namespace. The claim is checked first,
// every fault at once.
func (c *Claim) Element() (string, error) { return c.marshal("claim", "volume", "") }

// Metadata is the claim as it stands inside the <metadata> of a domain that is
// defined with it. The claim is checked first, every fault at once.
func (c *Claim) Metadata() (string, error) {
	return c.marshal(Prefix+":claim", Prefix+":volume", Namespace)
}

func (c *Claim) marshal(name, volume, namespace string) (string, error) {
	if err := c.check(); err != nil {
		return "", fmt.Errorf("claim: %w", err)
	}
	start := xml.StartElement{Name: xml.Name{Local: name}, Attr: c.attributes()}
	if namespace != "" {
		start.Attr = append(start.Attr, xml.Attr{Name: xml.Name{Local: "xmlns:" + Prefix}, Value: namespace})
	}
	tokens := []xml.Token{start}
	for _, v := range c.Volumes {
		el := xml.StartElement{Name: xml.Name{Local: volume}, Attr: []xml.Attr{{Name: xml.Name{Local: "name"}, Value: v}}}
		tokens = append(tokens, el, el.End())
	}
	var out strings.Builder
	enc := xml.NewEncoder(&out)
	for _, t := range append(tokens, start.End()) {
		if err := enc.EncodeToken(t); err != nil {
			return "", fmt.Errorf("claim: %w", err)
		}
	}
	if err := enc.Flush(); err != nil {
		return "", fmt.Errorf("claim: %w", err)
	}
	return out.String(), nil
}

// attributes are those of the element, without what is empty.
func (c *Claim) attributes() []xml.Attr {
	counts, disk := countsThreads, ""
	if c.WholeCores {
		counts = countsCores
	}
	if c.DiskMiB > 0 {
		disk = strconv.FormatUint(c.DiskMiB, 10)
	}
	var attrs []xml.Attr
	for _, a := range [][2]string{
		{"broker", c.Broker},
		{"allocation", c.Allocation},
		{"key", c.Key},
		{"request", c.Request},
		{"name", c.Name},
		{"zone", c.Zone},
		{"shape", c.Shape},
		{"state", string(c.State)},
		{"created", c.CreatedAt.UTC().Format(time.RFC3339)},
		{"overprovision", strconv.Itoa(c.Overprovision)},
		{"counts", counts},
		{"units", FormatCPUSet(c.Units)},
		{"image", c.Image},
		{"pool", c.Pool},
		{"disk-mib", disk},
	} {
		if a[1] != "" {
			attrs = append(attrs, xml.Attr{Name: xml.Name{Local: a[0]}, Value: a[1]})
		}
	}
	return attrs
}

// check finds what would make the claim unreadable or meaningless.
func (c *Claim) check() error {
	var faults []error
	fault := func(bad bool, format string, args ...any) {
		if bad {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	for _, l := range []struct{ name, value string }{
		{"broker", c.Broker}, {"allocation", c.Allocation}, {"key", c.Key}, {"request", c.Request},
	} {
		fault(!isLabel(l.value), "%s %.70q: want 1 to 63 of a-z, 0-9 and -", l.name, l.value)
	}
	fault(c.State != Claimed && c.State != Held, "state %.20q: want %s or %s", c.State, Claimed, Held)
	fault(c.CreatedAt.IsZero(), "no time of creation")
	fault(c.Overprovision < 1, "overprovision %d: want at least 1", c.Overprovision)
	fault(len(c.Units) == 0, "no units")
	for _, u := range c.Units {
		fault(u < 0 || u > maxCPU, "unit %d is out of range", u)
	}
	fault(len(c.Volumes) > maxVolumes, "%d volumes: want at most %d", len(c.Volumes), maxVolumes)
	return errors.Join(faults...)
}

func isLabel(s string) bool {
	return len(s) >= 1 && len(s) <= 63 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// ParseClaim reads the claim from the content of a domain's <metadata>, the
// whole element, or the claim's own element. It is nil and no error where
// nothing of Meson's namespace is there, whatever else is. An error means that
// there is something of Meson's which cannot be relied on.
func ParseClaim(metadata string) (*Claim, error) {
	if !strings.Contains(metadata, Namespace) {
		return nil, nil
	}
	if len(metadata) > maxClaimBytes {
		return nil, fmt.Errorf("%d bytes of metadata: more than %d are not read", len(metadata), maxClaimBytes)
	}
	dec := xml.NewDecoder(strings.NewReader(metadata))
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("metadata: %w", err)
		}
		start, ok := token.(xml.StartElement)
		if !ok || start.Name.Space != Namespace || start.Name.Local != "claim" {
			continue
		}
		var w claimXML
		if err := dec.DecodeElement(&w, &start); err != nil {
			return nil, fmt.Errorf("claim: %w", err)
		}
		return w.claim()
	}
}

func (w *claimXML) claim() (*Claim, error) {
	c := &Claim{
		Broker: w.Broker, Allocation: w.Allocation, Key: w.Key, Request: w.Request,
		Name: w.Name, Zone: w.Zone, Shape: w.Shape, State: ClaimState(w.State), WholeCores: w.Counts == countsCores,
		Image: w.Image, Pool: w.Pool,
	}
	var faults []error
	keep := func(err error) {
		if err != nil {
			faults = append(faults, err)
		}
	}
	var err error
	c.CreatedAt, err = time.Parse(time.RFC3339, w.Created)
	keep(err)
	c.CreatedAt = c.CreatedAt.UTC()
	c.Overprovision, err = strconv.Atoi(w.Overprovision)
	keep(err)
	c.Units, err = ParseCPUSet(w.Units)
	keep(err)
	if w.DiskMiB != "" {
		c.DiskMiB, err = strconv.ParseUint(w.DiskMiB, 10, 63)
		keep(err)
	}
	if w.Counts != countsCores && w.Counts != countsThreads {
		keep(fmt.Errorf("counts %.20q: want %s or %s", w.Counts, countsCores, countsThreads))
	}
	for _, v := range w.Volumes {
		c.Volumes = append(c.Volumes, v.Name)
	}
	keep(c.check())
	if len(faults) > 0 {
		return nil, fmt.Errorf("claim: %w", errors.Join(faults...))
	}
	return c, nil
}
