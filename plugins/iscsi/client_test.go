package iscsi

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"github.com/mesoncloud/meson/sdk/pb"
)

// qemuIO runs commands of qemu-io on the other end of a connection. The password
// of an initiator stands in a QEMU object, in a test it may be seen.
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
			"driver=raw", "file.driver=iscsi", "file.transport=tcp", "file.portal=" + i.GetPortals()[0], "file.target=" + i.GetTargetIqn(),
			fmt.Sprintf("file.lun=%d", i.GetLun()), "file.initiator-name=" + i.GetInitiatorIqn(), "file.user=" + i.GetChapUser(), "file.password-secret=chap",
		}, ","))
	case *pb.Connection_Nbd:
		rest, _ := strings.CutPrefix(p.Nbd.GetUri(), "nbd+unix:///")
		name, socket, _ := strings.Cut(rest, "?socket=")
		node, err := json.Marshal(map[string]any{"driver": "raw", "file": map[string]any{
			"driver": "nbd", "export": name, "server": map[string]any{"type": "unix", "path": socket},
		}})
		if err != nil {
			return "", err
		}
		args = append(args, "json:"+string(node))
	case *pb.Connection_File:
		args = append(args, "--image-opts", "driver="+p.File.GetFormat()+",file.driver=file,file.filename="+p.File.GetFile())
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
