package spec_test

import (
	"errors"
	"fmt"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/spec"
)

func ExampleParse() {
	p, err := spec.Parse([]byte(`{"slots": 2, "ramsize": 2048, /* MiB */ "archs": "amd64"}`), spec.Options{Sets: []string{"slots=4"}})
	fmt.Println(p.Slots, p.MemoryMiB, p.Archs, err)
	// Output: 4 2048 [X86_64] <nil>
}

func ExampleParse_faults() {
	_, err := spec.Parse([]byte(`{"slots": 0, "ramsiz": 2048}`), spec.Options{Name: "web.json"})
	if e, ok := errors.AsType[*core.Error](err); ok {
		for _, fault := range e.Faults {
			fmt.Printf("%s:%d:%d: %s\n", e.Subject, fault.Line, fault.Column, fault)
		}
	}
	// Output:
	// web.json:1:11: slots: 0 is out of range: want a whole number from 1 to 256
	// web.json:1:14: ramsiz: unknown key `ramsiz`: did you mean `ramsize`?
}
