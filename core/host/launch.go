package host

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/mesoncloud/meson/sdk"
)

// killWait is how long a killed process may take to be gone. Only one that
// hangs inside the kernel takes longer.
const killWait = time.Second

// launch starts the plugin's binary and returns a session with it that has
// described itself. It returns at the end of ctx, and then nothing is left.
func (p *Plugin) launch(ctx context.Context) (*session, error) {
	file, err := p.binary.open(p.host.opts.Finder)
	if err != nil {
		return nil, err
	}
	dir, err := p.host.runtime.startDir()
	if err != nil {
		return nil, err
	}
	cmd, err := command(p.binary, file, dir)
	if err != nil {
		_ = os.RemoveAll(dir)
		return nil, err
	}
	lines := newLogs(p.log, p.host.opts.LogLines)
	proc := newProcess(p.name, cmd, lines)
	config := &goplugin.ClientConfig{
		HandshakeConfig:  sdk.Handshake(),
		VersionedPlugins: map[int]goplugin.PluginSet{sdk.ProtocolVersion: {sdk.PluginSet: connPlugin{}}},
		AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC},
		// No TLS: it adds 20 ms to each start, and what it would tell, whether it is
		// the plugin that listens, process.dial asks the kernel.
		SkipHostEnv:  true,
		StartTimeout: p.host.opts.StartTimeout + time.Second, // ours comes first
		SyncStdout:   lines.writer(),
		SyncStderr:   lines.writer(),
		// Off, and not merely a logger that discards: only then does go-plugin
		// leave log lines alone. It sees none anyway.
		Logger:           hclog.New(&hclog.LoggerOptions{Level: hclog.Off}),
		UnixSocketConfig: &goplugin.UnixSocketConfig{TempDir: dir},
		GRPCDialOptions:  append(dialOptions(), grpc.WithChainStreamInterceptor(withoutBroker), grpc.WithContextDialer(proc.dial)),
	}
	config.RunnerFunc = func(_ hclog.Logger, prepared *exec.Cmd, socketDir string) (runner.Runner, error) {
		proc.dir = socketDir
		cmd.Env = append(environment(os.Environ(), p.host.opts.PassEnv[p.name]), prepared.Env...)
		return proc, nil
	}
	client := goplugin.NewClient(config)
	s := newSession(p.log)
	s.exited, s.exit = proc.exited, proc.ended
	s.end = func() error { return endProcess(proc, client, dir) }

	type result struct {
		conn *grpc.ClientConn
		err  error
	}
	connected := make(chan result, 1)
	go func() {
		conn, err := connect(client)
		connected <- result{conn, err}
	}()
	var r result
	select {
	case r = <-connected:
	case <-ctx.Done():
		r.err = fmt.Errorf("no handshake: %w%s", timeoutText(ctx, p.host.opts.StartTimeout), proc.doing())
	}
	if r.err == nil {
		s.conn = r.conn
		if err := s.describe(ctx, p.name); err != nil {
			r.err = err
		}
	}
	if r.err != nil {
		// What the process itself did wrong says more than what came of it.
		select {
		case fault := <-proc.fault:
			r.err = fault
		default:
		}
		s.stop()
		return nil, p.startFault(r.err, proc, lines)
	}
	return s, nil
}

// command prepares the open file to be run as it is. It is run by way of a
// symbolic link so that the process has the plugin's name and not a number.
func command(b *binary, file *os.File, dir string) (*exec.Cmd, error) {
	target := fmt.Sprintf("/proc/self/fd/%d", file.Fd())
	cmd := &exec.Cmd{Args: []string{b.path}}
	if b.script {
		// An interpreter opens the script once more, after exec: by a descriptor
		// that it inherits, the one after the lifeline.
		target = fmt.Sprintf("/proc/self/fd/%d", sdk.LifelineFD+1)
		cmd.ExtraFiles = []*os.File{file}
	}
	cmd.Path = filepath.Join(dir, sdk.BinaryPrefix+b.name)
	if err := os.Symlink(target, cmd.Path); err != nil {
		return nil, err
	}
	return cmd, nil
}

