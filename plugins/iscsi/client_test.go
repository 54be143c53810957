package iscsi

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/mesoncloud/meson/sdk/pb"
)

// qemuIO runs commands of qemu-io on the other end of a connection, which it opens as
// a machine's QEMU does: what is unmapped is passed on. The password of an initiator
// stands in a QEMU object, in a test it may be seen.
func qemuIO(ctx context.Context, c *pb.Connection, commands ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	args := []string{}
	if c.GetReadOnly() {
		args = append(args, "-r")
	}
	for _, command := range commands {
		args = append(args, "-c", command)
	}
	switch p := c.GetPath().(type) {
	case *pb.Connection_Iscsi:
		i := p.Iscsi
		args = append(args, "--object", "secret,id=chap,data="+string(i.GetChapPassword()), "--image-opts", strings.Join([]string{
			"driver=raw", "discard=unmap", "file.discard=unmap", "file.driver=iscsi", "file.transport=tcp", "file.portal=" + i.GetPortals()[0], "file.target=" + i.GetTargetIqn(),
			fmt.Sprintf("file.lun=%d", i.GetLun()), "file.initiator-name=" + i.GetInitiatorIqn(), "file.user=" + i.GetChapUser(), "file.password-secret=chap",
		}, ","))
	case *pb.Connection_Nbd:
		rest, _ := strings.CutPrefix(p.Nbd.GetUri(), "nbd+unix:///")
		name, socket, _ := strings.Cut(rest, "?socket=")
		node, err := json.Marshal(map[string]any{"driver": "raw", "discard": "unmap", "file": map[string]any{
			"driver": "nbd", "discard": "unmap", "export": name, "server": map[string]any{"type": "unix", "path": socket},
		}})
		if err != nil {
			return "", err
		}
		args = append(args, "json:"+string(node))
	case *pb.Connection_File:
		args = append(args, "--image-opts", "discard=unmap,file.discard=unmap,driver="+p.File.GetFormat()+",file.driver=file,file.filename="+p.File.GetFile())
	default:
		return "", fmt.Errorf("no way by %T", p)
	}
	out, err := exec.CommandContext(ctx, "qemu-io", args...).CombinedOutput()
	text := string(out)
	if err == nil && (strings.Contains(text, "verification failed") || strings.Contains(text, "failed:")) {
		err = fmt.Errorf("qemu-io did not succeed")
	}
	return text, err
}

// guest is a qemu-io that stays connected.
type guest struct {
	t   *testing.T
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func startGuest(t *testing.T, c *pb.Connection) *guest {
	t.Helper()
	i := c.GetIscsi()
	g := &guest{t: t, cmd: exec.CommandContext(t.Context(), "stdbuf", "-o0", "qemu-io", "--object", "secret,id=chap,data="+string(i.GetChapPassword()), "--image-opts", strings.Join([]string{
		"driver=raw", "file.driver=iscsi", "file.transport=tcp", "file.portal=" + i.GetPortals()[0], "file.target=" + i.GetTargetIqn(),
		fmt.Sprintf("file.lun=%d", i.GetLun()), "file.initiator-name=" + i.GetInitiatorIqn(), "file.user=" + i.GetChapUser(), "file.password-secret=chap",
	}, ","))}
	var err error
	if g.in, err = g.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := g.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	g.cmd.Stderr = g.cmd.Stdout
	g.out = bufio.NewReader(out)
	if err := g.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	g.prompted("start")
	return g
}

// do runs commands and fails the test if one fails, or takes longer than 20 s.
func (g *guest) do(commands ...string) {
	g.t.Helper()
	for _, c := range commands {
		if _, err := fmt.Fprintln(g.in, c); err != nil {
			g.t.Fatal(err)
		}
		if said := g.prompted(c); strings.Contains(said, "failed") {
			g.t.Fatalf("%s: %s", c, said)
		}
	}
}

// prompted is what is said until qemu-io asks for a command.
func (g *guest) prompted(what string) string {
	g.t.Helper()
	text := make(chan string, 1)
	go func() {
		var all strings.Builder
		for !strings.HasSuffix(all.String(), "qemu-io> ") {
			b, err := g.out.ReadByte()
			if err != nil {
				all.WriteString("failed: it ended")
				break
			}
			all.WriteByte(b)
		}
		text <- all.String()
	}()
	select {
	case said := <-text:
		return said
	case <-time.After(20 * time.Second):
		g.t.Fatalf("%s: no answer", what)
		return ""
	}
}

func (g *guest) end() {
	_, _ = io.WriteString(g.in, "quit\n")
	_ = g.in.Close()
	_ = g.cmd.Wait()
}
