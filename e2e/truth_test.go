package e2e_test

import (
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/mesoncloud/meson/core/ledger"
)

func (w *world) hosts() []string { return strings.Fields(w.lab["MESON_LAB_KVM_HOSTS"]) }

// truth is what the hosts really hold under every key that this user's ledger
// ever made: the domains, and volumes that bear the UUID of a key. A test fails
// at once if a volume has no domain, or if a domain bears the ledger's mark and
// no attempt knows it: nobody would ever find it again.
func (w *world) truth() (domains int) {
	w.t.Helper()
	broker, uuids := w.uuids()
	for _, host := range w.hosts() {
		there, volumes := w.look(host)
		for _, uuid := range w.strays(host, broker, there, uuids) {
			w.t.Errorf("%s: domain %s is of this ledger, which has no attempt for it", host, uuid)
		}
		for _, volume := range volumes {
			uuid := uuidIn(volume)
			if slices.Contains(uuids, uuid) && !slices.Contains(there, uuid) {
				w.t.Errorf("%s: volume %s is left without its domain", host, volume)
			}
		}
		for _, uuid := range uuids {
			if slices.Contains(there, uuid) {
				domains++
			}
		}
	}
	return domains
}

// strays are the domains that bear this ledger's mark and that no attempt knows.
func (w *world) strays(host, broker string, there, known []string) (uuids []string) {
	for _, uuid := range there {
		if slices.Contains(known, uuid) || w.others[uuid] {
			continue
		}
		// Another user's may go while it is looked at.
		doc, err := w.tryVirsh(host, "dumpxml", uuid)
		switch {
		case err != nil:
		case strings.Contains(doc, broker):
			uuids = append(uuids, uuid)
		default:
			w.others[uuid] = true
		}
	}
	return uuids
}

// uuids are those of the machines of every key in the ledger, beside its id: the
// contract of plugins/kvm is that they follow from broker and key.
func (w *world) uuids() (broker string, uuids []string) {
	w.t.Helper()
	store, err := ledger.Open(context.Background(), filepath.Join(w.home, "state", "ledger.db"), ledger.Options{})
	if err != nil {
		w.t.Fatal(err)
	}
	defer store.Close()
	all, err := store.Allocations(context.Background(), ledger.Filter{Final: true})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, a := range all {
		attempts, err := store.Attempts(context.Background(), a.ID)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, attempt := range attempts {
			uuids = append(uuids, uuid.NewSHA1(uuid.MustParse("9e3c2f5e-3a86-4f0c-8d43-6d65736f6e01"), []byte(store.ID()+"/"+attempt.Owner.Key)).String())
		}
	}
	return store.ID(), uuids
}

// look is what a host holds: the UUIDs of the domains, and then the names of the
// volumes. A virsh of its own for each takes three times as long as the answer.
func (w *world) look(host string) (domains, volumes []string) {
	w.t.Helper()
	list, vols, _ := strings.Cut(w.virsh(host, "list --all --uuid; echo ====; vol-list meson"), "====\n")
	return strings.Fields(list), firstWords(vols)
}

func (w *world) volumes(host string) []string {
	w.t.Helper()
	return firstWords(w.virsh(host, "vol-list", "meson"))
}

func firstWords(text string) (words []string) {
	for line := range strings.Lines(text) {
		if f := strings.Fields(line); len(f) > 0 {
			words = append(words, f[0])
		}
	}
	return words
}

func uuidIn(s string) string {
	return regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`).FindString(s)
}

// sweep removes what a failed test left on the hosts, and tells what that was:
// the domains of every attempt, those that no attempt knows, and their volumes.
func (w *world) sweep() (left []string) {
	w.t.Helper()
	broker, uuids := w.uuids()
	for _, host := range w.hosts() {
		list, err := w.tryVirsh(host, "list", "--all", "--uuid")
		if err != nil {
			left = append(left, fmt.Sprintf("not swept: %s: %v", host, err))
			continue
		}
		there := strings.Fields(list)
		ours := append(w.strays(host, broker, there, uuids), uuids...)
		for _, uuid := range ours {
			if slices.Contains(there, uuid) {
				left = append(left, fmt.Sprintf("left on %s: domain %s", host, uuid))
				_, _ = w.tryVirsh(host, "destroy", uuid)
				_, _ = w.tryVirsh(host, "undefine", uuid)
			}
		}
		for _, volume := range w.volumes(host) {
			if slices.Contains(ours, uuidIn(volume)) {
				left = append(left, fmt.Sprintf("left on %s: volume %s", host, volume))
				_, _ = w.tryVirsh(host, "vol-delete", "--pool", "meson", volume)
			}
		}
	}
	return left
}
