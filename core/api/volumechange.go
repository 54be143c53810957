package api

import (
	"context"
	"fmt"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/core/alloc"
	"github.com/mesoncloud/meson/core/ledger"
)

// ResizeVolume implements [Broker].
func (m *Meson) ResizeVolume(ctx context.Context, req VolumeRequest, sizeBytes int64) (VolumeInfo, error) {
	v, err := m.changeVolume(ctx, req, "resize", fmt.Sprintf("to %d bytes", sizeBytes), func(v found) (core.Volume, error) {
		switch {
		case sizeBytes < v.SizeBytes:
			return v.Volume, &core.Error{
				Kind: core.Invalid, Op: "resize volume", Subject: v.Provider + "/" + v.ID, Text: fmt.Sprintf("it has %d bytes, and volumes never shrink", v.SizeBytes),
			}
		case sizeBytes == v.SizeBytes && v.Growth == nil || req.DryRun:
			return v.Volume, nil
		}
		order := alloc.GrowOrder{VolumeTarget: v.target(), SizeBytes: sizeBytes}
		return m.changing(ctx, "resize volume", v, func() (core.Volume, error) {
			return m.engine.GrowVolume(ctx, order, func(a core.Allocation) alloc.Report { return m.reporter(m.Now(), a, req.Progress) })
		})
	})
	if err != nil || req.DryRun {
		return v, err
	}
	return v, m.tellMachines(ctx, v, req.Progress)
}

// RenameVolume implements [Broker].
func (m *Meson) RenameVolume(ctx context.Context, req VolumeRequest, name string) (VolumeInfo, error) {
	if err := checkVolumeName("rename volume", name); err != nil {
		return VolumeInfo{}, err
	}
	v, err := m.changeVolume(ctx, req, "rename", "to "+name, func(v found) (core.Volume, error) {
		if v.Name == name || req.DryRun {
			return v.Volume, nil
		}
		return v.at.RenameVolume(ctx, v.ref(), name)
	})
	if err != nil || req.DryRun {
		return v, err
	}
	return v, m.renamed(ctx, v.Volume)
}

// renamed has the ledger call a volume what it is called now.
func (m *Meson) renamed(ctx context.Context, v core.Volume) error {
	records, err := m.Ledger.Volumes(ctx, ledger.VolumeFilter{Provider: v.Provider, VolumeID: v.ID})
	if err != nil {
		return err
	}
	for _, r := range records {
		if r.Name == v.Name {
			continue
		}
		event := core.Event{Time: m.Now().UTC(), Step: "volume.renamed", Text: fmt.Sprintf("volume %s is called %s", r.Name, v.Name)}
		if _, err := m.Ledger.ChangeVolume(ctx, r.ID, event, func(r *core.VolumeRecord) error { r.Name = v.Name; return nil }); err != nil {
			return err
		}
	}
	return nil
}

// ConvertVolume implements [Broker].
func (m *Meson) ConvertVolume(ctx context.Context, req VolumeRequest, format string) (VolumeInfo, error) {
	begun := m.Now()
	return m.changeVolume(ctx, req, "convert", "to "+format, func(v found) (core.Volume, error) {
		for {
			now, err := v.at.ConvertVolume(ctx, v.ref(), format)
			if err != nil || now.Format == format {
				return now, err
			}
			if req.Progress != nil {
				req.Progress(Progress{Name: v.Name, Step: "volume." + now.Progress.Step, Text: now.Progress.Text, Percent: now.Progress.Percent, Since: m.Now().Sub(begun)})
			}
			if !sleep(ctx, powerPoll) {
				return now, &core.Error{
					Kind: core.Uncertain, Op: "convert volume", Subject: v.Provider + "/" + v.ID, Text: "it is still being converted",
					Hint: "the same again goes on with it, or begins anew",
				}
			}
		}
	})
}

