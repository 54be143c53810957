package sdk

import (
	"fmt"

	"github.com/mesoncloud/meson/sdk/pb"
)

// The keys of the labels on everything that is made.
const (
	LabelBroker     = "meson-broker"
	LabelAllocation = "meson-allocation"
	LabelKey        = "meson-key"
	LabelRequest    = "meson-request"
)

// MaxLabelBytes bounds a label's key and its value.
const MaxLabelBytes = 63

// OwnerLabels is an owner as the labels that a plugin writes on the provider's
// object before anything else can go wrong.
func OwnerLabels(o *pb.Owner) map[string]string {
	return map[string]string{
		LabelBroker:     o.GetBroker(),
		LabelAllocation: o.GetAllocation(),
		LabelKey:        o.GetKey(),
		LabelRequest:    o.GetRequest(),
	}
}

// OwnerFromLabels reads the owner of a provider's object; other labels are
// ignored. False: the object is not Meson's, or its labels were tampered with.
func OwnerFromLabels(labels map[string]string) (*pb.Owner, bool) {
	o := &pb.Owner{
		Broker:     labels[LabelBroker],
		Allocation: labels[LabelAllocation],
		Key:        labels[LabelKey],
		Request:    labels[LabelRequest],
	}
	return o, len(OwnerFaults("", o)) == 0
}

// ValidLabel reports whether s matches [a-z0-9-]{1,63}.
func ValidLabel(s string) bool {
	if s == "" || len(s) > MaxLabelBytes {
		return false
	}
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

// OwnerFaults says what is wrong with an owner of which every label must be
// set. Path is put before the names of its fields.
func OwnerFaults(path string, o *pb.Owner) []Fault {
	var faults []Fault
	for _, l := range []struct{ name, value string }{
		{"broker", o.GetBroker()},
		{"allocation", o.GetAllocation()},
		{"key", o.GetKey()},
		{"request", o.GetRequest()},
	} {
		faults = append(faults, labelFault(join(path, l.name), l.value)...)
	}
	return faults
}

func labelFault(path, value string) []Fault {
	if ValidLabel(value) {
		return nil
	}
	have := quote(value)
	return []Fault{{Path: path, Have: have, Want: "[a-z0-9-]{1,63}", Text: fmt.Sprintf("%s is not a label of 1 to 63 of a-z, 0-9 and -", have)}}
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// quote shows a value in a fault, shortened.
func quote(s string) string { return fmt.Sprintf("%q", CleanText(s, 64)) }
