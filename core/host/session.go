package host

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/mesoncloud/meson/core"
	"github.com/mesoncloud/meson/sdk/pb"
)

// session is one connection to one life of a plugin. It is used once: what
// comes after it is lost is another session, with a connection of its own, and
// providers are configured anew.
type session struct {
	conn        *grpc.ClientConn
	description core.Description
	log         *slog.Logger
	born        time.Time
	// end ends the process, or only the connection of a plugin that was dialled.
	end func() error
	// exited and exit are of a process that was started, nil otherwise.
	exited <-chan struct{}
	exit   func() string
	// onLost is told once, with why, if the session ends by itself.
	onLost func(why string)

	once  sync.Once
	lost  chan struct{} // closed when the session is of no more use
	ended chan struct{} // closed when end has returned
	stuck error         // what end returned

	checking sync.Mutex

	mu         sync.Mutex
	configured map[string]*configuration
}

// describe asks the plugin what it is, and refuses one that is something else.
func (s *session) describe(ctx context.Context, name string) error {
	answer, err := pb.NewPluginClient(s.conn).Describe(ctx, &pb.DescribeRequest{}, grpc.MaxCallRecvMsgSize(maxDescribeBytes))
	if err != nil {
		return fmt.Errorf("describe: %w", textOf(err))
	}
	s.description, err = description(answer)
	if err != nil {
		return fmt.Errorf("describe: %w", err)
	}
	if s.description.Name != name {
		return fmt.Errorf("it says that it is plugin %q", cut(s.description.Name, 40))
	}
	s.born = time.Now()
	return nil
}

// has reports whether the plugin serves a service, such as meson.plugin.v1.Power.
func (s *session) has(service string) bool { return slices.Contains(s.description.Services, service) }

func newSession(log *slog.Logger) *session {
	return &session{log: log, lost: make(chan struct{}), ended: make(chan struct{}), configured: make(map[string]*configuration)}
}

// supervise watches the session until it is lost: the process, the connection,
// and whether the plugin answers.
func (s *session) supervise(o Options, onLost func(why string)) {
	s.onLost = onLost
	if s.exited != nil {
		go func() {
			<-s.exited
			s.fail("its process ended: " + s.exit())
		}()
	}
	go func() {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		go func() {
			select {
			case <-s.lost:
				cancel()
			case <-ctx.Done():
			}
		}()
		// gRPC answers a first call before its state says Ready: what is not ready
		// yet is no loss, what was is.
		ready := false
		for state := s.conn.GetState(); ; state = s.conn.GetState() {
			ready = ready || state == connectivity.Ready
			if ready && state != connectivity.Ready || state == connectivity.TransientFailure || state == connectivity.Shutdown {
				break
			}
			if !s.conn.WaitForStateChange(ctx, state) {
				return
			}
		}
		s.failUnlessExited("the connection to it was lost")
	}()
	go func() {
		ticker := time.NewTicker(o.PingEvery)
		defer ticker.Stop()
		for {
			select {
			case <-s.lost:
				return
			case <-ticker.C:
				s.check(o)
			}
		}
	}()
}

// check pings the plugin until it answers, and gives the session up if it does
// not. It is also what follows a call that found no answer.
func (s *session) check(o Options) {
	s.checking.Lock()
	defer s.checking.Unlock()
	for range o.PingMisses {
		if s.isLost() {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), o.PingTimeout)
		alive := s.ping(ctx)
		cancel()
		if alive {
			return
		}
	}
	s.failUnlessExited(fmt.Sprintf("it did not answer %d pings of %s each", o.PingMisses, o.PingTimeout))
}

// ping asks for the plugin's health; any answer at all is a sign of life.
func (s *session) ping(ctx context.Context) bool {
	_, err := grpc_health_v1.NewHealthClient(s.conn).Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: goplugin.GRPCServiceName})
	code := status.Code(err)
	return code != codes.DeadlineExceeded && code != codes.Unavailable && code != codes.Canceled
}

// failUnlessExited gives the session up. Most often the process is about to be
// seen to have ended, which says more.
func (s *session) failUnlessExited(why string) {
	if s.exited != nil {
		select {
		case <-s.exited:
			why = "its process ended: " + s.exit()
		case <-time.After(2 * pipeGrace):
		}
	}
	s.fail(why)
}

func (s *session) isLost() bool {
	select {
	case <-s.lost:
		return true
	default:
		return false
	}
}

// fail gives the session up: whoever waits for an answer in it gets an error,
// and the process is ended.
func (s *session) fail(why string) { s.over(why) }

// stop ends the session on purpose, and waits until it is gone.
func (s *session) stop() {
	s.over("")
	<-s.ended
}

func (s *session) over(why string) {
	s.once.Do(func() {
		// First: who sees that it is lost must find the failure recorded.
		if why != "" && s.onLost != nil {
			s.onLost(why)
		}
		close(s.lost)
		go func() {
			s.stuck = s.end()
			close(s.ended)
		}()
	})
}

// drain asks the plugin to finish what it does.
func (s *session) drain(ctx context.Context) error {
	_, err := pb.NewPluginClient(s.conn).Drain(ctx, &pb.DrainRequest{})
	return err
}
