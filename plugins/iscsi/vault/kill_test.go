package vault

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// killed runs a job once for each of its steps, killing it there, and lets check look
// at what is left. It ends when the job gets through.
func killed(t *testing.T, j job, prepare func(t *testing.T, v *Vault), check func(t *testing.T, v *Vault, step string)) {
	t.Helper()
	var steps []string
	for n := 1; ; n++ {
		if n > 200 {
			t.Fatal("the job never ends")
		}
		v := openVault(t)
		prepare(t, v)
		j.Root, j.DieAt = v.Root(), n
		cmd, out := spawn(t, j)
		lines, step := wait(t, cmd, out)
		if step == "" {
			if lines[len(lines)-1] != "ok" {
				t.Fatalf("without a kill: %q", lines)
			}
			if len(steps) < 2 {
				t.Errorf("killed only at %q", steps)
			}
			t.Logf("killed at %q", steps)
			return
		}
		steps = append(steps, step)
		// Whoever comes then opens the vault anew, and nothing of the dead is there.
		v2 := openVault(t, at(v.Root()))
		check(t, v2, step)
		for name := range tree(t, v.Root()) {
			if strings.HasPrefix(filepath.Base(name), newPrefix) || strings.HasPrefix(filepath.Base(name), gonePrefix) {
				t.Errorf("killed at %q: %s is left", step, name)
			}
		}
		_ = v.Close()
		_ = v2.Close()
		_ = os.RemoveAll(v.Root())
		if t.Failed() {
			t.Fatalf("killed at %q", step)
		}
	}
}

func withVictim(t *testing.T, v *Vault) {
	t.Helper()
	n := small("victim")
	n.ID = victim
	create(t, v, n)
}

// again does a job to its end in this process.
func again(t *testing.T, v *Vault, j job, step string) {
	t.Helper()
	if err := j.once(t.Context(), v, j.ID); err != nil {
		t.Errorf("killed at %q, then again: %v", step, err)
	}
}

func TestKillCreate(t *testing.T) {
	for _, do := range []string{"create", "create-shareable"} {
		j := job{Do: do, ID: victim}
		killed(t, j, func(*testing.T, *Vault) {}, func(t *testing.T, v *Vault, step string) {
			all := list(t, v)
			if len(all) > 1 || len(all) == 1 && (len(all[0].Faults) > 0 || all[0].State.Owner == nil) {
				t.Errorf("killed at %q: %d volumes, %+v", step, len(all), all)
			}
			if s, err := v.Space(t.Context()); err != nil || s.Volumes != uint64(len(all)) {
				t.Errorf("killed at %q: %d volumes count, %v", step, s.Volumes, err)
			}
			again(t, v, j, step)
			if got := list(t, v); len(got) != 1 || len(got[0].Faults) > 0 {
				t.Errorf("killed at %q, then again: %d volumes", step, len(got))
			}
		})
	}
}

func TestKillDelete(t *testing.T) {
	j := job{Do: "delete"}
	killed(t, j, func(t *testing.T, v *Vault) {
		withVictim(t, v)
		put(t, v.Root(), map[string]string{victim + ".elimg/deep/er/file": "x", victim + ".elimg/snap-x.img": "sparse 1000"})
	}, func(t *testing.T, v *Vault, step string) {
		all := list(t, v)
		if len(all) == 1 && len(all[0].Faults) > 0 {
			t.Errorf("killed at %q: half a volume: %v", step, all[0].Faults)
		}
		again(t, v, j, step)
		for name := range tree(t, v.Root()) {
			if name != ".meson" && name != ".meson/id" && name != ".meson/lock" {
				t.Errorf("killed at %q, then again: %s is left", step, name)
			}
		}
	})
}

// Of a killed reader nothing is left, and it keeps nobody from the volume.
func TestKillRead(t *testing.T) {
	j := job{Do: "read"}
	killed(t, j, withVictim, func(t *testing.T, v *Vault, step string) {
		again(t, v, j, step)
		begin(t, v, get(t, v, Ref{ID: victim}), writer("one"))
		if left, _ := filepath.Glob(filepath.Join(v.Root(), ".meson", readingName, "*")); len(left) > 0 {
			t.Errorf("killed at %q: %q is left", step, left)
		}
	})
}

// A killed change has happened or it has not, and the epoch of a use that was given
// out is never lower.
func TestKillChanges(t *testing.T) {
	for name, tt := range map[string]struct {
		job   job
		first func(t *testing.T, v *Vault)
		// before and after are what the volume is then; one of them it must be.
		before, after func(v *Volume) bool
	}{
		"use": {
			job{Do: "use", ID: "one"},
			func(*testing.T, *Vault) {},
			func(v *Volume) bool { return len(v.State.Uses) == 0 && v.State.Epoch == 0 },
			func(v *Volume) bool {
				return len(v.State.Uses) == 1 && v.State.Epoch == 1 && v.State.Uses[0].Epoch == 1
			},
		},
		"end": {
			job{Do: "end", ID: "one"},
			func(t *testing.T, v *Vault) {
				begin(t, v, get(t, v, Ref{ID: victim}), writer("one"))
				if _, err := v.Secret(t.Context(), Ref{ID: victim}, "one"); err != nil {
					t.Fatal(err)
				}
			},
			func(v *Volume) bool { return len(v.State.Uses) == 1 && v.State.Epoch == 1 },
			func(v *Volume) bool {
				left, _ := filepath.Glob(filepath.Join(v.Private(), "chap-*"))
				return len(v.State.Uses) == 0 && v.State.Epoch == 1 && len(left) == 0
			},
		},
		"rename": {
			job{Do: "rename"},
			func(*testing.T, *Vault) {},
			func(v *Volume) bool { return v.Meta.Name == "vol victim" },
			func(v *Volume) bool { return v.Meta.Name == "new name" },
		},
		"resize": {
			job{Do: "resize"},
			func(*testing.T, *Vault) {},
			func(v *Volume) bool { return v.Meta.SizeBytes == Step },
			func(v *Volume) bool { return v.Meta.SizeBytes == 2*Step && v.State.ResizeBytes == 0 },
		},
		"secret": {
			job{Do: "secret", ID: "one"},
			func(t *testing.T, v *Vault) { begin(t, v, get(t, v, Ref{ID: victim}), writer("one")) },
			func(*Volume) bool { return true },
			func(v *Volume) bool {
				data, err := os.ReadFile(filepath.Join(v.Private(), "chap-one"))
				return err == nil && len(data) == 16
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "secret" || name == "rename" {
				tt.job.ID = "one"
			}
			killed(t, tt.job, func(t *testing.T, v *Vault) {
				withVictim(t, v)
				tt.first(t, v)
			}, func(t *testing.T, v *Vault, step string) {
				vol := get(t, v, Ref{ID: victim})
				if len(vol.Faults) > 0 || !tt.before(vol) && !tt.after(vol) {
					t.Errorf("killed at %q: %+v", step, vol)
				}
				again(t, v, tt.job, step)
				if vol := get(t, v, Ref{ID: victim}); len(vol.Faults) > 0 || !tt.after(vol) {
					t.Errorf("killed at %q, then again: %+v", step, vol)
				}
			})
		})
	}
}
