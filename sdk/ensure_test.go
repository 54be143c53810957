package sdk

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/mesoncloud/meson/sdk/pb"
)

func TestEnsure(t *testing.T) {
	taken := Errorf(Conflict, "the name is taken")
	broken := errors.New("broken")
	type result struct {
		there bool
		err   error
	}
	for _, tt := range []struct {
		name    string
		finds   []result // of Find, one after the other; what is found has request "r"
		create  error
		request string
		want    string // found, made, or a kind
	}{
		{"new", []result{{}}, nil, "r", "made"},
		{"there", []result{{there: true}}, nil, "r", "found"},
		{"another request", []result{{there: true}}, nil, "x", "conflict"},
		{"cannot look", []result{{err: broken}}, nil, "r", "internal"},
		{"cannot make", []result{{}}, Errorf(Exhausted, "full"), "r", "exhausted"},
		{"lost a race", []result{{}, {there: true}}, taken, "r", "found"},
		{"lost a race to another request", []result{{}, {there: true}}, taken, "x", "conflict"},
		{"name taken by a stranger", []result{{}, {}}, taken, "r", "conflict"},
		{"cannot look again", []result{{}, {err: broken}}, taken, "r", "internal"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			calls := 0
			got, err := Ensure(t.Context(), EnsureOps[string]{
				Find: func(context.Context) (string, bool, error) {
					r := tt.finds[calls]
					calls++
					return "found", r.there, r.err
				},
				Request: func(string) string { return "r" },
				Create:  func(context.Context) (string, error) { return "made", tt.create },
			}, &pb.Owner{Key: "k", Request: tt.request})
			if err != nil {
				got = string(KindOf(err))
			}
			if got != tt.want || calls != len(tt.finds) {
				t.Errorf("%s after %d looks (%v), want %s after %d", got, calls, err, tt.want, len(tt.finds))
			}
		})
	}
}

func TestKeysWaitNoLongerThanTheirContext(t *testing.T) {
	var keys Keys
	unlock, err := keys.Lock(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	other, err := keys.Lock(t.Context(), "b")
	if err != nil {
		t.Fatal(err)
	}
	other()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
	defer cancel()
	if _, err := keys.Lock(ctx, "a"); KindOf(err) != Busy {
		t.Errorf("%v, want Busy", err)
	}
	unlock()
	again, err := keys.Lock(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	again()
	if len(keys.held) != 0 {
		t.Errorf("%d keys are remembered", len(keys.held))
	}
}

func TestOwnerLabels(t *testing.T) {
	o := &pb.Owner{Broker: "b", Allocation: "a", Key: "k-1", Request: "r"}
	labels := OwnerLabels(o)
	labels["other"] = "label"
	if got, ok := OwnerFromLabels(labels); !ok || got.String() != o.String() {
		t.Errorf("%v became %v, %v", o, got, ok)
	}
	for _, bad := range []string{"", "A", "ü", "a_b", string(make([]byte, 64))} {
		labels[LabelKey] = bad
		if _, ok := OwnerFromLabels(labels); ok || ValidLabel(bad) {
			t.Errorf("the label %q passes", bad)
		}
	}
}
