package upcloud

import (
	"context"
	"slices"
	"time"

	"github.com/UpCloudLtd/upcloud-go-api/v8/upcloud"
	"github.com/UpCloudLtd/upcloud-go-api/v8/upcloud/request"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// ref names a server as a caller does: by its UUID, or by the broker and key on
// its labels.
type ref struct {
	uuid string
	ownKey
}

func refOf(owner *pb.Owner, id string) ref {
	return ref{uuid: id, ownKey: ownKey{owner.GetBroker(), owner.GetKey()}}
}

// of reports whether a server is the caller's; one without an owner is nobody's.
func (r ref) of(s *server) bool {
	own := s.own()
	return own.key != "" && (r.broker == "" || r.broker == own.broker) && (r.key == "" || r.key == own.key)
}

func (r ref) String() string {
	if r.key != "" {
		return "key " + r.key
	}
	return "server " + r.uuid
}

// owner is what the labels say, nil where they do not make one.
func (s *server) owner() *pb.Owner {
	o, ok := sdk.OwnerFromLabels(s.labels)
	if !ok {
		return nil
	}
	return o
}

// own is the broker and key of the owner, empty where there is none.
func (s *server) own() ownKey {
	o := s.owner()
	return ownKey{o.GetBroker(), o.GetKey()}
}

// read asks for one server; NotFound is certain.
func (p *Provider) read(ctx context.Context, uuid string) (*server, error) {
	asked := time.Now()
	body, err := p.wire.Get(ctx, (&request.GetServerDetailsRequest{UUID: uuid}).RequestURL())
	var s *server
	if err == nil {
		s, err = decodeServer(body)
	}
	if err != nil {
		e := failed("read server", uuid, err, false)
		if sdk.KindOf(e) == sdk.NotFound {
			p.memory.drop(uuid)
		}
		return nil, e
	}
	p.memory.learn(s, asked)
	return s, nil
}

// labelled lists servers by their labels. The filter is UpCloud's; who relies on
// it for more than fewer answers looks at the labels again.
func (p *Provider) labelled(ctx context.Context, labels ...upcloud.Label) ([]*server, error) {
	var filters []request.QueryFilter
	for _, l := range labels {
		filters = append(filters, request.FilterLabel{Label: l})
	}
	body, err := p.wire.Get(ctx, (&request.GetServersWithFiltersRequest{Filters: filters}).RequestURL())
	var all []*server
	if err == nil {
		all, err = decodeServers(body)
	}
	return all, failed("list servers", "", err, false)
}

// ofKey lists the servers of a key, the oldest first. There is one or none, unless
// two processes have asked for one at the same time.
func (p *Provider) ofKey(ctx context.Context, own ownKey) ([]*server, error) {
	all, err := p.labelled(ctx, upcloud.Label{Key: sdk.LabelBroker, Value: own.broker}, upcloud.Label{Key: sdk.LabelKey, Value: own.key})
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(s *server) bool { return s.own() != own })
	slices.SortFunc(all, func(a, b *server) int {
		if a.older(b) {
			return -1
		}
		return 1
	})
	return all, nil
}

// find asks for the caller's server, by its UUID where that is known. NotFound is
// certain as far as labels are; see ConsistencyWindow.
func (p *Provider) find(ctx context.Context, r ref) (*server, error) {
	absent := &sdk.Error{Kind: sdk.NotFound, Op: "find server", Subject: r.String(), Source: sdk.SourceProvider, Text: "the account has none"}
	if _, err := p.cloud(); err != nil {
		return nil, err
	}
	uuid := r.uuid
	if r.key != "" {
		uuid = p.memory.uuidOf(r.ownKey)
	} else if !uuidText.MatchString(uuid) {
		return nil, absent
	}
	if uuid != "" {
		s, err := p.read(ctx, uuid)
		switch {
		case err == nil && r.of(s):
			return s, nil
		case err != nil && sdk.KindOf(err) != sdk.NotFound:
			return nil, err
		case r.key == "":
			return nil, absent
		}
	}
	all, err := p.ofKey(ctx, r.ownKey)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, absent
	}
	if len(all) > 1 {
		p.log.Warn("a key has more than one server; deleting it removes all", "key", r.key, "servers", len(all))
	}
	s, err := p.read(ctx, all[0].uuid)
	if err == nil && !r.of(s) {
		return nil, absent
	}
	return s, err
}
