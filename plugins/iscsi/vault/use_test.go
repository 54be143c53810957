package vault

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mesoncloud/meson/sdk"
)

// Who may use a volume beside whom.
func TestWhoExcludesWhom(t *testing.T) {
	for _, tt := range []struct {
		volume         string
		first, second  func(string) Begin
		kind           sdk.Kind
		wantFirstEpoch uint64
	}{
		{"plain", writer, writer, sdk.Busy, 1},
		{"plain", writer, reader, sdk.Busy, 1},
		{"plain", reader, writer, sdk.Busy, 0},
		{"plain", reader, reader, "", 0},
		{"readonly", reader, reader, "", 0},
		{"readonly", reader, writer, sdk.Denied, 0},
		{"shareable", writer, writer, "", 1},
		{"shareable", writer, reader, "", 1},
		{"shareable", reader, writer, "", 0},
	} {
		v := openVault(t)
		n := small("k")
		n.Meta.ReadOnly = tt.volume == "readonly"
		if n.Meta.Shareable = tt.volume == "shareable"; n.Meta.Shareable {
			n.Format = ""
		}
		vol := create(t, v, n)
		first := begin(t, v, vol, tt.first("one"))
		_, second, err := v.BeginUse(t.Context(), vol.Ref(), tt.second("two"))
		name := fmt.Sprintf("%s: writing %v beside writing %v", tt.volume, second.Writable, first.Writable)
		if first.Epoch != tt.wantFirstEpoch {
			t.Errorf("%s: epoch %d, want %d", name, first.Epoch, tt.wantFirstEpoch)
		}
		if sdk.KindOf(err) != tt.kind {
			t.Errorf("%s: %v, want %q", name, err, tt.kind)
		}
		if tt.kind == sdk.Busy && !strings.Contains(err.Error(), "attachment one of allocation a-one") {
			t.Errorf("%s: %v does not say who", name, err)
		}
		if err == nil && second.Writable && second.Epoch != first.Epoch+1 {
			t.Errorf("%s: epoch %d after %d", name, second.Epoch, first.Epoch)
		}
		got := get(t, v, vol.Ref())
		if want := 1 + b2i(err == nil); int64(len(got.State.Uses)) != want {
			t.Errorf("%s: %d uses on disk, want %d", name, len(got.State.Uses), want)
		}
	}
}

func TestSameAttachmentAgain(t *testing.T) {
	v := openVault(t)
	vol := create(t, v, small("k"))
	b := writer("one")
	b.Use.Initiator = "iqn.2026-01.test:i"
	b.Prepare = func(u *Use) error {
		u.IQN = fmt.Sprintf("iqn.2026-01.test:%s.%d", u.ID, u.Epoch)
		return nil
	}
	first := begin(t, v, vol, b)
	if first.IQN != "iqn.2026-01.test:one.1" {
		t.Errorf("prepared as %q", first.IQN)
	}
	b.Prepare = func(*Use) error { t.Error("prepared again"); return nil }
	if again := begin(t, v, vol, b); again.Epoch != 1 || again.IQN != first.IQN || !again.Since.Equal(first.Since) {
		t.Errorf("again: %+v", again)
	}
	for name, change := range map[string]func(*Use){
		"mode":      func(u *Use) { u.Writable = false },
		"kind":      func(u *Use) { u.Kind = "nbd" },
		"holder":    func(u *Use) { u.Holder = "b2" },
		"initiator": func(u *Use) { u.Initiator = "iqn.2026-01.test:j" },
		"host":      func(u *Use) { u.Host = "h" },
	} {
		other := b
		change(&other.Use)
		_, _, err := v.BeginUse(t.Context(), vol.Ref(), other)
		if sdk.KindOf(err) != sdk.Conflict {
			t.Errorf("with another %s: %v", name, err)
		}
	}
}

func TestWhatPrepareMayNotChange(t *testing.T) {
	v := openVault(t)
	vol := create(t, v, small("k"))
	b := writer("one")
	b.Prepare = func(u *Use) error { u.Epoch++; return nil }
	_, _, err := v.BeginUse(t.Context(), vol.Ref(), b)
	wantKind(t, err, sdk.Internal, "stay")
	b.Prepare = func(*Use) error { return errors.New("no port is free") }
	_, _, err = v.BeginUse(t.Context(), vol.Ref(), b)
	wantKind(t, err, sdk.Unavailable, "no port is free")
	if got := get(t, v, vol.Ref()); len(got.State.Uses) > 0 || got.State.Epoch > 0 {
		t.Errorf("something was recorded: %+v", got.State)
	}
}

