package host

import (
	"fmt"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/sdk"
)

// What a plugin may send in one answer. Who exceeds a limit is cut off there;
// what came before stands.
const (
	maxText          = sdk.MaxTextBytes
	maxOffers        = 100_000
	maxReasons       = 10_000
	maxInstances     = 100_000
	maxStreamBytes   = 64 << 20 // of one Offer or List, over all its messages
	maxPerOffer      = 64       // quantities, facts, unknown fields
	maxToken         = 4 << 10
	maxAddresses     = 256
	maxItems         = 1000
	maxServices      = 64
	maxWarnings      = 100
	maxDescribeBytes = 4 << 20
	maxSchemaBytes   = 1 << 20
	maxSettingsBytes = 256 << 10
	maxFaults        = 20
	maxConsoleBytes  = 1 << 20
)

// faults gathers what is wrong in one answer, bounded; all are counted.
type faults struct {
	list  []core.Fault
	count int
}

func (f *faults) add(path, format string, args ...any) {
	f.count++
	if len(f.list) < maxFaults {
		f.list = append(f.list, core.Fault{Path: path, Text: cut(fmt.Sprintf(format, args...), 500)})
	}
}

// err is the Internal error of a plugin that answered against the contract, nil
// without faults.
func (f *faults) err(what string) error {
	if f.count == 0 {
		return nil
	}
	text := fmt.Sprintf("%d faults in %s, which were dropped; the first: %s", f.count, what, f.list[0])
	if f.count == 1 {
		text = fmt.Sprintf("a fault in %s, which was dropped: %s", what, f.list[0])
	}
	return &core.Error{
		Kind: core.Internal, Source: core.SourcePlugin, Text: text, Faults: f.list,
		Hint: "this is a defect of the plugin; its author will want to know",
	}
}

// isID reports whether s can name something: it is not empty, and printing it
// shows all of it.
func isID(s string) bool { return s != "" && len(s) <= maxText && sdk.CleanText(s, maxText) == s }
