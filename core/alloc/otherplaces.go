package alloc

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/ledger"
)

// askPlaces is how long other providers are waited for to say whether they have a
// volume, too.
const askPlaces = 20 * time.Second

// MayWrite is nil unless a volume must not be written to at its provider, because
// another provider has the same volume: newer, in use for writing, or locked by
// another ledger. Those are providers of the same plugin: no other one has the same
// data under the same id. Conflict, naming the places; Unavailable where one cannot
// be asked, since what is not known is a no.
//
// It is for who only wants to know: Attach, Map, Drive and Changing ask by themselves,
// after the ledger has a record of theirs, which keeps all others of the ledger from
// beginning to write elsewhere.
func (e *Engine) MayWrite(ctx context.Context, op string, target VolumeTarget) error {
	held, err := e.Ledger.Attachments(ctx, ledger.AttachmentFilter{Provider: target.Provider, VolumeID: target.VolumeID})
	if err != nil {
		return err
	}
	if slices.ContainsFunc(held, func(x core.AttachmentRecord) bool {
		return !x.ReadOnly && (x.State == core.AttachmentExported || x.State == core.AttachmentAttached)
	}) { // it was asked for that one, which stands
		return nil
	}
	p := otherPlaces{Engine: e, op: op, provider: target.Provider, volume: target.VolumeID}
	if no := p.refusal(ctx); no != nil {
		return no
	}
	return nil
}

// otherPlaces are the other providers that may have a volume.
type otherPlaces struct {
	*Engine
	op       string
	provider string
	volume   string
	// begins is the attachment that is to write; nil where it is none.
	begins *core.AttachmentRecord
}

// there is what one of them says.
type there struct {
	name  string
	found *core.Volume
	err   error
}

// refusal is why the volume must not be written to at its provider; nil: it may.
func (p otherPlaces) refusal(ctx context.Context) *core.Error {
	subject := p.provider + "/" + p.volume
	names, err := p.names(ctx)
	if err != nil {
		return core.AsError(err, "volume "+subject)
	}
	answers := p.ask(ctx, names)
	if ctx.Err() != nil {
		return core.AsError(ctx.Err(), "volume "+subject)
	}
	no := &core.Error{Kind: core.Conflict, Op: p.op, Subject: "volume " + subject}
	if slices.ContainsFunc(answers, func(a there) bool { return a.found != nil }) {
		here, err := p.get(ctx, p.provider)
		if err != nil {
			return core.AsError(err, "provider "+p.provider)
		}
		var whys, hints []string
		for _, a := range answers {
			if a.found == nil {
				continue
			}
			why, hint, err := p.judge(ctx, here, a.name, *a.found)
			if err != nil {
				return core.AsError(err, "volume "+subject)
			}
			if why != "" {
				whys, hints = append(whys, a.name+"/"+p.volume+" "+why), append(hints, hint)
			}
		}
		if len(whys) > 0 {
			no.Text, no.Hint = "it is not written to in this place: "+strings.Join(whys, "; "), strings.Join(hints, "; ")
			return no
		}
	}
	var silent, whys []string
	for _, a := range answers {
		if a.err != nil {
			silent, whys = append(silent, a.name), append(whys, a.err.Error())
		}
	}
	if len(silent) == 0 {
		return nil
	}
	no.Kind = core.Unavailable
	no.Text = fmt.Sprintf("whether %s has it too, and newer, is not known: %s", strings.Join(silent, " or "), strings.Join(whys, "; "))
	no.Hint = fmt.Sprintf("the same again when it answers (meson provider test %s); one that is gone for good: meson provider rm %s", silent[0], silent[0])
	return no
}

// names are the other providers of the same plugin.
func (p otherPlaces) names(ctx context.Context) ([]string, error) {
	all, err := p.Ledger.Providers(ctx)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(all, func(c core.ProviderConfig) bool { return c.Name == p.provider })
	if at < 0 {
		return nil, nil
	}
	var names []string
	for _, c := range all {
		if c.Name != p.provider && c.Plugin == all[at].Plugin {
			names = append(names, c.Name)
		}
	}
	return names, nil
}

// ask asks all of them at once whether they have the volume.
func (p otherPlaces) ask(ctx context.Context, names []string) []there {
	ctx, cancel := context.WithTimeout(ctx, askPlaces)
	defer cancel()
	answers := make([]there, len(names))
	var all sync.WaitGroup
	for i, name := range names {
		all.Go(func() {
			v, err := p.get(ctx, name)
			switch core.KindOf(err) {
			case "":
				answers[i] = there{name: name, found: &v}
			case core.NotFound, core.Unsupported: // or no volumes at all
				answers[i] = there{name: name}
			default: // Invalid are its settings: the id is one as its plugin makes them
				answers[i] = there{name: name, err: err}
			}
		})
	}
	all.Wait()
	return answers
}

func (p otherPlaces) get(ctx context.Context, provider string) (core.Volume, error) {
	s, err := p.Storage(ctx, provider)
	if err != nil {
		return core.Volume{}, err
	}
	return s.GetVolume(ctx, core.VolumeRef{ID: p.volume})
}

// judge is why a volume is not written to here while it is at the provider of that
// name as it is, and what to do; empty: it may be.
func (p otherPlaces) judge(ctx context.Context, here core.Volume, name string, elsewhere core.Volume) (why, hint string, err error) {
	at := name + "/" + p.volume
	faulty := len(elsewhere.Faults) > 0 && (elsewhere.Epoch == 0 || elsewhere.Owner != here.Owner)
	switch {
	case faulty:
		return "may be newer: " + strings.Join(elsewhere.Faults, "; "), "put that right, or take it away", nil
	case elsewhere.Owner != here.Owner: // no more than alike
		return "", "", nil
	case elsewhere.Epoch > here.Epoch:
		return fmt.Sprintf("is newer, of epoch %d, and this one of %d", elsewhere.Epoch, here.Epoch),
			fmt.Sprintf("use %s, or this one read-only; one place is enough: meson volume rm PROVIDER/%s", at, p.volume), nil
	case elsewhere.Lock != nil && !p.lets(*elsewhere.Lock):
		return "is locked by " + elsewhere.Lock.Holder, "meson volume unlock " + at, nil
	}
	for _, u := range elsewhere.Uses {
		if !u.Writable {
			continue
		}
		// What this ledger has at another provider came with a copy of the folder.
		x, err := p.Ledger.Attachment(ctx, u.Attachment)
		switch {
		case err != nil && core.KindOf(err) != core.NotFound:
			return "", "", err
		case err == nil && x.Provider != name:
			continue
		}
		return fmt.Sprintf("is in use for writing by %s (attachment %s)", cmp.Or(u.Holder, u.Allocation, "somebody"), u.Attachment), "meson volume detach " + at, nil
	}
	held, err := p.Ledger.Attachments(ctx, ledger.AttachmentFilter{Provider: name, VolumeID: p.volume})
	for _, x := range held {
		if !x.ReadOnly {
			return fmt.Sprintf("is in use for writing: attachment %s is %s", x.ID, x.State), "meson volume detach " + at + ", or meson resume", nil
		}
	}
	return "", "", err
}

// lets reports whether a lock is this ledger's, and not for another machine than the
// one that is to write.
func (p otherPlaces) lets(l core.VolumeLock) bool {
	return strings.HasPrefix(l.Holder+" ", p.Ledger.ID()+" ") && (p.begins == nil || l.Allocation == "" || l.Allocation == p.begins.Allocation)
}
