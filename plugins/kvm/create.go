package kvm

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
	"libvirt.org/go/libvirt"

	"github.com/mesoncloud/meson/plugins/kvm/hosts"
	"github.com/mesoncloud/meson/plugins/kvm/inventory"
	"github.com/mesoncloud/meson/plugins/kvm/link"
	"github.com/mesoncloud/meson/plugins/kvm/seed"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// createPatience is how long a Create waits for its machine to start before it
// answers that it is being made. Small images are there by then.
const createPatience = time.Second

// Create claims cores on the offer's host, then makes the disks and starts the
// machine in the background; a repeated Create joins that work, or takes it up
// where it ended.
func (p *Provider) Create(ctx context.Context, req *pb.CreateRequest) (*pb.Instance, error) {
	o, err := p.orderOf(ctx, req)
	if err != nil {
		return nil, err
	}
	j := p.jobs.find(o.uuid)
	if j == nil {
		o.lookForBase(ctx)
		c, found, err := p.claim(ctx, o)
		if err != nil {
			return nil, err
		}
		if found {
			m, err := o.at.read(ctx, o.uuid)
			if err != nil {
				return nil, begun(failed("read machine", o.at, err, true))
			}
			if m.ran || m.active() {
				p.finish(ctx, o, m)
				return unmade(p.instance(ctx, m)), nil
			}
		}
		j = p.jobs.start(p.working, o.uuid, o.owner.GetRequest(), func(ctx context.Context, j *job) error {
			return p.build(ctx, o, c, j)
		})
	}
	if j.request != o.owner.GetRequest() {
		return nil, o.refuses(&inventory.Claim{Broker: o.owner.GetBroker(), Key: o.owner.GetKey(), Request: j.request})
	}
	return p.await(ctx, o, j)
}

// await gives a job the time that a Create has.
func (p *Provider) await(ctx context.Context, o *order, j *job) (*pb.Instance, error) {
	timer := time.NewTimer(createPatience)
	defer timer.Stop()
	select {
	case <-j.done:
		if j.err != nil {
			// The one who asks has heard it; the next Create begins anew.
			p.jobs.drop(o.uuid, j)
			return nil, begun(j.err)
		}
		// It has run for a moment: it has no address yet.
		return unmade(p.instanceWith(j.machine, nil)), nil
	case <-timer.C:
	case <-ctx.Done():
	}
	// An answer is owed even to one whose time is up: the machine is there.
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), addressPatience)
	defer cancel()
	m, err := o.at.read(limited, o.uuid)
	if err != nil {
		return p.unread(o, j), nil
	}
	return unmade(p.instance(limited, m)), nil
}

// unmade is what a Create answers with: a machine that ends by itself before anybody
// has heard that it runs has failed. Later it is one that is stopped.
func unmade(in *pb.Instance) *pb.Instance {
	if in.GetState() == pb.InstanceState_INSTANCE_STATE_STOPPED && in.GetMessage() != "" {
		in.State = pb.InstanceState_INSTANCE_STATE_FAILED
	}
	return in
}

// unread is the answer about a machine that is known to be there and cannot be
// read just now.
func (p *Provider) unread(o *order, j *job) *pb.Instance {
	now, _ := j.now()
	return &pb.Instance{
		Id: o.uuid, Owner: o.owner, Name: o.req.GetName(), Region: o.at.Region, Zone: o.at.Zone, Shape: o.req.GetOffer().GetShape(),
		State: pb.InstanceState_INSTANCE_STATE_CREATING, Progress: now, CreatedAt: timestamppb.Now(),
	}
}

// build does what remains after the claim. Each step finds what an earlier try
// has left and does it again or goes on. A definite error leaves nothing.
func (p *Provider) build(ctx context.Context, o *order, c *inventory.Claim, j *job) error {
	err := p.steps(ctx, o, c, j)
	if err == nil || !definite(err) || ctx.Err() != nil {
		return err
	}
	p.log.Warn("machine cannot be made; removing what was begun", "host", o.at.Zone, "machine", o.uuid, "error", err)
	j.at("undo", 0, err.Error())
	if undo := p.remove(context.WithoutCancel(ctx), o.at, ref{uuid: o.uuid, broker: c.Broker, key: c.Key}); undo != nil {
		return &sdk.Error{
			Kind: sdk.Uncertain, Op: "undo create", Subject: "host " + o.at.Zone, Source: sdk.SourceProvider,
			Text: fmt.Sprintf("%v; and what was begun could not be removed", err), Err: undo,
		}
	}
	return err
}

// steps makes the disk and the seed, and holds the claim, at the same time, attaches the volumes that
// were asked for, then starts the machine.
func (p *Provider) steps(ctx context.Context, o *order, c *inventory.Claim, j *job) error {
	g, both := errgroup.WithContext(ctx)
	g.Go(func() error {
		if o.fromVolume() {
			return nil
		}
		j.at("image", 0, o.image.Label())
		base, err := p.base(both, o, j)
		if err != nil {
			return err
		}
		if err := p.between(both, o); err != nil {
			return err
		}
		j.at("disk", 0, "")
		if err := p.disk(both, o, base); err != nil {
			return err
		}
		p.step("disk.made")
		return nil
	})
	g.Go(func() error { return p.seed(both, o) })
	g.Go(func() error { return p.hold(both, o, c) })
	if err := g.Wait(); err != nil {
		return err
	}
	p.step("volumes.made")
	if err := p.between(ctx, o); err != nil {
		return err
	}
	return p.afterLook(ctx, func() error { return o.inspect(ctx) }, func() error { return p.equip(ctx, o, j) })
}

