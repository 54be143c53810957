package upcloud

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/UpCloudLtd/upcloud-go-api/v8/upcloud"
	"github.com/UpCloudLtd/upcloud-go-api/v8/upcloud/request"

	emulator "github.com/mesoncloud/meson/lab/emulator/upcloud"
	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// Each action in each state: what it answers, what it asks of UpCloud, and where
// it leads.
func TestPower(t *testing.T) {
	const (
		start      = pb.SetPowerRequest_ACTION_START
		stop       = pb.SetPowerRequest_ACTION_STOP
		stopHard   = pb.SetPowerRequest_ACTION_STOP_HARD
		reboot     = pb.SetPowerRequest_ACTION_REBOOT
		rebootHard = pb.SetPowerRequest_ACTION_REBOOT_HARD
		running    = pb.InstanceState_INSTANCE_STATE_RUNNING
		stopped    = pb.InstanceState_INSTANCE_STATE_STOPPED
		stopping   = pb.InstanceState_INSTANCE_STATE_STOPPING
		starting   = pb.InstanceState_INSTANCE_STATE_STARTING
	)
	type actions []pb.SetPowerRequest_Action
	for _, c := range []struct {
		name    string
		actions actions
		// answers are to each, leads to the end of it all.
		answers []pb.InstanceState
		leads   pb.InstanceState
		asked   map[emulator.Operation]int
	}{
		{"stop", actions{stop}, []pb.InstanceState{stopping}, stopped, map[emulator.Operation]int{"stop_server": 1}},
		{"stop twice", actions{stop, stop}, []pb.InstanceState{stopping, stopping}, stopped, map[emulator.Operation]int{"stop_server": 1}},
		{"stop, then hard", actions{stop, stopHard}, []pb.InstanceState{stopping, stopping}, stopped, map[emulator.Operation]int{"stop_server": 2}},
		{"start what runs", actions{start}, []pb.InstanceState{running}, running, nil},
		{"reboot", actions{reboot}, []pb.InstanceState{starting}, running, map[emulator.Operation]int{"restart_server": 1}},
		{"reboot hard", actions{rebootHard}, []pb.InstanceState{starting}, running, map[emulator.Operation]int{"restart_server": 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			// A clock so slow that nothing is done between two actions.
			clock := emulator.NewClock(emulator.ClockOptions{Speed: 1000})
			cl := newCloud(t, clock)
			p := cl.provider(t, Hooks{})
			req := order1(t, p, nil)
			in := until1(t, p, req)
			before := cl.Stats().Requests
			clock.SetSpeed(1)
			for i, a := range c.actions {
				now, err := p.SetPower(t.Context(), &pb.SetPowerRequest{Id: in.GetId(), Broker: req.GetOwner().GetBroker(), Action: a})
				if err != nil || now.GetState() != c.answers[i] {
					t.Errorf("%v: %v, %v; want %v", a, now.GetState(), err, c.answers[i])
				}
			}
			asked := cl.requests(t, before)
			for _, op := range []emulator.Operation{"stop_server", "start_server", "restart_server"} {
				if asked[op] != c.asked[op] {
					t.Errorf("%s was asked %d times, want %d", op, asked[op], c.asked[op])
				}
			}
			clock.SetSpeed(1000)
			becomes(t, p, in.GetId(), c.leads)
			if c.leads == stopped {
				now, err := p.SetPower(t.Context(), &pb.SetPowerRequest{Id: in.GetId(), Action: reboot})
				if err != nil || now.GetState() != starting {
					t.Errorf("reboot of what is stopped: %v, %v; want starting", now.GetState(), err)
				}
				becomes(t, p, in.GetId(), running)
			}
			remove1(t, p, req)
			cl.empty(t)
		})
	}
}

