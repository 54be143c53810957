package ledgertest

import (
	"testing"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/ledger"
)

func testSecrets(t *testing.T, store Store) {
	l, ctx := store(), t.Context()
	a := begun(t, l, "web")
	other := store()
	kept := value(other.Secrets(ctx, a.ID))(t)
	pledge := value(other.Allocation(ctx, a.ID))(t).Pledge
	if !pledge.Login.Password.IsZero() || !pledge.UserData.IsZero() {
		t.Error("the pledge still has secrets")
	}
	kept.Into(&pledge)
	same(t, "the pledge made whole", pledge, a.Pledge)

	changed := ledger.Secrets{Password: core.NewSecret("new \x00 é")}
	must(t, l.PutSecrets(ctx, a.ID, changed))
	if got := value(other.Secrets(ctx, a.ID))(t); got != changed {
		t.Error("other secrets than those put last")
	}
	must(t, l.DropSecrets(ctx, a.ID))
	must(t, l.DropSecrets(ctx, a.ID))
	_, err := other.Secrets(ctx, a.ID)
	refused(t, "those that were dropped", err, core.NotFound)

	bare := core.Allocation{ID: ledger.NewID()}
	must(t, l.PutSecrets(ctx, bare.ID, ledger.Secrets{}))
	must(t, l.Begin(ctx, bare))
	if got := value(l.Secrets(ctx, bare.ID))(t); !got.IsZero() {
		t.Error("an allocation without secrets has some")
	}
	early := core.Allocation{ID: ledger.NewID()}
	must(t, l.PutSecrets(ctx, early.ID, changed))
	must(t, l.Begin(ctx, early))
	must(t, l.DropSecrets(ctx, early.ID))
	_, err = l.Secrets(ctx, early.ID)
	refused(t, "those put before the beginning, dropped", err, core.NotFound)

	_, err = l.Secrets(ctx, ledger.NewID())
	refused(t, "those of none", err, core.NotFound)
	_, err = l.Secrets(ctx, "../../../x")
	refused(t, "a path", err, core.Invalid)
	refused(t, "a path", l.PutSecrets(ctx, "../../../x", changed), core.Invalid)
	refused(t, "a path", l.DropSecrets(ctx, "../../../x"), core.Invalid)
}

func testSecretsSpent(t *testing.T, store Store) {
	l, ctx := store(), t.Context()
	ran, failed := begun(t, l, "ran"), begun(t, l, "failed")
	must(t, l.AddAttempt(ctx, Attempt(ran, 1), step("x")))
	for _, state := range []core.State{core.Creating, core.Unsure} {
		must(t, l.ChangeAttempt(ctx, ran.ID, 1, step("x"), func(_ *core.Attempt, a *core.Allocation) error {
			a.State = state
			return nil
		}))
		if value(l.Secrets(ctx, ran.ID))(t).IsZero() {
			t.Errorf("no secrets when %s", state)
		}
	}
	must(t, l.ChangeAttempt(ctx, ran.ID, 1, step("x"), func(t *core.Attempt, a *core.Allocation) error {
		t.State, a.State = core.AttemptMade, core.Running
		return nil
	}))
	finish(t, l, failed.ID, core.Failed)
	for _, a := range []core.Allocation{ran, failed} {
		_, err := l.Secrets(ctx, a.ID)
		refused(t, "those of one that "+a.Name, err, core.NotFound)
	}
}