// LockVolume implements [Broker].
func (m *Meson) LockVolume(ctx context.Context, req LockVolumeRequest) (VolumeInfo, error) {
	lock, detail := core.VolumeLock{Holder: m.holder(req.Who), Since: m.Now().UTC()}, "for "+req.Who
	if req.Machine != "" {
		a, _, _, err := m.machine(ctx, req.Machine)
		if err != nil {
			return VolumeInfo{}, err
		}
		lock.Allocation = a.ID
		detail += " and machine " + a.Name
	}
	return m.changeVolume(ctx, req.VolumeRequest, "lock", detail, func(v found) (core.Volume, error) {
		has := v.Lock
		switch {
		case has != nil && has.Holder == lock.Holder && has.Allocation != lock.Allocation:
			return v.Volume, &core.Error{
				Kind: core.Busy, Op: "lock volume", Subject: v.Provider + "/" + v.ID, Text: "you have locked it already, " + lockedFor(has.Allocation),
				Hint: "meson volume unlock " + v.ID + ", and lock it again",
			}
		case has != nil && has.Holder == lock.Holder || req.DryRun:
			return v.Volume, nil
		}
		return m.changing(ctx, "lock volume", v, func() (core.Volume, error) { return v.at.LockVolume(ctx, v.ID, lock) })
	})
}

// lockedFor says whom the lock of a ledger lets write.
func lockedFor(allocation string) string {
	if allocation == "" {
		return "for every machine of this ledger"
	}
	return "for the machine of allocation " + allocation
}

// UnlockVolume implements [Broker].
func (m *Meson) UnlockVolume(ctx context.Context, req UnlockVolumeRequest) (VolumeInfo, error) {
	what := "of " + req.Who
	if req.Force {
		what = "of anybody, by force"
	}
	v, err := m.changeVolume(ctx, req.VolumeRequest, "unlock", what, func(v found) (core.Volume, error) {
		if v.Lock == nil && !req.Force || req.DryRun {
			return v.Volume, nil
		}
		return v.at.UnlockVolume(ctx, v.ID, m.holder(req.Who), req.Force)
	})
	if err != nil || req.DryRun || !req.Force {
		return v, err
	}
	return v, m.endCutOff(ctx, v, req.Progress)
}

// holder names who locks a volume: this ledger, whose machines may write then,
// and a person.
func (m *Meson) holder(who string) string {
	const most = 128
	text := m.Ledger.ID() + " " + who
	return text[:min(len(text), most)]
}

// changeVolume records that something is to be done to a volume, does it, and
// records how that ended.
func (m *Meson) changeVolume(ctx context.Context, req VolumeRequest, what, detail string, do func(found) (core.Volume, error)) (VolumeInfo, error) {
	v, err := m.volume(ctx, req.Volume)
	if err != nil {
		return VolumeInfo{}, err
	}
	var after core.Volume
	if req.DryRun {
		after, err = do(v)
	} else {
		err = m.recorded(ctx, "volume."+what, fmt.Sprintf("%s/%s: %s %s", v.Provider, v.ID, what, detail), func() error {
			after, err = do(v)
			return err
		})
	}
	if err != nil {
		return VolumeInfo{}, err
	}
	return m.info(ctx, after)
}

// changing does something to a volume to which nobody begins to write in another place
// meanwhile.
func (m *Meson) changing(ctx context.Context, op string, v found, do func() (core.Volume, error)) (after core.Volume, err error) {
	after = v.Volume
	err = m.engine.Changing(ctx, op, v.target(), func() error {
		now, err := do()
		if err == nil {
			after = now
		}
		return err
	})
	return after, err
}

// recorded does something between the events that say that it is intended and how
// it ended.
func (m *Meson) recorded(ctx context.Context, step, text string, do func() error) error {
	if err := m.Ledger.AddEvent(ctx, core.Event{Time: m.Now().UTC(), Step: step + ".intended", Text: text}); err != nil {
		return err
	}
	err := do()
	ev := core.Event{Time: m.Now().UTC(), Step: step + ".done", Text: text}
	if err != nil {
		ev.Step, ev.Text = step+".failed", text+": "+err.Error()
	}
	if eerr := m.Ledger.AddEvent(context.WithoutCancel(ctx), ev); eerr != nil {
		m.Log.Warn("event not recorded", "step", ev.Step, "error", eerr)
	}
	return err
}

// checkVolumeName refuses what no provider can call a volume.
func checkVolumeName(op, name string) error {
	if name != "" && checkName(name) == nil {
		return nil
	}
	const want = "1 to 63 of a-z, 0-9 and inner hyphens"
	return &core.Error{
		Kind: core.Invalid, Op: op,
		Faults: []core.Fault{{Path: "name", Have: name, Want: want, Text: fmt.Sprintf("%.80q is no name: want %s", name, want)}},
	}
}