// No attachment's id and no epoch is ever used twice.
func TestNothingIsUsedTwice(t *testing.T) {
	v := openVault(t)
	vol := create(t, v, small("k"))
	seen := map[uint64]bool{}
	for i := range 20 {
		id := fmt.Sprintf("at-%d", i)
		u := begin(t, v, vol, writer(id))
		if seen[u.Epoch] {
			t.Errorf("epoch %d twice", u.Epoch)
		}
		seen[u.Epoch] = true
		if _, err := v.EndUse(t.Context(), vol.Ref(), id, fenced); err != nil {
			t.Fatal(err)
		}
		for _, b := range []Begin{writer(id), reader(id)} {
			_, _, err := v.BeginUse(t.Context(), vol.Ref(), b)
			wantKind(t, err, sdk.Conflict, "never used twice")
		}
	}
	// at-1 was a prefix of at-10 to at-19; an id that was none is free.
	begin(t, v, vol, writer("at-"))
	b := writer("after")
	if _, err := v.EndUse(t.Context(), vol.Ref(), "at-", fenced); err != nil {
		t.Fatal(err)
	}
	b.After = 1000
	if u := begin(t, v, vol, b); u.Epoch != 1001 {
		t.Errorf("epoch %d after another place's 1000", u.Epoch)
	}
}

func TestEpochsEnd(t *testing.T) {
	v := openVault(t)
	vol := create(t, v, small("k"))
	b := writer("one")
	b.After = maxEpoch
	_, _, err := v.BeginUse(t.Context(), vol.Ref(), b)
	wantKind(t, err, sdk.Conflict, "no number is left")
	b.After = ^uint64(0)
	_, _, err = v.BeginUse(t.Context(), vol.Ref(), b)
	if err == nil {
		t.Error("the epoch began anew")
	}
}

// A use whose other side is not known to be cut off stays, is not served again, and
// keeps others out.
func TestFenceThatFails(t *testing.T) {
	v := openVault(t)
	vol := create(t, v, small("k"))
	begin(t, v, vol, writer("one"))
	secret, err := v.Secret(t.Context(), vol.Ref(), "one")
	if err != nil {
		t.Fatal(err)
	}
	no := errors.New("tgtd does not answer")
	_, err = v.EndUse(t.Context(), vol.Ref(), "one", func(_ context.Context, u Use) error {
		if u.Ending.IsZero() {
			t.Error("fenced before the end is on disk")
		}
		return no
	})
	if !errors.Is(err, no) {
		t.Errorf("%v", err)
	}
	_, _, err = v.BeginUse(t.Context(), vol.Ref(), writer("one"))
	wantKind(t, err, sdk.Busy, "ending since")
	_, _, err = v.BeginUse(t.Context(), vol.Ref(), writer("two"))
	wantKind(t, err, sdk.Busy, "is being ended")
	_, err = v.Secret(t.Context(), vol.Ref(), "one")
	wantKind(t, err, sdk.NotFound, "")
	_, err = v.Delete(t.Context(), vol.Ref(), "b1")
	wantKind(t, err, sdk.Busy, "attachment one")
	if _, err := v.EndUse(t.Context(), vol.Ref(), "one", fenced); err != nil {
		t.Fatal(err)
	}
	if entries, _ := filepath.Glob(filepath.Join(vol.Private(), "chap-*")); len(entries) > 0 {
		t.Errorf("the password stays: %v", entries)
	}
	begin(t, v, vol, writer("two"))
	other, err := v.Secret(t.Context(), vol.Ref(), "two")
	if err != nil || other.Reveal() == secret.Reveal() {
		t.Errorf("a password was used twice (%v)", err)
	}
}