// A machine that is being made cannot be stopped; another broker's is not there.
func TestPowerIsRefused(t *testing.T) {
	t.Parallel()
	cl := newCloud(t, emulator.NewClock(emulator.ClockOptions{Manual: true}))
	p := cl.provider(t, Hooks{})
	req := order1(t, p, nil)
	in, err := p.Create(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	stop := &pb.SetPowerRequest{Id: in.GetId(), Action: pb.SetPowerRequest_ACTION_STOP}
	if _, err := p.SetPower(t.Context(), stop); sdk.KindOf(err) != sdk.Busy {
		t.Errorf("stop while it is made: %v, want Busy", err)
	}
	stop.Broker = "somebody-else"
	if _, err := p.SetPower(t.Context(), stop); sdk.KindOf(err) != sdk.NotFound {
		t.Errorf("another broker's: %v, want NotFound", err)
	}
}

// A start that UpCloud has no capacity for says so.
func TestStartWithoutCapacity(t *testing.T) {
	t.Parallel()
	cl := newCloud(t, quick())
	p := cl.provider(t, Hooks{})
	req := order1(t, p, nil)
	in := until1(t, p, req)
	if _, err := p.SetPower(t.Context(), &pb.SetPowerRequest{Id: in.GetId(), Action: pb.SetPowerRequest_ACTION_STOP_HARD}); err != nil {
		t.Fatal(err)
	}
	becomes(t, p, in.GetId(), pb.InstanceState_INSTANCE_STATE_STOPPED)
	cl.Faults().Add(emulator.Fault{Kind: emulator.FaultCapacity, Operation: "start_server"})
	if _, err := p.SetPower(t.Context(), &pb.SetPowerRequest{Id: in.GetId(), Action: pb.SetPowerRequest_ACTION_START}); sdk.KindOf(err) != sdk.Exhausted {
		t.Errorf("%v, want Exhausted", err)
	}
	remove1(t, p, req)
	cl.empty(t)
}

// Watch tells of every state once, and of the end, also of what others do.
func TestWatch(t *testing.T) {
	t.Parallel()
	cl := newCloud(t, quick())
	p := cl.provider(t, Hooks{})
	req := order1(t, p, nil)
	in, err := p.Create(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	cl.Faults().Add(emulator.Fault{Kind: emulator.FaultServerErrorBefore, Operation: "get_server", Skip: 2, Count: 1})
	states := make(chan pb.InstanceState, 100)
	ended := make(chan error, 1)
	go func() {
		ended <- p.Watch(contextFor(t, 20), &pb.GetRequest{Owner: req.GetOwner()}, func(in *pb.Instance) error {
			states <- in.GetState()
			return nil
		})
		close(states)
	}()
	var seen []pb.InstanceState
	for s := range states {
		if len(seen) == 0 || seen[len(seen)-1] != s {
			seen = append(seen, s)
		}
		if s == pb.InstanceState_INSTANCE_STATE_RUNNING {
			// Somebody else than Meson, who knows its UUID.
			if _, err := p.api.StopServer(t.Context(), &request.StopServerRequest{UUID: in.GetId(), StopType: upcloud.StopTypeHard}); err != nil {
				t.Error(err)
			}
		}
		if s == pb.InstanceState_INSTANCE_STATE_STOPPED {
			if err := p.api.DeleteServerAndStorages(t.Context(), &request.DeleteServerAndStoragesRequest{UUID: in.GetId()}); err != nil {
				t.Error(err)
			}
		}
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	want := []pb.InstanceState{
		pb.InstanceState_INSTANCE_STATE_CREATING, pb.InstanceState_INSTANCE_STATE_RUNNING,
		pb.InstanceState_INSTANCE_STATE_STOPPED, pb.InstanceState_INSTANCE_STATE_GONE,
	}
	if !slices.Equal(seen, want) {
		t.Errorf("seen %v, want %v", seen, want)
	}
	cl.empty(t)
}

// Of a machine that is made by another process it is known how far it is, and one
// in maintenance later on is not taken for a new one.
func TestStatus(t *testing.T) {
	now := time.Date(2026, 11, 3, 10, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		state string
		age   time.Duration
		ran   bool
		will  pb.InstanceState
		want  pb.InstanceState
	}{
		{state: "maintenance", want: pb.InstanceState_INSTANCE_STATE_CREATING},
		{state: "maintenance", ran: true, want: pb.InstanceState_INSTANCE_STATE_STARTING},
		{state: "maintenance", age: time.Hour, want: pb.InstanceState_INSTANCE_STATE_STARTING},
		{state: "maintenance", ran: true, will: pb.InstanceState_INSTANCE_STATE_STOPPING, want: pb.InstanceState_INSTANCE_STATE_STOPPING},
		{state: "started", want: pb.InstanceState_INSTANCE_STATE_RUNNING},
		{state: "started", will: pb.InstanceState_INSTANCE_STATE_DELETING, want: pb.InstanceState_INSTANCE_STATE_DELETING},
		{state: "stopped", want: pb.InstanceState_INSTANCE_STATE_STOPPED},
		{state: "stopped", will: pb.InstanceState_INSTANCE_STATE_STARTING, want: pb.InstanceState_INSTANCE_STATE_STARTING},
		{state: "error", want: pb.InstanceState_INSTANCE_STATE_FAILED},
		{state: "pending_delete", want: pb.InstanceState_INSTANCE_STATE_DELETING},
		{state: "dreaming", want: pb.InstanceState_INSTANCE_STATE_CREATING},
		{state: "dreaming", ran: true, want: pb.InstanceState_INSTANCE_STATE_STARTING},
	} {
		s := &server{state: c.state, created: now.Add(-c.age)}
		have, text := s.status(c.ran, c.will, now)
		if have != c.want || strings.Contains(text, "not known here") != (c.state == "dreaming") {
			t.Errorf("%+v: %v %q, want %v", c, have, text, c.want)
		}
	}
}

// A refusal because of the state is one, unless somebody else has meanwhile done
// what was asked.
func TestPowerRaces(t *testing.T) {
	t.Parallel()
	cl := newCloud(t, atOnce())
	var before func()
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/stop") && before != nil {
			then := before
			before = nil
			then()
		}
		cl.ServeHTTP(w, r)
	}))
	t.Cleanup(web.Close)
	p := hasty(provider(t, web.URL, nil, Hooks{}))
	in := until1(t, p, order1(t, p, nil))
	stop := &pb.SetPowerRequest{Id: in.GetId(), Action: pb.SetPowerRequest_ACTION_STOP}
	cl.Faults().Add(emulator.Fault{Kind: emulator.FaultError, Status: 409, Code: "SERVER_STATE_ILLEGAL", Operation: "stop_server", Count: 1})
	if _, err := p.SetPower(t.Context(), stop); sdk.KindOf(err) != sdk.Busy {
		t.Errorf("refused: %v, want Busy", err)
	}
	before = func() {
		if _, err := p.api.StopServer(t.Context(), &request.StopServerRequest{UUID: in.GetId(), StopType: upcloud.StopTypeHard}); err != nil {
			t.Error(err)
		}
	}
	now, err := p.SetPower(t.Context(), stop)
	if err != nil || now.GetState() != pb.InstanceState_INSTANCE_STATE_STOPPED {
		t.Errorf("stopped by somebody else: %v, %v; want stopped", now.GetState(), err)
	}
	if n := cl.Stats().Requests["stop_server"]; n != 2 {
		t.Errorf("%d stops, want one of somebody else and one that was refused", n)
	}
}
