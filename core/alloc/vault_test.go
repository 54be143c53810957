package alloc_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/pricing"
)

// vault is a storage provider in memory that keeps the contract, with faults to
// order. One writer at most has a volume; what a machine holds is not unexported
// under it.
type vault struct {
	name string
	// holds reports whether a machine has an attachment.
	holds func(attachment string) bool

	mu      sync.Mutex
	amount  string
	offered bool
	expires time.Time
	serial  int
	volumes map[string]*kept // by id
	// exposure restricts who reaches its volumes.
	exposure core.Exposure
	window   int64
	// late is how long what was made stays unseen by reads.
	late time.Duration
	// slow volumes stay creating for so many looks.
	slow int

	creates, deletes, exports, unexports, resizes int
	// counted inventory is not live: refusals of it are remembered.
	counted bool
	// entered is told of each CreateVolume and Export before it has any effect, and
	// may let it wait.
	entered func(call string)
	// asked is how many CreateVolumes are under way, cut how many of them restarts
	// have cut off.
	asked, restarts, cut atomic.Int32
	// The faults are asked before a call has its effect and after.
	createFault, deleteFault, exportFault, unexportFault, resizeFault func(n int, after bool) error
	// room is what its volumes may grow to.
	room int64
}

// kept is a volume with its exports by attachment.
type kept struct {
	core.Volume
	request string
	seen    time.Time
	// real is how large its file is.
	real    int64
	exports map[string]core.ExportRequest
}

func newVault(name, amount string, holds func(string) bool) *vault {
	return &vault{
		name: name, amount: amount, offered: true, expires: time.Now().Add(time.Minute), volumes: map[string]*kept{}, holds: holds,
		exposure: core.Exposure{Kind: core.ConnectISCSI},
	}
}

func (v *vault) Name() string   { return v.name }
func (v *vault) Plugin() string { return "vault" }

func (v *vault) Restart(context.Context) error {
	v.restarts.Add(1)
	v.cut.Add(v.asked.Load())
	return nil
}

func (v *vault) Describe(context.Context) (core.Description, error) {
	return core.Description{Name: "vault", LiveInventory: !v.counted, ConsistencyWindowMS: v.window}, nil
}

func (v *vault) offer(spec core.VolumeSpec) core.VolumeOffer {
	return core.VolumeOffer{
		ID: "disk", Provider: v.name, Plugin: "vault", Zone: "z1", SizeBytes: spec.SizeBytes, Exposures: []core.Exposure{v.exposure}, Unknown: []string{},
		Quantities: []pricing.Quantity{{SKU: "gib", Amount: "1"}}, ListRevision: "r-" + v.amount, ExpiresAt: v.expires,
	}
}

func (v *vault) OfferVolume(_ context.Context, spec core.VolumeSpec, _ core.VolumeQuery, emit func([]core.VolumeOffer, []core.Reason) error) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.offered {
		return emit(nil, []core.Reason{{Field: "size", Text: "full"}})
	}
	return emit([]core.VolumeOffer{v.offer(spec)}, nil)
}

func (v *vault) PriceList(context.Context) (*pricing.List, error) {
	m, err := pricing.NewMoney(v.amount, "EUR")
	if err != nil {
		return nil, err
	}
	return &pricing.List{Revision: "r-" + v.amount, Source: "test", Prices: []pricing.Price{{SKU: "gib", Kind: pricing.KindDisk, Unit: pricing.UnitGiBMonth, Amount: m}}}, nil
}

// quote is that of a volume of the spec.
func (v *vault) quote(spec core.VolumeSpec) core.VolumeQuote {
	list, err := v.PriceList(context.Background())
	if err != nil {
		panic(err)
	}
	price, err := list.Quote(v.offer(spec).Quantities, pricing.Month)
	if err != nil {
		panic(err)
	}
	return core.VolumeQuote{ID: "vq-" + v.name, Offer: v.offer(spec), Price: price}
}

func (v *vault) find(ref core.VolumeRef) *kept {
	for _, k := range v.volumes {
		if ref.ID != "" && k.ID == ref.ID || ref.ID == "" && k.Owner.Key == ref.Owner.Key {
			return k
		}
	}
	return nil
}

func fault(fn func(int, bool) error, n int, after bool) error {
	if fn == nil {
		return nil
	}
	return fn(n, after)
}

func (v *vault) CreateVolume(_ context.Context, req core.CreateVolumeRequest) (core.Volume, error) {
	v.asked.Add(1)
	defer v.asked.Add(-1)
	v.enter("create")
	v.mu.Lock()
	defer v.mu.Unlock()
	v.creates++
	if err := fault(v.createFault, v.creates, false); err != nil {
		return core.Volume{}, err
	}
	k := v.find(core.VolumeRef{Owner: req.Owner})
	if k != nil && k.request != req.Owner.Request {
		return core.Volume{}, core.Errorf(core.Conflict, "another request under %s", req.Owner.Key)
	}
	if k == nil {
		k = v.put(req.Name, req.Owner, req.Spec)
		k.State = core.VolumeCreating
	}
	v.age(k)
	return k.Volume, fault(v.createFault, v.creates, true)
}