func TestEndOfWhatIsNotThere(t *testing.T) {
	v := openVault(t)
	vol := create(t, v, small("k"))
	never := func(context.Context, Use) error { t.Error("fenced"); return nil }
	if _, err := v.EndUse(t.Context(), vol.Ref(), "one", never); err != nil {
		t.Error(err)
	}
	if vol, err := v.EndUse(t.Context(), Ref{ID: "none"}, "one", never); err != nil || vol != nil {
		t.Errorf("%v, %v", vol, err)
	}
	begin(t, v, vol, writer("one"))
	// Who breaks the metadata does not thereby end the uses.
	if err := os.WriteFile(filepath.Join(vol.Folder, "meta.json"), []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := v.EndUse(t.Context(), vol.Ref(), "one", never)
	wantKind(t, err, sdk.Conflict, "not JSON")
	_, err = v.Delete(t.Context(), vol.Ref(), "b1")
	wantKind(t, err, sdk.Conflict, "not JSON")
	_, err = v.ReleaseLock(t.Context(), vol.Ref(), Unlock{Holder: "b1"})
	wantKind(t, err, sdk.Conflict, "not JSON")
	// Where the fence says that something is not there, that is not this.
	if err := os.WriteFile(filepath.Join(vol.Folder, "meta.json"), []byte(`{"size":0.125,"meson":{"version":1,"epoch":1,"format":"raw","attachments":[{"id":"one","kind":"iscsi","writable":true,"epoch":1,"holder":"b","since":"2026-01-01T00:00:00Z"}]}}`), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = v.EndUse(t.Context(), vol.Ref(), "one", func(context.Context, Use) error { return sdk.Errorf(sdk.NotFound, "no tgtd") })
	wantKind(t, err, sdk.NotFound, "no tgtd")
}

// Faults in the data of a volume that is in use keep new users away and let the old
// ones go.
func TestUseEndsDespiteFaultsInData(t *testing.T) {
	v := openVault(t)
	vol := create(t, v, small("k"))
	begin(t, v, vol, writer("one"))
	if err := os.Link(vol.Data(), vol.Data()+".backup"); err != nil {
		t.Fatal(err)
	}
	if _, err := v.EndUse(t.Context(), vol.Ref(), "one", fenced); err != nil {
		t.Error(err)
	}
	_, _, err := v.BeginUse(t.Context(), vol.Ref(), writer("two"))
	wantKind(t, err, sdk.Conflict, "hard links")
	begin(t, v, vol, reader("three"))
}

func TestPendingWorkKeepsUsersAway(t *testing.T) {
	v := openVault(t)
	vol := create(t, v, small("k"))
	if _, err := v.Update(t.Context(), vol.Ref(), vol.Revision, func(_ *Meta, s *State) error {
		s.Pending = &Pending{Op: "revert", ID: "c1", Since: time.Unix(1, 0), Change: []byte(`{"op":"revert"}`)}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for _, b := range []Begin{writer("w"), reader("r")} {
		_, _, err := v.BeginUse(t.Context(), vol.Ref(), b)
		wantKind(t, err, sdk.Busy, "revert has been under way since 1970")
	}
	_, err := v.Delete(t.Context(), vol.Ref(), "b1")
	wantKind(t, err, sdk.Busy, "revert")
}

func TestLocks(t *testing.T) {
	ada, bob := Lock{Holder: "b1 ada@desk"}, Lock{Holder: "b2 bob@desk"}
	v := openVault(t)
	vol := create(t, v, small("k"))
	take := func(l Lock) error { _, err := v.TakeLock(t.Context(), vol.Ref(), l); return err }
	release := func(u Unlock) error { _, err := v.ReleaseLock(t.Context(), vol.Ref(), u); return err }
	for range 2 {
		if err := take(ada); err != nil {
			t.Fatal(err)
		}
	}
	wantKind(t, take(bob), sdk.Busy, "b1 ada@desk has had it locked since")
	foreign := writer("w2")
	foreign.Use.Holder = "b2"
	_, _, err := v.BeginUse(t.Context(), vol.Ref(), foreign)
	wantKind(t, err, sdk.Busy, "ada@desk")
	_, err = v.Delete(t.Context(), vol.Ref(), "b2")
	wantKind(t, err, sdk.Busy, "ada@desk")
	foreign.Use.Writable = false
	begin(t, v, vol, foreign) // readers pass
	if _, err := v.EndUse(t.Context(), vol.Ref(), "w2", fenced); err != nil {
		t.Fatal(err)
	}
	begin(t, v, vol, writer("w1")) // of ada's broker
	wantKind(t, release(Unlock{Holder: bob.Holder}), sdk.Denied, "ada@desk")

	no := errors.New("no answer")
	wantKind(t, release(Unlock{Holder: bob.Holder, Force: true, Fence: func(context.Context, Use) error { return no }}), sdk.Unavailable, "no answer")
	if got := get(t, v, vol.Ref()); got.State.Lock == nil || len(got.State.Uses) != 1 {
		t.Errorf("the lock is gone though the writer was not cut off: %+v", got.State)
	}
	var cut []string
	if err := release(Unlock{Holder: bob.Holder, Force: true, Fence: func(_ context.Context, u Use) error {
		cut = append(cut, u.ID)
		return nil
	}}); err != nil {
		t.Fatal(err)
	}
	if got := get(t, v, vol.Ref()); got.State.Lock != nil || len(got.State.Uses) != 0 || len(cut) != 1 {
		t.Errorf("after force: %+v, cut off %v", got.State, cut)
	}
	begin(t, v, vol, writer("w4"))
	cut = nil
	if err := release(Unlock{Holder: bob.Holder, Force: true, Fence: func(_ context.Context, u Use) error {
		cut = append(cut, u.ID)
		return nil
	}}); err != nil || len(cut) != 1 || cut[0] != "w4" {
		t.Errorf("force without a lock: %v, cut off %v", err, cut)
	}
	begin(t, v, vol, writer("w3"))
	wantKind(t, take(bob), sdk.Busy, "attachment w3")
	if err := take(ada); err != nil {
		t.Error(err)
	}
	if err := release(Unlock{Holder: ada.Holder}); err != nil {
		t.Error(err)
	}
	if got := get(t, v, vol.Ref()); got.State.Lock != nil || len(got.State.Uses) != 1 {
		t.Errorf("given back: %+v", got.State)
	}
}

// A lock for one allocation keeps all others of the same broker from writing, and is
// not taken while another one writes.
func TestLockForOneMachine(t *testing.T) {
	v := openVault(t)
	vol := create(t, v, small("k"))
	take := func(l Lock) error { _, err := v.TakeLock(t.Context(), vol.Ref(), l); return err }
	of := func(id, allocation string) Begin {
		b := writer(id)
		b.Use.Allocation = allocation
		return b
	}
	begin(t, v, vol, of("w1", "a2"))
	mine := Lock{Holder: "b1 ada@desk", Allocation: "a1"}
	wantKind(t, take(mine), sdk.Busy, "attachment w1 of allocation a2")
	if _, err := v.EndUse(t.Context(), vol.Ref(), "w1", fenced); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := take(mine); err != nil {
			t.Fatal(err)
		}
	}
	wantKind(t, take(Lock{Holder: mine.Holder}), sdk.Busy, "ada@desk (allocation a1)")
	_, _, err := v.BeginUse(t.Context(), vol.Ref(), of("w2", "a2"))
	wantKind(t, err, sdk.Busy, "(allocation a1) has had it locked since")
	v = openVault(t, at(v.Root())) // as after a restart
	if l := get(t, v, vol.Ref()).State.Lock; l == nil || l.Holder != mine.Holder || l.Allocation != "a1" || l.Since.IsZero() {
		t.Errorf("recorded: %+v", l)
	}
	begin(t, v, vol, of("w3", "a1"))
}

func TestWhomALockLets(t *testing.T) {
	for _, tt := range []struct {
		lock               Lock
		holder, allocation string
		want               bool
	}{
		{Lock{Holder: "b1 ada"}, "b1", "a", true},
		{Lock{Holder: "b1"}, "b1 ada", "a", true},
		{Lock{Holder: "b1 ada"}, "b1 ada", "", true},
		{Lock{Holder: "b1 ada"}, "b1 bob", "a", false},
		{Lock{Holder: "b1 ada"}, "b2", "a", false},
		{Lock{Holder: "b1 ada"}, "b2 ada", "a", false},
		{Lock{Holder: "b1", Allocation: "a"}, "b1", "a", true},
		{Lock{Holder: "b1", Allocation: "a"}, "b1", "b", false},
		{Lock{Holder: "b1", Allocation: "a"}, "b1", "", false},
	} {
		if got := tt.lock.lets(tt.holder, tt.allocation); got != tt.want {
			t.Errorf("%+v lets %q of %q: %v", tt.lock, tt.holder, tt.allocation, got)
		}
	}
}

func TestModes(t *testing.T) {
	v := openVault(t)
	vol := create(t, v, small("k"))
	begin(t, v, vol, writer("one"))
	if _, err := v.Secret(t.Context(), vol.Ref(), "one"); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]os.FileMode{
		".": 0o711, "data.img": 0o600, "meta.json": 0o644, ".meson": 0o700, ".meson/lock": 0o600, ".meson/chap-one": 0o600, "../.meson": 0o700, "../.meson/lock": 0o600,
	} {
		info, err := os.Stat(filepath.Join(vol.Folder, path))
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v, want %v", path, info.Mode(), err, want)
		}
	}
	data, err := os.ReadFile(filepath.Join(vol.Folder, "meta.json"))
	secret, serr := v.Secret(t.Context(), vol.Ref(), "one")
	if err != nil || serr != nil || len(secret.Reveal()) != 16 || strings.Contains(string(data), secret.Reveal()) {
		t.Errorf("%v %v, or the password is in the metadata", err, serr)
	}
}