// connect lets go-plugin start the process and dial it. Ending the process ends
// it too.
func connect(client *goplugin.Client) (*grpc.ClientConn, error) {
	protocol, err := client.Client()
	if err != nil {
		return nil, err
	}
	raw, err := protocol.Dispense(sdk.PluginSet)
	if err != nil {
		return nil, err
	}
	conn, ok := raw.(*grpc.ClientConn)
	if !ok {
		return nil, fmt.Errorf("%T is no connection", raw)
	}
	return conn, nil
}

// endProcess ends the process without asking it, and removes what it leaves: while it
// dies, which takes some milliseconds, and once more after that.
// go-plugin's Kill waits for a stopped process for ever; it comes after the
// process is dead, and is not waited for longer than that should take.
func endProcess(proc *process, client *goplugin.Client, dir string) error {
	started := proc.kill()
	removed := make(chan struct{})
	go func() {
		_ = os.RemoveAll(dir)
		close(removed)
	}()
	var err error
	if started {
		select {
		case <-proc.exited:
		case <-time.After(killWait):
			err = fmt.Errorf("process %s does not die", proc.ID())
		}
	}
	done := make(chan struct{})
	go func() { client.Kill(); close(done) }()
	select {
	case <-done:
	case <-time.After(killWait / 2):
	}
	<-removed
	_ = os.RemoveAll(dir)
	return err
}

// connPlugin hands out the connection itself.
type connPlugin struct {
	goplugin.NetRPCUnsupportedPlugin
}

// GRPCServer is the plugin's side.
func (connPlugin) GRPCServer(*goplugin.GRPCBroker, *grpc.Server) error {
	return fmt.Errorf("not served here")
}

// GRPCClient returns the connection.
func (connPlugin) GRPCClient(_ context.Context, _ *goplugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	return conn, nil
}

// dialOptions bound what a plugin can send, and keep gRPC from replacing a
// connection behind our back: whoever answers after it was lost may be another
// process, which has not been configured.
func dialOptions() []grpc.DialOption {
	return []grpc.DialOption{
		grpc.WithDefaultCallOptions(
			grpc.MaxCallRecvMsgSize(sdk.MaxMessageBytes),
			grpc.MaxCallSendMsgSize(sdk.MaxMessageBytes),
			grpc.ForceCodecV2(newCodec()),
		),
		grpc.WithMaxHeaderListSize(64 << 10),
		grpc.WithIdleTimeout(0),
		grpc.WithDisableServiceConfig(),
		grpc.WithNoProxy(),
	}
}

// withoutBroker keeps go-plugin's broker from being opened: nothing of Meson
// uses it, and it would let a plugin fill the host with pending connections.
func withoutBroker(ctx context.Context, desc *grpc.StreamDesc, conn *grpc.ClientConn, method string, streamer grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	switch method {
	case "/plugin.GRPCBroker/StartStream":
		return nil, status.Error(codes.Unimplemented, "not used")
	case "/plugin.GRPCStdio/StreamStdio":
		opts = append(opts, grpc.MaxCallRecvMsgSize(sdk.MaxLogLineBytes))
	}
	return streamer(ctx, desc, conn, method, opts...)
}

// dialUnix dials a socket by path.
func dialUnix(ctx context.Context, path string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "unix", path)
}

func timeoutText(ctx context.Context, timeout time.Duration) error {
	if ctx.Err() == context.DeadlineExceeded {
		return fmt.Errorf("not within %s", timeout)
	}
	return context.Cause(ctx)
}

// startFault is why a plugin did not start, with how it ended and its last words.
func (p *Plugin) startFault(err error, proc *process, lines *logs) error {
	text := err.Error()
	if state := proc.ended(); state != "" && !strings.Contains(state, "signal: killed") {
		text += "; it ended: " + state
	}
	if last := lines.lastWords(); last != "" {
		text += "; its last words: " + last
	}
	return p.unavailable("start plugin", cut(text, sdk.MaxTextBytes))
}