func (v *vault) enter(call string) {
	if v.entered != nil {
		v.entered(call)
	}
}

func (v *vault) put(name string, owner core.Owner, spec core.VolumeSpec) *kept {
	v.serial++
	k := &kept{request: owner.Request, seen: time.Now().Add(v.late), exports: map[string]core.ExportRequest{}, Volume: core.Volume{
		ID: fmt.Sprintf("%s-%d", v.name, v.serial), Provider: v.name, Owner: owner, Name: name, State: core.VolumeAvailable, VolumeSpec: spec,
		Exposures: []core.Exposure{v.exposure},
	}}
	v.volumes[k.ID] = k
	return k
}

func (v *vault) age(k *kept) {
	if k.State == core.VolumeCreating {
		if v.slow--; v.slow < 0 {
			k.State = core.VolumeAvailable
		}
	}
}

func (v *vault) GetVolume(_ context.Context, ref core.VolumeRef) (core.Volume, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	k := v.find(ref)
	if k == nil || time.Now().Before(k.seen) {
		return core.Volume{}, core.Errorf(core.NotFound, "no such volume")
	}
	return k.Volume, nil
}

func (v *vault) WatchVolume(ctx context.Context, ref core.VolumeRef, each func(core.Volume) error) error {
	v.mu.Lock()
	k := v.find(ref)
	if k == nil {
		v.mu.Unlock()
		return core.Errorf(core.NotFound, "gone")
	}
	v.age(k)
	now := k.Volume
	v.mu.Unlock()
	return each(now)
}

func (v *vault) DeleteVolume(_ context.Context, ref core.VolumeRef) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.deletes++
	if err := fault(v.deleteFault, v.deletes, false); err != nil {
		return err
	}
	if k := v.find(ref); k != nil {
		for attachment := range k.exports {
			return core.Errorf(core.Busy, "attachment %s has it", attachment)
		}
		delete(v.volumes, k.ID)
	}
	return fault(v.deleteFault, v.deletes, true)
}

func (v *vault) Export(_ context.Context, req core.ExportRequest) (core.Export, error) {
	v.enter("export")
	v.mu.Lock()
	defer v.mu.Unlock()
	v.exports++
	if err := fault(v.exportFault, v.exports, false); err != nil {
		return core.Export{}, err
	}
	k := v.find(core.VolumeRef{ID: req.VolumeID})
	if k == nil {
		return core.Export{}, core.Errorf(core.NotFound, "no such volume")
	}
	if _, there := k.exports[req.Attachment]; !there {
		for attachment, other := range k.exports {
			if !k.Shareable && !(other.ReadOnly && req.ReadOnly) {
				return core.Export{}, core.Errorf(core.Busy, "attachment %s of allocation %s has it", attachment, other.Owner.Allocation)
			}
		}
		if !req.ReadOnly {
			k.Epoch++
		}
		k.exports[req.Attachment] = req
	}
	if v.exposure.Kind == core.ConnectFile {
		return core.Export{Connection: core.Connection{Kind: core.ConnectFile, ReadOnly: req.ReadOnly, File: &core.FileConnection{File: "/" + k.ID}}, Epoch: k.Epoch}, fault(v.exportFault, v.exports, true)
	}
	way := core.Connection{Kind: core.ConnectISCSI, ReadOnly: req.ReadOnly, ISCSI: &core.ISCSIConnection{
		TargetIQN: v.name + ":" + req.Attachment, CHAPUser: req.Attachment, CHAPPassword: core.NewSecret("Correct-Horse-" + req.Attachment),
	}}
	return core.Export{Connection: way, Epoch: k.Epoch}, fault(v.exportFault, v.exports, true)
}

func (v *vault) Unexport(_ context.Context, volumeID, attachment string, force bool) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.unexports++
	if err := fault(v.unexportFault, v.unexports, false); err != nil {
		return err
	}
	if k := v.find(core.VolumeRef{ID: volumeID}); k != nil {
		if _, there := k.exports[attachment]; there && !force && v.holds(attachment) {
			return core.Errorf(core.Busy, "a machine has %s open", attachment)
		}
		delete(k.exports, attachment)
	}
	return fault(v.unexportFault, v.unexports, true)
}

// serves reports whether an attachment has a way now.
func (v *vault) serves(attachment string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, k := range v.volumes {
		if _, there := k.exports[attachment]; there {
			return true
		}
	}
	return false
}
