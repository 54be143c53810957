package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/hashicorp/go-plugin/runner"
	"golang.org/x/sys/unix"
)

// pipeGrace is how long what a dead plugin had written may still be read;
// grandchildren that hold the pipes open do not hold us.
const pipeGrace = 200 * time.Millisecond

// process is a plugin's process, the leader of its own process group. It is a
// runner of go-plugin, which asks it to start and reads the handshake from it;
// everything else, above all how it ends, is decided here.
//
// Its standard input is /dev/null. Its descriptor 3 is the read end of a pipe
// whose write end this process alone holds, so that it sees the end of file
// however this process ends.
type process struct {
	name  string // the plugin's
	cmd   *exec.Cmd
	dir   string // where its socket must be
	lines *logs

	// handshake is what go-plugin reads; fault is why there is none.
	handshake *io.PipeReader
	fault     chan error

	lifeline *os.File
	exited   chan struct{} // closed when the process is gone and waited for

	mu     sync.Mutex
	socket string // where it says that it listens
	pid    int    // 0: not started
	killed bool   // it must not start any more
	reaped bool
	state  string
}

var _ runner.Runner = (*process)(nil)

func newProcess(name string, cmd *exec.Cmd, lines *logs) *process {
	return &process{name: name, cmd: cmd, lines: lines, fault: make(chan error, 1), exited: make(chan struct{})}
}

// Start starts the process, unless it was killed before.
func (p *process) Start(context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.killed {
		return errors.New("it was ended before it was started")
	}
	var pipes [3][2]*os.File // lifeline, standard output, standard error
	for i := range pipes {
		var err error
		if pipes[i][0], pipes[i][1], err = os.Pipe(); err != nil {
			closeAll(pipes)
			return err
		}
	}
	p.cmd.Stdin = nil
	p.cmd.Stdout, p.cmd.Stderr = pipes[1][1], pipes[2][1]
	p.cmd.ExtraFiles = append([]*os.File{pipes[0][0]}, p.cmd.ExtraFiles...)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		closeAll(pipes)
		return fmt.Errorf("start it: %w", reasonOf(err))
	}
	p.pid = p.cmd.Process.Pid
	p.lifeline = pipes[0][1]
	for _, childs := range []*os.File{pipes[0][0], pipes[1][1], pipes[2][1]} {
		_ = childs.Close()
	}
	reader, writer := io.Pipe()
	p.handshake = reader
	var pumps sync.WaitGroup
	pumps.Go(func() { p.pumpStdout(pipes[1][0], writer) })
	pumps.Go(func() { p.lines.pump(pipes[2][0]) })
	go p.wait(p.pid, &pumps, pipes[1][0], pipes[2][0])
	return nil
}

func closeAll(pipes [3][2]*os.File) {
	for _, pair := range pipes {
		for _, end := range pair {
			if end != nil {
				_ = end.Close()
			}
		}
	}
}

// wait waits for the process, ends what is left of its group, and lets go of
// everything.
func (p *process) wait(pid int, pumps *sync.WaitGroup, out ...*os.File) {
	// The leader is not reaped yet, so that its id, and the group's, can be
	// nobody else's when the group is killed.
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if err != unix.EINTR {
			break
		}
	}
	_ = unix.Kill(-pid, unix.SIGKILL)
	p.mu.Lock()
	err := p.cmd.Wait()
	p.reaped = true
	p.state = "exit status 0"
	if err != nil {
		p.state = err.Error()
	}
	p.mu.Unlock()
	_ = p.lifeline.Close()

	read := make(chan struct{})
	go func() { pumps.Wait(); close(read) }()
	select {
	case <-read:
	case <-time.After(pipeGrace):
	}
	for _, end := range out {
		_ = end.Close()
	}
	<-read
	close(p.exited)
}

// kill ends the whole process group now, or keeps it from being started. It does
// not wait; it reports whether there is something to wait for.
func (p *process) kill() (started bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.killed = true
	if p.pid != 0 && !p.reaped {
		_ = unix.Kill(-p.pid, unix.SIGKILL)
	}
	return p.pid != 0
}

// ended is how the process ended, such as "exit status 2".
func (p *process) ended() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.state
}

// doing is what the kernel says that the process does, for people: whether it waits,
// and how much it has computed. Empty where nobody knows.
func (p *process) doing() string {
	text, err := os.ReadFile("/proc/" + p.ID() + "/stat")
	if err != nil {
		return ""
	}
	// What follows the name, which may contain anything; see proc(5).
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) < 13 {
		return ""
	}
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	const tick = time.Second / 100
	return fmt.Sprintf("; its process is in state %s after %s of processor time", fields[0], time.Duration(user+system)*tick)
}

// dial connects to the process's socket, and refuses whoever else listens there:
// only a process of the group that was started gets to see credentials.
func (p *process) dial(ctx context.Context, _ string) (net.Conn, error) {
	p.mu.Lock()
	group, socket := p.pid, p.socket
	p.mu.Unlock()
	conn, err := dialUnix(ctx, socket)
	if err != nil {
		return nil, err
	}
	peer, err := peerOf(conn)
	if err == nil {
		var theirs int
		if theirs, err = unix.Getpgid(int(peer.Pid)); err == nil && theirs != group {
			err = fmt.Errorf("process %d listens at its socket, which is none of its own", peer.Pid)
		}
	}
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return conn, nil
}

// Wait waits until the process is gone.
func (p *process) Wait(context.Context) error {
	<-p.exited
	return nil
}

// Kill ends the process group.
func (p *process) Kill(context.Context) error {
	p.kill()
	return nil
}

// Stdout is the handshake, and then nothing until the process ends.
func (p *process) Stdout() io.ReadCloser { return p.handshake }

// Stderr is empty: no line that a plugin writes goes through go-plugin.
func (p *process) Stderr() io.ReadCloser { return io.NopCloser(strings.NewReader("")) }

// Name is the plugin's.
func (p *process) Name() string { return p.name }

// ID is the process id.
func (p *process) ID() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pid == 0 {
		return ""
	}
	return strconv.Itoa(p.pid)
}

// Diagnose has nothing to add.
func (p *process) Diagnose(context.Context) string { return "" }

// PluginToHost is the identity: both see the same files.
func (p *process) PluginToHost(network, address string) (string, string, error) {
	return network, address, nil
}

// HostToPlugin is the identity.
func (p *process) HostToPlugin(network, address string) (string, string, error) {
	return network, address, nil
}
