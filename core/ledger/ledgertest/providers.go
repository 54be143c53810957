package ledgertest

import (
	"regexp"
	"strings"
	"testing"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/ledger"
)

func testIdentity(t *testing.T, store Store) {
	one, two := store(), store()
	if id := one.ID(); !regexp.MustCompile(`^[a-z0-9]{10}$`).MatchString(id) || two.ID() != id {
		t.Errorf("ids %q and %q: want one of [a-z0-9]{10}", id, two.ID())
	}
	hash := one.Hash([]byte("x"))
	if !regexp.MustCompile(`^[0-9a-f]{32}$`).MatchString(hash) {
		t.Errorf("hash %q: want 32 hexadecimal characters", hash)
	}
	if two.Hash([]byte("x")) != hash || one.Hash([]byte("y")) == hash {
		t.Error("a hash depends on the data and the ledger, and nothing else")
	}
}

func rack(name string) core.ProviderConfig {
	return core.ProviderConfig{
		Name: name, Plugin: "kvm", Settings: []byte(`{"hosts": ["qemu:///system"]}`),
		SecretFiles: map[string]string{"key": "/home/ada/key"}, Connect: "unix:/run/x", CreatedAt: noon(),
	}
}

func testProviders(t *testing.T, store Store) {
	l, ctx := store(), t.Context()
	bare := core.ProviderConfig{Name: "bare", Plugin: "gcp", CreatedAt: noon()}
	must(t, l.PutProvider(ctx, rack("rack1")))
	must(t, l.PutProvider(ctx, bare))
	other := store()
	same(t, "provider", value(other.Provider(ctx, "rack1"))(t), rack("rack1"))
	same(t, "providers", value(other.Providers(ctx))(t), []core.ProviderConfig{bare, rack("rack1")})

	changed := rack("rack1")
	changed.Settings, changed.Connect = []byte(`{}`), ""
	changed.CreatedAt = noon().AddDate(1, 0, 0)
	must(t, l.Remember(ctx, ledger.Refusal{Provider: "rack1", Until: noon()}))
	must(t, l.UpdateProvider(ctx, changed))
	changed.CreatedAt = noon()
	same(t, "changed provider", value(other.Provider(ctx, "rack1"))(t), changed)
	if r := value(l.Refusals(ctx, noon().AddDate(-1, 0, 0)))(t); len(r) != 0 {
		t.Errorf("a changed provider still has refusals: %v", r)
	}

	must(t, l.Remember(ctx, ledger.Refusal{Provider: "rack1", Until: noon()}))
	must(t, l.DeleteProvider(ctx, "rack1"))
	_, err := other.Provider(ctx, "rack1")
	refused(t, "a provider that was removed", err, core.NotFound)
	if r := value(l.Refusals(ctx, noon().AddDate(-1, 0, 0)))(t); len(r) != 0 {
		t.Errorf("a removed provider still has refusals: %v", r)
	}

	var steps []string
	for _, e := range value(l.Events(ctx, ledger.Query{}))(t) {
		steps = append(steps, e.Step+" "+e.Text)
	}
	same(t, "events", steps, []string{
		"provider.added provider rack1 of plugin kvm", "provider.added provider bare of plugin gcp",
		"provider.updated provider rack1", "provider.deleted provider rack1",
	})
	p := core.ProviderConfig{Name: "fresh", Plugin: "kvm"}
	must(t, l.PutProvider(ctx, p))
	if value(l.Provider(ctx, "fresh"))(t).CreatedAt.IsZero() {
		t.Error("a provider has no time of its making")
	}
}

func testProviderConflicts(t *testing.T, store Store) {
	l, ctx := store(), t.Context()
	must(t, l.PutProvider(ctx, rack("rack1")))
	other := rack("rack1")
	other.Settings = []byte(`{}`)
	e := refused(t, "a name that is taken", l.PutProvider(ctx, other), core.Conflict)
	if e.Subject != "provider rack1" {
		t.Errorf("subject %q", e.Subject)
	}
	same(t, "the first stays", value(l.Provider(ctx, "rack1"))(t), rack("rack1"))
	other.Plugin = "gcp"
	refused(t, "another plugin", l.UpdateProvider(ctx, other), core.Conflict)
	refused(t, "change of none", l.UpdateProvider(ctx, rack("rack2")), core.NotFound)
	refused(t, "removal of none", l.DeleteProvider(ctx, "rack2"), core.NotFound)
	_, err := l.Provider(ctx, "rack2")
	refused(t, "none", err, core.NotFound)

	bad := core.ProviderConfig{Name: "No Good", Settings: []byte("{")}
	if e := refused(t, "a malformed one", l.PutProvider(ctx, bad), core.Invalid); len(e.Faults) != 3 {
		t.Errorf("faults %v: want all three", e.Faults)
	}
}

func testProviderInUse(t *testing.T, store Store) {
	l, ctx := store(), t.Context()
	for _, name := range []string{"rack1", "rack2", "rack3"} {
		must(t, l.PutProvider(ctx, rack(name)))
	}
	a := begun(t, l, "web")
	must(t, l.AddAttempt(ctx, Attempt(a, 1), step("attempt")))
	e := refused(t, "removal of one in use", l.DeleteProvider(ctx, "rack1"), core.Conflict)
	if !strings.Contains(e.Text, a.ID) || !strings.Contains(e.Text, "web") {
		t.Errorf("%q does not name the allocation", e.Text)
	}
	// The first attempt may still hold something when the second is under way.
	must(t, l.ChangeAttempt(ctx, a.ID, 1, step("undo"), func(t *core.Attempt, _ *core.Allocation) error {
		t.State = core.AttemptUndoing
		return nil
	}))
	must(t, l.AddAttempt(ctx, Attempt(a, 2), step("attempt")))
	refused(t, "removal of one being undone", l.DeleteProvider(ctx, "rack1"), core.Conflict)
	refused(t, "removal of the next", l.DeleteProvider(ctx, "rack2"), core.Conflict)
	must(t, l.DeleteProvider(ctx, "rack3"))
	finish(t, l, a.ID, core.Failed, 1, 2)
	must(t, l.DeleteProvider(ctx, "rack1"))
	must(t, l.DeleteProvider(ctx, "rack2"))
}

// finish ends attempts, and with the last of them the allocation.
func finish(t *testing.T, l ledger.Ledger, id string, state core.State, numbers ...int) {
	t.Helper()
	for i, n := range numbers {
		must(t, l.ChangeAttempt(t.Context(), id, n, step("ended"), func(t *core.Attempt, a *core.Allocation) error {
			t.State = core.AttemptRefused
			if i == len(numbers)-1 {
				a.State = state
			}
			return nil
		}))
	}
	if len(numbers) == 0 {
		value(l.Change(t.Context(), id, step("ended"), func(a *core.Allocation) error {
			a.State = state
			return nil
		}))(t)
	}
}