// equip attaches the volumes, then starts the machine.
func (p *Provider) equip(ctx context.Context, o *order, j *job) error {
	for i := range o.links {
		j.at("attach", 0, o.links[i].Name)
		if err := p.link(ctx, o.at, o.uuid, &o.links[i], &link.Record{}); err != nil {
			return err
		}
		if err := p.between(ctx, o); err != nil {
			return err
		}
	}
	j.at("start", 0, "")
	var err error
	j.machine, err = p.launchBy(ctx, o)
	return err
}

// between is where work that was cancelled stops.
func (p *Provider) between(ctx context.Context, o *order) error {
	if ctx.Err() == nil {
		return nil
	}
	return &sdk.Error{
		Kind: sdk.Unavailable, Op: "create machine", Subject: "host " + o.at.Zone, Source: sdk.SourcePlugin,
		Text: "stopped between two steps; a repeated Create goes on",
	}
}

// disk makes the overlay. One of an earlier try is taken if it is whole, which
// libvirt tells by reading it; a start that is still under way may have it open.
func (p *Provider) disk(ctx context.Context, o *order, base *baseImage) error {
	size := o.request.BootDiskGiB << 30
	if base.virtual > size {
		return &sdk.Error{
			Kind: sdk.Unsupported, Op: "make disk", Subject: "image " + o.image.Label(), Source: sdk.SourcePlugin,
			Text: fmt.Sprintf("the image is a disk of %d MiB, the machine's has %d", base.virtual>>20, size>>20),
			Hint: fmt.Sprintf("set min_disk_gib of the image to %d, or ask for a larger boot disk", (base.virtual+(1<<30)-1)>>30),
		}
	}
	v := volume{name: diskName(o.uuid), format: "qcow2", capacity: size, mode: "0600", backing: base}
	_, err := o.at.ensure(ctx, v)
	return failed("make disk", o.at, err, true)
}

// seed sends the NoCloud volume. That of an earlier try is sent again: its
// bytes follow from the request.
func (p *Provider) seed(ctx context.Context, o *order) error {
	login := proto.CloneOf(cmp.Or(o.req.GetLogin(), &pb.Login{}))
	if login.GetHostname() == "" {
		login.Hostname = o.req.GetName()
	}
	image, err := seed.Image(seed.Data{InstanceID: o.uuid, Login: login, Vendor: link.Script(o.links)})
	if err != nil {
		return &sdk.Error{Kind: sdk.Invalid, Op: "make seed", Source: sdk.SourcePlugin, Text: err.Error()}
	}
	v := volume{name: seedName(o.uuid), format: "raw", mode: "0600"}
	if _, err := o.at.ensure(ctx, v); err != nil {
		return failed("make seed", o.at, err, true)
	}
	p.step("seed.made")
	if err := o.at.send(ctx, v.name, 0, bytesOf(image)); err != nil {
		return failed("send seed", o.at, err, true)
	}
	p.step("seed.sent")
	return nil
}

// launch starts the machine and notes that it has run.
func (p *Provider) launch(ctx context.Context, o *order) (*machine, error) {
	err := o.at.change(ctx, "start domain", o.uuid, func(dom *libvirt.Domain) error {
		err := dom.Create()
		if hosts.Is(err, libvirt.ERR_OPERATION_INVALID) {
			if active, e := dom.IsActive(); e == nil && active {
				return nil
			}
		}
		return err
	})
	if err != nil {
		err = failed("start domain", o.at, err, true)
		if trouble, known := o.at.startTrouble(ctx, o.uuid, err); known {
			return nil, trouble
		}
		return nil, refused(err)
	}
	p.step("machine.started")
	m, err := p.mark(ctx, o)
	if err != nil {
		return nil, failed("mark domain", o.at, err, true)
	}
	p.step("machine.marked")
	return m, nil
}

// mark notes on the domain that it has run, and whether its host starts it. It
// gives the machine as it then is.
func (p *Provider) mark(ctx context.Context, o *order) (*machine, error) {
	ran := "<life ran='" + time.Now().UTC().Format(time.RFC3339) + "'/>"
	var m *machine
	err := o.at.change(ctx, "mark domain", o.uuid, func(dom *libvirt.Domain) error {
		impact := libvirt.DOMAIN_AFFECT_CONFIG
		if active, err := dom.IsActive(); err == nil && active {
			impact |= libvirt.DOMAIN_AFFECT_LIVE
		}
		err := note(dom, ran, lifePrefix, lifeNamespace, impact)
		if err == nil && o.req.GetPledge().GetAutostart() {
			err = dom.SetAutostart(true)
		}
		if err == nil {
			m, err = o.at.readDomain(dom)
		}
		return err
	})
	return m, err
}

// finish does what was left undone of a machine that runs already.
func (p *Provider) finish(ctx context.Context, o *order, m *machine) {
	if m.ran {
		return
	}
	if _, err := p.mark(ctx, o); err != nil {
		p.log.Warn("running machine not marked", "host", o.at.Zone, "machine", o.uuid, "error", hosts.Text(err))
		return
	}
	m.ran = true
}
